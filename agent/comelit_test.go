package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/access"
)

// gate is a Comelit gateway in the house's entrance, beside the panel there.
type gate struct {
	*house
	sim    *comelitsim.Panel
	writes atomic.Int64 // field writes that were asked of it
	after  func(int64)  // of each
	cut    atomic.Bool  // field writes are not answered, nor carried out
}

// newGate is a house with a Comelit gateway of so many units; both panels serve the lobby.
func newGate(t *testing.T, units int) *gate {
	t.Helper()
	sim, err := comelitsim.New(comelitsim.Options{Password: panelPassword, Units: units})
	must(t, err)
	g := &gate{house: newHouse(t), sim: sim, after: func(int64) {}}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.cut.Load() && r.URL.Path == "/update.html" {
			panic(http.ErrAbortHandler)
		}
		g.sim.Web().ServeHTTP(w, r)
		if r.URL.Path == "/update.html" {
			g.after(g.writes.Add(1))
		}
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	d := g.cfg.Devices[0]
	g.cfg.Devices = append(g.cfg.Devices, config.Device{ID: "gate", Kind: "comelit", URL: srv.URL, PasswordFile: d.PasswordFile, Pace: -1, Doors: d.Doors})
	return g
}

func (g *gate) set(name string, on bool) {
	g.t.Helper()
	must(g.t, g.house.t.Context().Err())
	must(g.t, g.sim.SetFault(comelitsim.FaultSetting{Name: name, On: on}))
}

// callsHome is a resident of the nth unit with PIN, mobile access, e-mail and number.
func callsHome(n int, w access.Window) []access.Noun {
	out := resident(n, w)
	p, r := out[0].(access.Person), out[1].(access.Residency)
	p.Email, p.Phones = fmt.Sprintf("r%d@example.com", n), []string{fmt.Sprintf("+15550%04d", n)}
	r.Unit = access.UnitID(fmt.Sprint("u", n))
	out[0], out[1] = p, r
	return append(out, access.Credential{ID: access.CredentialID("m" + string(p.ID)), Person: p.ID, Kind: access.Mobile})
}

// unitNumber is what the simulator's monitors call the nth unit: ten to a floor.
func unitNumber(n int) int { return (n-1)/10*100 + (n-1)%10 + 101 }

// floorsOf is a property of n units, named as the simulator's monitors are.
func floorsOf(n int) []access.Noun {
	out := places()[:1]
	for i := 1; i <= n; i++ {
		out = append(out, access.Unit{ID: access.UnitID(fmt.Sprint("u", i)), Name: fmt.Sprint(unitNumber(i))})
	}
	return append(out, places()[2:]...)
}

// events reads the outbox whole.
func (g *gate) events() (out []access.Event) {
	g.t.Helper()
	for after := uint64(0); ; {
		_, _, raw, _, err := g.agent.box.outbox.Pending(after, 1<<20)
		must(g.t, err)
		for _, r := range raw {
			var e access.Event
			must(g.t, json.Unmarshal(r, &e))
			after, out = e.Number, append(out, e)
		}
		if len(raw) == 0 {
			return out
		}
	}
}

// until waits until the outbox holds what fits.
func (g *gate) until(what string, fits func([]access.Event) bool) []access.Event {
	g.t.Helper()
	for {
		if all := g.events(); fits(all) {
			return all
		}
		receive(g.t, g.agent.box.outbox.Wake(), what)
	}
}

// atGate is an event of the gateway's about a person there; "" anybody, or the device.
func atGate(kind access.EventKind, op access.Op, p access.PersonID) func([]access.Event) bool {
	return func(all []access.Event) bool {
		return slices.ContainsFunc(all, func(e access.Event) bool { return e.Device == "gate" && e.Kind == kind && e.Op == op && e.Person == p })
	}
}

// slots are the device's by what they show: "101 phone +15550001 T. Jones1 - Unit 101".
func (g *gate) slots() map[string]int {
	out := map[string]int{}
	for _, s := range g.sim.Users(false) {
		if s.Slot > 0 {
			out[fmt.Sprintf("%d %s %s%s %s", unitNumber(s.Unit+1), s.Kind, s.Email, s.Phone, s.Name)]++
		}
	}
	return out
}

