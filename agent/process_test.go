package agent

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"gatehouse/agent/internal/crashtest"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
	"gatehouse/protocol/prototest/realserver"
)

// built makes the program as it is shipped, with go build's further arguments.
func built(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "gatehouse-agent")
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build", "-buildvcs=false", "-o", out}, args, []string{"gatehouse/agent/cmd/gatehouse-agent"})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	return out
}

// overlay plants an error: a file for go build in which one place of a source is another. It must be there exactly once.
func overlay(t *testing.T, source, right, wrong string) string {
	t.Helper()
	path, err := filepath.Abs(source)
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	if n := bytes.Count(text, []byte(right)); n != 1 {
		t.Fatalf("%q stands %d times in %s", right, n, source)
	}
	dir := t.TempDir()
	planted, list := filepath.Join(dir, "planted.go"), filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(planted, bytes.Replace(text, []byte(right), []byte(wrong), 1), 0o600))
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {path: planted}})
	must(t, err)
	must(t, os.WriteFile(list, raw, 0o600))
	return list
}

// process is the agent as a process of its own, in the house of the other tests: panel, broker and cloud are theirs.
type process struct {
	*house
	exe, config string
	wrap        func() []string // the words before the program's own; nil: none
	cmd         *exec.Cmd
	unforced    bool          // the state directory must lie where files last
	seen        string        // where the test sees the state directory; "": where the program does
	done        chan struct{} // closed when cmd has ended and everything it said is in logs
}

// newProcess makes a house with a broker that everybody can read and an agent that is not enrolled.
func newProcess(t *testing.T, exe string) *process {
	t.Helper()
	h := newHouse(t)
	h.broker = prototest.Broker(t)
	p := &process{house: h, exe: exe, config: filepath.Join(filepath.Dir(h.cfg.StateDir), "agent.toml")}
	p.configure(h.cfg.StateDir)
	return p
}

// configure writes the program's file.
func (p *process) configure(state string) {
	p.t.Helper()
	p.cfg.StateDir = state
	must(p.t, os.WriteFile(p.config, fmt.Appendf(nil, `
state_dir = %q
force_state_dir = %t
listen = ""
hello_every = "1s"
reconnect_max = "100ms"
[[device]]
id = "front"
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.txt"
pace = "0s"
doors = { lobby = "A" }
`, state, !p.unforced, p.panel.URL), 0o600))
}

// command is one of the program's: its words, then --config, then the rest.
func (p *process) command(words []string, rest ...string) *exec.Cmd {
	all := slices.Concat([]string{p.exe}, words, []string{"--config", p.config}, rest)
	if p.wrap != nil {
		all = slices.Concat(p.wrap(), all)
	}
	return exec.CommandContext(p.t.Context(), all[0], all[1:]...)
}

// do runs a command to its end, which must be a good one.
func (p *process) do(words []string, rest ...string) {
	p.t.Helper()
	if out, err := p.command(words, rest...).CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %v\n%s", words, err, out)
	}
}

// enrol makes the gateway known, by the program's own commands, to a cloud that keeps some items.
func (p *process) enrol(nouns ...access.Noun) {
	p.t.Helper()
	request, bundle := filepath.Join(filepath.Dir(p.config), "request"), filepath.Join(filepath.Dir(p.config), "bundle")
	p.do([]string{"enroll", "request"}, "--out", request)
	raw, err := os.ReadFile(request)
	must(p.t, err)
	req, _, err := protocol.ParseEnrollRequest(raw)
	must(p.t, err)
	p.gw = p.gateway("gw-1")
	p.cloud = prototest.NewCloud(p.t, p.broker.As(p.t, prototest.CloudName), p.gw)
	must(p.t, os.WriteFile(bundle, p.bundle(req, p.cloud.Signing, nil), 0o600))
	p.do([]string{"enroll", "accept"}, bundle)
	p.keeper = p.cloud.Keep(p.gw, items(p.t, nouns...))
}

// gateway takes the keys from a copy of the files: to look must not change them.
func (p *process) gateway(id access.GatewayID) prototest.Gateway {
	p.t.Helper()
	was := p.cfg.StateDir
	p.cfg.StateDir = p.copied()
	k := p.keys()
	p.cfg.StateDir = was
	sealing, err := ecdh.X25519().NewPrivateKey(k.Sealing)
	must(p.t, err)
	return prototest.Gateway{ID: id, Signing: ed25519.NewKeyFromSeed(k.Signing), Sealing: sealing}
}

// copied is a copy of the state directory.
func (p *process) copied() string {
	p.t.Helper()
	dir, from := p.t.TempDir(), p.cfg.StateDir
	if p.seen != "" {
		from = p.seen
	}
	list, err := os.ReadDir(from)
	must(p.t, err)
	for _, e := range list {
		if !e.Type().IsRegular() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		must(p.t, err)
		must(p.t, os.WriteFile(filepath.Join(dir, e.Name()), b, 0o600))
	}
	return dir
}

// launch runs the daemon until the test ends; what it logs is in logs.
func (p *process) launch() {
	p.t.Helper()
	p.cmd, p.done = p.command([]string{"run"}), make(chan struct{})
	p.cmd.Stderr = p.logs
	must(p.t, p.cmd.Start())
	cmd, done := p.cmd, p.done
	go func() {
		_ = cmd.Wait() // how it ended is the test's to ask
		close(done)
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		if p.t.Failed() {
			text := p.logs.text()
			p.t.Logf("end of the agent's log:\n%s", text[max(0, len(text)-30000):])
		}
	})
}

// end asks the daemon to stop and waits until it has.
func (p *process) end() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		must(p.t, err)
	}
	receive(p.t, p.done, "the end of the agent")
}

// recorder wraps every command of a process in strace.
type recorder struct {
	t     *testing.T
	dir   string
	files []string
}

func record(t *testing.T, p *process) *recorder {
	t.Helper()
	strace := realserver.Binary(t, "strace")
	r := &recorder{t: t, dir: t.TempDir()}
	p.wrap = func() []string {
		r.files = append(r.files, filepath.Join(r.dir, fmt.Sprint(len(r.files))))
		return append([]string{strace}, crashtest.StraceArgs(r.files[len(r.files)-1])...)
	}
	return r
}

// ops is everything that was recorded, in order.
func (r *recorder) ops() []crashtest.Op {
	r.t.Helper()
	var all []io.Reader
	for _, f := range r.files {
		b, err := os.ReadFile(f)
		must(r.t, err)
		all = append(all, bytes.NewReader(b))
	}
	ops, err := crashtest.Parse(io.MultiReader(all...))
	must(r.t, err)
	return ops
}
