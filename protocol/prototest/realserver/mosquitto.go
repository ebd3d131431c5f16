package realserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds how long Mosquitto may take to start or to end, also on a busy machine.
const startLimit = time.Minute

// Mosquitto is a Mosquitto that runs the house's own configuration as it is shipped; only the folder of its files and
// the port are others. It ends with the test.
type Mosquitto struct {
	Dir string // of its files: ca.pem, broker.pem, broker.key, gatehouse.acl
	t   testing.TB

	binary string
	port   int
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended

	mu  sync.Mutex
	log []string
}

// NewMosquitto prepares one that will listen on a port of loopback, with gatehouse.conf and gatehouse.acl from the
// folder shipped. Put the certificates into Dir, then call Start.
func NewMosquitto(t testing.TB, shipped string, port int) *Mosquitto {
	t.Helper()
	m := &Mosquitto{t: t, binary: Binary(t, "mosquitto"), Dir: t.TempDir(), port: port}
	conf := m.replace(m.read(filepath.Join(shipped, "gatehouse.conf")), "/etc/mosquitto/gatehouse/", m.Dir+"/")
	conf = m.replace(conf, "\nlistener 8883\n", fmt.Sprintf("\nlistener %d 127.0.0.1\n", port))
	// What the Debian package's main file has, but for the user: the test's own may not become another.
	m.Write("mosquitto.conf", "user root\npersistence_location "+m.Dir+"/\nlog_dest stderr\n"+conf)
	m.Write("gatehouse.acl", m.read(filepath.Join(shipped, "gatehouse.acl")))
	t.Cleanup(func() {
		m.Stop()
		if t.Failed() {
			t.Logf("mosquitto said:\n%s", m.Log())
		}
	})
	return m
}

func (m *Mosquitto) replace(text, from, to string) string {
	m.t.Helper()
	if !strings.Contains(text, from) {
		m.t.Fatalf("the shipped configuration has no %q", from)
	}
	return strings.ReplaceAll(text, from, to)
}

func (m *Mosquitto) read(path string) string {
	m.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

// Write makes or replaces one of its files. Reload makes a running one read it.
func (m *Mosquitto) Write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.Dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// Edit changes one of its files, which must hold what is replaced.
func (m *Mosquitto) Edit(name, from, to string) {
	m.t.Helper()
	m.Write(name, m.replace(m.read(filepath.Join(m.Dir, name)), from, to))
}

// Start runs it and waits until it takes connections.
func (m *Mosquitto) Start() {
	m.t.Helper()
	m.cmd = exec.Command(m.binary, "-c", filepath.Join(m.Dir, "mosquitto.conf"))
	out, err := m.cmd.StderrPipe()
	if err == nil {
		err = m.cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	ready, ended, cmd := make(chan struct{}), make(chan struct{}), m.cmd
	m.ended = ended
	go func() {
		defer close(ended)
		m.follow(out, ready)
		_ = cmd.Wait() // how it ended is its own story
	}()
	select {
	case <-ready:
	case <-ended:
		m.t.Fatalf("mosquitto does not start:\n%s", m.Log())
	case <-time.After(startLimit):
		m.t.Fatalf("mosquitto does not start within %s:\n%s", startLimit, m.Log())
	}
}

// follow keeps what it says, and closes ready at the line that says that it runs.
func (m *Mosquitto) follow(out io.Reader, ready chan struct{}) {
	for s := bufio.NewScanner(out); s.Scan(); {
		m.mu.Lock()
		m.log = append(m.log, s.Text())
		m.mu.Unlock()
		if ready != nil && strings.HasSuffix(s.Text(), " running") {
			close(ready)
			ready = nil
		}
	}
}

// Log is what it has said, of every run.
func (m *Mosquitto) Log() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.log, "\n")
}

// Stop ends it as the service manager does. Stopping twice is allowed.
func (m *Mosquitto) Stop() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-m.ended:
	case <-time.After(startLimit):
		_ = m.cmd.Process.Kill()
		<-m.ended
	}
	m.cmd = nil
}

// Reload makes it read its access list and certificates again, as systemctl reload does.
func (m *Mosquitto) Reload() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		m.t.Fatal(err)
	}
}

// FreePort is a port of loopback that was free a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
