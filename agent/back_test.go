package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
)

// ended is resident n whose access was ended at an instant for a reason.
func ended(n int, until time.Time, why access.EndReason) []access.Noun {
	out := resident(n, access.Window{Until: until})
	g := out[3].(access.Grant)
	g.Ends = why
	out[3] = g
	return out
}

func (s *site) backTold() (out []string) {
	for _, m := range s.heldTold() {
		if strings.Contains(m, "stay") && strings.Contains(m, "out") {
			out = append(out, m)
		}
	}
	return out
}

// TestTowardsE4_ARestoredCloudLetsNobodyInAgainWhoWasRevoked until somebody agrees: not in the first revision of its epoch,
// not in a later one, not after a restart and not after the wanted state was lost.
func TestTowardsE4_ARestoredCloudLetsNobodyInAgainWhoWasRevoked(t *testing.T) {
	for _, why := range []access.EndReason{access.EndRevoked, access.EndByStaff} {
		for _, how := range []string{"", "later", "lost", "forgotten by the cloud", "another grant"} {
			t.Run(string(why)+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t)
					s.start()
					defer func() { s.end() }()
					s.upTo(at(1, 1), at(1, 1), town(1, 20)...)
					s.upTo(at(1, 2), at(1, 2), append(town(2, 20), ended(1, time.Now(), why)...)...)
					old := town(1, 21)
					epoch := at(2, 1)
					switch how {
					case "later":
						s.upTo(at(1, 2), at(2, 1), append(town(2, 21), ended(1, time.Now(), why)...)...)
						epoch = at(2, 2)
					case "lost":
						s.end()
						s.loseWanted()
						s.start()
					case "forgotten by the cloud":
						s.upTo(at(1, 3), at(1, 3), town(2, 20)...)
					case "another grant":
						old = append(town(2, 21), resident(1, access.Window{})...)
						g := old[len(old)-1].(access.Grant)
						g.ID, g.Group, g.Door = "another", "", "lobby"
						old[len(old)-1] = g
					}
					if s.inside(1, 1) != 0 {
						t.Fatal("who was revoked is let in")
					}
					s.upTo(at(1, 2), epoch, old...)
					if s.inside(1, 1) != 0 || s.inside(2, 21) != 20 || s.hello().Held != 1 {
						t.Fatalf("who was revoked is let in %d times, %d of 20 others, %d held", s.inside(1, 1), s.inside(2, 21), s.hello().Held)
					}
					s.restart(time.Hour, true)
					sleepFor(25 * time.Hour)
					if s.inside(1, 1) != 0 || s.hello().Held != 1 || len(s.backTold()) != 1 {
						t.Fatalf("after a day: let in %d, held %d, told %q", s.inside(1, 1), s.hello().Held, s.backTold())
					}
					must(t, linkWanted{s.agent}.Meant(epoch))
					sleepFor(time.Minute)
					if s.inside(1, 21) != 21 || s.hello().Held != 0 {
						t.Errorf("after the agreement %d of 21 are let in, %d held", s.inside(1, 21), s.hello().Held)
					}
				})
			})
		}
	}
}

// TestTowardsE4_WhoIsGivenBackByTheirOwnCloudIsLetIn at once, and a later backup has nothing to hold.
func TestTowardsE4_WhoIsGivenBackByTheirOwnCloudIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.upTo(at(1, 1), at(1, 1), town(1, 5)...)
		s.upTo(at(1, 2), at(1, 2), append(town(2, 5), ended(1, time.Now(), access.EndRevoked)...)...)
		s.upTo(none(), at(1, 3), town(1, 5)...)
		if s.inside(1, 5) != 5 || s.hello().Held != 0 {
			t.Fatalf("%d of 5 are let in, %d held", s.inside(1, 5), s.hello().Held)
		}
		s.upTo(none(), at(2, 1), append(town(1, 5), access.Building{ID: "b", Name: "East"})...)
		if s.inside(1, 5) != 5 || s.hello().Held != 0 {
			t.Errorf("%d of 5 are let in by the backup, %d held", s.inside(1, 5), s.hello().Held)
		}
	})
}

