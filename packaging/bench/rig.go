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

// rig is the stage of one group: a folder, the programs that run in it and the results so far.
type rig struct {
	ctx      context.Context // of the whole group; a rig lives no longer
	dir, bin string
	times    int
	log      io.Writer
	aside    func() // lets the next group begin beside this one; it may be called again
	running  []*program
	closers  []io.Closer
	results  []Result
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) error {
	return os.WriteFile(r.path(name), []byte(text), 0o600)
}

// repeats is how often to repeat, which the caller may have overruled.
func (r *rig) repeats(n int) int {
	if r.times > 0 {
		return r.times
	}
	return n
}

func (r *rig) add(res Result) {
	fmt.Fprintf(r.log, "  %s %s %s\n", res.Name, number(res.Value), res.Unit)
	r.results = append(r.results, res)
}

// program is a running program; its log is a file of the rig.
type program struct {
	cmd   *exec.Cmd
	log   string
	began time.Time
	done  chan struct{}
}

// start runs a program until the group ends; its stdout goes to out.
func (r *rig) start(log string, out io.Writer, env []string, name string, args ...string) (*program, error) {
	f, err := os.OpenFile(r.path(log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(r.bin, name), args...) //nolint:noctx // ended by stopAll, with SIGTERM first
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = out, f, r.dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the keyboard is ours to hand on
	p := &program{cmd: cmd, log: r.path(log), began: time.Now(), done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.running = append(r.running, p)
	go func() {
		_ = cmd.Wait() // how it ended shows in what is measured
		_ = f.Close()
		close(p.done)
	}()
	return p, nil
}

// stop asks a program to end, and makes it when it does not.
func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case <-p.done:
	case <-late.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (r *rig) stopAll() {
	for _, p := range r.running {
		p.stop()
	}
	for _, c := range r.closers {
		_ = c.Close()
	}
}

// do runs a program to its end and returns its stdout.
func (r *rig) do(name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(r.ctx, filepath.Join(r.bin, name), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errs, r.dir
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// simulator is a running simulator.
type simulator struct {
	*program
	url, control string
}

// simulate starts a simulator on free ports and reads them from its first line.
func (r *rig) simulate(log, name string, args ...string) (out simulator, err error) {
	from, to, err := os.Pipe()
	if err != nil {
		return out, err
	}
	defer from.Close()
	out.program, err = r.start(log, to, nil, name, append(args, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")...)
	_ = to.Close()
	if err != nil {
		return out, err
	}
	var said struct{ Listen, Control string }
	if err := json.NewDecoder(from).Decode(&said); err != nil {
		return out, fmt.Errorf("%s does not say its addresses: %w", name, err)
	}
	out.url, out.control = "http://"+said.Listen, "http://"+said.Control
	return out, nil
}

// freeAddress is an address on loopback that was free a moment ago.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

var client = http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// fetch returns what an address answers; a nil body is a GET, any other is sent as JSON.
func (r *rig) fetch(url string, body any) ([]byte, error) {
	method, send := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		method, send = http.MethodPost, bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(r.ctx, method, url, send)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(raw))
	}
	return raw, err
}

// call is fetch for an answer in JSON; a nil answer is not read.
func (r *rig) call(url string, body, answer any) error {
	raw, err := r.fetch(url, body)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

func (r *rig) wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-timer.C:
		return nil
	}
}

// until asks every so often until there is no error, and returns the last one when that takes too long.
func (r *rig) until(what string, every, within time.Duration, ask func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s: %w", what, within, err)
		}
		if err := r.wait(every); err != nil {
			return err
		}
	}
}
