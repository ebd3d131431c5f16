package agent

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func report[T any](t *testing.T, h *house, path string, query ...string) (v T) {
	t.Helper()
	must(t, json.Unmarshal([]byte(h.ask(path, query...)), &v))
	return v
}

// TestTowardsG1_AProofIsOpenUntilThePanelShowsIt: somebody is taken away while the panel does not answer. The proof is
// open, grows old and is counted; when the panel answers it is closed with times and grade, and the
// signed chain holds the event with the same number.
func TestTowardsG1_AProofIsOpenUntilThePanelShowsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	two := append(places(), append(resident(1, since(time.Hour)), resident(2, since(time.Hour))...)...)
	h.store(1, two...)
	h.confirmed("p1")
	h.confirmed("p2")
	if got := h.metric("gatehouse_oldest_unconfirmed_revocation_seconds"); got != "0" {
		t.Errorf("nothing was revoked, and the oldest is %s s old", got)
	}
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: "http-500", On: true}))
	h.store(2, append(places(), resident(2, since(time.Hour))...)...)
	var open ProofsReport
	for open.Open == 0 { // the loop writes it down before it asks the panel
		receive(t, tick(), "the proof to be opened")
		open = report[ProofsReport](t, h, AskProofs, "open", "1")
	}
	p := open.Proofs[0]
	if p.Person != "p1" || p.Device != "front" || p.State != "open" || p.Asked.IsZero() || p.Stored.IsZero() || p.Age <= 0 || open.Oldest != p.Age {
		t.Errorf("%+v", open)
	}
	if got := h.metric(`gatehouse_unconfirmed_revocations{device="front"}`); got != "1" {
		t.Errorf("unconfirmed: %s", got)
	}
	if got := h.metric("gatehouse_oldest_unconfirmed_revocation_seconds"); got == "0" || got == "absent" {
		t.Errorf("the oldest is %s s old", got)
	}
	if page := h.get("/"); !strings.Contains(page, "1 not confirmed") {
		t.Errorf("the page does not say it: %s", page)
	}
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: "http-500"}))
	for open.Open > 0 {
		receive(t, tick(), "the proof to be closed")
		open = report[ProofsReport](t, h, AskProofs)
	}
	p = open.Proofs[0]
	if p.State != "confirmed" || p.Grade != access.Exact || p.Number == 0 || p.Confirmed.Before(p.Asked) || p.Attempts == 0 {
		t.Errorf("%+v", p)
	}
	var told []access.Event
	_, _, raw, _, err := h.agent.box.outbox.Pending(p.Number-1, 1<<20)
	must(t, err)
	for _, r := range raw {
		var e access.Event
		must(t, json.Unmarshal(r, &e))
		told = append(told, e)
	}
	if len(told) == 0 || told[0].Number != p.Number || told[0].Op != access.OpRemove || !told[0].Asked.Equal(p.Asked) {
		t.Errorf("event %d is %+v", p.Number, told)
	}
	running := h.ask(AskProofs)
	h.stop()
	same(t, "the proofs", running, h.ask(AskProofs))
}

func tick() <-chan time.Time { return time.After(20 * time.Millisecond) }

// TestTowardsG4_DriftIsListedAndLetBe by the running program; the reason stays over a restart.
func TestTowardsG4_DriftIsListedAndLetBe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.sim.Edit("add", akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711471"})
	must(t, err)
	h.start()
	h.store(1, append(places(), resident(1, since(time.Hour))...)...)
	h.confirmed("p1")
	var r DriftReport
	for len(r.Drift) == 0 {
		receive(t, tick(), "the stranger to be found")
		r = report[DriftReport](t, h, AskDrift, "device", "front")
	}
	d := r.Drift[0]
	if r.Open != 1 || d.Kind != access.DriftStranger || d.Native == "" || d.Device != "front" || d.First.IsZero() {
		t.Fatalf("%+v", r)
	}
	holdsNone(t, "the list", h.ask(AskDrift), "4711471")
	if got := h.metric(`gatehouse_device_drift{device="front",kind="stranger"}`); got != "1" {
		t.Errorf("the metric says %s", got)
	}
	for _, bad := range []IgnoreRequest{{"back", d.Native, "x"}, {"front", "", "x"}, {"front", "nowhere", "x"}, {"front", d.Native, "two\nlines"}} {
		if _, err := Tell(t.Context(), h.cfg, TellIgnore, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	_, err = Tell(t.Context(), h.cfg, TellIgnore, IgnoreRequest{"front", d.Native, "the caretaker's own"})
	must(t, err)
	if got := h.metric(`gatehouse_device_drift{device="front",kind="stranger"}`); got != "0" {
		t.Errorf("let be, the metric says %s", got)
	}
	for r = report[DriftReport](t, h, AskDrift); r.Open > 0; r = report[DriftReport](t, h, AskDrift) {
		receive(t, tick(), "the double to be struck off")
	}
	h.stop()
	if r = report[DriftReport](t, h, AskDrift); r.Open != 0 || r.Ignored != 1 || r.Drift[0].Ignore != "the caretaker's own" {
		t.Errorf("%+v", r)
	}
	if _, err := Ask(t.Context(), h.cfg, AskDrift, values([]string{"device", "back"}), quiet()); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}

// TestHoldsAreListedAndStandInThePlan, with the cause, and apart from what is to be removed.
func TestHoldsAreListedAndStandInThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		w := access.Window{From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
		s.publish(1, append(places(), resident(1, w)...)...)
		sleepFor(time.Minute)
		hold := access.Hold{Person: "p1", Cause: access.HoldBrake, Since: time.Now()}
		must(t, s.agent.box.site.PutHolds([]access.Hold{hold}))
		s.agent.driven()[0].loop.HoldsChanged()
		sleepFor(2 * time.Hour)
		for name, d := range map[string]desk{"the loop": s.agent.desk(), "the files": {box: s.agent.box, cfg: s.agent.cfg}} {
			v, err := askPlan(t.Context(), d, nil)
			must(t, err)
			p := v.(PlanReport).Devices[0]
			if len(p.Steps) != 0 || len(p.Holds) != 1 || p.Holds[0].Cause != access.HoldBrake {
				t.Errorf("%s: %+v", name, p)
			}
		}
		v, err := askHolds(t.Context(), s.agent.desk(), nil)
		if list := v.(HoldsReport).Holds; err != nil || len(list) != 1 || list[0].Person != "p1" {
			t.Errorf("%v %v", list, err)
		}
		if st := s.agent.driven()[0].status(); st.Held != 1 || st.Revocations != 0 {
			t.Errorf("%d held, %d to confirm", st.Held, st.Revocations)
		}
		s.end()
	})
}

