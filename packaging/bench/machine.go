package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Machine is where the numbers were measured; without it they say nothing.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryMB   int     `json:"memory_mb"`
	OS         string  `json:"os"`
	Go         string  `json:"go"`
	FileSystem string  `json:"file_system"` // of the folder for temporary files, where the databases lie
	Version    string  `json:"version"`     // of the gateway, as it says itself
	At         string  `json:"at"`
	LoadStart  float64 `json:"load_start"` // 1-minute load average; above 0.5 something else ran, too
	LoadEnd    float64 `json:"load_end"`
	Seconds    float64 `json:"seconds"` // the whole run took
}

func thisMachine(bin string) Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), OS: system(), Go: runtime.Version(),
		FileSystem: fileSystem(os.TempDir()), At: time.Now().UTC().Format(time.RFC3339), LoadStart: load(),
	}
	if m.CPU == "" {
		m.CPU = runtime.GOARCH
	}
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal"), &m.MemoryMB)
	m.MemoryMB /= 1024
	if out, err := exec.Command(filepath.Join(bin, "gatehouse-agent"), "version").Output(); err == nil { //nolint:noctx // ends at once
		m.Version = strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0])
	}
	return m
}

// field is the value behind the first "key:" line of a file of the kernel's; "" without one.
func field(file, key string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func system() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // none: not Linux
	return strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + string(kernel))
}

func load() float64 {
	var v float64
	raw, _ := os.ReadFile("/proc/loadavg") // none: 0
	_, _ = fmt.Sscan(string(raw), &v)
	return v
}

// The kernel's numbers of file systems, statfs(2).
func fileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "unknown"
	}
	switch uint32(st.Type) { //nolint:gosec // the magic is 32 bits; the field's type differs by machine
	case 0xEF53:
		return "ext4"
	case 0x01021994:
		return "tmpfs (no disk: what depends on it says nothing)"
	case 0x794C7630:
		return "overlayfs"
	case 0x58465342:
		return "xfs"
	case 0x9123683E:
		return "btrfs"
	}
	return fmt.Sprintf("0x%X", st.Type)
}
