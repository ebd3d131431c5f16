package akuvox

import (
	"context"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Take implements driver.Taker. A row without a UserID cannot be searched, so the list is read until
// the unit's own ID is found; the write follows at once and names that ID alone.
func (p *Panel) Take(ctx context.Context, seen model.Record, ref model.Ref) error {
	step := model.Step{Op: access.OpChange, Ref: ref, Native: seen.Native}
	if ref == "" {
		step.Op, step.Ref = access.OpRemove, seen.Ref
	}
	switch {
	case ref != "" && !ref.Ours():
		return p.conflict(step, "reference %q is not ours", tidy(string(ref)))
	case seen.Native == "":
		return fault.New(fault.Unsupported, "take over a row on", p.link.subject, "the panel gives its rows no ID")
	}
	old, err := p.named(ctx, seen)
	if err != nil {
		return err
	}
	switch rec := old.record(p.facts().hours); {
	case old == nil && ref == "":
		return nil
	case old == nil:
		return p.conflict(step, "row %q is gone", tidy(seen.Native))
	case old.foreign():
		return p.conflict(step, "row %q is owned by the vendor's cloud", tidy(seen.Native))
	case !rec.Same(seen):
		return p.conflict(step, "row %q shows something else than was listed", tidy(seen.Native))
	case ref == "":
		return p.write(ctx, verbDel, map[string]string{fieldID: old.get(fieldID)})
	default:
		rec.Ref = ref
		return p.write(ctx, verbSet, changed(old, rec, p.facts()))
	}
}

// named is the row with the unit's own ID; nil when there is none.
func (p *Panel) named(ctx context.Context, seen model.Record) (row, error) {
	list := func() ([]row, error) { return p.all(ctx, users("")) }
	if seen.Ref != "" {
		list = func() ([]row, error) { return p.rowsOf(ctx, seen.Ref) }
	}
	rows, err := list()
	if err == nil {
		err = p.learnHours(ctx, rows, false) // what is compared was listed with them
	}
	for _, r := range rows {
		if r.get(fieldID) == seen.Native {
			return r, err
		}
	}
	return nil, err
}
