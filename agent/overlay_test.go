package agent

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const bossPIN = "70413355"

// staff is a member of staff with a PIN.
func staff(id access.PersonID, pin string, may ...access.Right) []access.Noun {
	return []access.Noun{
		access.Person{ID: id, Kind: access.Staff, First: "Mara", Last: "Lind", May: may},
		access.Credential{ID: access.CredentialID("c" + id), Person: id, Kind: access.PIN, Secret: access.NewSecret(pin)},
	}
}

func boss() []access.Noun {
	return staff("boss", bossPIN, access.MayRevoke, access.MayGrant, access.MayLift)
}

func asked(do access.Right, person string) OverlayRequest {
	r := OverlayRequest{Do: do, Person: person, By: "boss", PIN: bossPIN, Reason: "told by phone"}
	if do == access.MayGrant {
		r.Door, r.Hours = "lobby", 2
	}
	return r
}

// notes are the overlay events in the outbox.
func notes(t *testing.T, a *Agent) (out []access.Event) {
	t.Helper()
	_, _, raw, _, err := a.box.outbox.Pending(0, 1<<20)
	must(t, err)
	for _, r := range raw {
		var e access.Event
		must(t, json.Unmarshal(r, &e))
		if e.Kind == access.EventOverlay {
			out = append(out, e)
		}
	}
	return out
}

// TestTowardsG11_AnActIsToldAndSettled: the event says all that the cloud needs to make it its own, and its
// answer ends it: what is to hold stands in the state by then.
func TestTowardsG11_AnActIsToldAndSettled(t *testing.T) {
	for _, state := range []access.SettlementState{access.OverlayAdopted, access.OverlayRejected, access.OverlayLifted} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			s.start()
			people := append(append(places(), resident(1, since(time.Hour))...), boss()...)
			s.publish(1, people...)
			sleepFor(time.Minute)
			made, err := s.agent.onsite.act(s.t.Context(), asked(access.MayRevoke, "p1"))
			must(t, err)
			v := made.Overlays[0]
			sleepFor(time.Second)
			if len(s.panel.Present("10001")) > 0 {
				t.Error("a second later the PIN opens")
			}
			e := notes(t, s.agent)
			if len(e) != 1 || e[0].Person != "p1" || e[0].Overlay.ID != v.ID || e[0].Overlay.By != "boss" || e[0].Overlay.Gone ||
				e[0].Overlay.Kind != access.OverlayRevoke || e[0].Overlay.Reason != "told by phone" || !e[0].Overlay.Until.IsZero() {
				t.Errorf("told as %+v", e)
			}
			s.publish(2, append(people, access.Settlement{ID: "o-of-another-box", Person: "p1", State: state})...)
			sleepFor(time.Minute)
			if len(s.panel.Present("10001")) > 0 {
				t.Error("somebody else's settlement lifted it")
			}
			s.publish(3, append(people, access.Settlement{ID: v.ID, Person: "p1", State: state})...)
			sleepFor(time.Minute)
			if list, err := s.agent.box.Overlays(); len(list) > 0 || err != nil || len(s.panel.Present("10001")) == 0 {
				t.Errorf("%s: %v %v; the state lets p1 in", state, list, err)
			}
			if e := notes(t, s.agent); len(e) != 2 || !e[1].Overlay.Gone || e[1].Overlay.ID != v.ID || !strings.Contains(e[1].Message, string(state)) {
				t.Errorf("told as %+v", e)
			}
			s.end()
		})
	}
}

// TestTowardsG11_ASettlementThatACrashKeptFromBeingHeard ends the act at the next start.
func TestTowardsG11_ASettlementThatACrashKeptFromBeingHeard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, append(places(), append(resident(1, since(time.Hour)), access.Settlement{ID: "o-1", Person: "p1", State: access.OverlayLifted})...)...)
	must(t, h.agent.box.site.PutOverlay(access.Overlay{ID: "o-1", Kind: access.OverlayRevoke, Person: "p1", By: "boss", Reason: "x"}))
	h.stop()
	h.start()
	if list, err := h.agent.box.Overlays(); len(list) > 0 || err != nil {
		t.Errorf("%v %v", list, err)
	}
}

