package reconcile

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// called is a person of unit 101 with a first name of their own.
func (s *site) called(id access.PersonID, first, pin string, w access.Window) {
	s.move(id, pin, w)
	defer s.lock()()
	h := s.holders[id]
	h.Person.First = first
	s.holders[id] = h
}

// name is how somebody stands on the panel; "" not at all.
func (s *site) name(id access.PersonID) string {
	s.t.Helper()
	rows, err := s.panel.Read(s.t.Context(), model.RefOf(id))
	if err != nil || len(rows) != 1 {
		return ""
	}
	return rows[0].Name
}

func (s *site) wantNames(when string, want map[access.PersonID]string) {
	s.t.Helper()
	for id, name := range want {
		if got := s.name(id); got != name {
			s.t.Errorf("%s: %s stands as %q, want %q", when, id, got, name)
		}
	}
}

// Two of one name in one unit are told apart, also on a panel that calls nobody; who was there first keeps the short form
// through a restart and through others coming and going (row C2).
func TestTowardsC2_NamesakesAreToldApartAndNobodyElseIsRenamed(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.called("p2", "Tom", "1111", from(now.Add(-time.Hour)))
		s.start()
		s.called("p1", "Tim", "2222", from(now))
		s.changed("p1")
		s.called("p0", "Tilda", "3333", from(now))
		s.changed("p0")
		want := map[access.PersonID]string{"p2": "T. Jones - Unit 101", "p1": "Ti. Jones - Unit 101", "p0": "Til. Jones - Unit 101"}
		s.wantNames("as they came", want)
		written := len(s.mutating())
		s.stop()
		s.mark = nil // everybody is decided anew
		s.start()
		s.until(now.Add(25 * time.Hour)) // and read back
		s.wantNames("after a restart and an audit", want)
		if n := len(s.mutating()) - written; n != 0 {
			t.Errorf("%d writes without any news", n)
		}
		s.drop("p2")
		s.changed("p2")
		s.called("p3", "Theo", "4444", from(now))
		s.changed("p3")
		s.wantNames("after the first left", map[access.PersonID]string{"p2": "", "p1": "Ti. Jones - Unit 101", "p0": "Til. Jones - Unit 101", "p3": "T. Jones - Unit 101"})
	})
}

// Another form of names is an ordinary change: each row is rewritten once, in place, and removals still go first.
func TestTowardsC2_AnotherFormRewritesEachRowOnce(t *testing.T) {
	inBubble(t, func(s *site) {
		const n = 40
		for i := range n {
			s.called(access.PersonID(fmt.Sprintf("p%02d", i)), fmt.Sprintf("%c%cm", 'A'+i%26, 'a'+i/26), fmt.Sprintf("1%03d", i), from(time.Now()))
		}
		s.start()
		written := len(s.mutating())
		s.places.Property.DirectoryName = "{unit} {last}, {first}"
		s.loop.Changed(true)
		s.until(time.Now().Add(time.Minute))
		s.wantNames("by the new form", map[access.PersonID]string{"p00": "101 Jones, Aam", "p39": "101 Jones, Nbm"})
		for _, r := range s.mutating()[written:] {
			if r.What != "change" {
				t.Errorf("%s %s", r.What, r.Ref)
			}
		}
		if got := len(s.mutating()) - written; got != n {
			t.Errorf("%d writes for %d people", got, n)
		}
	})
}
