package reconcile

import (
	"context"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestLostAnswerFreesThePIN: a PIN is free when its row is seen gone or changed, although the answer to the request was lost.
func TestLostAnswerFreesThePIN(t *testing.T) {
	for _, op := range []string{"remove", "change"} {
		t.Run(op, func(t *testing.T) {
			inBubble(t, func(s *site) {
				s.move("a", "1111", from(time.Now()))
				s.start()
				n := 0
				s.panel.Fail(func(r memory.Request) error {
					if r.What == op {
						if n++; n == 1 {
							return memory.After(fault.New(fault.Timeout, op, "panel", "the answer was lost"))
						}
					}
					return nil
				})
				if op == "remove" {
					s.drop("a")
				} else {
					s.move("a", "2222", from(time.Now()))
				}
				s.changed("a")
				s.until(time.Now().Add(time.Hour))
				s.opens("1111", false)
				s.move("b", "1111", from(time.Now()))
				s.changed("b")
				s.until(time.Now().Add(72 * time.Hour))
				s.opens("1111", true)
				t.Log(s.kinds("b"))
			})
		})
	}
}

// TestG2_PoisonRemovalBlocksNoAddition: one removal that always times out keeps nobody else out.
func TestG2_PoisonRemovalBlocksNoAddition(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now()))
		s.start()
		s.panel.Fail(func(r memory.Request) error {
			if r.Ref == "GHa" && r.Mutating {
				return fault.New(fault.Timeout, "remove", "panel", "no answer in time")
			}
			return nil
		})
		s.drop("a")
		s.move("b", "2222", from(time.Now()))
		s.changed("a", "b")
		s.until(time.Now().Add(72 * time.Hour))
		s.opens("2222", true)
	})
}

// TestListThatAlwaysTimesOutStarvesNobody: a panel that cannot be read back as a whole is written to all the same.
func TestListThatAlwaysTimesOutStarvesNobody(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		t.Run("", func(t *testing.T) {
			inBubble(t, func(s *site) {
				if !fresh {
					s.move("a", "1111", from(time.Now()))
					s.start()
				}
				s.panel.Fail(func(r memory.Request) error {
					if r.What == "list" {
						return fault.New(fault.Timeout, "list", "panel", "no answer in time")
					}
					return nil
				})
				if fresh {
					s.start()
				} else {
					s.until(time.Now().Add(25 * time.Hour))
				}
				s.move("b", "2222", from(time.Now()))
				s.changed("b")
				s.until(time.Now().Add(72 * time.Hour))
				s.opens("2222", true)
				if !s.loop.Status().Reachable {
					t.Error("not reachable", fresh)
				}
			})
		})
	}
}

type sluggish struct{ *memory.Panel }

func (p sluggish) Read(ctx context.Context, r model.Ref) ([]model.Record, error) {
	<-time.After(500 * time.Millisecond)
	return p.Panel.Read(ctx, r)
}
func (p sluggish) Apply(ctx context.Context, r model.Step) error {
	<-time.After(500 * time.Millisecond)
	return p.Panel.Apply(ctx, r)
}

// TestTowardsE1_FillingABigPanelIsAlive: hours of work are no sign of death, and show as work.
func TestTowardsE1_FillingABigPanelIsAlive(t *testing.T) {
	inBubble(t, func(s *site) {
		for i := range 2000 {
			s.move(access.PersonID("p"+itoa4(i)), itoa4(1000+i), from(time.Now()))
		}
		s.startWith(func(c *Config) { c.Panel = sluggish{s.panel} })
		for range 45 {
			s.until(time.Now().Add(time.Minute))
			if d := s.loop.Overdue(); d > 0 {
				t.Errorf("working at %d rows, and overdue by %s, status waiting %d", rowsOf(s.panel), d, s.loop.Status().Waiting)
				break
			}
		}
	})
}

func rowsOf(p *memory.Panel) (n int) {
	p.Edit(func(r map[string]model.Record) { n = len(r) })
	return n
}

func itoa4(i int) string {
	return string([]byte{byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
}

type forgetful struct {
	*memory.Panel
	n    *int
	stop func()
}

func (p forgetful) Apply(ctx context.Context, st model.Step) error {
	if st.Ref == "GHb" {
		if *p.n++; *p.n > 2000 {
			p.stop()
		}
		st.Record.Name = "B" // the panel keeps another name than asked
	}
	return p.Panel.Apply(ctx, st)
}

// TestBlockedAndNotShownDoesNotSpin: somebody who waits for a PIN and whose row the panel shows otherwise is not written without end.
func TestBlockedAndNotShownDoesNotSpin(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now().Add(-time.Hour)))
		s.start()
		s.stop()
		s.move("b", "1111", from(time.Now()))
		h := s.holders["b"]
		h.Credentials = append(h.Credentials, access.Credential{ID: "x", Person: "b", Kind: access.Card, Secret: access.NewSecret("ABCD1234")})
		s.holders["b"] = h
		n := 0
		s.startWith(func(c *Config) { c.Panel = forgetful{s.panel, &n, func() { s.cancel() }} })
		s.until(time.Now().Add(time.Hour))
		if n > 200 {
			t.Errorf("%d writes in an hour", n)
		}
		t.Log(n, "writes")
	})
}

