package osservice

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packagedUnit is the same unit with the paths of the .deb. UPDATE_GOLDEN=1 writes it anew.
var packagedUnit = filepath.FromSlash("../../../packaging/systemd/gatehouse-agent.service")

func TestTowardsE1_ThePackageHasTheSameUnit(t *testing.T) {
	_, body, _ := strings.Cut(unitTemplate, "\n") // the first line says who wrote it
	want := strings.NewReplacer(
		"{{Path | cmdEscape}}", "/usr/bin/gatehouse-agent", "{{range Arguments}} {{. | cmd}}{{end}}", " run --config /etc/gatehouse/agent.toml", "{{UserName}}", User,
	).Replace(body)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(packagedUnit, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(packagedUnit)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("packaging/systemd/gatehouse-agent.service is not what install writes; mend it with UPDATE_GOLDEN=1 (-want +got):\n%s", diff)
	}
}

// TestTheUnitIsInTheDialectOf13: a template of 1.2 does not render, and the library finds out only
// after it made the file.
func TestTheUnitIsInTheDialectOf13(t *testing.T) {
	known := regexp.MustCompile(`^\{\{(Path \| cmdEscape|range Arguments|\. \| cmd|end|UserName)\}\}$`)
	for _, tag := range regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(unitTemplate, -1) {
		if !known.MatchString(tag) {
			t.Errorf("%s is not of the dialect", tag)
		}
	}
}

func TestTheUnitIsWhole(t *testing.T) {
	m := (&box{}).manager(t)
	unit := m.Unit()
	if strings.Contains(unit, "{{") || !strings.HasPrefix(unit, mark) {
		t.Errorf("not rendered:\n%s", unit)
	}
	// After a crash doors are enforced within 3 s, for ever, and only by somebody who may do nothing else.
	for _, line := range []string{
		`ExecStart=/usr/local/bin/gatehouse-agent "run" "--config" "/etc/gatehouse/agent.toml"`, "Type=notify", "NotifyAccess=main", "WatchdogSec=60",
		"Restart=always", "RestartSec=2", "StartLimitIntervalSec=0", "After=network-online.target time-sync.target", "User=gatehouse",
		"SupplementaryGroups=dialout", "StateDirectory=gatehouse", "StateDirectoryMode=0700", "LoadCredential=gatehouse-key", "TimeoutStopSec=20",
		"CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "WantedBy=multi-user.target",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
	head, _, _ := strings.Cut(unit, "[Service]")
	if !strings.Contains(head, "StartLimitIntervalSec=0") {
		t.Error("the start limit counts in [Unit] only")
	}
}
