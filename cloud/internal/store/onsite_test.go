package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// teller tells events of gw1 as one chain.
type teller struct {
	t    *testing.T
	s    *Store
	next uint64
	link access.Link
}

func (c *teller) tell(evs ...access.Event) {
	c.t.Helper()
	raw, link := chain(c.next, c.link, evs...)
	if _, err := tell(c.t, c.s, c.next, c.link, raw); err != nil {
		c.t.Fatal(err)
	}
	c.next, c.link = c.next+uint64(len(evs)), link
}

func newTeller(t *testing.T, s *Store) *teller { return &teller{t: t, s: s, next: 1} }

func astray(entry string, n access.DriftNote) access.Event {
	n.Entry, n.First, n.Native = entry, noon().Add(-time.Hour), "17"
	return access.Event{Kind: access.EventDrift, Device: "lobby", Drift: access.DriftStranger, Message: "not written by this gateway", Row: &n}
}

// TestTowardsG4_FoundRecordsAreListedUntilTheGatewaySaysTheyAreGone: with what people on site decided,
// and why it could not be done.
func TestTowardsG4_FoundRecordsAreListedUntilTheGatewaySaysTheyAreGone(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		c := newTeller(t, s)
		ghost := astray("g-1", access.DriftNote{})
		ghost.Person, ghost.Drift = "p1", access.DriftGhost
		old := astray("", access.DriftNote{})
		old.Row = nil // of a gateway that tells no rows
		c.tell(ghost, astray("s-1", access.DriftNote{}), astray("s-2", access.DriftNote{Act: access.DriftKeep, Reason: "fire brigade"}),
			access.Event{Kind: access.EventDrift, Device: "lobby", Row: &access.DriftNote{More: 7}}, old)
		got := must(s.OnSite(t.Context(), "maples"))(t).Found
		if len(got) != 4 || got[0].Entry != "g-1" || got[0].Person != "p1" || got[0].Kind != access.DriftGhost || got[1].Words != "not written by this gateway" || !got[1].First.Equal(noon().Add(-time.Hour)) ||
			got[2].Act != access.DriftKeep || got[2].Reason != "fire brigade" || got[3].Entry != "" || got[3].Count != 7 {
			t.Fatalf("found: %+v", got)
		}
		failed := astray("s-1", access.DriftNote{})
		failed.Fault, failed.Message = "conflict", "not done: it changed since it was listed"
		c.tell(astray("s-1", access.DriftNote{Act: access.DriftTake, To: "p1", Reason: strings.Repeat("x", 999)}), failed,
			astray("g-1", access.DriftNote{Gone: true, Act: access.DriftRemove}), access.Event{Kind: access.EventDrift, Device: "lobby", Row: &access.DriftNote{}})
		got = must(s.OnSite(t.Context(), ""))(t).Found
		if len(got) != 2 || got[0].Entry != "s-1" || got[0].Act != "" || got[0].Failed != failed.Message || got[0].Words != "not written by this gateway" {
			t.Errorf("after decisions: %+v", got)
		}
		if other := must(s.OnSite(t.Context(), "elms"))(t); len(other.Found) != 0 {
			t.Errorf("of another property: %+v", other)
		}
		if err := s.SaveInventory(t.Context(), Fence{}, "gw1", 99, []access.Device{{ID: "rear"}}, noon()); err != nil {
			t.Fatal(err)
		}
		if got = must(s.OnSite(t.Context(), "maples"))(t).Found; len(got) != 0 {
			t.Errorf("on a device that is gone: %+v", got)
		}
	})
}

