package drivertest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// BadMonth lives through one trouble after another, in an order that seed gives, while people come, change and go, and
// now and then the gateway restarts. Whatever each call said: at the end the device comes to exactly what is wanted.
// Troubles that need a driver that does not wait are left to Troubles, and those that distort what is shown.
func BadMonth(t *testing.T, s Subject, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test that can be repeated
	s.Stranger("Caretaker", "7777")
	v := &lived{t: t, s: s, p: s.Panel, before: list(t, s.Panel), goes: true}
	want := map[model.Ref]*model.Record{}
	days := v.days()
	v.d.Reads, v.d.Writes = AnyKind(), AnyKind()
	for range 30 {
		sw, rec := s.Troubles[days[r.IntN(len(days))]], s.nth(r.IntN(4))
		late := r.IntN(2) == 0 // it begins after the list was read
		if !late {
			sw.On()
		}
		all, err := v.p.List(t.Context())
		if late {
			sw.On()
		}
		switch {
		case err != nil:
			v.secretive("list", err.Error())
		case r.IntN(3) == 0:
			want[rec.Ref] = nil
			v.towards(all, rec.Ref, nil)
		default:
			if r.IntN(2) == 0 {
				rec.Name = "Q. Smith - Unit 3"
			}
			want[rec.Ref] = &rec
			v.towards(all, rec.Ref, &rec)
		}
		if sw.Off != nil {
			sw.Off()
		}
		if r.IntN(5) == 0 {
			v.reborn()
		}
	}
	v.comesTo(want)
	if v.p != s.Panel {
		if err := v.p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// days are the troubles of a month, in a steady order.
func (v *lived) days() (out []Trouble) {
	for name, d := range expected() {
		// What needs a row of its own on the device, or a crowd, is a day for itself.
		alone := []Trouble{HandEdit, HandRemoved, Double, SamePIN, Renumbered, ListMoves, Huge, Endless}
		if v.s.Troubles[name].On != nil && !d.Slow && !d.Distorts && !slices.Contains(alone, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// towards does the one step that is due for a person, if any.
func (v *lived) towards(all []model.Record, ref model.Ref, want *model.Record) {
	v.t.Helper()
	if step, ok := due(all, ref, want); ok {
		step.Person = access.PersonID(ref)
		v.write(step)
	}
}

// reborn goes on with a driver that knows nothing, as after a restart of the gateway.
func (v *lived) reborn() {
	v.t.Helper()
	if v.p != v.s.Panel {
		if err := v.p.Close(); err != nil {
			v.t.Errorf("close: %v", err)
		}
	}
	v.p = v.s.Again(0)
}
