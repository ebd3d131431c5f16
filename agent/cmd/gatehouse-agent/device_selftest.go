package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// deviceCleanTime is how long clean-up may go on after a failure or an interruption.
const deviceCleanTime = 2 * time.Minute

// deviceTest is one run of the selftest.
type deviceTest struct {
	panel  driver.Panel
	unit   string // where the test person lives, on a device that calls people
	limits model.Limits
	before []model.Record
	person model.Record
	native string
	wrote  bool // something may be on the device

	steps []deviceStep
	err   error // the first failure
}

// deviceSelftest proves on a test person that the device can be written, read, changed and cleared.
// Whatever happens it tries to remove what it wrote, and says so when it could not.
func deviceSelftest(ctx context.Context, c *deviceCall) deviceAnswer {
	t := &deviceTest{panel: c.panel, unit: c.flags.unit}
	var id *model.Identity
	t.step("probe", func() (string, error) {
		got, limits, err := t.panel.Probe(ctx)
		if err != nil {
			return "", err
		}
		id, t.limits = &got, limits
		return got.Model + " " + got.Firmware, nil
	})
	t.step("list", func() (string, error) { return t.list(ctx) })
	t.step("add", func() (string, error) { return t.add(ctx) })
	t.step("read after add", func() (string, error) { return t.expect(ctx, t.person) })
	t.step("change", func() (string, error) { return t.change(ctx) })
	t.step("read after change", func() (string, error) { return t.expect(ctx, t.person) })
	t.step("remove", func() (string, error) { return "test person removed", t.remove(ctx, t.native) })
	t.step("read after remove", func() (string, error) { return t.absent(ctx) })
	t.finish(ctx)
	return t.answer(id)
}

// step runs f unless something failed before.
func (t *deviceTest) step(name string, f func() (string, error)) {
	if t.err != nil {
		return
	}
	detail, err := f()
	t.note(name, detail, err)
}

func (t *deviceTest) note(name, detail string, err error) {
	if err != nil {
		detail = err.Error()
		if t.err == nil {
			t.err = err
		}
	}
	t.steps = append(t.steps, deviceStep{name, err == nil, detail})
}

// finish cleans up after a failure and compares the device with how it was found. It goes on when
// the run was interrupted: a test person must not stay on a door.
func (t *deviceTest) finish(ctx context.Context) {
	if !t.wrote {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deviceCleanTime)
	defer cancel()
	if t.err != nil {
		detail, err := t.clean(ctx)
		t.note("clean up", detail, err)
	}
	detail, err := t.asFound(ctx)
	t.note("device as found", detail, err)
}

func (t *deviceTest) list(ctx context.Context) (string, error) {
	rows, err := t.panel.List(ctx)
	t.before = rows
	return fmt.Sprintf("%d rows", len(rows)), err
}

func (t *deviceTest) add(ctx context.Context) (string, error) {
	var err error
	if t.person, err = deviceTestPerson(t.limits, t.unit, t.before); err != nil {
		return "", err
	}
	t.wrote = true
	return "test person " + string(t.person.Ref), t.panel.Apply(ctx, t.do(access.OpAdd))
}

func (t *deviceTest) change(ctx context.Context) (string, error) {
	next, err := deviceChanged(t.person, t.limits, t.before)
	if err != nil {
		return "", err
	}
	t.person = next
	what := "new name and PIN"
	if t.limits.Slots > 0 {
		what = "new name and number"
	}
	return what, t.panel.Apply(ctx, t.do(access.OpChange))
}

func (t *deviceTest) remove(ctx context.Context, native string) error {
	step := t.do(access.OpRemove)
	step.Native, step.Record = native, model.Record{}
	return t.panel.Apply(ctx, step)
}

func (t *deviceTest) do(op access.Op) model.Step {
	return model.Step{Op: op, Person: deviceTestID(t.person.Ref), Ref: t.person.Ref, Native: t.native, Record: t.person, Why: "selftest"}
}

// expect reads the test person back: one row, exactly as written, or as far as the device shows it.
func (t *deviceTest) expect(ctx context.Context, want model.Record) (string, error) {
	rows, err := t.read(ctx, want.Ref)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", deviceTheirs("%d rows came back for the test person, want 1", len(rows))
	}
	got, grade := rows[0], "exactly as written"
	t.native = got.Native
	if got.Hidden {
		got.PIN, got.Cards, grade = want.PIN, want.Cards, "as written; the device does not show PIN and cards"
	}
	if got.Unproven {
		grade = "accepted; the device cannot show it any more"
	}
	if !got.Same(want) {
		return "", deviceTheirs("the device stored something else: %s", deviceDifference(want, got))
	}
	return grade, nil
}

// read reads the rows of a reference. A device that can be read back only so often shows what it
// accepted together with everything else.
func (t *deviceTest) read(ctx context.Context, ref model.Ref) ([]model.Record, error) {
	rows, err := t.panel.Read(ctx, ref)
	if err != nil || !slices.ContainsFunc(rows, func(r model.Record) bool { return r.Unproven }) {
		return rows, err
	}
	all, err := t.panel.List(ctx)
	return slices.DeleteFunc(all, func(r model.Record) bool { return r.Ref != ref }), err
}

func (t *deviceTest) absent(ctx context.Context) (string, error) {
	rows, err := t.panel.Read(ctx, t.person.Ref)
	if err == nil && len(rows) > 0 {
		err = deviceTheirs("the test person is still there")
	}
	if pr, ok := t.panel.(driver.Prover); ok && err == nil && pr.Proven(t.person.Ref) == access.Unprovable {
		return "accepted as gone; the device cannot show it any more", nil
	}
	return "gone", err
}

// clean removes whatever carries the test person's reference.
func (t *deviceTest) clean(ctx context.Context) (string, error) {
	rows, err := t.panel.Read(ctx, t.person.Ref)
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
func (t *deviceTest) asFound(ctx context.Context) (string, error) {
	after, err := t.panel.List(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Equal(deviceKeys(t.before), deviceKeys(after)) {
		return "", deviceTheirs("the device is not as it was found: %d rows before, %d now, or other contents; did somebody else edit it?", len(t.before), len(after))
	}
	return fmt.Sprintf("%d rows, unchanged", len(after)), nil
}

func (t *deviceTest) answer(id *model.Identity) deviceAnswer {
	var a deviceAnswer
	if t.err != nil {
		a = deviceFailed(t.err)
	}
	if t.limits.Slots > 0 && t.unit == "" {
		a = a.ours()
	}
	a.Identity, a.Steps = id, t.steps
	var text strings.Builder
	for _, s := range t.steps {
		mark := "ok    "
		if !s.OK {
			mark = "FAILED"
		}
		fmt.Fprintf(&text, "%s  %-18s %s\n", mark, s.Name, devicePrintable(s.Detail))
	}
	a.text = text.String()
	return a
}

// deviceTheirs is a device that does not do what it said it did.
func deviceTheirs(format string, args ...any) error {
	return fault.New(fault.Invalid, "check", "what the device holds", format, args...).
		WithRemedy("Update the device's firmware, make sure nobody else edits it, and run the selftest again.")
}
