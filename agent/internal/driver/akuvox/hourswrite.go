package akuvox

import (
	"context"
	"errors"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const hoursWritePath = "/api/schedule/set"

// KeepSchedules implements driver.ScheduleWriter: two reading requests, and one write where one is due.
// The next call reads that back. A write that was answered as done and does not show is a Conflict.
func (p *Panel) KeepSchedules(ctx context.Context, want []access.Schedule) (more bool, err error) {
	if err := p.clockGood(ctx, want); err != nil {
		p.learn(func(k *known) { k.hours.want = nil })
		return false, err
	}
	if err := p.readHours(ctx); err != nil {
		return false, err
	}
	spans := map[access.ScheduleID][]span{}
	for _, s := range want {
		if is := spansOf(s); len(is) > 0 && len(is) <= mostSpans && len(slotName(s.ID, mostSpans)) <= refChars {
			spans[s.ID] = is
		}
	}
	h := p.facts().hours
	c, due := h.next(spans)
	if !due || c.verb == verbDel {
		p.learn(func(k *known) { k.hours.want = spans })
	} else {
		p.learn(func(k *known) { k.hours.want = h.standing(spans) })
	}
	if !due {
		p.learn(func(k *known) { k.hours.done = "" })
		return false, nil
	}
	if c.key() == h.done {
		p.learn(func(k *known) { k.hours.done = "" })
		return false, fault.New(fault.Conflict, "write schedules to", p.link.subject, "the panel accepts schedule %q and does not show it", tidy(c.item[fieldName])).
			WithRemedy("Look at the panel's schedules: something may be undoing it, or its firmware does not keep it.")
	}
	return p.writeHours(ctx, c)
}

// standing are those of the wanted schedules that the unit shows already as wanted.
func (h hours) standing(want map[access.ScheduleID][]span) map[access.ScheduleID][]span {
	out := map[access.ScheduleID][]span{}
	for id, spans := range want {
		if c, due := h.next(map[access.ScheduleID][]span{id: spans}); !due || c.verb == verbDel {
			out[id] = spans
		}
	}
	return out
}

// writeHours makes one change. A removal that is refused waits: whether a schedule that people carry
// can be removed is unknown (§2.4), and somebody may have given it by hand since the last list.
func (p *Panel) writeHours(ctx context.Context, c slotChange) (bool, error) {
	op := map[string]string{verbAdd: "add a schedule to", verbSet: "change a schedule on", verbDel: "remove a schedule from"}[c.verb]
	p.learn(func(k *known) { k.hours.done = c.key() })
	body := request{Target: "schedule", Action: c.verb, Data: items{Item: []map[string]string{c.item}}}
	_, err := p.link.post(ctx, op, hoursWritePath, body, false)
	if err != nil && fault.KindOf(err) == fault.Unsupported && c.verb != verbSet {
		_, err = p.link.post(ctx, op, "/api/schedule/"+c.verb, body, false)
	}
	switch {
	case err == nil:
		return true, nil
	case c.verb == verbDel && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Conflict):
		p.learn(func(k *known) { k.hours.carried, k.hours.done = nil, "" }) // until the next whole list
		return false, nil
	case errors.Is(err, errNoReason):
		p.learn(func(k *known) { k.hours.done = "" })
		return false, fault.New(fault.Conflict, op, p.link.subject, "%w", err).
			WithRemedy("Check whether the panel's list of schedules is full.")
	}
	p.learn(func(k *known) { k.hours.done = "" }) // it may be done or not: the next call reads
	return false, err
}
