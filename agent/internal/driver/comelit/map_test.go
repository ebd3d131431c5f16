package comelit_test

import (
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// A unit that is another apartment from now on: its people are cleared where they were before anything is written where
// they belong, and the row tells where it stands (row G14).
func TestTowardsG14_AnotherApartmentIsLeftBeforeTheNewOneIsTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := jones()
	r.Apartment = "SB000001"
	b.must(t, access.OpAdd, r)
	if rows := b.read(t, r.Ref); len(rows) != 1 || rows[0].Apartment != "SB000001" || !rows[0].Same(r) {
		t.Fatalf("rows %+v", rows)
	}
	writes := len(b.sim.Stats().Writes)
	r.Apartment = "#2"
	if rows := b.read(t, r.Ref); rows[0].Same(r) {
		t.Errorf("nobody sees that %+v is another apartment", rows[0])
	}
	b.must(t, access.OpChange, r)
	for i, w := range b.sim.Stats().Writes[writes:] {
		if was := w.Unit == 0; was != (i < 10) {
			t.Errorf("write %d goes to unit %d: the old apartment comes first, whole", i, w.Unit)
		}
	}
	rows := b.read(t, r.Ref)
	if len(rows) != 1 || !rows[0].Same(r) || rows[0].Native != "2.1+2.2" {
		t.Errorf("rows %+v", rows)
	}
	if s := b.slot(t, 0, 1); s.Kind != "none" || s.Enabled || s.Phone != "" {
		t.Errorf("the old slot is %+v", s)
	}
	b.restart(t)
	if rows := b.read(t, r.Ref); len(rows) != 1 || !rows[0].Same(r) {
		t.Errorf("after a restart: %+v", rows)
	}
}

// A move that a lost answer cut in two never passes for done.
func TestAMoveCutInTwoIsSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	next := jones()
	next.Apartment = "SB000003"
	took := false
	b.cut.Store(&took)
	if err := b.apply(t, access.OpChange, next, b.read(t, next.Ref)[0].Native); err == nil {
		t.Fatal("the answer was not lost")
	}
	if rows := b.read(t, next.Ref); len(rows) != 1 || rows[0].Same(next) {
		t.Fatalf("half of it passes for all: %+v", rows)
	}
	b.must(t, access.OpChange, next)
	if rows := b.read(t, next.Ref); len(rows) != 1 || !rows[0].Same(next) {
		t.Errorf("rows %+v", rows)
	}
	if s := b.slot(t, 0, 1); s.Kind != "none" {
		t.Errorf("the old slot is %+v", s)
	}
}

// What the map says must be one apartment of the device. Names play no part then.
func TestTheMapNamesAnApartmentOrNobodyIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := jones()
	for _, where := range []string{"SB000099", "#99", "#x", "102", "#-1"} {
		r.Apartment = where
		err := b.apply(t, access.OpAdd, r, "")
		want(t, err, fault.Invalid, "which is no one apartment of the device")
		if fault.RemedyOf(err) == "" {
			t.Error("nothing is suggested")
		}
	}
	r.Unit, r.Apartment = "nobody knows this name", "sb000004"
	b.must(t, access.OpAdd, r)
	if s := b.slot(t, 3, 1); s.Phone != r.Phone {
		t.Errorf("slot 3.1 is %+v", s)
	}
}