// TestTowardsG11_WithoutATrustedClockOnlyRevocations: whatever the clock says, somebody can be shut out.
func TestTowardsG11_WithoutATrustedClockOnlyRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		s.publish(1, append(append(places(), resident(1, since(time.Hour))...), boss()...)...)
		sleepFor(time.Minute)
		s.ntp.Store(false)
		s.end()
		s.boot++ // without its battery the box knows nothing of the time
		s.start()
		sleepFor(time.Minute)
		if _, trusted := s.agent.box.clock.Now(); trusted {
			t.Fatal("the clock is trusted; nothing is shown")
		}
		if _, err := s.agent.onsite.act(s.t.Context(), asked(access.MayGrant, "p1")); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "clock is not trusted") {
			t.Errorf("a grant: %v", err)
		}
		if _, err := s.agent.onsite.act(s.t.Context(), asked(access.MayRevoke, "p1")); err != nil {
			t.Errorf("a revocation: %v", err)
		}
		sleepFor(time.Second)
		if len(s.panel.Present("10001")) > 0 {
			t.Error("the PIN opens")
		}
		s.end()
	})
}

// TestTowardsG11_WrongPINsWaitLonger, however the clock is set, and the right one clears the count.
func TestTowardsG11_WrongPINsWaitLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		s.publish(1, append(append(places(), resident(1, since(time.Hour))...), boss()...)...)
		wrong := asked(access.MayRevoke, "p1")
		wrong.PIN = "1"
		try := func(r OverlayRequest, says string) {
			t.Helper()
			_, err := s.agent.onsite.act(s.t.Context(), r)
			if err == nil && says != "" || err != nil && (says == "" || !strings.Contains(err.Error()+fault.RemedyOf(err), says)) {
				t.Errorf("%v, want %q", err, says)
			}
		}
		for range freeTries {
			try(wrong, "nobody here")
		}
		try(asked(access.MayRevoke, "p1"), "Wait 1m0s")
		sleepFor(time.Minute)
		try(wrong, "nobody here")
		try(wrong, "Wait 2m0s")
		for range 20 {
			sleepFor(lastWait)
			try(wrong, "nobody here")
		}
		try(wrong, "Wait 1h0m0s")
		sleepFor(lastWait)
		try(asked(access.MayRevoke, "p1"), "")
		try(wrong, "nobody here")
		try(wrong, "nobody here")
		s.end()
	})
}

func TestAClockSetBackStartsTheWaitAnew(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for count, want := range map[int]time.Duration{0: 0, 4: 0, 5: time.Minute, 6: 2 * time.Minute, 10: 32 * time.Minute, 11: time.Hour, math.MaxInt: time.Hour} {
		if got := (guesses{count, now}).wait(now); got != want {
			t.Errorf("%d guesses wait %s, want %s", count, got, want)
		}
		if got := (guesses{count, now.Add(240 * time.Hour)}).wait(now); got != want {
			t.Errorf("%d guesses in a later year wait %s, want %s", count, got, want)
		}
	}
}

// TestTowardsG11_WhoMayNotAct: somebody whose own access is gone, at the cloud or here, and who is no staff.
func TestTowardsG11_WhoMayNotAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		left := access.Window{From: time.Now().Add(-time.Hour), Until: time.Now().Add(-time.Minute)}
		nouns := append(append(places(), resident(1, since(time.Hour))...), boss()...)
		nouns = append(nouns, staff("left", "4711471", access.MayRevoke)...)
		nouns = append(nouns, access.Grant{ID: "gl", Person: "left", Group: "entrance", Window: left, Ends: access.EndByStaff, Reason: "worked here"})
		nouns = append(nouns, staff("lost", "4711472", access.MayRevoke)...)
		s.publish(1, nouns...)
		_, err := s.agent.onsite.act(s.t.Context(), asked(access.MayRevoke, "lost"))
		must(t, err)
		for who, tt := range map[string]struct{ pin, says string }{
			"left": {"4711471", "own access has ended"},
			"lost": {"4711472", "own access was revoked"},
			"p1":   {"10001", "nobody here"},
		} {
			r := asked(access.MayRevoke, "p1")
			r.By, r.PIN = who, tt.pin
			if _, err := s.agent.onsite.act(s.t.Context(), r); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %q", who, err, tt.says)
			}
		}
		s.end()
	})
}

