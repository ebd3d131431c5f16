package smoke

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestG15_ADeadGatewayIsReplacedWithoutPairingAnew: whole programs. The box dies with all it knew, and somebody moves out
// while nobody is there. Another box takes its place by two files: it knows whose the rows on the panel are, removes who
// left, touches nobody else's row, and the events go on in one chain.
func TestG15_ADeadGatewayIsReplacedWithoutPairingAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol()
	h.startCloud()
	h.startAgent()
	h.imported(0)
	h.loaded(6)
	eventually(t, "the cloud shows the gateway's words", patience, func() error {
		return errors.Join(h.upToDate(), h.figure(h.local, "gatehouse_outbox_events", "0"))
	})
	before := h.byName()

	h.agent.kill()
	if err := os.RemoveAll(h.path("agent")); err != nil {
		t.Fatal(err)
	}
	h.imported(2)
	died := time.Now()
	h.must("gatehouse-agent", "enroll", "request", "--config", "@agent.toml", "--out", "@request")
	h.must("gatehouse-cloud", "gateway", "add", "--config", "@cloud.toml", "--replace", "gw1", "--request", "@request", "--out", "@bundle")
	h.must("gatehouse-agent", "enroll", "accept", "--config", "@agent.toml", "@bundle")
	h.startAgent()
	eventually(t, "who left is gone from the panel", patience, func() error {
		if rows := h.panel.users(); len(rows) != 4 {
			return fmt.Errorf("it holds %d people", len(rows))
		}
		return errors.Join(h.upToDate(), h.figure(h.local, "gatehouse_outbox_events", "0"))
	})
	t.Logf("from the first command to who left being gone: %v", time.Since(died).Round(time.Millisecond))
	for n := range 6 {
		if h.opens(pinOf(n)) != (n >= 2) {
			t.Errorf("resident %d: opens %v", n, n < 2)
		}
	}
	after := h.byName()
	for name, row := range after {
		if d := cmp.Diff(before[name], row); d != "" {
			t.Errorf("the row of %s is another (-before +after):\n%s", name, d)
		}
	}
	if got := strings.Join(h.history(), " "); got != "replaced enrolled" {
		t.Errorf("its history: %s", got)
	}
	var o struct {
		OK     bool
		Events int
	}
	h.must("gatehouse-cloud", "events", "verify", "--config", "@cloud.toml", "--gateway", "gw1", "--json").oneObject(t, &o)
	if !o.OK || o.Events < 8 { // six additions and two removals at least
		t.Errorf("verified: %+v", o)
	}
}

// byName are the panel's rows.
func (h *house) byName() map[string]map[string]any {
	h.t.Helper()
	out := map[string]map[string]any{}
	for _, r := range h.panel.users() {
		out[fmt.Sprint(r["name"])] = r
	}
	return out
}