// TestTowardsE4_OnlyTheDoorThatWasTakenAwayWaits where somebody kept others.
func TestTowardsE4_OnlyTheDoorThatWasTakenAwayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		extra := access.Grant{ID: "extra", Person: "p1", Door: "lobby", Reason: "helps the porter"}
		gone := extra
		gone.Until, gone.Ends = time.Now(), access.EndByStaff
		s.upTo(at(1, 1), at(1, 1), append(town(1, 2), extra)...)
		s.upTo(at(1, 2), at(1, 2), append(town(1, 2), gone)...)
		s.upTo(at(1, 2), at(2, 1), append(town(1, 2), extra)...)
		h, _, err := s.agent.box.Holder("p1")
		must(t, err)
		for _, g := range h.Grants {
			if g.Contains(time.Now()) != (g.ID != "extra") {
				t.Errorf("grant %s is %+v", g.ID, g.Window)
			}
		}
		if s.inside(1, 2) != 2 || s.hello().Held != 1 {
			t.Errorf("%d of 2 are let in, %d held", s.inside(1, 2), s.hello().Held)
		}
	})
}

// TestTowardsG11_AnEmergencyRevocationOutlivesTheCloudThatTookItUp, until somebody lifts it at the gateway or the
// restored cloud ends the access itself.
func TestTowardsG11_AnEmergencyRevocationOutlivesTheCloudThatTookItUp(t *testing.T) {
	for _, end := range []string{"lifted here", "revoked there"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.start()
				defer func() { s.end() }()
				boss := []access.Noun{
					access.Person{ID: "boss", Kind: access.Staff, First: "Mara", Last: "Lind", May: []access.Right{access.MayRevoke, access.MayLift}},
					access.Credential{ID: "cboss", Person: "boss", Kind: access.PIN, Secret: access.NewSecret("73519")},
				}
				by := func(do access.Right) OverlayReport {
					t.Helper()
					r, err := s.agent.onsite.act(t.Context(), OverlayRequest{Do: do, Person: "p1", By: "boss", PIN: "73519", Reason: "a quarrel at the door"})
					must(t, err)
					return r
				}
				s.upTo(at(1, 1), at(1, 1), append(town(1, 5), boss...)...)
				o := by(access.MayRevoke).Overlays[0]
				sleepFor(time.Minute)
				settled := append(append(append(town(2, 5), boss...), ended(1, o.From, access.EndRevoked)...),
					access.Settlement{ID: o.ID, Person: "p1", State: access.OverlayAdopted})
				s.upTo(at(1, 2), at(1, 2), settled...)
				if list, err := s.agent.box.Overlays(); err != nil || len(list) != 0 {
					t.Fatalf("the overlay is not settled: %v %v", list, err)
				}
				s.upTo(at(1, 2), at(2, 1), append(town(1, 5), boss...)...)
				if s.inside(1, 5) != 4 || s.hello().Held != 1 {
					t.Fatalf("%d of 4 are let in, %d held", s.inside(1, 5), s.hello().Held)
				}
				report, err := askHolds(t.Context(), desk{box: s.agent.box}, nil)
				must(t, err)
				if r := report.(HoldsReport); len(r.Holds) != 1 || r.Holds[0].Cause != access.HoldBack || r.Holds[0].Person != "p1" {
					t.Errorf("hold list says %+v", r)
				}
				if v := s.agent.view(); v.Back != 1 {
					t.Errorf("the page counts %d", v.Back)
				}
				if end == "revoked there" {
					s.upTo(at(1, 2), at(2, 2), append(append(town(2, 5), boss...), ended(1, time.Now(), access.EndRevoked)...)...)
				} else if r := by(access.MayLift); len(r.Back) != 1 {
					t.Errorf("lifted %+v", r)
				}
				sleepFor(time.Minute)
				if in := s.inside(1, 1); s.hello().Held != 0 || in == 1 != (end == "lifted here") {
					t.Errorf("%s: let in %d times, %d held", end, in, s.hello().Held)
				}
			})
		})
	}
}

// TestTowardsG11_TheMemoryOfRevocationsIsBounded in time; whoever waits is not forgotten.
func TestTowardsG11_TheMemoryOfRevocationsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		long := time.Now().Add(-keepRevoked - time.Minute)
		must(t, s.agent.box.site.PutRevoked([]store.Revoked{{Person: "p1", All: true, Since: long}, {Person: "p2", All: true, Since: long}, {Person: "p3", All: true, Since: long.Add(time.Hour)}}))
		s.upTo(at(1, 1), at(1, 1), town(4, 5)...)
		s.upTo(at(1, 1), at(2, 1), town(2, 5, 3)...)
		s.agent.forget()
		known, err := s.agent.box.site.RevokedPeople()
		must(t, err)
		if len(known) != 2 || !known["p2"] || !known["p3"] || s.hello().Held != 1 {
			t.Errorf("remembered %v, %d held", known, s.hello().Held)
		}
	})
}
