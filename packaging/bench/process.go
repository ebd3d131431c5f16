package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// anonMB is how much memory only this process has, in MB of a million bytes: Anonymous of smaps_rollup, which counts neither
// the program's own pages nor those of its databases that the kernel may drop.
func (p *program) anonMB() (float64, error) {
	return p.kernel("smaps_rollup", "Anonymous", 1024./1e6)
}

// written is how many bytes the process has made the kernel write to disk since it started.
func (p *program) written() (float64, error) { return p.kernel("io", "write_bytes", 1) }

func (p *program) kernel(file, key string, times float64) (float64, error) {
	var v float64
	name := fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
	if _, err := fmt.Sscan(field(name, key), &v); err != nil {
		return 0, fmt.Errorf("%s has no %s; this needs Linux", name, key)
	}
	return v * times, nil
}

// enforcing starts the gateway anew and measures from exec until it says READY=1, as it would to systemd.
func (h *house) enforcing() (time.Duration, error) {
	dir, err := os.MkdirTemp("", "ready") // a socket's path has its limit
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if h.agent, err = h.start("agent.log", nil, []string{"NOTIFY_SOCKET=" + socket}, "gatehouse-agent", "run", "--config", "agent.toml"); err != nil {
		return 0, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		if err != nil {
			return 0, fmt.Errorf("the gateway did not say READY=1: %w", err)
		}
		if strings.Contains(string(buf[:n]), "READY=1") {
			return time.Since(h.agent.began), nil
		}
	}
}
