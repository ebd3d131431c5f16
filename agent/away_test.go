package agent

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
)

// TestG5_APanelThatRefusesTheLoginIsToldOnce: wrong credentials show on the page and in the metrics, are one event
// however often they fail, and mend by themselves.
func TestG5_APanelThatRefusesTheLoginIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultLoginChanged, On: true}))
	story := h.story()
	h.start()
	e := story.until(access.EventUnreachable, "", "")
	if e.Fault != "denied" || e.Device != "front" {
		t.Errorf("told as %+v", e)
	}
	h.showsDown(e)
	if page := h.get("/"); !strings.Contains(page, "refuses us since") || strings.Contains(page, "does not answer") {
		t.Errorf("the page does not say that the login is refused:\n%s", page)
	}

	later := h.visits.Tail()
	later.Next(t, "the second attempt")
	later.Next(t, "its login, or the third attempt")
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultLoginChanged}))
	story.until(access.EventReachable, "", "")
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	if told := h.told(access.EventUnreachable); told != 1 || !h.opens("10001") {
		t.Errorf("told %d times that the panel is away, want once", told)
	}
	if got := h.metric(`gatehouse_device_up{device="front"}`); got != "1" {
		t.Errorf("gatehouse_device_up is %s after the panel came back", got)
	}
}

// TestE7_AnUnreachablePanelShowsEverywhere: nobody answers at the panel's address. The box itself is well.
func TestE7_AnUnreachablePanelShowsEverywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.cfg.Devices[0].URL = "http://" + deadAddress(t)
	acks, story := h.cloud.Acks.Read(), h.story()
	h.start()
	e := story.until(access.EventUnreachable, "", "")
	if e.Fault != "unreachable" || e.Device != "front" {
		t.Errorf("told as %+v", e)
	}
	h.acked(acks) // stored all the same: the three acknowledgements are three
	h.showsDown(e)
	if n := h.told(access.EventWritten) + h.told(access.EventConfirmed); n != 0 {
		t.Errorf("%d events say that something was written at a panel that is away", n)
	}
}

// deadAddress is one at which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// told is how many events of a kind the cloud has.
func (h *house) told(kind access.EventKind) (n int) {
	for _, k := range h.keeper.Kept.All() {
		if strings.Contains(string(k.Raw), `"kind":"`+string(kind)+`"`) {
			n++
		}
	}
	return n
}

// showsDown looks at page, metrics and health while the panel is away.
func (h *house) showsDown(e access.Event) {
	h.t.Helper()
	page := h.get("/")
	if !strings.Contains(page, `class="bad"`) || !strings.Contains(page, "front") || strings.Contains(page, "answers since") {
		h.t.Errorf("the page of a gateway whose panel is away (%s):\n%s", e.Fault, page)
	}
	for name, want := range map[string]string{
		`gatehouse_device_up{device="front"}`: "0",
		"gatehouse_clock_trusted":             "1", "gatehouse_cloudlink_connected": "1", `gatehouse_build_info{commit="c1",version="v1"}`: "1",
	} {
		if got := h.metric(name); got != want {
			h.t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := h.get("/healthz"); got != "ok\n" {
		h.t.Errorf("healthz says %q: a panel that is away is no fault of the box", got)
	}
}

// TestE7_MetricsOfAGatewayAtWork: what operations people watch is there, with figures that fit.
func TestE7_MetricsOfAGatewayAtWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	must(t, ignore(h.sim.Edit("add", akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711"})))
	story := h.story()
	h.start()
	story.until(access.EventDrift, "", "")
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	for name, want := range map[string]string{
		`gatehouse_device_up{device="front"}`: "1", `gatehouse_device_strangers{device="front"}`: "1",
		`gatehouse_device_removals_waiting{device="front"}`: "0", "gatehouse_state_revision": "1",
		"gatehouse_outbox_lost_events_total": "0", `gatehouse_cloudlink_messages_total{direction="in",type="state"}`: "1",
	} {
		if got := h.metric(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{`gatehouse_device_audit_timestamp_seconds{device="front"}`, "gatehouse_outbox_events", "process_open_fds", "go_goroutines"} {
		if h.metric(name) == "absent" {
			t.Errorf("/metrics lacks %s", name)
		}
	}
}

func ignore[T any](_ T, err error) error { return err }

// TestG5_ARestartBesideADeadPanelRemovesNobody: what a panel can hold is unknown until it answers, and from what is
// unknown nothing follows.
func TestG5_ARestartBesideADeadPanelRemovesNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	h.stop()
	alive := h.cfg.Devices[0].URL
	h.cfg.Devices[0].URL = "http://" + deadAddress(t)
	h.start()
	story.until(access.EventUnreachable, "", "")
	h.stop()
	h.cfg.Devices[0].URL = alive
	done := len(h.sim.Mutating())
	h.start()
	story.until(access.EventReachable, "", "")
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if n := len(h.sim.Mutating()) - done; n != 1 || !h.opens("10001") {
		t.Errorf("%d changes at the panel, want the one of p2", n)
	}
}