// TestG2_OwnRevocationBeforeOtherChanges: somebody revoked while in hand goes before everybody else's changes.
func TestG2_OwnRevocationBeforeOtherChanges(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.move("zz", "4444", from(now.Add(-2*time.Hour)))
		s.move("aa", "3333", from(now.Add(-time.Hour)))
		s.move("ab", "3334", from(now.Add(-time.Hour)))
		s.start()
		s.move("zz", "5555", from(now.Add(-2*time.Hour)))
		s.move("aa", "6666", from(now.Add(-time.Hour)))
		s.move("ab", "6667", from(now.Add(-time.Hour)))
		done := false
		var after []string
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "read" && r.Ref == "GHzz" && !done {
				done = true
				s.drop("zz")
				s.move("aa", "7777", from(now.Add(-3*time.Hour)))
				s.loop.Changed(false, "zz", "aa")
			}
			if done && r.Mutating {
				after = append(after, r.What+" "+string(r.Ref))
			}
		})
		s.changed("zz", "aa", "ab")
		if len(after) == 0 || after[0] != "remove GHzz" {
			t.Error(after)
		}
	})
}

// TestTowardsG11_RevokedActsThoughACredentialIsUnreadable: a revocation at the gateway needs no credential to be read.
func TestTowardsG11_RevokedActsThoughACredentialIsUnreadable(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.stop()
		s.overlay = []access.Overlay{{ID: "o1", Kind: access.OverlayRevoke, Person: "p1", Window: from(time.Now())}}
		s.startWith(func(c *Config) { c.Wanted = partly{s.box} })
		s.until(time.Now().Add(time.Hour))
		s.opens("1111", false)
	})
}

// TestG6_TransferActsThoughACredentialIsUnreadable: who moved to another building leaves this one's panel, whatever cannot be read.
func TestG6_TransferActsThoughACredentialIsUnreadable(t *testing.T) {
	inBubble(t, func(s *site) {
		at := time.Now().Add(time.Hour)
		s.move("p1", "1111", access.Window{From: time.Now(), Until: at})
		s.places.Doors["annex"] = access.Door{ID: "annex"}
		s.places.Groups["other"] = access.Group{ID: "other", Doors: []access.DoorID{"annex"}}
		h := s.holders["p1"]
		h.Grants = append(h.Grants, access.Grant{ID: "g2", Person: "p1", Group: "other", Window: from(time.Now()), Reason: "x"})
		s.holders["p1"] = h
		s.start()
		s.stop()
		s.startWith(func(c *Config) { c.Wanted = partly{s.box} })
		s.opens("1111", true)
		s.until(at.Add(48 * time.Hour))
		s.opens("1111", false)
	})
}

// TestHandEditedPINIsFreeAgain: a PIN that somebody typed into the panel is free once that is mended.
func TestHandEditedPINIsFreeAgain(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now()))
		s.start()
		s.panel.Edit(func(rows map[string]model.Record) {
			for k, r := range rows {
				r.PIN = access.NewSecret("7777")
				rows[k] = r
			}
		})
		s.until(time.Now().Add(25 * time.Hour))
		s.opens("1111", true)
		s.move("b", "7777", from(time.Now()))
		s.changed("b")
		s.until(time.Now().Add(72 * time.Hour))
		s.opens("7777", true)
	})
}

type dozing struct {
	*memory.Panel
	wait *time.Duration
}

func (p dozing) Read(ctx context.Context, r model.Ref) ([]model.Record, error) {
	<-time.After(*p.wait)
	*p.wait = 0
	return p.Panel.Read(ctx, r)
}

// TestEndWhileInHand: an end that comes while a change is in hand is a removal, and is tried again soon.
func TestEndWhileInHand(t *testing.T) {
	inBubble(t, func(s *site) {
		out := time.Now().Add(10 * time.Minute)
		s.move("p1", "1111", access.Window{From: time.Now(), Until: out})
		var wait time.Duration
		s.startWith(func(c *Config) { c.Panel = dozing{s.panel, &wait} })
		s.until(out.Add(-5 * time.Second))
		wait = 10 * time.Second
		n := 0
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "remove" {
				if n++; n == 1 {
					return fault.New(fault.Invalid, "remove", "panel", "the answer is a web page")
				}
			}
			return nil
		})
		s.move("p1", "2222", access.Window{From: time.Now(), Until: out})
		s.loop.Changed(false, "p1")
		s.until(out.Add(20 * time.Minute))
		s.opens("1111", false)
		s.opens("2222", false)
	})
}

func withSecondPIN(s *site, on bool) {
	s.move("p1", "1111", from(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
	if on {
		h := s.holders["p1"]
		h.Credentials = append(h.Credentials, access.Credential{ID: "x", Person: "p1", Kind: access.PIN, Secret: access.NewSecret("7777")})
		s.holders["p1"] = h
	}
}

func refusals(s *site) (n int) {
	for _, k := range s.kinds("p1") {
		if k == "refused " {
			n++
		}
	}
	return n
}

// TestRefusalThatComesBackIsTold: after an all-clear the same refusal is news, also over a restart.
func TestRefusalThatComesBackIsTold(t *testing.T) {
	inBubble(t, func(s *site) {
		withSecondPIN(s, true)
		s.start()
		s.stop()
		s.start()
		withSecondPIN(s, false)
		s.changed("p1")
		withSecondPIN(s, true)
		s.changed("p1")
		if n := refusals(s); n != 2 {
			t.Errorf("told %d times, want 2: %v", n, s.kinds("p1"))
		}
	})
}

// TestStandingRefusalIsNotToldAgain: a refusal that stands is not told anew because something else changed.
func TestStandingRefusalIsNotToldAgain(t *testing.T) {
	inBubble(t, func(s *site) {
		withSecondPIN(s, true)
		s.start()
		s.stop()
		s.start()
		withSecondPIN(s, true)
		h := s.holders["p1"]
		h.Credentials[0].Secret = access.NewSecret("3333")
		s.changed("p1")
		s.until(time.Now().Add(time.Hour))
		s.stop()
		s.start()
		if n := refusals(s); n != 1 {
			t.Errorf("told %d times, want 1: %v", n, s.kinds("p1"))
		}
	})
}
