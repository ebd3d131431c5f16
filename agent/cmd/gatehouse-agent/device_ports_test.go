package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/firmware-bridge/serialport"
	"gatehouse/firmware-bridge/serialport/pty"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// plugged is a folder like /dev with one port in it, and the port's own name.
func plugged(t *testing.T) (dev, name string) {
	t.Helper()
	dev = t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dev, "serial", "by-id"), 0o700))
	end, err := pty.Open(filepath.Join(dev, "serial", "by-id", "usb-encoder"))
	must(t, err)
	t.Cleanup(func() { _ = end.Close() })
	return dev, end.Name()
}

func TestDevicePortsTellsFreeFromTaken(t *testing.T) {
	t.Parallel()
	dev, name := plugged(t)
	must(t, os.WriteFile(filepath.Join(dev, "ttyUSB7"), nil, 0o600)) // no port at all
	link := filepath.Join(dev, "serial", "by-id", "usb-encoder")
	want := devicePort{Address: serialport.At(link).String(), Device: name, State: "free"}
	if a := devicePortsIn(dev); len(a.Ports) != 2 || a.Ports[0] != want || a.Ports[1].State != "unusable" || a.Ports[1].Detail == "" {
		t.Errorf("free: %+v", a.Ports)
	}
	l, err := serialport.Open(t.Context(), serialport.At(link), serialport.Options{})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	a := devicePortsIn(dev)
	if a.Ports[0].State != "taken" || a.Ports[0].Device != name || !strings.Contains(a.text, "taken     "+name) {
		t.Errorf("taken: %+v\n%s", a.Ports, a.text)
	}
	if a := devicePortsIn(t.TempDir()); a.Error != nil || a.Ports == nil || !strings.Contains(a.text, "No serial port") {
		t.Errorf("none: %+v", a)
	}
	if a := devicePortsIn(filepath.Join(dev, "gone")); a.Error == nil {
		t.Error("a folder that is not there is no empty list")
	}
}

func TestDevicePortsOfThisMachine(t *testing.T) {
	t.Parallel()
	m := device(t, "", "ports", "--json").object(t)
	if _, ok := m["ports"].([]any); m["ok"] != true || !ok {
		t.Errorf("%v", m)
	}
}

func TestDevicePortAtOneAddress(t *testing.T) {
	t.Parallel()
	_, name := plugged(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	serial := "serial://" + name
	for _, address := range []string{serial + "?baud=300&parity=E", "tcp://" + ln.Addr().String()} {
		o := device(t, "", "ports", "--json", "--address", address)
		ports, _ := o.object(t)["ports"].([]any)
		if o.code != cli.Done || len(ports) != 1 || ports[0].(map[string]any)["state"] != "free" {
			t.Errorf("%s: exit %d, %s", address, o.code, o.stdout)
		}
	}
	l, err := serialport.Open(t.Context(), serialport.At(name), serialport.Options{})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	for address, code := range map[string]int{
		serial:                       cli.Refused,
		"serial:///dev/no-such-port": cli.Unreachable,
		"serial:///dev/null":         cli.WrongUsage,
		serial + "?baud=9601":        cli.WrongUsage,
		"serial://dev/ttyUSB0":       cli.WrongUsage,
		"ttyUSB0":                    cli.WrongUsage,
		"tcp://127.0.0.1":            cli.WrongUsage,
	} {
		device(t, "", "ports", "--address", address).one(t, code, "gatehouse-agent device ports: ")
		if o := device(t, "", "ports", "--json", "--address", address); o.object(t)["ok"] != false || o.code != code {
			t.Errorf("%s: exit %d, want %d: %s", address, o.code, code, o.stdout)
		}
	}
	for _, args := range [][]string{{"ports", "--kind", "akuvox"}, {"ports", "ttyUSB0"}} {
		device(t, "", args...).one(t, cli.WrongUsage, "device ports --help")
	}
}

func TestDeviceLineFaults(t *testing.T) {
	t.Parallel()
	for kind, err := range map[fault.Kind]error{
		fault.Denied: fs.ErrPermission, fault.Unsupported: errors.ErrUnsupported, fault.Timeout: serialport.ErrTimeout, fault.Conflict: serialport.ErrBusy,
	} {
		got := deviceLineFault(fmt.Errorf("open: %w", &serialport.Error{Op: "open", Line: "/dev/ttyUSB0", Cause: err, Remedy: "Do this."}))
		if fault.KindOf(got) != kind || fault.RemedyOf(got) != "Do this." || !strings.Contains(got.Error(), "/dev/ttyUSB0") {
			t.Errorf("%v: %v", kind, got)
		}
	}
	if s := deviceLineState(&serialport.Error{Cause: fs.ErrPermission}); s != "denied" {
		t.Error(s)
	}
}
