// Package health serves what operations people watch: /metrics from a registry of its own, and
// /healthz. It knows nothing about what it measures; the assembly hands in collectors and checks.
package health

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must hold for the gateway to enforce doors. Its error is in words; nil
// means that it holds. It must return at once.
type Check struct {
	Name string
	Ask  func() error
}

// Health answers the two addresses.
type Health struct {
	registry *prometheus.Registry
	checks   []Check
}

// New makes a registry with the given collectors and those of process, Go runtime and build. A
// collector that clashes is a defect and an error.
func New(version, commit string, checks []Check, cs ...prometheus.Collector) (*Health, error) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatehouse_build_info", Help: "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit},
	})
	build.Set(1)
	h := &Health{prometheus.NewRegistry(), checks}
	std := []prometheus.Collector{build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
	for _, c := range append(std, cs...) {
		if err := h.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return h, nil
}

// Register adds /metrics and /healthz to a mux.
func (h *Health) Register(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{
		Registry: h.registry, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 3, Timeout: 5 * time.Second, EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /healthz", h.healthz)
}

// healthz says ok, or 503 with one line for each check that does not hold.
func (h *Health) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := ""
	for _, c := range h.checks {
		if err := c.Ask(); err != nil {
			text += c.Name + ": " + err.Error() + "\n"
		}
	}
	if text == "" {
		text = "ok\n"
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write([]byte(text)) // the client hung up; nobody to tell
}
