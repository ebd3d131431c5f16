package store

import (
	"fmt"
	"slices"
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// TestTowardsG11_StaffAndTheirHistoryAreKept: rights and PIN with the person, every act with who did it, the newest first.
func TestTowardsG11_StaffAndTheirHistoryAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		ann := model.Person{Person: access.Person{ID: "ann", Kind: access.Staff, First: "Ann", May: []access.Right{access.MayLift, access.MayRevoke}},
			Origin: model.ByHand, PIN: access.NewSecret("70413355"), OwnPIN: true}
		for n := range 3 {
			err := s.Update(t.Context(), func(tx *Tx) error {
				r, err := tx.Roster(t.Context(), "maples")
				if err != nil {
					return err
				}
				r.People = append(slices.DeleteFunc(r.People, model.Person.OnStaff), ann)
				if _, err := tx.SaveRoster(t.Context(), r); err != nil {
					return err
				}
				return tx.NoteAt(t.Context(), "maples", PropertyAct{noon(), "Mara", fmt.Sprint("act ", n)})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		r := must(s.Roster(t.Context(), "maples"))(t)
		i := slices.IndexFunc(r.People, model.Person.OnStaff)
		if i < 0 || !slices.Equal(r.People[i].May, ann.May) || r.People[i].PIN != ann.PIN {
			t.Errorf("staff at %d of %+v", i, r.People)
		}
		acts := must(s.PropertyActs(t.Context(), "maples", 2))(t)
		if len(acts) != 2 || acts[0] != (PropertyAct{noon(), "Mara", "act 2"}) || acts[1].Words != "act 1" {
			t.Errorf("acts: %+v", acts)
		}
	})
}
