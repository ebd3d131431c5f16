package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage is everything that plays.
type stage struct {
	dir, bin                         string
	zone                             *time.Location
	minute                           time.Time // when the story's dates fall due
	cloudPort, brokerPort, agentPort int
	cloudURL, agentURL               string
	people                           []person
	movedIn, leaves, comes, later    person
	front, rear                      panel
	harbor                           panel  // of the second property, whose source is live
	pms                              string // control address of its property-management system
	cloud, agent                     *program
	all                              []*program
}

// panel is a simulated panel.
type panel struct{ url, control string }

// program is a running program.
type program struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func freePort() int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port // it is one
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// start runs a program of bin in the background, with its log in a file; stdout goes to out.
func (s *stage) start(name string, out io.Writer, args ...string) (*program, error) {
	log, err := os.OpenFile(s.path(args[0]+"-"+name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:noctx // ended by stopAll
	cmd.Stderr, cmd.Stdout = log, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd, make(chan struct{})}
	s.all = append(s.all, p)
	go func() {
		_ = cmd.Wait() // how it ended shows in the story
		_ = log.Close()
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
func (s *stage) do(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// startPanel starts a simulated panel.
func (s *stage) startPanel(model string) (panel, error) {
	return s.startSim("gatehouse-sim", "akuvox", "--model", model, "--auth", "digest", "--user", "gate",
		"--password-file", s.path("panel.password"), "--zone", s.zone.String())
}

// startSim starts a simulator on free ports and reads its addresses from its first line.
func (s *stage) startSim(program, kind string, args ...string) (p panel, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return p, err
	}
	defer r.Close()
	_, err = s.start(program, w, append([]string{kind, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"}, args...)...)
	_ = w.Close()
	if err != nil {
		return p, err
	}
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		return p, fmt.Errorf("%s said nothing: %w", program, err)
	}
	var said struct{ Listen, Control string }
	if err := json.Unmarshal(line, &said); err != nil {
		return p, fmt.Errorf("%s said %q: %w", program, line, err)
	}
	return panel{"http://" + said.Listen, "http://" + said.Control}, nil
}

func (s *stage) startCloud() (err error) {
	s.cloud, err = s.start("gatehouse-cloud", nil, "serve", "--config", s.path("cloud.toml"))
	return err
}

func (s *stage) startAgent(config string) (*program, error) {
	return s.start("gatehouse-agent", nil, "run", "--config", s.path(config))
}

func (s *stage) write(name, text string) error {
	return os.WriteFile(s.path(name), []byte(text), 0o600)
}

func (s *stage) configs() error {
	cloud := fmt.Sprintf(`state_dir = "cloud"
listen = "127.0.0.1:%d"
broker_listen = "127.0.0.1:%d"

[[property]]
id = "maple-court"
name = "Maple Court"
zone = %q
move_in_time = "15:00"
move_out_time = "11:00"

[[property.door]]
id = "lobby"
name = "Lobby"
[[property.door]]
id = "garage"
name = "Garage"
[[property.door]]
id = "courtyard"
name = "Courtyard"

[[property]]
id = "harbor-row"
name = "Harbor Row"
zone = %q
source = "12"
[property.pms]
kind = "rentmanager"
config = "rentmanager.toml"
[[property.door]]
id = "pier"
name = "Pier gate"
`, s.cloudPort, s.brokerPort, s.zone, s.zone)
	agent := fmt.Sprintf(`state_dir = "agent"
listen = "127.0.0.1:%d"
reconnect_max = "2s"

[[device]]
id = "front"
name = "Front panel"
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.password"
pace = "5ms" # the simulated panels need no rest between requests
doors = { lobby = "A", garage = "B" }

[[device]]
id = "rear"
name = "Rear panel"
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.password"
pace = "5ms"
doors = { courtyard = "A" }
`, s.agentPort, s.front.url, s.rear.url)
	second := fmt.Sprintf(`state_dir = "agent-harbor"
listen = ""
reconnect_max = "2s"

[[device]]
id = "pier"
name = "Pier panel"
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.password"
pace = "5ms"
doors = { pier = "A" }
`, s.harbor.url)
	for name, text := range map[string]string{"cloud.toml": cloud, "agent.toml": agent, "agent-harbor.toml": second} {
		if err := s.write(name, text); err != nil {
			return err
		}
	}
	return nil
}

// startPMS starts the simulated Rent Manager of the second property, and writes how to read it.
func (s *stage) startPMS() error {
	api, err := s.startSim("gatehouse-pmssim", "rentmanager", "--rate", "-1")
	if err != nil {
		return err
	}
	s.pms = api.control
	if err := s.write("rentmanager.password", "secret\n"); err != nil {
		return err
	}
	return s.write("rentmanager.toml", fmt.Sprintf("url = %q\nusername = \"api\"\npassword_file = \"rentmanager.password\"\nlocation_id = 1\nproperty = \"12\"\nzone = %q\npin_field = \"Door PIN\"\n", api.url, s.zone))
}

var client = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// call asks for JSON; a nil body is a GET.
func call(ctx context.Context, url string, body, answer any) error {
	method, send := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, send = http.MethodPost, bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, send)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(raw))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(raw, answer)
}

// eventually asks until what is true, or says after a while what it last was.
func eventually(ctx context.Context, what string, within time.Duration, ask func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s: not within %s: %w", what, within, err)
		}
		if err := sleep(ctx, 150*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// present holds a PIN to a panel and returns what the panel's own door log then says last.
func (p panel) present(ctx context.Context, pin string) (granted bool, err error) {
	if err := call(ctx, p.control+"/present", map[string]string{"pin": pin}, nil); err != nil {
		return false, err
	}
	var log []struct {
		Door    string
		Granted bool
		By      string
	}
	if err := call(ctx, p.control+"/doorlog", nil, &log); err != nil {
		return false, err
	}
	if len(log) == 0 {
		return false, fmt.Errorf("the door log is empty after somebody was at the door")
	}
	return log[len(log)-1].Granted, nil
}

// users counts the people on a panel.
func (p panel) users(ctx context.Context) (int, error) {
	var all []json.RawMessage
	err := call(ctx, p.control+"/users", nil, &all)
	return len(all), err
}
