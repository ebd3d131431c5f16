package smoke

import (
	"bufio"
	"bytes"
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
	"testing"
	"time"
)

// binEnv tells the tests where TestMain has built the programs.
const binEnv = "GATEHOUSE_SMOKE_BIN"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-smoke-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/",
		"gatehouse/agent/cmd/gatehouse-agent", "gatehouse/agent/cmd/gatehouse-sim", "gatehouse/cloud/cmd/gatehouse-cloud", "gatehouse/packaging/faults/box")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the programs do not build: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binEnv, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func bin(name string) string { return filepath.Join(os.Getenv(binEnv), name) }

// site is the folder of one test, with the programs that run in it.
type site struct {
	t   *testing.T
	dir string
	env []string // of the programs it starts, beside our own
}

func newSite(t *testing.T) site {
	t.Helper()
	dir, err := os.MkdirTemp("", "smoke") // shorter than t.TempDir: a socket's path has its limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return site{t: t, dir: dir}
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) write(name, text string) string {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

func (s site) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// answer is how a program ended.
type answer struct {
	code           int
	stdout, stderr string
}

// do runs a program to its end; an argument that begins with @ is a file of the site.
func (s site) do(name string, args ...string) answer {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), bin(name), s.files(args)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%s: %v", name, err)
	}
	return answer{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (s site) files(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if name, ok := strings.CutPrefix(a, "@"); ok {
			out[i] = s.path(name)
		}
	}
	return out
}

// must is do that must succeed.
func (s site) must(name string, args ...string) answer {
	s.t.Helper()
	a := s.do(name, args...)
	if a.code != 0 {
		s.t.Fatalf("%s %s: exit %d\n%s%s", name, strings.Join(args, " "), a.code, a.stdout, a.stderr)
	}
	return a
}

// program is a running program; its log is a file of the site.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs a program until the test ends or kills it; its stdout goes to out.
func (s site) start(log string, out io.Writer, name string, args ...string) *program {
	s.t.Helper()
	f, err := os.OpenFile(s.path(log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), bin(name), s.files(args)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = out, f, append(os.Environ(), s.env...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &program{s.t, cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is the test's to ask
		_ = f.Close()
		close(p.done)
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			if b, err := os.ReadFile(s.path(log)); err == nil {
				s.t.Logf("end of %s:\n%s", log, b[max(0, len(b)-3000):])
			}
		}
	})
	return p
}

// kill ends a program as a power cut would. Killing it again does nothing.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// panel is a simulated panel.
type panel struct {
	t            *testing.T
	url, control string
}

func (s site) panel(args ...string) panel {
	s.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	s.start("panel.log", w, "gatehouse-sim", append([]string{"akuvox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"}, args...)...)
	_ = w.Close()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	var said struct{ Listen, Control string }
	if err != nil || json.Unmarshal(line, &said) != nil {
		s.t.Fatalf("the panel said %q: %v", line, err)
	}
	return panel{s.t, "http://" + said.Listen, "http://" + said.Control}
}

// users are the panel's rows as it holds them.
func (p panel) users() (out []map[string]any) {
	p.t.Helper()
	if err := call(p.t, p.control+"/users", nil, &out); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// call asks for JSON; a nil body is a GET.
func call(t *testing.T, url string, body, into any) error {
	t.Helper()
	method, send := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, send = http.MethodPost, bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, send)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, raw)
	}
	switch into := into.(type) {
	case nil:
	case *string:
		*into = string(raw)
	default:
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
	}
	return err
}

// patience is how long a test waits for what must come, where the mission sets no limit: far longer than it takes on a
// machine with nothing else to do, since whoever runs the tests may have one that is busy. Only a failure takes so long.
const patience = 3 * time.Minute

// eventually asks until there is no error, and fails with the last one when that takes too long.
func eventually(t *testing.T, what string, within time.Duration, ask func() error) {
	t.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
	}
}

// freePort is a port on loopback that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// oneObject reads stdout, which must be exactly one JSON object.
func (a answer) oneObject(t *testing.T, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(a.stdout))
	if err := d.Decode(into); err != nil {
		t.Fatalf("stdout %q is no JSON object: %v (stderr %q)", a.stdout, err, a.stderr)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("stdout %q holds more than one object", a.stdout)
	}
}
