package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// upTo publishes a snapshot of an epoch that somebody agreed to up to meant.
func (s *site) upTo(meant, at access.Position, nouns ...access.Noun) {
	s.t.Helper()
	u := access.Update{Position: at, Chunk: 1, Of: 1, Issued: time.Now(), DigestKey: make([]byte, 32), Meant: meant}
	for _, it := range items(s.t, nouns...) {
		u.Put = append(u.Put, it)
		u.Digest.Toggle(u.DigestKey, it)
	}
	if done, err := (linkWanted{s.agent}).Apply(u); err != nil || !done {
		s.t.Fatalf("the state was not stored: %v %v", done, err)
	}
	sleepFor(time.Minute) // for the panel
	synctest.Wait()
}

// town is places and residents from..to, both included, except some.
func town(from, to int, without ...int) []access.Noun {
	out := places()
	for n := from; n <= to; n++ {
		gone := false
		for _, w := range without {
			gone = gone || w == n
		}
		if !gone {
			out = append(out, resident(n, access.Window{From: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)})...)
		}
	}
	return out
}

// inside counts how many of residents from..to the panel lets in.
func (s *site) inside(from, to int) (n int) {
	for i := from; i <= to; i++ {
		if len(s.panel.Present(fmt.Sprint(10000+i))) > 0 {
			n++
		}
	}
	return n
}

func at(epoch, revision uint64) access.Position {
	return access.Position{Epoch: epoch, Revision: revision}
}

func none() access.Position { return access.Position{} }

// heldTold are the words of the gateway itself about who is held.
func (s *site) heldTold() []string { return toldOf(s.t, s.agent, access.EventHeld, "") }

func (s *site) hello() protocol.Hello {
	p := s.agent.box.Position()
	h := protocol.Hello{Epoch: p.Epoch, Revision: p.Revision}
	s.agent.greet(&h)
	return h
}

// TestTowardsG3_AMassRemovalWaitsAtTheGateway: 30 of 100 people vanish in one revision; nobody is removed until
// somebody agrees. It is told once, also over a restart, and a revocation by name passes meanwhile.
func TestTowardsG3_AMassRemovalWaitsAtTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 1), town(1, 100)...)
		if n := s.inside(1, 100); n != 100 {
			t.Fatalf("%d of 100 are let in", n)
		}
		s.upTo(none(), at(1, 2), town(31, 100)...)
		if n := s.inside(1, 100); n != 100 {
			t.Fatalf("%d of 100 are let in after a cut that nobody agreed to", n)
		}
		if h := s.hello(); h.Held != 30 || h.Revision != 2 {
			t.Errorf("hello %+v", h)
		}
		s.restart(time.Hour, true)
		sleepFor(25 * time.Hour) // an audit too
		if n := s.inside(1, 30); n != 30 || s.hello().Held != 30 {
			t.Fatalf("%d of 30 are let in after a restart, %d held", n, s.hello().Held)
		}
		revoked := town(31, 100, 40)
		r := resident(40, access.Window{From: time.Now().Add(-time.Hour), Until: time.Now()})
		g := r[3].(access.Grant)
		g.Ends = access.EndRevoked
		r[3] = g
		s.upTo(none(), at(1, 3), append(revoked, r...)...)
		if s.inside(40, 40) != 0 || s.inside(31, 39) != 9 {
			t.Error("a revocation by name waits behind the mass removal")
		}
		if got := s.heldTold(); len(got) != 1 || !strings.Contains(got[0], "30 of 100 people") {
			t.Errorf("told %q", got)
		}
		must(t, linkWanted{s.agent}.Meant(at(1, 1)))
		sleepFor(time.Minute)
		if n := s.inside(1, 30); n != 30 {
			t.Errorf("an agreement to an older revision let %d go", 30-n)
		}
		must(t, linkWanted{s.agent}.Meant(at(1, 2)))
		sleepFor(time.Minute)
		if n, m := s.inside(1, 30), s.inside(41, 100); n != 0 || m != 60 || s.hello().Held != 0 {
			t.Errorf("after the agreement %d of the 30 and %d of the 60 are let in, %d held", n, m, s.hello().Held)
		}
	})
}

