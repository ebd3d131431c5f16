package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// cleanTime is how long clean-up may go on after a failure or an interruption.
const cleanTime = 2 * time.Minute

// Step is one thing that was tried at a device, and what came of it, in words.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// The steps that prove that a device can be written, and read back.
const (
	stepAdd     = "add"
	stepRemoved = "read after remove"
)

// SelfTest proves on a test person that a device can be written, read, changed and cleared. Whatever happens it
// tries to remove what it wrote, and says so when it could not. Fill in the exported fields, and Run it once.
type SelfTest struct {
	Panel driver.Panel
	Unit  string // where the test person lives, on a device that calls people
	// Only has it probe and list, and write nothing.
	Only bool
	// Told hears of every step as it ends; nil: nobody does.
	Told func(Step)
	// Probed may refuse the device by what it says it is; nil: every one is right.
	Probed func(model.Identity) error
	// Mark keeps the test person's reference before it is written, and "" when the device is as found, so that an
	// interrupted run can be made up for; nil: nobody keeps it. Left are those of runs that were interrupted, and where.
	Mark func(model.Ref) error
	Left map[model.Ref]string

	ID    *model.Identity // after Run; nil: the device did not say
	Steps []Step
	Err   error // the first failure
	// Unproven says that the device accepted everything and could not show all of it.
	Unproven bool

	limits model.Limits
	before []model.Record
	person model.Record
	native string
	wrote  bool // something may be on the device
}

// Run does the whole of it.
func (t *SelfTest) Run(ctx context.Context) {
	t.step("probe", func() (string, error) { return t.probe(ctx) })
	t.step("list", func() (string, error) { return t.list(ctx) })
	if t.Only {
		return
	}
	if t.isLeft() {
		t.step("remove an earlier test person", func() (string, error) { return t.sweep(ctx) })
	}
	t.step(stepAdd, func() (string, error) { return t.add(ctx) })
	t.step("read after add", func() (string, error) { return t.expect(ctx, t.person) })
	t.step("change", func() (string, error) { return t.change(ctx) })
	t.step("read after change", func() (string, error) { return t.expect(ctx, t.person) })
	t.step("remove", func() (string, error) { return "test person removed", t.remove(ctx, t.native) })
	t.step(stepRemoved, func() (string, error) { return t.absent(ctx) })
	t.finish(ctx)
}

func (t *SelfTest) probe(ctx context.Context) (string, error) {
	id, limits, err := t.Panel.Probe(ctx)
	if err == nil && t.Probed != nil {
		err = t.Probed(id)
	}
	if err != nil {
		return "", err
	}
	t.ID, t.limits = &id, limits
	return id.Model + " " + id.Firmware, nil
}

// isLeft says whether a test person of an interrupted run stands on the device.
func (t *SelfTest) isLeft() bool {
	for _, r := range t.before {
		if t.Left[r.Ref] != "" {
			return true
		}
	}
	return false
}

// sweep removes them, and reads the device anew.
func (t *SelfTest) sweep(ctx context.Context) (string, error) {
	n := 0
	for _, r := range t.before {
		if t.Left[r.Ref] == "" {
			continue
		}
		t.person.Ref = r.Ref
		if err := t.remove(ctx, r.Native); err != nil {
			return "", err
		}
		n++
	}
	rows, err := t.Panel.List(ctx)
	t.before = rows
	return fmt.Sprintf("%d rows removed", n), err
}

// step runs f unless something failed before.
func (t *SelfTest) step(name string, f func() (string, error)) {
	if t.Err != nil {
		return
	}
	detail, err := f()
	t.note(name, detail, err)
}

func (t *SelfTest) note(name, detail string, err error) {
	if err != nil {
		detail = err.Error()
		if t.Err == nil {
			t.Err = err
		}
	}
	t.Steps = append(t.Steps, Step{name, err == nil, detail})
	if t.Told != nil {
		t.Told(t.Steps[len(t.Steps)-1])
	}
}