// 120 units are loaded into a gateway over its real pages: first rehearsed, with nothing written; then written, over a
// power cut in the middle. Nobody stands there twice, no stranger and no monitor is touched, and five backups are enough.
func TestC3_InitialLoadIsRehearsedAndThenApplied(t *testing.T) {
	t.Parallel()
	const units = 120
	g := newGate(t, units)
	stranger := comelitsim.Slot{Unit: 4, Slot: 1, Enabled: true, Kind: "phone", Name: "Night Porter", Phone: "+15550999"}
	_, err := g.sim.Edit("set", stranger)
	must(t, err)
	nouns := floorsOf(units)
	for n := 1; n <= units; n++ {
		nouns = append(nouns, callsHome(n, since(time.Hour))...)
	}
	g.cfg.Devices = g.cfg.Devices[1:]
	g.cfg.Devices[0].Report = true
	g.start()
	g.store(1, nouns...)
	g.until("the first answer", atGate(access.EventReachable, "", ""))
	var plan struct{ Devices []DevicePlan }
	for known := false; !known; known = !strings.Contains(plan.Devices[0].Note, neverAnswered) { // what it can hold is kept a moment later
		plan.Devices = nil
		must(t, json.Unmarshal([]byte(g.ask(AskPlan, "device", "gate")), &plan))
	}
	adds := slices.DeleteFunc(plan.Devices[0].Steps, func(s PlanStep) bool { return s.Op != access.OpAdd })
	if len(adds) != units || g.writes.Load() != 0 {
		t.Fatalf("the rehearsal has %d additions and wrote %d fields", len(adds), g.writes.Load())
	}
	g.stop()

	g.cfg.Devices[0].Report = false
	half := make(chan struct{})
	g.after = func(n int64) {
		if n == units*5+3 { // in the middle of somebody
			close(half)
		}
	}
	g.start()
	late := time.NewTimer(4 * patience)
	defer late.Stop()
	select {
	case <-half:
	case <-late.C:
		t.Fatalf("only %d fields were written", g.writes.Load())
	}
	g.stop()
	g.start()
	all := g.until("the last of the load", func(all []access.Event) bool {
		done := map[access.PersonID]bool{}
		for _, e := range all {
			if e.Kind == access.EventConfirmed && e.Device == "gate" {
				done[e.Person] = true
			}
		}
		return len(done) == units
	})
	got := g.slots()
	for n := 1; n <= units; n++ {
		name := fmt.Sprintf("T. Jones%d - Unit %d", n, unitNumber(n))
		for _, s := range []string{fmt.Sprintf("%d phone +15550%04d %s", unitNumber(n), n, name), fmt.Sprintf("%d app r%d@example.com %s", unitNumber(n), n, name)} {
			if got[s] != 1 {
				t.Errorf("%q stands there %d times", s, got[s])
			}
		}
	}
	if len(got) != 2*units+1 || got["105 phone +15550999 Night Porter"] != 1 {
		t.Errorf("%d kinds of slots, the porter %d times", len(got), got["105 phone +15550999 Night Porter"])
	}
	st := g.sim.Stats()
	if st.SlotZero != 0 || st.Web["POST /create-backup.html"] > 5 || slices.ContainsFunc(all, func(e access.Event) bool { return e.Kind == access.EventFailed }) {
		t.Errorf("%d writes to monitors, %d backups", st.SlotZero, st.Web["POST /create-backup.html"])
	}
}

