package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage is everything that plays.
type stage struct {
	dir, bin         string
	minute           time.Time // when the story's dates fall due
	cloudURL, broker string
	harbor, kiln     *property
	cloud            *program
	pms              simulator
	all              []*program

	nora, priya resident
	leaving     []resident // move out
	transferred []resident // to another unit
	crossing    []resident // to the other property
	badDayOver  bool
}

// property is one of the two, with its gateway.
type property struct {
	id, name string
	source   int // its number in the property-management system
	zone     *time.Location
	panels   []*panel
	agentURL string
	agent    *program
}

func (s *stage) properties() []*property { return []*property{s.harbor, s.kiln} }

func (p *property) panelNames() (names []string) {
	for _, d := range p.panels {
		names = append(names, d.name)
	}
	return names
}

// program is a running program.
type program struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func freeAddress() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) write(name, text string) error {
	return os.WriteFile(s.path(name), []byte(text), 0o600)
}

// start runs a program of bin in the background, with its log in a file; stdout goes to out.
func (s *stage) start(log string, out io.Writer, name string, args ...string) (*program, error) {
	f, err := os.OpenFile(s.path(log+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:noctx // ended by stopAll
	cmd.Stderr, cmd.Stdout = f, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd, make(chan struct{})}
	s.all = append(s.all, p)
	go func() {
		_ = cmd.Wait() // how it ended shows in the story
		_ = f.Close()
		close(p.done)
	}()
	return p, nil
}

// kill ends a program the hard way, as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (s *stage) stopAll() {
	for _, p := range s.all {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // one that is frozen would not hear the other
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range s.all {
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
			p.kill()
		}
	}
}

// do runs a program of bin to its end.
func (s *stage) do(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// simulator is a running simulator.
type simulator struct {
	*program
	api, control string
}

// simulate starts a simulator on free ports and reads its addresses from its first line.
func (s *stage) simulate(log, name string, args ...string) (out simulator, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return out, err
	}
	defer r.Close()
	out.program, err = s.start(log, w, name, append(args, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")...)
	_ = w.Close()
	if err != nil {
		return out, err
	}
	var said struct{ Listen, Control string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		return out, fmt.Errorf("%s does not say its addresses: %w", name, err)
	}
	out.api, out.control = "http://"+said.Listen, "http://"+said.Control
	return out, nil
}

func (s *stage) startCloud() (err error) {
	s.cloud, err = s.start("cloud", nil, "gatehouse-cloud", "serve", "--config", s.path("cloud.toml"))
	return err
}

func (s *stage) startAgent(p *property) (err error) {
	p.agent, err = s.start("gateway-"+p.id, nil, "gatehouse-agent", "run", "--config", s.path(p.id+".toml"))
	return err
}
