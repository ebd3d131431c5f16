package agent

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// TestTowardsE3_AnAkuvoxPanelCalls: a panel is told whom to call, calls by itself, and the cloud hears of a ring and an
// opening within moments; a setting that is gone is made good at the next start; what is installed goes with the key.
func TestTowardsE3_AnAkuvoxPanelCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(append(inUTC(), resident(1, since(time.Hour))...)...)
	ctx, stop := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() { defer close(sent); h.sim.Deliver(ctx) }()
	t.Cleanup(func() { stop(); <-sent })
	h.cfg.Events = "127.0.0.1:0"
	story, visits := h.story(), h.visits.Read()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	toldToCall(t, visits)
	ring := func() {
		t.Helper()
		if _, err := h.sim.Happen(akuvoxsim.Happening{What: "ring", To: "sip:101@192.0.2.9"}); err != nil {
			t.Fatal(err)
		}
		if e := story.until(access.EventRing, "", ""); e.Unit != "u1" || e.Device != "front" {
			t.Errorf("ring: %+v", e)
		}
	}
	ring()
	h.opens("10001")
	if e := story.until(access.EventDoor, "", "p1"); !e.Granted || e.Door != "lobby" || e.How != "pin" {
		t.Errorf("opened: %+v", e)
	}
	h.stop()
	must(t, h.sim.SetConfig("Config.Features.ACTIONURL.MakeCall", "")) // as a power cut forgets what was not saved
	h.start()
	toldToCall(t, visits)
	ring()
	h.stop()
	h.cfg.Events = ""
	h.start()
	h.logs.wait(t, "the device calls no more")
	for key, value := range h.sim.Config() {
		if strings.Contains(value, "/e/") {
			t.Errorf("%s stays %s", key, value)
		}
	}
	text := h.logs.text() + h.get("/metrics") + h.get("/")
	for _, k := range h.keeper.Kept.All() {
		text += string(k.Raw)
	}
	secrets := []string{"10001"}
	for _, c := range h.sim.Calls() {
		secrets = append(secrets, strings.Split(c.URL, "/")[4])
	}
	slices.Sort(secrets)
	holdsNone(t, "events, log, page or metrics", text, slices.Compact(secrets)...)
}

// toldToCall waits until the panel was made to call, and that was read back.
func toldToCall(t *testing.T, visits *prototest.Reader[string]) {
	t.Helper()
	visits.Find(t, "the addresses", func(path string) bool { return strings.Contains(path, "config/set") })
	visits.Find(t, "that they are read back", func(path string) bool { return strings.Contains(path, "config/get") })
}