// A gateway that fails lets the move-in stand at the other panel; it is told with the reason, tried again and done when
// the gateway works (row C8). A changed number that it does not take leaves the old one (C13). Revoking takes name and
// number away, over a gateway that fails, and is told until it is done (C14, C15).
func TestC13_C14_C15_AFailingGateway(t *testing.T) {
	t.Parallel()
	g := newGate(t, 2)
	g.start()
	g.cut.Store(true)
	nouns := append(floorsOf(2), callsHome(1, since(time.Hour))...)
	g.store(1, nouns...)
	all := g.until("the failure", atGate(access.EventFailed, "", "p1"))
	if i := slices.IndexFunc(all, func(e access.Event) bool { return e.Kind == access.EventFailed && e.Device == "gate" }); all[i].Fault != "timeout" || all[i].NextTry.IsZero() || all[i].Message == "" {
		t.Errorf("told as %+v", all[i])
	}
	g.until("the move-in at the other panel", func(all []access.Event) bool {
		return slices.ContainsFunc(all, func(e access.Event) bool { return e.Kind == access.EventConfirmed && e.Device == "front" })
	})
	if !g.opens("10001") {
		t.Error("the failing gateway keeps the resident out at the other panel")
	}
	g.cut.Store(false)
	g.until("the creation", atGate(access.EventConfirmed, access.OpAdd, "p1"))

	g.set(comelitsim.FaultWriteRefused, true)
	moved := nouns[: len(nouns)-5 : len(nouns)-5]
	other := callsHome(1, since(time.Hour))
	p := other[0].(access.Person)
	p.Phones = []string{"+15550777"}
	other[0] = p
	g.store(2, append(moved, other...)...)
	g.until("the refused change", func(all []access.Event) bool {
		return slices.ContainsFunc(all, func(e access.Event) bool { return e.Kind == access.EventFailed && e.Fault == "invalid" })
	})
	if s := g.slots(); s["101 phone +155500001 T. Jones1 - Unit 101"] != 1 {
		t.Errorf("the number before is gone: %v", s)
	}

	g.store(3, moved...)
	g.until("the removal that fails", atGate(access.EventFailed, access.OpRemove, "p1"))
	must(t, g.sim.DropBackups(0))
	g.set(comelitsim.FaultWriteRefused, false)
	all = g.until("the removal", atGate(access.EventConfirmed, access.OpRemove, "p1"))
	if e := all[len(all)-1]; e.Grade != access.Exact || e.Asked.IsZero() {
		t.Errorf("confirmed as %+v", e)
	}
	if s := g.slots(); len(s) != 0 {
		t.Errorf("left on the gateway: %v", s)
	}
}

// Somebody's app is invited by the device itself, on request and once; the code goes nowhere: not into the answer, not into
// the log, not into events (row C6).
func TestTowardsC6_AnAppIsInvitedOnRequest(t *testing.T) {
	t.Parallel()
	g := newGate(t, 2)
	g.start()
	g.store(1, append(floorsOf(2), callsHome(1, since(time.Hour))...)...)
	g.until("the resident", atGate(access.EventConfirmed, access.OpAdd, "p1"))
	if n := len(g.sim.Stats().Invitations); n != 0 {
		t.Fatalf("%d invitations without anybody's word", n)
	}
	out, err := Tell(t.Context(), g.cfg, TellInvite, InviteRequest{"gate", "Tom Jones1"})
	must(t, err)
	if st := g.sim.Stats(); len(st.Invitations) != 1 || st.Invitations[0].Email != "r1@example.com" {
		t.Errorf("invitations %+v", st.Invitations)
	}
	codes := 0
	for _, s := range g.sim.Users(false) {
		if s.Code != "" {
			codes++
			holdsNone(t, "the answer", string(out), s.Code)
			holdsNone(t, "the log", g.logs.text(), s.Code)
			raw, err := json.Marshal(g.events())
			must(t, err)
			holdsNone(t, "an event", string(raw), s.Code)
		}
	}
	if codes != 1 {
		t.Errorf("%d codes on the device", codes)
	}
	for _, r := range []InviteRequest{{"front", "p1"}, {"nowhere", "p1"}, {"gate", "Nobody"}} {
		if _, err := Tell(t.Context(), g.cfg, TellInvite, r); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
}

// The account loses its rights: the gateway says so in words, once, with what to do; a metric stands for it, and it ends
// by itself (row C16).
func TestC16_LostRightsAreNoticed(t *testing.T) {
	t.Parallel()
	g := newGate(t, 2)
	g.start()
	g.until("the first answer", atGate(access.EventReachable, "", ""))
	g.set(comelitsim.FaultAdminLost, true)
	g.store(1, append(floorsOf(2), callsHome(1, since(time.Hour))...)...)
	g.until("the loss", atGate(access.EventUnreachable, "", ""))
	told := toldOf(t, g.agent, access.EventUnreachable, "gate")
	if len(told) != 1 || !strings.Contains(told[0], "the installer account lost its rights") || !strings.Contains(told[0], "Log in to the device's web page as installer") {
		t.Errorf("told as %q", told)
	}
	if v := g.metric(`gatehouse_device_refused{device="gate"}`); v != "1" {
		t.Errorf("the metric is %s", v)
	}
	g.set(comelitsim.FaultAdminLost, false)
	g.until("the resident", atGate(access.EventConfirmed, access.OpAdd, "p1"))
	if v := g.metric(`gatehouse_device_refused{device="gate"}`); v != "0" {
		t.Errorf("the metric stays %s", v)
	}
}
