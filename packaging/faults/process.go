package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// packages are the programs that take part, by the name under which they are built.
func packages() map[string]string {
	return map[string]string{
		"gatehouse-agent": "gatehouse/agent/cmd/gatehouse-agent", "gatehouse-sim": "gatehouse/agent/cmd/gatehouse-sim",
		"gatehouse-cloud": "gatehouse/cloud/cmd/gatehouse-cloud", "checker": "gatehouse/packaging/faults/checker", "box": "gatehouse/packaging/faults/box",
	}
}

// build makes the programs named, all when there are none, into dir.
func build(ctx context.Context, dir string, flags []string, names ...string) (string, error) {
	var what []string
	for name, pkg := range packages() {
		if len(names) == 0 || strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
			what = append(what, pkg)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	args := append(append([]string{"build", "-buildvcs=false", "-o", dir + "/"}, flags...), what...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the programs do not build: %w\n%s", err, out)
	}
	return dir, nil
}

// process is a program that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	asked bool // it was told or made to end
}

// launch runs a program with its log in a file; stdout may be nil.
func launch(program, log string, stdout io.Writer, args ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...) //nolint:noctx // ended by its house
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(log), stdout, f
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is asked later
		_ = f.Close()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.asked = true
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.ended
}

// stop ends it as the service manager does.
func (p *process) stop() {
	p.asked = true
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.kill()
	}
}

// do runs a program to its end and returns what it printed.
func do(ctx context.Context, program, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes(), nil
}

// call asks for JSON; a nil body is a GET, a nil answer is not read.
func call(ctx context.Context, url string, body, answer any) error {
	method, send := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, send = http.MethodPost, bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, send)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch text, is := answer.(*string); {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(raw))
	case is:
		*text = string(raw)
		return nil
	case answer == nil:
		return nil
	}
	return json.Unmarshal(raw, answer)
}

// eventually asks until there is no error, and gives up with the last one.
func eventually(ctx context.Context, what string, within time.Duration, ask func() error) error {
	for late := time.Now().Add(within); ; {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(late) || ctx.Err() != nil {
			return fmt.Errorf("%s: not within %s: %w", what, within, err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// freeAddress is on loopback and was free a moment ago.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
