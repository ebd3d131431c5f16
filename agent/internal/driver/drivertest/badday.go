package drivertest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Switch turns one bad day on and off.
type Switch struct {
	On  func()
	Off func() // nil: it ends by itself
	// Not says in words why this device cannot have it; then On and Off are nil.
	Not string
}

// BadDay is one thing that goes wrong and what a driver may say while it does. A call may always do what it should;
// beyond that it may fail with these kinds, and with no other.
type BadDay struct {
	Switch
	Reads, Writes, Opens []fault.Kind
	// Slow needs a driver that does not wait long.
	Slow bool
	// Distorts changes what rows show: only their number is looked at.
	Distorts bool
	// Removes takes our own row away.
	Removes bool
	// Reborn goes on after the day with a driver that knows nothing of it, as after a restart of the gateway.
	Reborn bool
}

const (
	impatience = 100 * time.Millisecond // of one request on a slow day
	longest    = 15 * time.Second       // of one call on any day; it is several requests
)

// AnyKind are the kinds that a driver may say of a device; Internal is a defect of its own.
func AnyKind() []fault.Kind {
	return []fault.Kind{fault.Unreachable, fault.Timeout, fault.Denied, fault.Full, fault.Unsupported, fault.Conflict, fault.Invalid}
}

// lived is one bad day in progress.
type lived struct {
	t      *testing.T
	s      Subject
	d      BadDay
	p      driver.Panel
	before []model.Record
	goes   bool // who was there before may be gone
}

