package smoke

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/protocol/prototest/realserver"
)

// outside makes the house's broker a Mosquitto with the shipped configuration, its certificate by the cloud's own command.
func (h *house) outside() *realserver.Mosquitto {
	t := h.t
	t.Helper()
	port := realserver.FreePort(t)
	var lines []string
	for line := range strings.Lines(h.read("cloud.toml")) {
		if strings.HasPrefix(line, "broker_listen") {
			line = fmt.Sprintf("broker = \"tls://127.0.0.1:%d\"\n", port)
		}
		lines = append(lines, line)
	}
	h.write("cloud.toml", strings.Join(lines, ""))
	m := realserver.NewMosquitto(t, "../mosquitto", port)
	h.must("gatehouse-cloud", "broker", "certificate", "--config", "@cloud.toml", "--out", m.Dir)
	return m
}

// figure is nil when a metric has a value.
func (h *house) figure(at, metric, want string) error {
	var page string
	if err := call(h.t, at+"/metrics", nil, &page); err != nil {
		return err
	}
	for line := range strings.Lines(page) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == metric && value == want {
			return nil
		}
	}
	return fmt.Errorf("%s is not %s", metric, want)
}

// TestE4_G10_ThroughMosquittoAndItsRestart: whole programs, the broker beside them. It is stopped while the panel is being
// loaded and while events are under way; everybody is on the panel once, and no event is lost or doubled.
func TestE4_G10_ThroughMosquittoAndItsRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.outside()
	h.enrol()
	h.startCloud() // before its broker
	m.Start()
	eventually(t, "the cloud is connected", patience, func() error { return h.figure(h.page, "gatehouse_broker_connected", "1") })
	h.startAgent()
	h.write("residents.csv", export(crowd))
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
	h.loaded(40)
	m.Stop()
	eventually(t, "the cloud says that its broker is away", patience, func() error { return h.figure(h.page, "gatehouse_broker_connected", "0") })
	h.loaded(80) // the gateway goes on
	m.Start()
	eventually(t, "the cloud is connected again", patience, func() error { return h.figure(h.page, "gatehouse_broker_connected", "1") })
	h.loaded(crowd)
	// A gateway that comes back sooner than its cloud hears nothing, and says everything again half a minute later.
	eventually(t, "the cloud shows everybody confirmed", patience, h.allConfirmed)
	eventually(t, "every event is receipted", patience, func() error { return h.figure(h.local, "gatehouse_outbox_events", "0") })
	h.everybodyOnce()
	h.outboxGood()
}
