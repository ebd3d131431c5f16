// Package drivertest is the one suite that every driver passes, against its own simulator through
// the real transport. A driver that does not pass it is not a driver: Run is what it does on good
// days, Troubles every way in which a device or the line to it goes wrong, BadMonth many of them one
// after another, AgainstHostile servers that wish it ill, Quirks that nothing a reference names is
// left unproven.
//
// It is test support and knows no vendor: a driver's test hands in how to make a panel and how to
// reach behind it.
package drivertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Subject is one fresh, empty simulated device and a driver connected to it.
type Subject struct {
	Panel driver.Panel
	// Jones is an ordinary resident of the device, Moved the same one changed in every part, and Nth one of
	// many others. The zero value and nil: Jones of this package, and people with PINs.
	Jones, Moved model.Record
	Nth          func(i int) model.Record
	// Present is somebody at the door; it answers the relays that open. Nil: the device knows no PINs.
	Present func(code string) []string
	// Stranger puts a row on the device that no driver wrote, and gives its native id.
	Stranger func(name, pin string) string
	// Full makes the device hold no more people than it does now.
	Full func()
	// Cut makes the next mutating request lose its answer; with took, after it took effect. Where a row is
	// written in several requests that is the first of them, and with took the last.
	Cut func(took bool)
	// Down makes the device unreachable, or reachable again.
	Down func(bool)
	// WrongPassword is the same device through a driver with a wrong password; nil when the device
	// has no logins.
	WrongPassword func() driver.Panel

	// Again is the same device through another instance, as after a restart of the gateway; the one before it is not
	// used any more. Each of its requests may take so long, 0: as long as usual.
	Again func(patience time.Duration) driver.Panel
	// Opened counts how often a door opened without anybody at it. Nil: the device opens no doors.
	Opened func() int
	// Secrets may stand in no error, remedy or log beside the PINs and cards of the suite's own people; Printed is
	// what the driver has logged. Both may be nil.
	Secrets []string
	Printed func() string
	// Troubles says for each Trouble how this device gets into it, or why it cannot.
	Troubles map[Trouble]Switch
}

// Run runs the suite. New is called once a test.
func Run(t *testing.T, newSubject func(t *testing.T) Subject) {
	t.Helper()
	tests := []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"probe says what it is and holds", probe},
		{"an empty panel lists nobody", empty},
		{"add, read back, open the door", add},
		{"change in place", change},
		{"remove, and the door stays shut", remove},
		{"removing again is no error", removeTwice},
		{"reading an absent reference gives nothing", readAbsent},
		{"many people are all listed", many},
		{"a stranger is listed and left alone", stranger},
		{"a stranger's row is never changed or removed by its number", strangerByNumber},
		{"a stranger's row is taken over only as it was listed", takeOver},
		{"a full panel says full", full},
		{"weekly hours stand, are carried and go", weekly},
		{"hours that do not stand are refused", weeklyUnknown},
		{"an answer lost after the write", cut(true)},
		{"an answer lost before the write", cut(false)},
		{"an unreachable panel says so", down},
		{"a wrong password is denied", wrongPassword},
		{"a cancelled call returns within a second", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSubject(t)
			t.Cleanup(func() {
				if err := s.Panel.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			tt.test(t, s)
		})
	}
}

// Jones is an ordinary resident's record.
func Jones() model.Record {
	return model.Record{
		Ref: model.RefOf("p7"), Name: "T. Jones - Unit 101", PIN: access.NewSecret("4821"),
		Cards: []access.Secret{access.NewSecret("04A1B2C3")}, Relays: []string{"A"},
	}
}

func (s Subject) jones() model.Record {
	if s.Jones.Ref == "" {
		return Jones()
	}
	return s.Jones
}

func (s Subject) moved() model.Record {
	if s.Moved.Ref != "" {
		return s.Moved
	}
	r := Jones()
	r.Name, r.PIN, r.Relays = "T. Jones - Unit 204", access.NewSecret("5733"), []string{"A", "B"}
	r.Cards = append(r.Cards, access.NewSecret("0BADCAFE"))
	return r
}

func (s Subject) nth(i int) model.Record {
	if s.Nth != nil {
		return s.Nth(i)
	}
	return model.Record{
		Ref: model.RefOf(access.PersonID("q" + string(rune('a'+i)))), Name: "Q. Person - Unit 1",
		PIN: access.NewSecret("1" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "7"), Relays: []string{"B"},
	}
}