// Live lives through a bad day with a stranger and two people of ours on the device, while one is added, one changed
// and one removed: whatever a driver is asked it answers in time, with the right kind and without a secret, a
// list is whole or an error, a door opens once at most. When the day is over, asking again until nothing is left to do
// gives exactly what was wanted, and the stranger is as before.
func Live(t *testing.T, s Subject, d BadDay) {
	t.Helper()
	s.Stranger("Caretaker", "7777")
	row, next := mustAdd(t, s.Panel, s.nth(1)), s.changed()
	old := mustAdd(t, s.Panel, s.nth(2))
	v := &lived{t: t, s: s, d: d, p: s.Panel, before: list(t, s.Panel), goes: d.Removes}
	if d.Slow {
		v.p = s.Again(impatience)
		lost := []fault.Kind{fault.Timeout, fault.Unreachable} // of a machine that is busy, too
		v.d.Reads, v.d.Writes = append(lost, d.Reads...), append(lost, d.Writes...)
	}
	d.On()
	v.reads()
	v.write(model.Step{Op: access.OpAdd, Person: "p7", Ref: s.jones().Ref, Record: s.jones()})
	v.write(model.Step{Op: access.OpChange, Person: "q", Ref: next.Ref, Native: old.Native, Record: next})
	v.goes = true
	v.write(model.Step{Op: access.OpRemove, Person: "q", Ref: row.Ref, Native: row.Native})
	v.reads()
	v.opens()
	if d.Off != nil {
		d.Off()
	}
	if d.Slow || d.Reborn {
		v.p = s.Again(0)
	}
	v.converges()
	if s.Printed != nil {
		v.secretive("the log", s.Printed())
	}
	if v.p != s.Panel {
		if err := v.p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// changed is the second of ours under another name.
func (s Subject) changed() model.Record {
	r := s.nth(2)
	r.Name = "Q. Smith - Unit 2"
	return r
}

// reads asks everything that only reads.
func (v *lived) reads() {
	v.t.Helper()
	v.listed()
	_ = v.call("read", v.d.Reads, func() error { _, err := v.p.Read(v.t.Context(), v.s.jones().Ref); return err })
	_ = v.call("probe", v.d.Reads, func() error { _, _, err := v.p.Probe(v.t.Context()); return err })
	more := append([]fault.Kind{fault.Unsupported, fault.Conflict}, v.d.Reads...)
	if p, ok := v.p.(driver.Counter); ok {
		_ = v.call("count", v.d.Reads, func() error { _, err := p.Count(v.t.Context()); return err })
	}
	if p, ok := v.p.(driver.ClockReader); ok {
		_ = v.call("clock", more, func() error { _, err := p.Skew(v.t.Context()); return err })
	}
	if p, ok := v.p.(driver.DoorLogger); ok {
		_ = v.call("door log", more, func() error { _, err := p.DoorLog(v.t.Context(), driver.DoorLogAsk{}); return err })
	}
}

// listed wants the whole list or an error.
func (v *lived) listed() {
	v.t.Helper()
	var got []model.Record
	if v.call("list", v.d.Reads, func() (err error) { got, err = v.p.List(v.t.Context()); return err }) != nil {
		return
	}
	for _, was := range v.before {
		i := slices.IndexFunc(got, func(r model.Record) bool { return r.Native == was.Native })
		switch ours := was.Ref.Ours(); {
		case i < 0 && !(ours && v.goes):
			v.t.Errorf("%d rows are listed without error, and %s of before is not among them", len(got), was.Native)
		case i >= 0 && !ours && !v.d.Distorts && !got[i].Same(was):
			v.t.Errorf("the stranger is %+v, was %+v", got[i], was)
		}
	}
}

// write may have any outcome; what it was shows when the day is over.
func (v *lived) write(step model.Step) {
	v.t.Helper()
	_ = v.call(string(step.Op), v.d.Writes, func() error { return v.p.Apply(v.t.Context(), step) })
}

// opens asks for one opening and counts the doors.
func (v *lived) opens() {
	v.t.Helper()
	p, ok := v.p.(driver.DoorReleaser)
	if !ok || v.s.Opened == nil {
		return
	}
	kinds, before := v.d.Opens, v.s.Opened()
	if kinds == nil {
		kinds = append([]fault.Kind{fault.Timeout}, v.d.Writes...)
	}
	err := v.call("open", kinds, func() error { return p.Release(v.t.Context(), "A") })
	n := v.s.Opened() - before
	if n > 1 || err == nil && n == 0 || n == 1 && err != nil && fault.KindOf(err) != fault.Timeout {
		v.t.Errorf("the door opened %d times and the driver says %v", n, err)
	}
}

// call makes one call: in time, with a kind of the day, saying nothing it must not.
func (v *lived) call(what string, kinds []fault.Kind, f func() error) error {
	v.t.Helper()
	began := time.Now()
	err := f()
	if took := time.Since(began); took > longest {
		v.t.Errorf("%s took %v", what, took)
	}
	if err == nil {
		return nil
	}
	if !slices.Contains(kinds, fault.KindOf(err)) {
		v.t.Errorf("%s: %v is %v, want it to work or one of %v", what, err, fault.KindOf(err), kinds)
	}
	v.secretive(what, err.Error()+" "+fault.RemedyOf(err))
	return err
}

// ports are left out before secrets are looked for: four digits of one may be somebody's PIN.
func ports() *regexp.Regexp { return regexp.MustCompile(`127\.0\.0\.1:\d+`) }

func (v *lived) secretive(what, text string) {
	v.t.Helper()
	text = ports().ReplaceAllString(text, "")
	secrets := append([]string{"7777"}, v.s.Secrets...)
	for _, r := range []model.Record{v.s.jones(), v.s.nth(1), v.s.nth(2)} {
		secrets = append(secrets, r.PIN.Reveal(), r.Phone, r.Email)
		for _, c := range r.Cards {
			secrets = append(secrets, c.Reveal())
		}
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			v.t.Errorf("%s shows a secret: %s", what, text)
		}
	}
}

// converges does what the reconciler does until nothing is left to do: jones is there, once, as wanted, and who was
// to be removed is gone.
func (v *lived) converges() {
	v.t.Helper()
	want := map[model.Ref]*model.Record{v.s.nth(1).Ref: nil}
	jones, next := v.s.jones(), v.s.changed()
	want[jones.Ref], want[next.Ref] = &jones, &next
	v.comesTo(want)
	if v.s.Present == nil {
		return
	}
	if pin := v.s.nth(1).PIN.Reveal(); len(v.s.Present(pin)) > 0 {
		v.t.Error("who was removed still opens")
	}
	opens(v.t, v.s, jones.PIN.Reveal(), jones.Relays...)
	opens(v.t, v.s, next.PIN.Reveal(), next.Relays...)
}

// comesTo applies step after step until everybody wanted is there once, as wanted, and whoever is nil is gone.
func (v *lived) comesTo(want map[model.Ref]*model.Record) {
	v.t.Helper()
	var last error
	for range 8 {
		all, err := v.p.List(v.t.Context())
		if last = err; err != nil {
			continue
		}
		todo := 0
		for ref, rec := range want {
			if step, ok := due(all, ref, rec); ok {
				todo++
				if err := v.p.Apply(v.t.Context(), step); err != nil {
					last = err
				}
			}
		}
		if todo == 0 {
			v.settled(all)
			return
		}
	}
	v.t.Fatalf("the day is over and the device does not come to what is wanted; last: %v", last)
}

// due is the next step for one person; ok is false when all is as it should be.
func due(all []model.Record, ref model.Ref, want *model.Record) (step model.Step, ok bool) {
	var mine []model.Record
	for _, r := range all {
		if r.Ref == ref {
			mine = append(mine, r)
		}
	}
	step = model.Step{Ref: ref}
	switch {
	case want == nil && len(mine) == 0, want != nil && len(mine) == 1 && mine[0].Same(*want):
		return step, false
	case want == nil, len(mine) > 1:
		step.Op, step.Native = access.OpRemove, mine[0].Native
	case len(mine) == 0:
		step.Op, step.Record = access.OpAdd, *want
	default:
		step.Op, step.Record, step.Native = access.OpChange, *want, mine[0].Native
	}
	return step, true
}

// settled looks at the device behind the driver.
func (v *lived) settled(all []model.Record) {
	v.t.Helper()
	for _, was := range v.before {
		i := slices.IndexFunc(all, func(r model.Record) bool { return r.Native == was.Native })
		if !was.Ref.Ours() && (i < 0 || !v.d.Distorts && !all[i].Same(was)) {
			v.t.Errorf("the stranger %s was touched: %+v", was.Native, all)
		}
	}
	if v.s.Present != nil && len(v.s.Present("7777")) == 0 {
		v.t.Error("the stranger's PIN no longer opens")
	}
}
