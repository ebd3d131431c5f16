package prometheus

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/protocol/prototest/realserver"
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func find(text, pattern string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestE7_AlertsComeWhenTheyShould(t *testing.T) {
	promtool := realserver.Binary(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// TestE7_EveryAlertIsTested: once that it comes, once that it does not.
func TestE7_EveryAlertIsTested(t *testing.T) {
	tests := read(t, "alerts_test.yaml")
	for _, alert := range alerts(t) {
		if !strings.Contains(tests, "alertname: "+alert+", exp_alerts: []") {
			t.Errorf("no test says when %s is quiet", alert)
		}
		if !regexp.MustCompile(`alertname: ` + alert + `\n\s+exp_alerts:\n\s+- exp_labels`).MatchString(tests) {
			t.Errorf("no test says when %s comes", alert)
		}
	}
}

func alerts(t *testing.T) []string {
	t.Helper()
	found := find(read(t, "alerts.yaml"), `(?m)^ +- alert: (\w+)$`)
	if len(found) < 10 {
		t.Fatalf("only %d alerts found", len(found))
	}
	return found
}

// TestE7_EveryAlertHasItsPage: and no page is about an alert that is gone.
func TestE7_EveryAlertHasItsPage(t *testing.T) {
	runbook, rules, names := read(t, "RUNBOOK.md"), read(t, "alerts.yaml"), alerts(t)
	if pages := find(runbook, `(?m)^## (\w+)$`); !slices.Equal(pages, names) {
		t.Errorf("the runbook is about %q\nthe alerts are    %q", pages, names)
	}
	for _, page := range regexp.MustCompile(`(?m)^## `).Split(runbook, -1)[1:] {
		name, text, _ := strings.Cut(page, "\n")
		if !strings.Contains(text, "**Means:** ") || !strings.Contains(text, "**Do:** ") {
			t.Errorf("%s: what does it mean, and what is to be done?", name)
		}
	}
	for _, name := range names {
		if !strings.Contains(rules, `runbook: "RUNBOOK.md#`+strings.ToLower(name)+`"`) {
			t.Errorf("%s does not point to its page", name)
		}
	}
	for _, word := range []string{"severity:", "summary:", "description:"} {
		if strings.Count(rules, word) != len(names) {
			t.Errorf("%s stands %d times for %d alerts", word, strings.Count(rules, word), len(names))
		}
	}
}

// TestE7_AlertsUseMetricsThatExist: a rule about a metric that nobody exports never fires.
func TestE7_AlertsUseMetricsThatExist(t *testing.T) {
	known := find(read(t, "METRICS.md"), "(?m)^\\| `(\\w+)` ")
	for _, file := range []string{"alerts.yaml", "alerts_test.yaml"} {
		for _, name := range find(read(t, file), `\b(gatehouse_\w+)`) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}
