package agent

import (
	"cmp"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/health"
)

// metricsDoc is the table of every metric; the gateway's is its first half, up to the cloud's title. UPDATE_GOLDEN=1 writes it anew from the registry.
const metricsDoc = "../packaging/prometheus/METRICS.md"

const metricsHead = `# Metrics of the gateway

Every metric that ` + "`/metrics`" + ` of gatehouse-agent shows, made from its registry by a test (agent/metrics_doc_test.go; after a change run it with
UPDATE_GOLDEN=1). Beside these there are Prometheus' own about the process and Go's runtime, ` + "`process_*` and `go_*`" + `.
No metric names a person, a unit, a card or a number.

| metric | type | labels | meaning |
|---|---|---|---|
`

// TestE7_EveryMetricIsDocumented: the table holds what the program has, neither less nor more.
func TestE7_EveryMetricIsDocumented(t *testing.T) {
	a := agentWithALink(t)
	want := metricsHead + strings.Join(rows(t, described(a)), "")
	raw, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.Index(string(raw), "\n# Metrics of the cloud\n"); at >= 0 {
		want += string(raw[at:])
	}
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(metricsDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(want, string(got)); d != "" {
		t.Errorf("METRICS.md is not what the registry holds; mend it with UPDATE_GOLDEN=1 (-want +got):\n%s", d)
	}
}

// TestE7_TheScrapeHoldsNothingElse: what a scrape shows is in the table with the same type, so that no
// collector hides from Describe.
func TestE7_TheScrapeHoldsNothingElse(t *testing.T) {
	a := agentWithALink(t)
	h, err := health.New("v1", "c", nil, a.collectors()...)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Register(mux)
	page := httptest.NewRecorder()
	mux.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	table, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	families := regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(page.Body.String(), -1)
	ours := 0
	for _, f := range families {
		switch {
		case strings.HasPrefix(f[1], "go_"), strings.HasPrefix(f[1], "process_"), strings.HasPrefix(f[1], "promhttp_"):
		case !strings.Contains(string(table), fmt.Sprintf("| `%s` | %s |", f[1], f[2])):
			t.Errorf("%s %s is scraped and not in the table", f[2], f[1])
		default:
			ours++
		}
	}
	if ours < 5 {
		t.Errorf("only %d metrics of ours in the scrape", ours)
	}
}

// agentWithALink is assembled and enrolled as far as its metrics go.
func agentWithALink(t *testing.T) *Agent {
	t.Helper()
	cfg, err := LoadConfigText("listen = \"\"\n[[device]]\nid = \"front\"\nkind = \"akuvox\"\nurl = \"http://192.0.2.1\"\n", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg.StateDir, cfg.Force = t.TempDir(), true
	a, err := New(t.Context(), cfg, Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	a.makeLoops(t.Context())
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.link, err = cloudlink.New(cloudlink.Config{
		Gateway: "gw-1", Broker: "tls://192.0.2.2:8883", Signing: signing, Sealing: sealing,
		Trusted:     []ed25519.PublicKey{signing.Public().(ed25519.PublicKey)}, //nolint:forcetypeassert // the library says so
		Certificate: func() (tls.Certificate, error) { return tls.Certificate{}, nil },
	}, cloudlink.Deps{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// described is what every collector says it may show, and the one metric that health adds.
func described(a *Agent) []string {
	out := []string{prometheus.NewDesc("gatehouse_build_info", "Always 1; the labels say what is running.", []string{"commit", "version"}, nil).String()}
	for _, c := range a.collectors() {
		descs := make(chan *prometheus.Desc)
		go func() { c.Describe(descs); close(descs) }()
		for d := range descs {
			out = append(out, d.String())
		}
	}
	return out
}

var descText = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

func rows(t *testing.T, descs []string) (out []string) {
	t.Helper()
	slices.SortFunc(descs, func(a, b string) int { return cmp.Compare(a, b) })
	for _, d := range slices.Compact(descs) {
		m := descText.FindStringSubmatch(d)
		if m == nil {
			t.Fatalf("%s cannot be read", d)
		}
		typ := "gauge" // packaging/checks: _total stands on counters and only there
		if strings.HasSuffix(m[1], "_total") {
			typ = "counter"
		}
		out = append(out, fmt.Sprintf("| `%s` | %s | %s | %s |\n", m[1], typ, strings.ReplaceAll(m[3], ",", ", "), strings.ReplaceAll(m[2], "|", "\\|")))
	}
	return out
}
