package plan

import (
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// caller is Jones with mobile access, an e-mail and a number.
func caller(edit func(*access.Holder)) access.Holder {
	h := jones(access.Grant{ID: "g1", Window: window(-1, 0)})
	h.Person.Email, h.Person.Phones = "t.jones@example.com", []string{"+15550101", "+15550102"}
	h.Credentials = []access.Credential{{ID: "c1", Person: "p1", Kind: access.Mobile}}
	if edit != nil {
		edit(&h)
	}
	return h
}

// slots is an input for a panel that calls people and holds neither PINs nor cards.
func slots(h access.Holder) Input {
	in := input(h)
	in.Limits = model.Limits{Slots: 15, Mobile: true, NameChars: 32}
	return in
}

// Whoever has mobile access is called by app and phone; who wants to be off the panel is not on it, who wants the name
// hidden stands there as the unit (rows C5, C12).
func TestTowardsC12_WhoAPanelCalls(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit                func(*access.Holder)
		name, email, phone  string
		unit                string
		refused             fault.Kind
		aliases, hasRefusal bool
	}{
		"both":          {name: "T. Jones - Unit 101", email: "t.jones@example.com", phone: "+15550101", unit: "101", aliases: true},
		"no phone":      {edit: func(h *access.Holder) { h.Person.Phones = nil }, name: "T. Jones - Unit 101", email: "t.jones@example.com", unit: "101", aliases: true},
		"unlisted":      {edit: func(h *access.Holder) { h.Person.Directory = access.Unlisted }, name: "Unit 101", email: "t.jones@example.com", phone: "+15550101", unit: "101"},
		"left off":      {edit: func(h *access.Holder) { h.Person.Directory = access.LeftOff }, hasRefusal: true, refused: fault.Invalid},
		"no mobile":     {edit: func(h *access.Holder) { h.Credentials = nil }},
		"no unit":       {edit: func(h *access.Holder) { h.Residencies = nil }, hasRefusal: true, refused: fault.Invalid},
		"a PIN as well": {edit: func(h *access.Holder) { h.Credentials = append(h.Credentials, jones().Credentials...) }, name: "T. Jones - Unit 101", email: "t.jones@example.com", phone: "+15550101", unit: "101", aliases: true},
	} {
		w := Want(slots(caller(tt.edit)), caller(tt.edit))
		r := w.Record
		if w.Open != (tt.name != "") || w.Open && (r.Name != tt.name || r.Email != tt.email || r.Phone != tt.phone || r.Unit != tt.unit || (len(r.Aliases) > 0) != tt.aliases) {
			t.Errorf("%s: open %v, %+v", name, w.Open, r)
		}
		if (len(w.Refusals) > 0) != tt.hasRefusal || tt.hasRefusal && w.Refusals[0].Kind != tt.refused {
			t.Errorf("%s: refusals %+v", name, w.Refusals)
		}
	}
	few := slots(caller(nil))
	few.Places.Units["u1"] = access.Unit{ID: "u1", Name: "101", Slots: 9}
	if w := Want(few, few.People[0]); w.Record.Slots != 9 {
		t.Errorf("a unit of 9 slots is told as %d", w.Record.Slots)
	}
	w := Want(input(caller(nil)), caller(nil))
	if w.Record.Email != "" || w.Record.Unit != "" {
		t.Errorf("a panel that calls nobody is told %+v", w.Record)
	}
}

// A panel with named buttons has one for each person; where none is left that is said (row C19).
func TestTowardsC19_NoButtonIsLeft(t *testing.T) {
	t.Parallel()
	in := slots(caller(nil))
	in.Limits.Buttons, in.Limits.People, in.Others.Rows = 24, 24, 24
	if p := Make(in); len(p.Steps) != 0 || len(p.Refusals) != 1 || p.Refusals[0].Kind != fault.Full || !strings.Contains(p.Refusals[0].Why, "no button is left: the panel has 24") {
		t.Errorf("%+v", p)
	}
	in.Others.Rows = 23
	if p := Make(in); len(p.Steps) != 1 || len(p.Refusals) != 0 {
		t.Errorf("with one left: %+v", p)
	}
}

// What the device accepted and cannot show is settled as unprovable, present or gone; a difference is still a step.
func TestUnprovableIsSaidSo(t *testing.T) {
	t.Parallel()
	in := slots(caller(nil))
	have := Want(in, in.People[0]).Record
	have.Native, have.Unproven = "0.1+0.2", true
	in.Observed.Records = []model.Record{have}
	in.Ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", State: access.Written}
	if p := Make(in); len(p.Settled) != 1 || p.Settled[0].Grade != access.Unprovable || len(p.Steps) != 0 {
		t.Errorf("as written: %+v", p)
	}
	in.Observed.Records[0].Phone = "+15550199"
	if p := Make(in); len(p.Steps) != 1 || p.Steps[0].Op != access.OpChange {
		t.Errorf("another number: %+v", p)
	}
	in.People, in.Gone, in.Observed = nil, []access.PersonID{"p1"}, Observed{Complete: true, Unprovable: true}
	if p := Make(in); len(p.Settled) != 1 || p.Settled[0].Grade != access.Unprovable {
		t.Errorf("accepted as gone: %+v", p)
	}
	in.Observed.Unprovable = false
	if p := Make(in); len(p.Settled) != 1 || p.Settled[0].Grade != "" {
		t.Errorf("gone: %+v", p)
	}
}

// A fingerprint tells numbers apart, and rows without any have the print they always had.
func TestPrintOfCalls(t *testing.T) {
	t.Parallel()
	a, b := row(""), row("")
	if before := PrintRecord(plain{}, a); strings.Contains(before, "calls") {
		t.Errorf("print %s", before)
	}
	a.Phone, b.Email = "x", "x"
	if PrintRecord(plain{}, a) == PrintRecord(plain{}, b) || a.Same(b) || a.Same(row("")) {
		t.Error("an e-mail and a number pass for the same")
	}
}