// TestTowardsG4_DriftIsDecidedByName by the running program: one record is kept, one removed, one given to
// a resident; what changed meanwhile is not acted on, and the cloud has a numbered event of each.
func TestTowardsG4_DriftIsDecidedByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, u := range []akuvoxsim.User{{UserID: "77", Name: "Caretaker", PIN: "4711471"}, {UserID: "78", Name: "Gone", PIN: "4711472"}, {UserID: "79", Name: "Holt", PIN: "4711473"}} {
		_, err := h.sim.Edit("add", u)
		must(t, err)
	}
	h.start()
	h.store(1, append(places(), resident(1, since(time.Hour))...)...)
	h.confirmed("p1")
	var r DriftReport
	for len(r.Drift) < 3 {
		receive(t, tick(), "the strangers to be found")
		r = report[DriftReport](t, h, AskDrift)
	}
	entry := map[string]string{}
	for _, d := range r.Drift {
		entry[d.Name] = d.Entry
	}
	decide := func(q DriftRequest) (DecisionReport, error) {
		q.Device = cmp.Or(q.Device, "front")
		raw, err := Tell(t.Context(), h.cfg, TellDrift, q)
		var out DecisionReport
		if err == nil {
			must(t, json.Unmarshal(raw, &out))
		}
		return out, err
	}
	for _, bad := range []DriftRequest{
		{Do: "burn", Entry: entry["Gone"]}, {Do: access.DriftRemove, Device: "back", Entry: entry["Gone"]}, {Do: access.DriftRemove}, {Do: access.DriftTake, Entry: entry["Holt"]},
		{Do: access.DriftTake, Entry: entry["Holt"], Person: "nobody"}, {Do: access.DriftKeep, Entry: entry["Gone"], Person: "p1"}, {Do: access.DriftKeep, Entry: entry["Gone"], Reason: "two\nlines"},
		{Do: access.DriftRemove, Entry: "none"},
	} {
		if _, err := decide(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, q := range []DriftRequest{{Do: access.DriftKeep, Entry: entry["Caretaker"], Reason: "his own"}, {Do: access.DriftRemove, Entry: entry["Gone"]}, {Do: access.DriftTake, Entry: entry["Holt"], Person: "p1"}} {
		out, err := decide(q)
		if err != nil || !out.Done || out.Entry != q.Entry || out.Act != q.Do {
			t.Errorf("%+v: %+v %v", q, out, err)
		}
	}
	opens := func(pin string) bool { return h.sim.Present(akuvoxsim.Credential{PIN: pin}).Granted }
	for opens("4711473") { // it is p1's now, who has a row already
		receive(t, tick(), "the double to go")
	}
	if !opens("4711471") || opens("4711472") {
		t.Error("the caretaker's PIN must open, the removed one not")
	}
	h.stop()
	if r = report[DriftReport](t, h, AskDrift); r.Open != 0 || r.Ignored != 1 || r.Drift[0].Ignore != "his own" {
		t.Errorf("after a restart: %+v", r)
	}
	if len(r.Devices) != 1 || r.Devices[0].Device != "front" || r.Devices[0].AsOf.IsZero() || r.Drift[0].Told {
		t.Errorf("as of %+v; the cloud, which nobody reaches, has %+v", r.Devices, r.Drift)
	}
	if i := slices.IndexFunc(r.Gone, func(g access.Drift) bool { return g.Entry == entry["Gone"] }); i < 0 || r.Gone[i].Act != access.DriftRemove || r.Gone[i].Last.IsZero() {
		t.Errorf("what went: %+v", r.Gone)
	}
	holdsNone(t, "the list", h.ask(AskDrift), "4711471")
}
