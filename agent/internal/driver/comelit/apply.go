package comelit

import (
	"context"
	"strings"
	"unicode/utf8"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Apply does one step. Every field is set to a value, never by a difference, so that doing it again does no harm. A
// person for whom not all slots are free gets those there are, the phone first, and the error is Full.
func (p *Panel) Apply(ctx context.Context, step model.Step) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if step.Op != access.OpRemove {
		if err := p.check(step); err != nil {
			return err
		}
	}
	if err := p.picture(ctx); err != nil {
		return err
	}
	if err := p.theirs(step); err != nil {
		return err
	}
	if _, err := p.dir.Quota(ctx); err != nil {
		return err // nothing of a change goes out to a device that would refuse its end
	}
	if step.Op == access.OpRemove {
		return p.clear(ctx, step.Ref, p.book.of(step.Ref))
	}
	return p.put(ctx, step)
}

// theirs refuses a step whose row, by its number, somebody else has by now.
func (p *Panel) theirs(step model.Step) error {
	mine := p.book.of(step.Ref)
	for _, s := range strings.Split(step.Native, "+") {
		at, ok := parsePlace(s)
		if step.Native == "" || !ok {
			continue
		}
		n, noted := p.book.Notes[s]
		slot, there := p.base.at(at)
		if noted && n.Ref != step.Ref || !noted && there && !slot.Free() {
			return p.conflict(step, "slot "+s+" is not this person's any more")
		}
	}
	if step.Op == access.OpChange && len(mine) == 0 {
		return p.conflict(step, "none of its slots is this person's any more")
	}
	return nil
}

func (p *Panel) conflict(step model.Step, why string) error {
	return fault.New(fault.Conflict, string(step.Op)+" a row on", p.subject(), "%s", why).
		WithRemedy("Somebody edits the device by hand: read it again.")
}

// put writes a person's slots.
func (p *Panel) put(ctx context.Context, step model.Step) error {
	rec := step.Record
	unit, err := p.base.find(rec.Unit, rec.Apartment)
	if err != nil {
		return err
	}
	if err := p.leave(ctx, rec.Ref, unit); err != nil {
		return err
	}
	mine := map[Place]Kind{}
	for _, at := range p.book.of(rec.Ref) {
		mine[at] = p.book.Notes[at.String()].Kind
	}
	give, rest, waits := seats(unit, wants(rec.Email, rec.Phone), mine, p.free(unit, rec.Slots))
	name := pick(append([]string{rec.Name}, rec.Aliases...), p.taken(unit, rec.Ref))
	for _, s := range give {
		n := note{Ref: rec.Ref, Kind: s.kind, Unit: rec.Unit, Where: rec.Apartment, Wanted: rec.Name, Name: name, Contact: s.contact, Relays: rec.Relays}
		if err := p.fill(ctx, s.at, n); err != nil {
			return err
		}
	}
	if err := p.clear(ctx, rec.Ref, rest); err != nil {
		return err
	}
	if len(waits) > 0 {
		return p.noSlot(unit, rec, waits)
	}
	return nil
}

// leave clears what a person has in other apartments than theirs, before anything is written: until then they ring and
// open where somebody else lives.
func (p *Panel) leave(ctx context.Context, ref model.Ref, unit int) error {
	for _, at := range p.book.of(ref) {
		if at.Map != unit {
			if err := p.clear(ctx, ref, []Place{at}); err != nil {
				return err
			}
		}
	}
	return nil
}

// noSlot says who waits (row C11), in the words that installers know.
func (p *Panel) noSlot(unit int, rec model.Record, waits []want) error {
	subject := "unit " + tidy(rec.Unit) + " of " + p.subject()
	if p.stale {
		return fault.New(fault.Full, "find a free slot in", subject, "which slots are free cannot be read: %w", ErrQuota).WithRemedy("%s", p.dir.Capabilities().Renew)
	}
	why := "No Empty User IDs in Comelit Panel"
	if len(waits) == 1 && rec.Phone != "" && waits[0].kind == KindApp {
		why += ": the phone is on the panel, the app waits"
	}
	return fault.New(fault.Full, "find a free slot in", subject, "%s%s", why, p.spare(unit)).
		WithRemedy("Remove slots of the unit that nobody needs: former residents, second apps, numbers that stand there twice.")
}

// spare names what of a full unit could go: slots that hold the same contact, and those that we did not write. It names
// slots only, because what it says leaves the property.
func (p *Panel) spare(unit int) (out string) {
	first := map[string]Place{}
	others := ""
	for n := 1; n <= SlotsPerUnit; n++ {
		at := Place{unit, n}
		s, _ := p.base.at(at)
		note, noted := p.book.Notes[at.String()]
		if noted {
			s = note.slot(at)
		} else if !s.Free() {
			others += " " + at.String()
		}
		for _, contact := range []string{s.Email, s.Phone} {
			if was, twice := first[contact]; twice && contact != "" {
				out += "; slots " + was.String() + " and " + at.String() + " ring the same"
			} else {
				first[contact] = at
			}
		}
	}
	if others != "" {
		out += "; not written by this gateway:" + others
	}
	return out
}

