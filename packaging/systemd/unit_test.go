package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/protocol/prototest/realserver"
)

// tool runs systemd-analyze on a copy of a unit that starts this test, because the programs are not installed here.
func tool(t *testing.T, unit string, args ...string) (string, error) {
	t.Helper()
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), unit)
	text = regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAll(text, []byte("ExecStart="+exe))
	if err := os.WriteFile(copied, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), realserver.Binary(t, "systemd-analyze"), append(args, copied)...).CombinedOutput()
	return string(out), err
}

func units(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.service")
	if err != nil || len(found) != 2 {
		t.Fatalf("found %q, want two units: %v", found, err)
	}
	return found
}

func TestTowardsE1_SystemdUnderstandsTheUnits(t *testing.T) {
	for _, unit := range units(t) {
		t.Run(unit, func(t *testing.T) {
			if out, err := tool(t, unit, "verify", "--man=no"); err != nil || strings.TrimSpace(out) != "" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestTowardsE1_Exposure: at most 1.5 on systemd's scale from 0 (locked in) to 10 (may do anything).
func TestTowardsE1_Exposure(t *testing.T) {
	for _, unit := range units(t) {
		t.Run(unit, func(t *testing.T) {
			out, err := tool(t, unit, "security", "--offline=true", "--threshold=15", "--no-pager")
			_, overall, _ := strings.Cut(out, "→")
			if err != nil || overall == "" {
				t.Errorf("%v: %s", err, out)
			}
			t.Log(strings.TrimSpace(overall))
		})
	}
}

// TestTowardsE1_TheGatewayKeepsWhatItNeeds: a line that hardens further here takes something from the gateway; each was
// seen to be needed under systemd.
func TestTowardsE1_TheGatewayKeepsWhatItNeeds(t *testing.T) {
	b, err := os.ReadFile("gatehouse-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	lines := "\n" + string(b)
	for line, why := range map[string]string{
		"ProtectClock=yes":                         "forbids adjtimex, which tells whether a time server disciplines the clock",
		"ProcSubset=pid":                           "hides the boot id",
		"RestrictAddressFamilies=AF_INET AF_INET6": "forbids the socket that commands use, and to tell systemd that doors are enforced",
		"IPAddressDeny=any":                        "forbids panels and the cloud",
		"PrivateNetwork=yes":                       "forbids panels and the cloud",
		"NoExecPaths=/":                            "forbids the child process that looks at the databases",
	} {
		if strings.Contains(lines, "\n"+line+"\n") {
			t.Errorf("%s %s", line, why)
		}
	}
	deny, allow := strings.LastIndex(lines, "\nSystemCallFilter=~"), strings.Index(lines, "\nSystemCallFilter=adjtimex")
	if allow < deny || deny < 0 {
		t.Error("adjtimex is allowed before @privileged, which holds it, is taken away: the order counts")
	}
	for _, want := range []string{"DeviceAllow=char-188 rw", "DeviceAllow=char-166 rw", "DeviceAllow=char-4 rw", "DeviceAllow=char-204 rw", "BindPaths=/dev"} {
		if !strings.Contains(lines, "\n"+want+"\n") {
			t.Errorf("without %s some serial line cannot be opened", want)
		}
	}
}