// TestTowardsG3_WhoWaitsIsListedUntilTheGatewayLetsGo: those whom its brake holds, each once, and those
// who wait for something else.
func TestTowardsG3_WhoWaitsIsListedUntilTheGatewayLetsGo(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		c := newTeller(t, s)
		stale := "the lease ended and access stays"
		held := func(p access.PersonID, words string) access.Event {
			return access.Event{Kind: access.EventHeld, Device: "lobby", Person: p, Message: words}
		}
		hold := access.Event{Kind: access.EventHeld, Hold: &access.HoldNote{People: []access.PersonID{"p1", "p2"}, Cause: access.HoldBrake, At: access.Position{Epoch: 1, Revision: 9}}}
		c.tell(hold, held("p1", "access ended and stays"), held("p3", stale))
		waits := func() (out []string) {
			for _, w := range must(s.OnSite(t.Context(), "maples"))(t).Waiting {
				out = append(out, fmt.Sprint(w.Person, " ", w.Cause, w.Revision, w.Words))
			}
			return out
		}
		if got := waits(); len(got) != 3 || got[0] != "p1 brake9" || got[1] != "p2 brake9" || got[2] != "p3 0"+stale {
			t.Errorf("waiting: %q", got)
		}
		c.tell(access.Event{Kind: access.EventState, Hold: &access.HoldNote{People: []access.PersonID{"p1"}, Gone: true}},
			access.Event{Kind: access.EventConfirmed, Device: "lobby", Person: "p1", Op: access.OpRemove}, access.Event{Kind: access.EventConfirmed, Device: "lobby", Person: "p3", Op: access.OpRemove})
		if got := waits(); len(got) != 1 || got[0] != "p2 brake9" {
			t.Errorf("after one was let go: %q", got)
		}
		hello := func(n int) {
			t.Helper()
			if err := s.SaveHello(t.Context(), Fence{}, "gw1", Hello{Held: n, At: noon()}); err != nil {
				t.Fatal(err)
			}
		}
		if hello(1); len(waits()) != 1 {
			t.Error("the gateway holds somebody, and nobody is listed")
		}
		if hello(0); len(waits()) != 0 {
			t.Error("the gateway holds nobody, and somebody is listed")
		}
	})
}

// TestANewBoxLooksForItself: what the old one found and held is forgotten with it.
func TestANewBoxLooksForItself(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		newTeller(t, s).tell(astray("s-1", access.DriftNote{}), access.Event{Kind: access.EventDrift, Device: "lobby", Row: &access.DriftNote{More: 7}},
			access.Event{Kind: access.EventHeld, Hold: &access.HoldNote{People: []access.PersonID{"p1"}, Cause: access.HoldEpoch}})
		g := must(s.Gateway(t.Context(), "gw1"))(t)
		g.Signing, g.Serial = []byte("another box"), "5"
		err := s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.Replace(t.Context(), g)
			return err
		})
		if all := must(s.OnSite(t.Context(), "maples"))(t); err != nil || len(all.Found)+len(all.Waiting) != 0 {
			t.Errorf("%v: %+v", err, all)
		}
	})
}

// TestRepliesToCommandsAreKept: the event, which is sure to come, and the reply, which says more, in
// either order; the newest hundred.
func TestRepliesToCommandsAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		c := newTeller(t, s)
		done := func(id, words, kind string) access.Event {
			return access.Event{Kind: access.EventCommand, Command: id, Message: words, Fault: kind, Device: "lobby", Door: "front"}
		}
		reply := func(id, result, message string, at time.Time) {
			t.Helper()
			if err := s.SaveReply(t.Context(), Fence{}, CommandReply{Gateway: "gw1", ID: id, Result: result, Message: message, At: at}); err != nil {
				t.Fatal(err)
			}
		}
		c.tell(done("c1", "open_door: refused", "conflict"), access.Event{Kind: access.EventCommand})
		reply("c1", "refused", "the clock is not trusted", noon())
		reply("c2", "done", "42 rows", noon().Add(time.Second))
		c.tell(done("c2", "audit: done", ""))
		got := must(s.OnSite(t.Context(), "maples"))(t).Replies
		if len(got) != 2 || got[0].ID != "c2" || got[0].What != "audit" || got[0].Message != "42 rows" || got[0].Result != "done" {
			t.Fatalf("replies: %+v", got)
		}
		if r := got[1]; r.What != "open_door" || r.Message != "the clock is not trusted" || r.Result != "refused" || r.Door != "front" {
			t.Errorf("refused: %+v", r)
		}
		for i := range maxReplies + 5 {
			reply(fmt.Sprint("d", i), "done", "", noon().Add(time.Hour+time.Duration(i)*time.Second))
		}
		if got = must(s.OnSite(t.Context(), ""))(t).Replies; len(got) != maxReplies || got[0].ID != fmt.Sprint("d", maxReplies+4) {
			t.Errorf("%d are kept, the newest is %s", len(got), got[0].ID)
		}
	})
}
