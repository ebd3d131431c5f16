package reconcile

import (
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// reading counts who is read whole from the state.
type reading struct {
	*box
	read map[access.PersonID]int
}

func (c reading) Holder(p access.PersonID) (access.Holder, bool, error) {
	unlock := c.lock()
	c.read[p]++
	unlock()
	return c.box.Holder(p)
}

func (c reading) people() int { defer c.lock()(); return len(c.read) }

// TestAStartLooksAtWhoCanDiffer: with hundreds of people it reads those who changed or had an edge while it was off, acts
// for them at once, and goes through everybody in a quiet minute.
func TestAStartLooksAtWhoCanDiffer(t *testing.T) {
	inBubble(t, func(s *site) {
		begin := time.Now()
		for i := range 500 {
			s.move(access.PersonID("n"+itoa4(i)), itoa4(1000+i), from(begin))
		}
		s.move("ends", "77771", access.Window{From: begin, Until: begin.Add(3 * time.Hour)})
		s.move("starts", "77772", from(begin.Add(3*time.Hour)))
		s.move("soon", "77774", access.Window{From: begin, Until: begin.Add(4*time.Hour + 30*time.Second)})
		s.start()
		s.until(begin.Add(time.Hour))
		s.stop()
		s.move("changed", "77773", from(begin))
		s.drop("n0001")
		s.revs["n0001"] = s.pos.Revision
		s.until(begin.Add(4 * time.Hour))
		c := reading{s.box, map[access.PersonID]int{}}
		s.prepare(func(cfg *Config) { cfg.Wanted = c })
		s.loop.SetPolicy(access.DriftRepair) // what the assembly says before the start
		s.loop.SetAudit(time.Hour)
		s.loop.Changed(true)
		s.rerun()
		s.opens("77771", false)
		s.opens("77772", true)
		s.opens("77773", true)
		s.opens("1001", false)
		if n := c.people(); n > 10 {
			t.Errorf("%d people were read at the start, want those who can differ", n)
		}
		s.until(time.Now().Add(31 * time.Second))
		s.opens("77774", false)
		s.until(time.Now().Add(time.Minute))
		if n := c.people(); n < 500 {
			t.Errorf("%d people were read in the first minutes, want everybody", n)
		}
	})
}

// TestAMarkWaitsForTheWordOfARevision: a state that was stored while nobody was told yet is not taken for decided.
func TestAMarkWaitsForTheWordOfARevision(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.until(time.Now().Add(7*time.Hour + 30*time.Second)) // another mark is due with the next look
		s.drop("p1")
		s.revs["p1"] = s.pos.Revision // stored, and then the power is cut before anybody is told
		s.until(time.Now().Add(45 * time.Second))
		s.stop()
		s.start()
		s.opens("1111", false)
	})
}

// TestAStartAfterOtherCircumstancesLooksAtEverybody: other doors, another policy or a place that changed decide about all.
func TestAStartAfterOtherCircumstancesLooksAtEverybody(t *testing.T) {
	for name, change := range map[string]func(s *site){
		"doors": func(s *site) { s.doors = map[access.DoorID]string{"lobby": "B"} },
		"a place": func(s *site) {
			s.places.Groups = map[access.GroupID]access.Group{"entrance": {ID: "entrance", Name: "Doors", Doors: []access.DoorID{"lobby"}}}
		},
		"an epoch": func(s *site) { s.pos.Epoch++ },
		"no mark":  func(s *site) { s.mark = nil },
		"overlay": func(s *site) {
			s.overlay = []access.Overlay{{ID: "o1", Kind: access.OverlayRevoke, Person: "n0007"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *site) {
				for i := range 30 {
					s.move(access.PersonID("n"+itoa4(i)), itoa4(1000+i), from(time.Now()))
				}
				s.start()
				s.until(time.Now().Add(time.Hour))
				s.stop()
				change(s)
				c := reading{s.box, map[access.PersonID]int{}}
				s.startWith(func(cfg *Config) { cfg.Wanted = c })
				if n := c.people(); n != 30 {
					t.Errorf("%d people were read, want everybody", n)
				}
			})
		})
	}
}
