package smoke

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/firmware-bridge/serialport/pty"
)

// fixed are the five libraries the gateway is built on, at the versions it was tried with, and a
// function of each that only runs when the library does its part.
var fixed = []struct{ module, version, function string }{
	{"github.com/eclipse/paho.mqtt.golang", "v1.5.1", "github.com/eclipse/paho%2emqtt%2egolang.(*client).Connect"},
	{"go.etcd.io/bbolt", "v1.5.0", "go.etcd.io/bbolt.(*DB).beginRWTx"},
	{"github.com/kardianos/service", "v1.3.0", "github.com/kardianos/service.(*systemd).Run"},
	{"github.com/tarm/serial", "v0.0.0-20180830185346-98f6abe2eb07", "github.com/tarm/serial.openPort"},
	{"github.com/prometheus/client_golang", "v1.25.0", "github.com/prometheus/client_golang/prometheus.(*Registry).Gather"},
}

// TestE8_TheAgentIsBuiltOnTheFiveLibraries asks the program itself: go.mod may name what nobody links.
func TestE8_TheAgentIsBuiltOnTheFiveLibraries(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(bin("gatehouse-agent"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(bin("gatehouse-agent"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lib := range fixed {
		got := "none"
		for _, d := range info.Deps {
			if d.Path == lib.module {
				got = d.Version
				if d.Replace != nil {
					got = "replaced by " + d.Replace.Path
				}
			}
		}
		if got != lib.version {
			t.Errorf("%s is linked at %s, want %s", lib.module, got, lib.version)
		}
		if !bytes.Contains(raw, []byte(lib.function)) {
			t.Errorf("%s is named and not used: there is no %s in the program", lib.module, lib.function)
		}
	}
	s := newSite(t)
	s.serialPort()
}

// serialPort has the program open a serial port, free and taken.
func (s site) serialPort() {
	t := s.t
	t.Helper()
	end, err := pty.Open(s.path("usb-encoder"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = end.Close() }()
	args := []string{"device", "ports", "--json", "--address", "serial://" + s.path("usb-encoder") + "?baud=300&stop=2"}
	var o struct {
		OK    bool
		Ports []struct{ State string }
	}
	s.must("gatehouse-agent", args...).oneObject(t, &o)
	if speed, stop, err := end.Line(); err != nil || speed != unix.B300 || stop != 2 || !o.OK || len(o.Ports) != 1 || o.Ports[0].State != "free" {
		t.Errorf("speed code %o, %d stop bits, %v; answer %+v", speed, stop, err, o)
	}
	mine, err := os.OpenFile(end.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	if err := unix.Flock(int(mine.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatalf("the program left the port locked: %v", err)
	}
	if a := s.do("gatehouse-agent", args...); a.code != 3 || !strings.Contains(a.stdout, `"conflict"`) {
		t.Errorf("a port that is taken: exit %d, %s", a.code, a.stdout)
	}
}

// linked is what a built program says of itself: modules by path, build settings by key.
func linked(t *testing.T, name string) (modules []string, settings map[string]string) {
	t.Helper()
	info, err := buildinfo.ReadFile(bin(name))
	if err != nil {
		t.Fatal(err)
	}
	settings = map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for _, d := range info.Deps {
		modules = append(modules, d.Path)
	}
	return modules, settings
}

func TestEveryProgramIsBuiltWithoutC(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gatehouse-agent", "gatehouse-cloud", "gatehouse-sim"} {
		if _, s := linked(t, name); s["CGO_ENABLED"] != "0" {
			t.Errorf("%s was built with CGO_ENABLED=%q", name, s["CGO_ENABLED"])
		}
	}
}

// TestTowardsE1_TheAgentLinksNoCloudAndNoBroker looks into the program itself, not at its sources.
func TestTowardsE1_TheAgentLinksNoCloudAndNoBroker(t *testing.T) {
	t.Parallel()
	modules, _ := linked(t, "gatehouse-agent")
	if !slices.Contains(modules, "github.com/eclipse/paho.mqtt.golang") || !slices.Contains(modules, "go.etcd.io/bbolt") {
		t.Fatalf("the program does not say what it links: %v", modules)
	}
	for _, m := range modules {
		if strings.HasPrefix(m, "github.com/mochi-mqtt/") || strings.HasPrefix(m, "modernc.org/") || strings.HasPrefix(m, "github.com/jackc/") {
			t.Errorf("the agent links %s", m)
		}
	}
	for name, want := range map[string]bool{"gatehouse-agent": false, "gatehouse-sim": false, "gatehouse-cloud": true} {
		raw, err := os.ReadFile(bin(name))
		if err != nil {
			t.Fatal(err)
		}
		// Function names stand in every Go program, stripped or not: the runtime prints stacks with them.
		if got := bytes.Contains(raw, []byte("gatehouse/cloud/internal/store.")); got != want {
			t.Errorf("%s holds the cloud's store: %v, want %v", name, got, want)
		}
		if got := bytes.Contains(raw, []byte("gatehouse/cloud.")); got != want {
			t.Errorf("%s holds package cloud: %v, want %v", name, got, want)
		}
		if bytes.Contains(raw, []byte("gatehouse/protocol/prototest.")) {
			t.Errorf("%s holds test support", name)
		}
	}
}
