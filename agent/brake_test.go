package agent

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol/access"
)

// omit is nouns without those that leave says.
func omit(nouns []access.Noun, leave func(access.Noun) bool) []access.Noun {
	return slices.DeleteFunc(slices.Clone(nouns), leave)
}

// TestTowardsG3_LosingEveryDoorOrEveryPINWaitsToo: the grants stay and what they rest on is taken away.
func TestTowardsG3_LosingEveryDoorOrEveryPINWaitsToo(t *testing.T) {
	for name, leave := range map[string]func(access.Noun) bool{
		"the group":    func(n access.Noun) bool { _, is := n.(access.Group); return is },
		"the door":     func(n access.Noun) bool { _, is := n.(access.Door); return is },
		"their PINs":   func(n access.Noun) bool { _, is := n.(access.Credential); return is },
		"their grants": func(n access.Noun) bool { _, is := n.(access.Grant); return is },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.start()
				defer func() { s.end() }()
				s.upTo(none(), at(1, 1), town(1, 20)...)
				s.upTo(none(), at(1, 2), omit(town(1, 20), leave)...)
				if n := s.inside(1, 20); n != 20 || s.hello().Held != 20 {
					t.Fatalf("%d of 20 are let in, %d held", n, s.hello().Held)
				}
				s.restart(time.Hour, true)
				s.upTo(none(), at(1, 3), omit(town(1, 19), leave)...)
				if n := s.inside(1, 20); n != 20 || s.hello().Held != 20 {
					t.Fatalf("%d of 20 are let in after another change, %d held", n, s.hello().Held)
				}
				s.upTo(none(), at(1, 4), town(1, 20)...)
				if n := s.inside(1, 20); n != 20 || s.hello().Held != 0 {
					t.Errorf("%d of 20 are let in when it came back, %d held", n, s.hello().Held)
				}
				s.upTo(none(), at(1, 5), omit(town(1, 20), leave)...)
				must(t, linkWanted{s.agent}.Meant(at(1, 5)))
				sleepFor(time.Minute)
				// Where no door of the panel is the property's, the plan itself lets everybody be.
				if n := s.inside(1, 20); s.hello().Held != 0 || n != 0 && name != "the door" {
					t.Errorf("%d of 20 are let in after the agreement, %d held", n, s.hello().Held)
				}
			})
		})
	}
}

// TestTowardsG3_ManySmallRemovalsAddUp within a day, over restarts, and until somebody agrees; revocations by name and
// people who come back count for nothing.
func TestTowardsG3_ManySmallRemovalsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 1), town(1, 109)...)
		s.upTo(none(), at(1, 2), town(5, 109)...)
		s.restart(time.Hour, true)
		s.upTo(none(), at(1, 3), town(9, 109)...) // eight in all
		if n := s.inside(1, 109); n != 101 {
			t.Fatalf("%d of 101 are let in", n)
		}
		must(t, linkWanted{s.agent}.Meant(at(1, 3))) // the cloud saw that nobody waits: that is nobody's word
		by := resident(9, access.Window{Until: time.Now().Add(-time.Minute)})
		g := by[3].(access.Grant)
		g.Ends = access.EndRevoked
		by[3] = g
		s.upTo(none(), at(1, 4), append(town(11, 109), by...)...) // one by name, and the ninth
		s.upTo(none(), at(1, 5), append(town(12, 109), by...)...) // the tenth
		if n := s.inside(1, 109); n != 98 || s.hello().Held != 0 {
			t.Fatalf("%d of 98 are let in, %d held", n, s.hello().Held)
		}
		s.upTo(none(), at(1, 6), append(town(13, 109), by...)...)
		if n := s.inside(12, 109); n != 98 || s.hello().Held != 1 {
			t.Fatalf("%d of 98 are let in after the eleventh, %d held", n, s.hello().Held)
		}
		if got := s.heldTold(); len(got) != 1 || !strings.Contains(got[0], "10 others in the last 24h") {
			t.Errorf("told %q", got)
		}
		must(t, linkWanted{s.agent}.Meant(at(1, 6)))
		s.upTo(at(1, 6), at(1, 7), append(town(21, 109), by...)...)
		if n := s.inside(1, 109); n != 89 || s.hello().Held != 0 {
			t.Fatalf("%d of 89 are let in: the agreement did not begin anew, %d held", n, s.hello().Held)
		}
		s.upTo(at(1, 6), at(1, 8), append(town(17, 109), by...)...) // four are given back: four are left
		s.upTo(at(1, 6), at(1, 9), append(town(20, 109), by...)...)
		if n := s.inside(1, 109); n != 90 || s.hello().Held != 0 {
			t.Errorf("%d of 90 are let in, %d held", n, s.hello().Held)
		}
		sleepFor(24 * time.Hour)
		s.upTo(at(1, 6), at(1, 10), append(town(28, 109), by...)...)
		if n := s.inside(1, 109); n != 82 || s.hello().Held != 0 {
			t.Errorf("%d of 82 are let in a day later, %d held", n, s.hello().Held)
		}
	})
}

