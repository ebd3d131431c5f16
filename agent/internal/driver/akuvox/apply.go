package akuvox

import (
	"context"
	"errors"
	"maps"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Apply does one step. An addition is one request; a change or removal reads the row first and is a
// Conflict when it no longer carries step.Ref, or when another system owns it. Only references of
// our form are written, whatever the step says.
func (p *Panel) Apply(ctx context.Context, step model.Step) error {
	if !step.Ref.Ours() {
		return p.conflict(step, "reference %q is not ours", tidy(string(step.Ref)))
	}
	switch step.Op {
	case access.OpAdd:
		return p.add(ctx, step)
	case access.OpChange:
		return p.change(ctx, step)
	case access.OpRemove:
		return p.remove(ctx, step)
	}
	return fault.New(fault.Internal, "write to", p.link.subject, "there is no operation %q", step.Op)
}

func (p *Panel) conflict(step model.Step, format string, args ...any) error {
	return fault.New(fault.Conflict, string(step.Op)+" a row on", p.link.subject, format, args...).
		WithRemedy("Read the panel again; a row that is not ours is changed by hand, at the panel.")
}

func (p *Panel) add(ctx context.Context, step model.Step) error {
	if err := p.check(step); err != nil {
		return err
	}
	return p.write(ctx, verbAdd, fresh(step.Record, p.facts()))
}

// remove is done when the row is gone already. Only then the whole list is read: a row that bears
// the number and another reference is somebody else's, and a plan that names it is out of date.
func (p *Panel) remove(ctx context.Context, step model.Step) error {
	old, err := p.own(ctx, step)
	if errors.Is(err, errGone) && step.Native != "" {
		return p.gone(ctx, step, err)
	}
	if err != nil {
		return err
	}
	return p.write(ctx, verbDel, map[string]string{fieldID: old.get(fieldID)})
}

func (p *Panel) gone(ctx context.Context, step model.Step, conflict error) error {
	rows, err := p.all(ctx, users(""))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.get(fieldID) == step.Native || r.ref() == step.Ref {
			return conflict
		}
	}
	return nil
}

var errGone = errors.New("it does not carry the reference any more")

func (p *Panel) change(ctx context.Context, step model.Step) error {
	if err := p.check(step); err != nil {
		return err
	}
	old, err := p.own(ctx, step)
	if err != nil {
		return err
	}
	it := changed(old, step.Record, p.facts())
	err = p.write(ctx, verbSet, it)
	if !clears(it) {
		return err
	}
	if err != nil && fault.KindOf(err) == fault.Invalid {
		err = p.write(ctx, verbSet, withoutBlanks(it)) // it may be the blank that is refused
	}
	if err != nil {
		return err
	}
	return p.cleared(ctx, step, it)
}

func withoutBlanks(it map[string]string) map[string]string {
	out := maps.Clone(it)
	for _, f := range []string{fieldPIN, fieldCards} {
		if out[f] == "" {
			delete(out, f)
		}
	}
	return out
}

// clears says that the item takes a PIN or all cards away.
func clears(it map[string]string) bool {
	for _, f := range []string{fieldPIN, fieldCards} {
		if v, sent := it[f]; sent && v == "" {
			return true
		}
	}
	return false
}

// cleared makes sure that a PIN or card is gone after it was sent blank: whether a blank clears is
// not known (§2.3), and a PIN that lives on opens a door. Where it stays, the row is removed and
// added anew, in this order: should the second half fail, somebody has too little access until the
// next attempt, never too much. The unit has just taken the same values in a change, so that the
// addition is not refused for them.
func (p *Panel) cleared(ctx context.Context, step model.Step, it map[string]string) error {
	old, err := p.own(ctx, step)
	if err != nil {
		return err
	}
	if is := old.record(hours{}); is.PIN.Equal(step.Record.PIN) && len(is.Cards) == len(step.Record.Cards) {
		return nil
	}
	if err := p.write(ctx, verbDel, map[string]string{fieldID: old.get(fieldID)}); err != nil {
		return err
	}
	return p.write(ctx, verbAdd, replacement(it))
}

// own is the row that step means, shown to be ours: it carries step.Ref now, and step.Native where
// that is given. Without a Native there must be exactly one.
func (p *Panel) own(ctx context.Context, step model.Step) (row, error) {
	rows, err := p.rowsNow(ctx, step.Ref)
	if err != nil {
		return nil, err
	}
	var mine []row
	for _, r := range rows {
		if step.Native == "" || r.get(fieldID) == step.Native {
			mine = append(mine, r)
		}
	}
	switch {
	case len(mine) == 0:
		return nil, p.conflict(step, "row %q, meant for %q: %w", tidy(step.Native), string(step.Ref), errGone)
	case len(mine) > 1:
		return nil, p.conflict(step, "%d rows carry %q: which one is not said", len(mine), string(step.Ref))
	case mine[0].foreign():
		return nil, p.conflict(step, "the row with %q is owned by the vendor's cloud", string(step.Ref))
	case mine[0].get(fieldID) == "":
		return nil, fault.New(fault.Unsupported, string(step.Op)+" a row on", p.link.subject, "the panel gives its rows no ID")
	}
	return mine[0], nil
}

// Actions of the users' target (§2.3).
const (
	verbAdd = "add"
	verbSet = "set"
	verbDel = "del"
)

// write sends one item. Units take the action from the body of /api/user/set; where one refuses
// that, the vendor's /api/user/add and /del are tried once and remembered (§2.3).
func (p *Panel) write(ctx context.Context, verb string, it map[string]string) error {
	op := map[string]string{verbAdd: "add a user to", verbSet: "change a user on", verbDel: "remove a user from"}[verb]
	if verb != verbDel {
		p.noteWritten(it[fieldSchedule])
	}
	body := request{Target: "user", Action: verb, Data: items{Item: []map[string]string{it}}}
	byPath := p.facts().pathVerb
	path := "/api/user/set"
	if byPath {
		path = "/api/user/" + verb
	}
	_, err := p.link.post(ctx, op, path, body, false)
	if fault.KindOf(err) != fault.Unsupported || err == nil || byPath || verb == verbSet {
		return p.orFull(ctx, verb, err)
	}
	_, again := p.link.post(ctx, op, "/api/user/"+verb, body, false)
	if fault.KindOf(again) == fault.Unsupported && again != nil {
		return err
	}
	p.learn(func(k *known) { k.pathVerb = true })
	return p.orFull(ctx, verb, again)
}

// orFull judges an addition refused without a reason. What units say when they are full, or when
// somebody has the same PIN, card or id, is not known (§2.3, §5.1); the form of the record was
// checked before. At the documented capacity it is Full, else a Conflict with what is there.
func (p *Panel) orFull(ctx context.Context, verb string, err error) error {
	if verb != verbAdd || !errors.Is(err, errNoReason) {
		return err
	}
	const op = "add a user to"
	pg, lerr := p.page(ctx, users(""), 1)
	if most := p.facts().profile.people; lerr == nil && most > 0 && pg.num >= most {
		return fault.New(fault.Full, op, p.link.subject, "the panel holds %d users and takes no more", pg.num).WithRemedy("%s", remedyFull)
	}
	return fault.New(fault.Conflict, op, p.link.subject, "%w", errors.Unwrap(err)).
		WithRemedy("Check whether the panel is full, and whether somebody on it has the same PIN, card or id.")
}
