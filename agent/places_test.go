package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol/access"
)

// TestPlacesAreHeldOnceAndNeverOutOfDate: whoever asks gets the same ones until a revision changes a place; one that changes only
// people leaves them.
func TestPlacesAreHeldOnceAndNeverOutOfDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		read := func() access.Places {
			p, err := s.agent.box.Places()
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		s.publish(1, places()...)
		first := read()
		first.Units["seen"] = access.Unit{} // shows whether it is the same map
		always := access.Window{From: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}
		s.publish(2, append(places(), resident(1, always)...)...)
		if again := read(); again.Units["u1"].Name != "101" || len(again.Units) != 2 {
			t.Errorf("after a revision about people the units were read anew: %v", again.Units)
		}
		renamed := places()
		renamed[1] = access.Unit{ID: "u1", Name: "A101"}
		s.publish(3, append(renamed, resident(1, always)...)...)
		if now := read(); len(now.Units) != 1 || now.Units["u1"].Name != "A101" {
			t.Errorf("after a unit was renamed the units are %v", now.Units)
		}
	})
}
