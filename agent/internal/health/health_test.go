package health

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func get(t *testing.T, h *Health, path string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	h.Register(mux)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return rec.Code, rec.Body.String()
}

func TestE7_MetricsAreServed(t *testing.T) {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_test_things", Help: "Things."})
	g.Set(7)
	h, err := New("1.2", "abc", nil, g)
	if err != nil {
		t.Fatal(err)
	}
	code, body := get(t, h, "/metrics")
	for _, want := range []string{"gatehouse_test_things 7", `gatehouse_build_info{commit="abc",version="1.2"} 1`, "go_goroutines", "process_"} {
		if !strings.Contains(body, want) {
			t.Errorf("status %d, the page lacks %q", code, want)
		}
	}
	problems, err := testutil.GatherAndLint(h.registry, "gatehouse_build_info", "gatehouse_test_things")
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func TestE7_HealthzSaysWhatDoesNotHold(t *testing.T) {
	var down error
	h, err := New("1", "c", []Check{{"doors", func() error { return down }}, {"store", func() error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, h, "/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("got %d %q", code, body)
	}
	down = errors.New("no loop has run yet")
	if code, body := get(t, h, "/healthz"); code != 503 || body != "doors: no loop has run yet\n" {
		t.Errorf("got %d %q", code, body)
	}
}

func TestAClashIsAnError(t *testing.T) {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_build_info", Help: "x"})
	if _, err := New("1", "c", nil, g, g); err == nil {
		t.Error("registering twice gave no error")
	}
}