// finish cleans up after a failure and compares the device with how it was found. It goes on when
// the run was interrupted: a test person must not stay on a door.
func (t *SelfTest) finish(ctx context.Context) {
	if !t.wrote {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	if t.Err != nil {
		detail, err := t.clean(ctx)
		t.note("clean up", detail, err)
	}
	detail, err := t.asFound(ctx)
	if err == nil && t.Mark != nil {
		err = t.Mark("")
	}
	t.note("device as found", detail, err)
}

func (t *SelfTest) list(ctx context.Context) (string, error) {
	rows, err := t.Panel.List(ctx)
	t.before = rows
	return fmt.Sprintf("%d rows", len(rows)), err
}

func (t *SelfTest) add(ctx context.Context) (string, error) {
	var err error
	if t.person, err = testPerson(t.limits, t.Unit, t.before); err != nil {
		return "", err
	}
	if t.Mark != nil {
		if err := t.Mark(t.person.Ref); err != nil {
			return "", err
		}
	}
	t.wrote = true
	return "test person " + string(t.person.Ref), t.Panel.Apply(ctx, t.do(access.OpAdd))
}

func (t *SelfTest) change(ctx context.Context) (string, error) {
	next, err := changedPerson(t.person, t.limits, t.before)
	if err != nil {
		return "", err
	}
	t.person = next
	what := "new name and PIN"
	if t.limits.Slots > 0 {
		what = "new name and number"
	}
	return what, t.Panel.Apply(ctx, t.do(access.OpChange))
}

func (t *SelfTest) remove(ctx context.Context, native string) error {
	step := t.do(access.OpRemove)
	step.Native, step.Record = native, model.Record{}
	return t.Panel.Apply(ctx, step)
}

func (t *SelfTest) do(op access.Op) model.Step {
	return model.Step{Op: op, Person: testID(t.person.Ref), Ref: t.person.Ref, Native: t.native, Record: t.person, Why: "selftest"}
}

// expect reads the test person back: one row, exactly as written, or as far as the device shows it.
func (t *SelfTest) expect(ctx context.Context, want model.Record) (string, error) {
	rows, err := t.read(ctx, want.Ref)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", notAsSaid("%d rows came back for the test person, want 1", len(rows))
	}
	got, grade := rows[0], "exactly as written"
	t.native = got.Native
	if got.Hidden {
		got.PIN, got.Cards, grade = want.PIN, want.Cards, "as written; the device does not show PIN and cards"
	}
	if got.Unproven {
		t.Unproven, grade = true, "accepted; the device cannot show it any more"
	}
	if !got.Same(want) {
		return "", notAsSaid("the device stored something else: %s", rowDifference(want, got))
	}
	return grade, nil
}

// read reads the rows of a reference. A device that can be read back only so often shows what it
// accepted together with everything else.
func (t *SelfTest) read(ctx context.Context, ref model.Ref) ([]model.Record, error) {
	rows, err := t.Panel.Read(ctx, ref)
	if err != nil || !slices.ContainsFunc(rows, func(r model.Record) bool { return r.Unproven }) {
		return rows, err
	}
	all, err := t.Panel.List(ctx)
	return slices.DeleteFunc(all, func(r model.Record) bool { return r.Ref != ref }), err
}

func (t *SelfTest) absent(ctx context.Context) (string, error) {
	rows, err := t.Panel.Read(ctx, t.person.Ref)
	if err == nil && len(rows) > 0 {
		err = notAsSaid("the test person is still there")
	}
	if pr, ok := t.Panel.(driver.Prover); ok && err == nil && pr.Proven(t.person.Ref) == access.Unprovable {
		t.Unproven = true
		return "accepted as gone; the device cannot show it any more", nil
	}
	return "gone", err
}

// clean removes whatever carries the test person's reference.
func (t *SelfTest) clean(ctx context.Context) (string, error) {
	rows, err := t.Panel.Read(ctx, t.person.Ref)
	for _, r := range rows {
		if err == nil {
			err = t.remove(ctx, r.Native)
		}
	}
	if err == nil {
		_, err = t.absent(ctx)
	}
	if err != nil {
		return "", fault.Wrap(fault.Internal, "remove the test person "+string(t.person.Ref)+", who may be left on the device", "", err)
	}
	return fmt.Sprintf("%d rows removed", len(rows)), nil
}

// asFound compares the device with how it was before the first write.
func (t *SelfTest) asFound(ctx context.Context) (string, error) {
	after, err := t.Panel.List(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Equal(rowKeys(t.before), rowKeys(after)) {
		return "", notAsSaid("the device is not as it was found: %d rows before, %d now, or other contents; did somebody else edit it?", len(t.before), len(after))
	}
	return fmt.Sprintf("%d rows, unchanged", len(after)), nil
}

// notAsSaid is a device that does not do what it said it did.
func notAsSaid(format string, args ...any) error {
	return fault.New(fault.Invalid, "check", "what the device holds", format, args...).
		WithRemedy("Update the device's firmware, make sure nobody else edits it, and run the selftest again.")
}

// NoUnit says that the device calls people and no unit was named for the test person.
func (t *SelfTest) NoUnit() bool { return t.limits.Slots > 0 && t.Unit == "" }
