package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/cli"
)

const bridgeToken = "0123456789abcdef0123456789abcdef"

// atBridge is ADDR-FLAGS for the bridge of a simulated gateway on loopback TCP, and nothing else of it.
func atBridge(t *testing.T, sim *comelitsim.Panel) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.ServeICONA(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--kind", "comelit", "--host", host, "--icona-port", port, "--timeout", "5s", "--json"}
}

func bridgeSim(t *testing.T) *comelitsim.Panel {
	t.Helper()
	sim, err := comelitsim.New(comelitsim.Options{Token: bridgeToken})
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// A door opens with the token alone: by A, by its name and by address; an unknown outcome is said to be one.
func TestDeviceOpenThroughTheBridge(t *testing.T) {
	sim := bridgeSim(t)
	at := append(atBridge(t, sim), "--token-file", passwordFile(t, bridgeToken+"\n"))
	for _, tt := range []struct {
		door, fault, result string
		exit, opened        int
	}{
		{"a", "", "done", cli.Done, 1},
		{"Bicycle room", "", "done", cli.Done, 2},
		{"SB100002/1", "", "done", cli.Done, 3},
		{"Cellar", "", "", cli.WrongUsage, 3},
		{"A", comelitsim.FaultDoorCause, "refused", cli.Refused, 3},
		{"Garage", "", "unknown", cli.Unknown, 4},
		{"A", comelitsim.FaultTokenLost, "refused", cli.Refused, 4},
	} {
		if tt.fault != "" {
			if err := sim.SetFault(comelitsim.FaultSetting{Name: tt.fault, On: true, Times: 1}); err != nil {
				t.Fatal(err)
			}
		}
		o := device(t, "", append([]string{"open", "--door", tt.door}, at...)...)
		a := o.object(t)
		got, _ := a["result"].(string)
		opened := 0
		for _, e := range sim.DoorLog() {
			if e.Granted {
				opened++
			}
		}
		if o.code != tt.exit || got != tt.result || opened != tt.opened {
			t.Errorf("%s %s: exit %d, result %q, opened %d times: %s", tt.door, tt.fault, o.code, got, opened, o.stdout)
		}
		if strings.Contains(o.stdout+o.stderr, bridgeToken) {
			t.Errorf("%s shows the token", tt.door)
		}
	}
}

// A probe with a token alone prints what the bridge says.
func TestDeviceProbeThroughTheBridge(t *testing.T) {
	sim := bridgeSim(t)
	o := device(t, "", append([]string{"probe", "--token-file", passwordFile(t, bridgeToken)}, atBridge(t, sim)...)...)
	a := o.object(t)
	id, _ := a["identity"].(map[string]any)
	if o.code != cli.Done || a["dialect"] != "icona" || id["model"] != "Extd" || id["firmware"] != "2.1.0" || id["mac"] != "00:25:29:00:00:01" {
		t.Errorf("exit %d: %s %s", o.code, o.stdout, o.stderr)
	}
	for _, can := range []string{`"open"`, `"rings"`, `"mobile"`} {
		if !strings.Contains(o.stdout, can) {
			t.Errorf("no %s in %s", can, o.stdout)
		}
	}
}

// A code is turned into a token once; the file is private, is never written over, and neither is shown.
func TestDeviceRedeem(t *testing.T) {
	sim := bridgeSim(t)
	s := comelitsim.Slot{Unit: 1, Slot: 10, Enabled: true, Kind: "app", Name: "Gatehouse", Email: "gate@example.com", Code: "A1B2C3"}
	if _, err := sim.Edit("set", s); err != nil {
		t.Fatal(err)
	}
	at := atBridge(t, sim)
	out := filepath.Join(t.TempDir(), "token.txt")
	redeem := func(code string, more ...string) outcome {
		return device(t, code, append(append([]string{"redeem", "--code-file", "-"}, more...), at...)...)
	}
	if o := redeem("FFFFFF\n", "--out", out); o.code != cli.Refused {
		t.Errorf("a wrong code: exit %d, %s", o.code, o.stderr)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a file is left: %v", err)
	}
	o := redeem("A1B2C3\n", "--out", out)
	if a := o.object(t); o.code != cli.Done || a["out"] != out {
		t.Fatalf("exit %d: %s", o.code, o.stderr)
	}
	b, err := os.ReadFile(out)
	info, _ := os.Stat(out)
	token := strings.TrimSpace(string(b))
	if err != nil || len(token) != 32 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%d characters, mode %v, %v", len(token), info.Mode(), err)
	}
	if strings.Contains(o.stdout+o.stderr, token) || strings.Contains(o.stdout+o.stderr, "A1B2C3") {
		t.Errorf("a secret is shown: %s %s", o.stdout, o.stderr)
	}
	if o := redeem("A1B2C3\n", "--out", out); o.code != cli.WrongUsage {
		t.Errorf("over a file that is there: exit %d, %s", o.code, o.stderr)
	}
	if again, err := os.ReadFile(out); err != nil || string(again) != string(b) {
		t.Errorf("the token was written over: %v", err)
	}
	if o := device(t, "", append([]string{"open", "--door", "A", "--token-file", out}, at...)...); o.code != cli.Done {
		t.Errorf("open with it: exit %d, %s", o.code, o.stderr)
	}
	if o := redeem("A1B2C3\n"); o.code != cli.WrongUsage {
		t.Errorf("without --out: exit %d, %s", o.code, o.stderr)
	}
	if o := device(t, "x", "redeem", "--kind", "akuvox", "--url", "http://127.0.0.1:1", "--json", "--code-file", "-", "--out", out+"2"); o.code != cli.Unsupported {
		t.Errorf("of another kind: exit %d, %s", o.code, o.stderr)
	}
}