// TestAFewMayGoWithoutAWord: what the brake allows, and what somebody agreed to in the same breath, acts at once.
func TestAFewMayGoWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 1), town(1, 100)...)
		s.upTo(none(), at(1, 2), town(11, 100)...)
		if n := s.inside(1, 100); n != 90 {
			t.Errorf("%d of 90 are let in after ten moved out", n)
		}
		s.upTo(at(1, 3), at(1, 3), town(51, 100)...)
		if n := s.inside(11, 100); n != 50 || len(s.heldTold()) != 0 {
			t.Errorf("%d of 50 are let in after a cut that is meant; told %q", n, s.heldTold())
		}
	})
}

// TestHeldPeopleWhoReturnAreHeldNoLonger: a later end of theirs is another matter.
func TestHeldPeopleWhoReturnAreHeldNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 1), town(1, 20)...)
		s.upTo(none(), at(1, 2), town(11, 20)...)
		s.upTo(none(), at(1, 3), town(6, 20)...)
		if h := s.hello().Held; h != 5 || s.inside(1, 20) != 20 {
			t.Fatalf("%d held after half of them returned", h)
		}
		s.upTo(none(), at(1, 4), town(6, 20, 7)...)
		if s.inside(7, 7) != 0 || s.inside(1, 20) != 19 {
			t.Error("who returned and moved out later is still let in")
		}
	})
}

// TestTowardsE4_ARestoredCloudTakesNothingAwayUntilSomebodyAgrees, be it one person, in the first revision of its epoch
// or a later one; additions act at once. After the agreement the brake is what it was.
func TestTowardsE4_ARestoredCloudTakesNothingAwayUntilSomebodyAgrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(at(1, 40), at(1, 40), town(1, 20)...)
		s.upTo(at(1, 40), at(2, 30), town(2, 21)...)
		if s.inside(1, 21) != 21 || s.hello().Held != 1 || s.hello().Epoch != 2 {
			t.Fatalf("%d of 21 are let in, %+v", s.inside(1, 21), s.hello())
		}
		s.restart(time.Minute, false)
		s.upTo(at(1, 40), at(2, 31), town(3, 22)...)
		if s.inside(1, 22) != 22 || s.hello().Held != 2 {
			t.Fatalf("%d of 22 are let in, %+v", s.inside(1, 22), s.hello())
		}
		if got := s.heldTold(); len(got) != 2 || !strings.Contains(got[0], "backup") {
			t.Errorf("told %q", got)
		}
		if done, err := (linkWanted{s.agent}).Apply(access.Update{Position: at(1, 50), Chunk: 1, Of: 1, DigestKey: make([]byte, 32)}); err == nil || done {
			t.Error("the epoch before is taken again")
		}
		must(t, linkWanted{s.agent}.Meant(at(2, 31)))
		sleepFor(time.Minute)
		if s.inside(1, 2) != 0 || s.inside(3, 22) != 20 || s.hello().Held != 0 {
			t.Errorf("after the agreement %d and %d are let in", s.inside(1, 2), s.inside(3, 22))
		}
		s.upTo(at(2, 31), at(2, 32), town(4, 22)...)
		if s.inside(3, 3) != 0 {
			t.Error("one who moves out after the agreement is still let in")
		}
	})
}

// TestTowardsG7_TheFloorOutlivesTheState: a box whose wanted state was lost is not led behind where it was.
func TestTowardsG7_TheFloorOutlivesTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 9), town(1, 3)...)
		s.end()
		s.loseWanted()
		s.start()
		u := access.Update{Position: at(1, 8), Chunk: 1, Of: 1, DigestKey: make([]byte, 32)}
		if done, err := (linkWanted{s.agent}).Apply(u); err == nil || done || !strings.Contains(err.Error(), "revision 9") {
			t.Errorf("an older state was taken: %v %v", done, err)
		}
		s.upTo(none(), at(1, 9), town(1, 3)...)
		if s.inside(1, 3) != 3 {
			t.Error("the state that was lost is not taken again")
		}
	})
}

// loseWanted takes the wanted state away while the agent rests.
func (s *site) loseWanted() {
	s.t.Helper()
	must(s.t, os.Remove(filepath.Join(s.dir, store.WantedFile)))
}
