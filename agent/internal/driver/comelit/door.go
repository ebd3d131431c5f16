package comelit

import (
	"context"
	"errors"
	"strings"

	"gatehouse/firmware-bridge/icona"
	"gatehouse/protocol/access/fault"
)

// Release opens one door once: "A" is the first of the bridge's address book, every other is named as it is there, or by
// address and output (SB100001/1) where two share a name. Timeout means that it may have opened, and is always the answer
// of an actuator (§1.5); Conflict that the device refused, as it does while somebody rings; any other that nothing was
// asked of the door.
func (p *Bridged) Release(ctx context.Context, relay string) error {
	const op = "open a door of"
	b := p.bridge
	l, back, err := b.borrow(ctx, toOpen)
	if err != nil {
		return b.fails(op, err)
	}
	defer back()
	d, err := l.door(relay)
	if err != nil {
		return fault.New(fault.Invalid, op, b.subject, "%w", err).WithRemedy("Name a door as the device does, as address and output, or A for its first: %s.", l.doors())
	}
	cause, err := l.session.Open(ctx, d)
	return b.opened("open "+d.Key()+" of", d, cause, err)
}

// opened is what an answer to an opening says.
func (b *bridge) opened(op string, d icona.Door, cause byte, err error) error {
	switch {
	case errors.Is(err, icona.ErrUnanswered):
		return fault.New(fault.Timeout, op, b.subject, "the outcome is unknown, it may have opened: %w", err).WithRemedy(remedyLookFirst)
	case err != nil:
		return b.fails(op, err)
	case d.Actuator():
		return fault.New(fault.Timeout, op, b.subject, "it was sent and answered (cause %d), but what devices answer for an actuator is not known, so the outcome is unknown", cause).
			WithRemedy(remedyLookFirst)
	case cause == icona.CauseBusy:
		return fault.New(fault.Conflict, op, b.subject, "busy: somebody is ringing").
			WithRemedy("Wait until the ring ends, about a minute when nobody answers, and try again; whoever is called can open from the ring.")
	case cause != icona.CauseDone:
		return fault.New(fault.Conflict, op, b.subject, "the device refuses with cause %d, whose meaning is not known", cause).
			WithRemedy("See whether the door's entrance panel is on, and whether this gateway's slot may open it.")
	}
	return nil
}

// door finds a door by what an installer calls it.
func (l *line) door(relay string) (icona.Door, error) {
	all := l.slot.Doors
	switch {
	case len(all) == 0:
		return icona.Door{}, errors.New("the slot sees no door")
	case relay == entrance:
		return all[0], nil
	case relay == "": // doors without a name are not meant by it
		return icona.Door{}, errors.New("no door is named")
	}
	var found []icona.Door
	for _, d := range all {
		if strings.EqualFold(d.Key(), relay) {
			return d, nil
		}
		if strings.EqualFold(d.Name, relay) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		return icona.Door{}, errors.New("there is no door " + tidy(relay))
	case 1:
		return found[0], nil
	}
	return icona.Door{}, errors.New("several doors are called " + tidy(relay))
}

// doors lists them for a person.
func (l *line) doors() string {
	var out []string
	for i, d := range l.slot.Doors {
		if i == 12 {
			out = append(out, "…")
			break
		}
		out = append(out, d.Name+" ("+d.Key()+")")
	}
	return strings.Join(out, ", ")
}

// relays are the doors' names as Release takes them: A, then each name, or its key where another door has the name.
func (l *line) relays() []string {
	out := []string{entrance}
	for _, d := range l.slot.Doors[min(1, len(l.slot.Doors)):] {
		out = append(out, l.relay(d))
	}
	return out
}

func (l *line) relay(d icona.Door) string {
	if found, err := l.door(d.Name); err != nil || found != d {
		return d.Key()
	}
	return d.Name
}