// same compares records by what they give; see model.Record.Same.
func same(t *testing.T, got []model.Record, want ...model.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d rows %v, want %d", len(got), got, len(want))
	}
	for i := range want {
		if !got[i].Same(want[i]) {
			t.Errorf("row %d is\n%+v (cards %d), want\n%+v (cards %d); PIN equal: %v", i, got[i], len(got[i].Cards), want[i], len(want[i].Cards), got[i].PIN.Equal(want[i].PIN))
		}
	}
}

func mustAdd(t *testing.T, p driver.Panel, r model.Record) model.Record {
	t.Helper()
	if err := p.Apply(t.Context(), model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r}); err != nil {
		t.Fatalf("add: %v", err)
	}
	rows := read(t, p, r.Ref)
	same(t, rows, r)
	if rows[0].Native == "" {
		t.Fatal("a row on a device has the device's own id")
	}
	return rows[0]
}

func read(t *testing.T, p driver.Panel, ref model.Ref) []model.Record {
	t.Helper()
	rows, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatalf("read %s: %v", ref, err)
	}
	return rows
}

func list(t *testing.T, p driver.Panel) []model.Record {
	t.Helper()
	rows, err := p.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return rows
}

func opens(t *testing.T, s Subject, code string, relays ...string) {
	t.Helper()
	if s.Present == nil {
		return
	}
	if diff := cmp.Diff(relays, s.Present(code)); diff != "" {
		t.Errorf("relays that open (-want +got):\n%s", diff)
	}
}

func wantKind(t *testing.T, err error, kinds ...fault.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one of %v", kinds)
	}
	for _, k := range kinds {
		if fault.KindOf(err) == k {
			return
		}
	}
	t.Errorf("%v is %v, want one of %v", err, fault.KindOf(err), kinds)
}

func probe(t *testing.T, s Subject) {
	id, limits, err := s.Panel.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id.Model == "" || id.Firmware == "" {
		t.Errorf("identity %+v lacks model or firmware", id)
	}
	if limits.PINs+limits.Slots < 1 || limits.Cards+limits.Slots < 1 || limits.Grade == "" || len(limits.Relays) == 0 {
		t.Errorf("limits %+v say nothing about PINs, cards, slots, relays or confirmation", limits)
	}
}

func empty(t *testing.T, s Subject) { same(t, list(t, s.Panel)) }

func add(t *testing.T, s Subject) {
	opens(t, s, "4821")
	mustAdd(t, s.Panel, s.jones())
	same(t, list(t, s.Panel), s.jones())
	opens(t, s, "4821", "A")
	opens(t, s, "04A1B2C3", "A")
	opens(t, s, "4822")
}

func change(t *testing.T, s Subject) {
	row := mustAdd(t, s.Panel, s.jones())
	next := s.moved()
	if err := s.Panel.Apply(t.Context(), model.Step{Op: access.OpChange, Person: "p7", Ref: next.Ref, Native: row.Native, Record: next}); err != nil {
		t.Fatal(err)
	}
	same(t, list(t, s.Panel), next)
	opens(t, s, "4821")
	opens(t, s, "5733", "A", "B")
}

func removeStep(r model.Record) model.Step {
	return model.Step{Op: access.OpRemove, Person: "p7", Ref: r.Ref, Native: r.Native}
}

func remove(t *testing.T, s Subject) {
	row := mustAdd(t, s.Panel, s.jones())
	if err := s.Panel.Apply(t.Context(), removeStep(row)); err != nil {
		t.Fatal(err)
	}
	same(t, list(t, s.Panel))
	opens(t, s, "4821")
	opens(t, s, "04A1B2C3")
}

func removeTwice(t *testing.T, s Subject) {
	row := mustAdd(t, s.Panel, s.jones())
	for range 2 {
		if err := s.Panel.Apply(t.Context(), removeStep(row)); err != nil {
			t.Fatal(err)
		}
	}
	same(t, list(t, s.Panel))
}

func readAbsent(t *testing.T, s Subject) {
	mustAdd(t, s.Panel, s.jones())
	same(t, read(t, s.Panel, model.RefOf("p70")))
	same(t, read(t, s.Panel, model.RefOf("p")))
}

func many(t *testing.T, s Subject) {
	const n = 23 // more than two pages of ten
	for i := range n {
		mustAdd(t, s.Panel, s.nth(i))
	}
	refs := map[model.Ref]bool{}
	for _, r := range list(t, s.Panel) {
		refs[r.Ref] = true
	}
	if len(refs) != n {
		t.Errorf("%d different rows are listed, %d were written", len(refs), n)
	}
	c, ok := s.Panel.(driver.Counter)
	if !ok {
		return
	}
	if got, err := c.Count(t.Context()); err != nil || got != n && got != -1 {
		t.Errorf("it counts %d rows (%v), want %d, or -1 where it does not tell", got, err, n)
	}
}