// TestTowardsG3_WhileTheClockIsNotTrustedNoRemovalIsForgotten.
func TestTowardsG3_WhileTheClockIsNotTrustedNoRemovalIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(none(), at(1, 1), town(1, 20)...)
		s.upTo(none(), at(1, 2), town(3, 20)...)
		s.end()
		s.boot++ // a power cut, and no time server after it
		s.since = time.Now()
		s.ntp.Store(false)
		s.start()
		sleepFor(72 * time.Hour)
		s.upTo(none(), at(1, 3), town(5, 20)...)
		if _, trusted := s.agent.box.clock.Now(); trusted || s.hello().Held != 2 {
			t.Errorf("trusted %v, %d held", trusted, s.hello().Held)
		}
	})
}

// TestTowardsG3_AfterALostStateTheLedgerIsWhatIsJudgedBy: the first state after a lost one takes nobody's place by more
// than the brake allows.
func TestTowardsG3_AfterALostStateTheLedgerIsWhatIsJudgedBy(t *testing.T) {
	for name, c := range map[string]struct {
		next   []access.Noun
		at     access.Position
		inside int
		held   int
	}{
		"the same state":            {town(1, 20), at(1, 4), 20, 0},
		"thirty per cent are gone":  {town(7, 20), at(1, 5), 20, 6},
		"everybody is":              {places(), at(1, 5), 20, 20},
		"a few are":                 {town(3, 20), at(1, 5), 18, 0},
		"as many as a restored one": {town(2, 20), at(2, 1), 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.start()
				defer func() { s.end() }()
				s.upTo(none(), at(1, 4), town(1, 20)...)
				s.end()
				s.loseWanted()
				s.start()
				sleepFor(time.Hour)
				s.upTo(none(), c.at, c.next...)
				sleepFor(25 * time.Hour)
				if n := s.inside(1, 20); n != c.inside || s.hello().Held != c.held {
					t.Errorf("%d are let in, want %d; %d held, want %d", n, c.inside, s.hello().Held, c.held)
				}
				must(t, linkWanted{s.agent}.Meant(c.at))
				sleepFor(time.Minute)
				if n := s.inside(1, 20); n != c.inside-c.held || s.hello().Held != 0 {
					t.Errorf("after the agreement %d are let in; %d held", n, s.hello().Held)
				}
			})
		})
	}
}

// TestTowardsG3_AfterALostStateWhatWasStoredBeforeActs: the very state that was lost holds ends that came meanwhile.
func TestTowardsG3_AfterALostStateWhatWasStoredBeforeActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		all := places()
		for n := 1; n <= 20; n++ {
			all = append(all, resident(n, access.Window{Until: time.Now().Add(2 * time.Hour)})...)
		}
		s.upTo(none(), at(1, 4), all...)
		s.end()
		s.loseWanted()
		s.start()
		sleepFor(3 * time.Hour)
		s.upTo(none(), at(1, 4), all...)
		if s.inside(1, 20) != 0 || s.hello().Held != 0 {
			t.Errorf("%d are let in after the end that was published, %d held", s.inside(1, 20), s.hello().Held)
		}
	})
}
