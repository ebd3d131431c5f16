package people

import (
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// byHand puts somebody entered by hand into unit 101 of an otherwise empty property.
func (w *town) byHand(id, first, last, email string) {
	if len(w.roster.Units) == 0 {
		w.roster.Units = []model.Unit{{Unit: access.Unit{ID: "hu", Name: "101"}}}
	}
	w.roster.People = append(w.roster.People, model.Person{
		Person: access.Person{ID: access.PersonID(id), Kind: access.Resident, First: first, Last: last, Email: email, Directory: access.Unlisted},
		Origin: model.ByHand, PIN: access.NewSecret("4821"),
	})
	w.roster.Leases = append(w.roster.Leases, model.Lease{ID: access.ResidencyID("r" + id), Person: access.PersonID(id), Unit: "hu", Status: "current"})
}

func TestS3_AllThreeMatchLinks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.byHand("x1", "ADA", " No1", "1@Example.com")
	w.resident("1", "101", pms.Current, func(p *pms.Person, l *pms.Lease) { l.MoveOut = w.date("2027-01-01") })
	w.sync()
	if len(w.roster.People) != 1 || len(w.roster.Leases) != 1 {
		t.Fatalf("people %+v, leases %+v: want one of each", w.roster.People, w.roster.Leases)
	}
	p, l := w.person("1"), w.lease("L1")
	if p.ID != "x1" || p.Origin != model.OtherCSV || p.First != "Ada" || p.Directory != access.Unlisted {
		t.Errorf("person %+v", p)
	}
	if l.ID != "rx1" || l.MoveOut != w.date("2027-01-01") {
		t.Errorf("lease %+v: want the residency that was there, with the PMS's dates", l)
	}
	if !p.PIN.Equal(access.NewSecret("4821")) || !p.OwnPIN {
		t.Error("the PIN given by hand is lost to a blank in the PMS")
	}
	w.wantChange(Linked, "entered by hand, is 1 of the PMS: e-mail, name and unit match")
	w.wantKinds()
	w.edit("1", func(p *pms.Person, _ *pms.Lease) { p.PIN = pms.Held{Secret: access.NewSecret("7777")} })
	w.sync()
	if p := w.person("1"); !p.PIN.Equal(access.NewSecret("7777")) || p.OwnPIN {
		t.Error("the PMS's PIN does not arrive")
	}
	w.edit("1", func(p *pms.Person, _ *pms.Lease) { p.PIN = pms.Held{} })
	w.sync()
	if !w.person("1").PIN.IsZero() {
		t.Error("a PIN of the PMS stays when it is taken out there")
	}
}

func TestS3_OnlyTheResidencyInThatUnitBecomesTheLease(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.byHand("x1", "Ada", "No1", "1@example.com")
	w.roster.Units = append(w.roster.Units, model.Unit{Unit: access.Unit{ID: "other", Name: "202"}})
	w.roster.Leases = append([]model.Lease{{ID: "rother", Person: "x1", Unit: "other", Status: "current"}}, w.roster.Leases...)
	w.resident("1", "101", pms.Current, nil)
	w.sync()
	if l := w.lease("L1"); l.ID != "rx1" || w.roster.Leases[0].Ref != "" || len(w.roster.Leases) != 2 {
		t.Errorf("leases %+v", w.roster.Leases)
	}
}

func TestS3_TwoOfThreeAreOfferedNeverLinked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hand func(*town)
		line func(*pms.Person, *pms.Lease)
		want bool
	}{
		"another e-mail":     {func(w *town) { w.byHand("x1", "Ada", "No1", "ada@example.org") }, nil, true},
		"another name":       {func(w *town) { w.byHand("x1", "Eve", "No1", "1@example.com") }, nil, true},
		"another unit":       {func(w *town) { w.byHand("x1", "Ada", "No1", "1@example.com") }, func(_ *pms.Person, l *pms.Lease) { l.Unit = "202" }, true},
		"placeholder e-mail": {func(w *town) { w.byHand("x1", "Ada", "No1", "none@none.com") }, func(p *pms.Person, _ *pms.Lease) { p.Email, p.EmailClass = "none@none.com", pms.EmailPlaceholder }, true},
		"no e-mail":          {func(w *town) { w.byHand("x1", "Ada", "No1", "") }, func(p *pms.Person, _ *pms.Lease) { p.Email = "" }, true},
		"only the unit":      {func(w *town) { w.byHand("x1", "Eve", "Other", "eve@example.com") }, nil, false},
		"two by hand are it": {func(w *town) {
			w.byHand("x1", "Ada", "No1", "1@example.com")
			w.byHand("x2", "Ada", "No1", "1@example.com")
		}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			c.hand(w)
			by := len(w.roster.People)
			w.resident("1", "101", pms.Current, c.line)
			for range 2 { // offered as long as it is so
				w.sync()
				if len(w.roster.People) != by+1 || w.roster.People[0].Origin != model.ByHand {
					t.Fatalf("people %+v: linked silently", w.roster.People)
				}
				if got := len(w.last.Conflicts) > 0; got != c.want {
					t.Fatalf("conflicts %+v, want an offer: %v", w.last.Conflicts, c.want)
				}
				if c.want {
					w.wantConflict("near_match", "x1 "+string(w.person("1").ID), "entered by hand, may be Ada No1")
				}
			}
		})
	}
}

func TestS3_TwoOfThePMSForOneByHand(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.byHand("x1", "Ada", "No1", "1@example.com")
	w.resident("1", "101", pms.Current, nil)
	w.resident("2", "101", pms.Current, func(p *pms.Person, _ *pms.Lease) { p.Last, p.Email = "No1", "1@example.com" })
	w.sync()
	if len(w.roster.People) != 3 || w.roster.People[0].Origin != model.ByHand {
		t.Errorf("people %+v: one of two was chosen", w.roster.People)
	}
	w.wantKinds("near_match", "near_match")
}

func TestS3_BothRecordsExistAlready(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "101", pms.Current, nil)
	w.sync()
	w.byHand("x1", "Ada", "No1", "1@example.com")
	w.roster.Leases[1].Unit = w.roster.Units[0].ID
	w.sync()
	w.wantConflict("near_match", "x1 "+string(w.person("1").ID), "all of e-mail, name and unit are the same")
	open := w.last.Conflicts[0]
	w.roster.People[1].Email, w.roster.People[1].First = "other@example.com", "Eve"
	w.snap.Complete = false
	if r := w.sync(); !r.Closes(open) {
		t.Error("the offer stays open after the records were told apart")
	}
}

func TestS3_PastResidentsAreNotOffered(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(5)
	w.sync()
	w.past("1")
	w.sync()
	w.byHand("x1", "Ada", "No1", "1@example.com")
	w.sync()
	w.wantKinds()
}