// TestTowardsG11_BeforeAnyState nobody is known, and that is said.
func TestTowardsG11_BeforeAnyState(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	_, err := Tell(t.Context(), h.cfg, TellOverlay, asked(access.MayRevoke, "p1"))
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "no wanted state") {
		t.Error(err)
	}
}

// TestTowardsG11_OldGrantsAreForgotten a day after they ended, with the next state.
func TestTowardsG11_OldGrantsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		s.publish(1, append(append(places(), resident(1, since(time.Hour))...), boss()...)...)
		_, err := s.agent.onsite.act(s.t.Context(), asked(access.MayGrant, "p1"))
		must(t, err)
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{25 * time.Hour, 1}, {2 * time.Hour, 0}} {
			sleepFor(step.wait)
			s.agent.onsite.settle()
			if list, err := s.agent.box.Overlays(); len(list) != step.want || err != nil {
				t.Errorf("%v %v, want %d", list, err, step.want)
			}
		}
		s.end()
	})
}

// TestTheSocketAloneIsTold: the page's address takes no POST, and a bad one says nothing of what was in it.
func TestTheSocketAloneIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	for path := range tells {
		resp, err := http.Post(h.page+path, "application/json", strings.NewReader("{}"))
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the page's address: %s", path, resp.Status)
		}
		for _, body := range []string{`{"pin":` + bossPIN + `}`, `{"pin` + bossPIN + `":1}`, `"` + bossPIN + `"`, `{"x":"` + strings.Repeat(bossPIN, maxTold) + `"}`} {
			out, err := askDaemon(t.Context(), h.cfg, http.MethodPost, path, []byte(body))
			if fault.KindOf(err) != fault.Invalid || len(out) > 0 {
				t.Errorf("%s %.40s: %s %v", path, body, out, err)
			}
			holdsNone(t, "the refusal", fmt.Sprint(err), bossPIN)
		}
	}
}

// FuzzTold: no bytes on the socket make anything but an act in order, or an error.
func FuzzTold(f *testing.F) {
	f.Add([]byte(`{"do":"grant","person":"p1","door":"lobby","hours":2,"by":"boss","pin":"1234","reason":"x"}`))
	f.Add([]byte(`{"do":"revoke","person":"p1","by":"boss","pin":"1234","reason":"x"}`))
	f.Add([]byte(`{"hours":1e308}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := told[OverlayRequest](body)
		if err != nil {
			return
		}
		if r.check() == nil && (r.Hours < 0 || r.Hours > 12 || r.PIN == "" || r.Reason == "" || (r.Do == access.MayGrant) != (r.Door != "")) {
			t.Errorf("%+v passed", r)
		}
	})
}

// TestTowardsG11_AResidentOfTheSameNameKeepsNoStaffOut: who acts is one of the staff, whatever others are called.
func TestTowardsG11_AResidentOfTheSameNameKeepsNoStaffOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		people := append(append(places(), resident(1, since(time.Hour))...), boss()...)
		s.publish(1, append(people, access.Person{ID: "p9", Kind: access.Resident, First: "Mara", Last: "Lind"})...)
		sleepFor(time.Minute)
		r := asked(access.MayRevoke, "p1")
		r.By = "mara lind"
		if made, err := s.agent.onsite.act(t.Context(), r); err != nil || len(made.Overlays) != 1 || made.Overlays[0].By != "boss" {
			t.Errorf("%+v %v", made, err)
		}
		s.publish(2, append(people, staff("deputy", "61920447", access.MayRevoke)...)...)
		sleepFor(time.Minute)
		r.Person = "boss"
		if _, err := s.agent.onsite.act(t.Context(), r); fault.KindOf(err) != fault.Denied {
			t.Errorf("two of the staff have the name: %v", err)
		}
		s.end()
	})
}