func stranger(t *testing.T, s Subject) {
	s.Stranger("Caretaker", "7777")
	row := mustAdd(t, s.Panel, s.jones())
	if rows := list(t, s.Panel); len(rows) != 2 {
		t.Fatalf("%d rows, want the stranger's and ours", len(rows))
	}
	if err := s.Panel.Apply(t.Context(), removeStep(row)); err != nil {
		t.Fatal(err)
	}
	if s.Present != nil && len(s.Present("7777")) == 0 {
		t.Error("the stranger's PIN no longer opens")
	}
}

func strangerByNumber(t *testing.T, s Subject) {
	native := s.Stranger("Caretaker", "7777")
	step := removeStep(s.jones())
	step.Native = native
	wantKind(t, s.Panel.Apply(t.Context(), step), fault.Conflict)
	step.Op, step.Record = access.OpChange, s.jones()
	wantKind(t, s.Panel.Apply(t.Context(), step), fault.Conflict)
	if s.Present != nil && len(s.Present("7777")) == 0 {
		t.Error("the stranger's PIN no longer opens")
	}
	opens(t, s, "4821")
}

// takeOver is for devices that can: the row by the number that was seen, in place, and not when it
// shows anything else.
func takeOver(t *testing.T, s Subject) {
	p, ok := s.Panel.(driver.Taker)
	if !ok {
		return
	}
	first, second := s.Stranger("Caretaker", "7777"), s.Stranger("Fire brigade", "7778")
	seen := map[string]model.Record{}
	for _, r := range list(t, s.Panel) {
		seen[r.Native] = r
	}
	other := seen[first]
	other.PIN = access.NewSecret("7779")
	wantKind(t, p.Take(t.Context(), other, ""), fault.Conflict)
	wantKind(t, p.Take(t.Context(), other, Jones().Ref), fault.Conflict)
	if got := s.Present("7777"); len(got) == 0 {
		t.Error("a row that shows something else was taken away")
	}
	if err := p.Take(t.Context(), seen[first], Jones().Ref); err != nil {
		t.Fatal(err)
	}
	row := seen[first]
	row.Ref = Jones().Ref
	same(t, read(t, s.Panel, Jones().Ref), row)
	for range 2 { // again is no error
		if err := p.Take(t.Context(), seen[second], ""); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, p.Take(t.Context(), seen[second], Jones().Ref), fault.Conflict)
	if got := s.Present("7778"); len(got) != 0 {
		t.Error("the row that was taken away still opens")
	}
	if got := s.Present("7777"); len(got) == 0 {
		t.Error("the row that was taken over opens no more")
	}
}

func full(t *testing.T, s Subject) {
	s.Full()
	err := s.Panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Ref: s.jones().Ref, Record: s.jones()})
	wantKind(t, err, fault.Full, fault.Conflict, fault.Invalid) // a device may not say which
	same(t, read(t, s.Panel, s.jones().Ref))
}

// cut loses an answer; reading afterwards must tell what really happened.
func cut(took bool) func(*testing.T, Subject) {
	return func(t *testing.T, s Subject) {
		if _, _, err := s.Panel.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Cut(took)
		err := s.Panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Ref: s.jones().Ref, Record: s.jones()})
		wantKind(t, err, fault.Timeout, fault.Unreachable)
		rows := read(t, s.Panel, s.jones().Ref)
		if took {
			same(t, rows, s.jones())
		} else {
			same(t, rows)
		}
	}
}

func down(t *testing.T, s Subject) {
	s.Down(true)
	_, err := s.Panel.List(t.Context())
	wantKind(t, err, fault.Unreachable, fault.Timeout)
	s.Down(false)
	same(t, list(t, s.Panel))
}

func wrongPassword(t *testing.T, s Subject) {
	if s.WrongPassword == nil {
		t.Log("the device has no logins")
		return
	}
	p := s.WrongPassword()
	_, _, err := p.Probe(t.Context())
	wantKind(t, err, fault.Denied)
	wantKind(t, p.Apply(t.Context(), model.Step{Op: access.OpAdd, Ref: s.jones().Ref, Record: s.jones()}), fault.Denied)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	same(t, list(t, s.Panel))
}

func cancelled(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	_, err := s.Panel.List(ctx)
	if err == nil {
		t.Error("a cancelled call gave no error")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("a cancelled call took %v", took)
	}
	if !errors.Is(err, context.Canceled) && fault.KindOf(err) == fault.Invalid {
		t.Errorf("%v does not look like a cancellation", err)
	}
}
