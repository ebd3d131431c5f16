package cloud

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/cloud/internal/intake"
)

// metricsDoc is the table of every metric; the cloud's is its second half. UPDATE_GOLDEN=1 writes it anew from the registry.
const metricsDoc = "../packaging/prometheus/METRICS.md"

const metricsTitle = "\n# Metrics of the cloud\n"

const metricsHead = metricsTitle + `
Every metric that ` + "`/metrics`" + ` of gatehouse-cloud shows, made from its registry by a test (cloud/metrics_doc_test.go; after a change run it with
UPDATE_GOLDEN=1). No metric names a person, a unit, a card or a number.

| metric | type | labels | meaning |
|---|---|---|---|
`

var descText = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// metricRows is a line for each metric of the collectors.
func metricRows(t *testing.T, all []prometheus.Collector) (out []string) {
	t.Helper()
	for _, c := range all {
		descs := make(chan *prometheus.Desc)
		go func() { c.Describe(descs); close(descs) }()
		for d := range descs {
			m := descText.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("%s cannot be read", d)
			}
			typ := "gauge" // packaging/checks: _total stands on counters and only there
			if strings.HasSuffix(m[1], "_total") {
				typ = "counter"
			}
			constant, _, _ := strings.Cut(m[3], "=")
			out = append(out, fmt.Sprintf("| `%s` | %s | %s | %s |\n", m[1], typ, strings.ReplaceAll(cmp.Or(m[4], constant), ",", ", "), m[2]))
		}
	}
	slices.Sort(out)
	return out
}

// TestEveryMetricOfTheCloudIsDocumented: the table holds what the program has, neither less nor more.
func TestEveryMetricOfTheCloudIsDocumented(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	link, err := brokerlink.New(brokerlink.Config{Address: "tls://127.0.0.1:1", Name: "cloud"})
	if err != nil {
		t.Fatal(err)
	}
	want := metricsHead + strings.Join(metricRows(t, c.collectors(intake.New(intake.Config{}), link)), "")
	raw, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	gateway, _, _ := strings.Cut(string(raw), metricsTitle)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		raw = []byte(gateway + want)
		if err := os.WriteFile(metricsDoc, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := diff.Diff(gateway+want, string(raw)); d != "" {
		t.Errorf("METRICS.md is not what the registry holds; mend it with UPDATE_GOLDEN=1 (-want +got):\n%s", d)
	}
}