// free lists the unit's slots that a backup has shown to be free and that no write of ours has touched since, no more than
// the unit may have beside those that are taken; most 0: any number.
func (p *Panel) free(unit, most int) (out []Place) {
	if p.stale {
		return nil
	}
	if most <= 0 || most > SlotsPerUnit {
		most = SlotsPerUnit
	}
	for n := 1; n <= SlotsPerUnit; n++ {
		at := Place{unit, n}
		_, noted := p.book.Notes[at.String()]
		s, there := p.base.at(at)
		switch {
		case there && !noted && s.Free():
			out = append(out, at)
		case there:
			most--
		}
	}
	return out[:max(0, min(most, len(out)))]
}

// taken are the names that others of the unit have.
func (p *Panel) taken(unit int, ref model.Ref) map[string]bool {
	out := map[string]bool{}
	for n := 0; n <= SlotsPerUnit; n++ {
		at := Place{unit, n}
		note, noted := p.book.Notes[at.String()]
		s, there := p.base.at(at)
		switch {
		case noted && note.Ref != ref:
			out[note.Name] = true
		case !noted && there && n > 0:
			out[s.Name] = true
		}
	}
	return out
}

// fill brings one slot to what a note says. What a backup has shown to be so already is not written again.
func (p *Panel) fill(ctx context.Context, at Place, n note) error {
	old, noted := p.book.Notes[at.String()]
	have, _ := p.base.at(at)
	fields := changes(have, n.slot(at), noted && (old.State != seen || p.stale))
	if len(fields) == 0 {
		n.State = seen
		p.book.Notes[at.String()] = n
		return p.save(at)
	}
	return p.write(ctx, at, n, intended, fields, accepted)
}

// clear empties slots of one person.
func (p *Panel) clear(ctx context.Context, ref model.Ref, places []Place) error {
	for _, at := range places {
		n := p.book.Notes[at.String()]
		if n.Ref != ref || n.State == cleared {
			continue
		}
		if err := p.write(ctx, at, n, clearing, clearFields(), cleared); err != nil {
			return err
		}
	}
	return nil
}

// write does one slot between two notes: what may be there, and what the device accepted.
func (p *Panel) write(ctx context.Context, at Place, n note, before state, fields []Field, after state) error {
	n.State = before
	p.book.Notes[at.String()] = n
	if err := p.save(at); err != nil {
		return err
	}
	if err := p.dir.Write(ctx, at, fields); err != nil {
		return err
	}
	n.State = after
	p.book.Notes[at.String()] = n
	return p.save(at)
}

// Invite has the device make an activation code for a person's app slot, which its vendor mails to the slot's e-mail.
// Whoever has no app slot gets Conflict; a directory without codes is Unsupported.
func (p *Panel) Invite(ctx context.Context, ref model.Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.picture(ctx); err != nil {
		return err
	}
	codes, ok := p.dir.(CodeIssuer)
	if !ok {
		return fault.New(fault.Unsupported, "invite to", p.subject(), "activation codes cannot be made this way")
	}
	for _, at := range p.book.of(ref) {
		if n := p.book.Notes[at.String()]; n.Kind == KindApp && (n.State == seen || n.State == accepted) {
			return codes.IssueCode(ctx, at)
		}
	}
	return fault.New(fault.Conflict, "invite to", p.subject(), "the person has no app slot there").
		WithRemedy("Give the person mobile access with an e-mail first.")
}

// check refuses before the wire what the device must never get, and what it cannot hold.
func (p *Panel) check(step model.Step) error {
	rec := step.Record
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, string(step.Op)+" a row on", p.subject(), format, args...).
			WithRemedy("Correct the person's record; the device was not touched.")
	}
	switch {
	case rec.Ref != step.Ref || rec.Ref == "":
		return bad("the record is for %q, the step for %q", tidy(string(rec.Ref)), tidy(string(step.Ref)))
	case !rec.PIN.IsZero(), len(rec.Cards) > 0, len(rec.Schedules) > 0:
		return fault.New(fault.Unsupported, string(step.Op)+" a row on", p.subject(), "it holds no PINs, cards or hours").
			WithRemedy("Give PINs and cards on a device that holds them.")
	case rec.Email == "" && rec.Phone == "":
		return bad("there is neither an e-mail nor a phone number")
	case !plain(rec.Email), !plain(rec.Phone), utf8.RuneCountInString(rec.Email) > maxContact, utf8.RuneCountInString(rec.Phone) > maxContact:
		return bad("the e-mail or phone number is too long, or holds quotes or control characters")
	}
	for _, name := range append([]string{rec.Name}, rec.Aliases...) {
		if strings.TrimSpace(name) == "" || !plain(name) || utf8.RuneCountInString(name) > maxText {
			return bad("the name is empty, has more than %d characters, or holds quotes or control characters", maxText)
		}
	}
	return nil
}
