package reconcile

import (
	"slices"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
)

// mostDrift is how many rows of one device the cloud is told of one by one; behind them one event
// counts the rest. A panel that was managed by hand for years has thousands.
const mostDrift = 200

// audited keeps what a full read-back showed: the rows that are not as they should be, each told once,
// and enough of all rows to plan without reading again.
func (l *Loop) audited(rows []model.Record, strangers int) error {
	now, _ := l.cfg.Clock.Now()
	l.status.Lock()
	l.status.Audited, l.status.Rows, l.status.Strangers = now, len(rows), strangers
	l.status.Unlock()
	list, evs, err := l.drift(rows)
	if err != nil {
		return err
	}
	err = l.write(func() error { return l.cfg.Ledger.SaveDrift(l.cfg.Device.ID, list, evs...) })
	if err == nil {
		seen := Observed{At: now, Rows: len(rows), Secrets: l.secrets}
		err = l.write(func() error { return l.cfg.Ledger.SaveObserved(l.cfg.Device.ID, seen) })
	}
	if unwritten(err) {
		l.auditAt = l.mono() // again when it can be kept
		return nil
	}
	l.count(list)
	return err
}

// count keeps what follows from a list: how many rows are astray that nobody let be, whose rows of ours
// are, and what people want done.
func (l *Loop) count(list []access.Drift) {
	kinds := map[access.DriftKind]int{}
	l.acts = nil
	clear(l.astray)
	for _, d := range list {
		if d.Ignore == "" {
			kinds[d.Kind]++
		}
		if d.Act != "" {
			l.acts = append(l.acts, d)
		}
		if mends(d) {
			l.astray[d.Person] = true
		}
	}
	l.answerGone()
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Drift = kinds
}

// answerGone tells those who wait for a decision about a row that is not in the list as they saw it.
func (l *Loop) answerGone() {
	for entry, w := range l.deciding {
		if !slices.ContainsFunc(l.acts, func(d access.Drift) bool { return d.Entry == entry }) {
			delete(l.deciding, entry)
			w <- l.changed(nil)
		}
	}
}

// mends says that the row is ours: the gateway brings it back by itself, where it may write.
func mends(d access.Drift) bool { return d.Kind == access.DriftEdit || d.Kind == access.DriftMissing }

// drift is the list of what is astray, with when each was first seen and what people said of it, and
// the events of what is new in it, and of what is no longer.
func (l *Loop) drift(rows []model.Record) ([]access.Drift, []access.Event, error) {
	in, err := l.everybody()
	if err != nil {
		return nil, nil, err
	}
	in.Observed = plan.Observed{Complete: true, Everybody: true, Records: rows}
	was, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return nil, nil, err
	}
	list := plan.Make(in).Drift
	if in.Position == (access.Position{}) { // without a state nobody can say whose a row of ours is
		list = slices.DeleteFunc(list, func(d access.Drift) bool { return d.Kind != access.DriftStranger })
	}
	gone := l.inherit(list, was)
	return list, l.driftNews(list, gone, untold(was)), nil
}

// inherit gives a new list what was known of the same rows, and returns the lines of the old one that
// are in it no longer.
func (l *Loop) inherit(list, was []access.Drift) (gone []access.Drift) {
	old := map[string]access.Drift{}
	for _, d := range was {
		old[l.keyOf(d)] = d
	}
	for i := range list {
		d := &list[i]
		d.Device = l.cfg.Device.ID
		key := d.Entry
		if _, ok := old[key]; !ok {
			key = l.oldKey(*d)
		}
		if o, ok := old[key]; ok {
			d.First, d.Ignore, d.Told, d.Act, d.To, d.Reason = o.First, o.Ignore, o.Told, o.Act, o.To, o.Reason
			delete(old, key)
		}
	}
	for _, d := range was {
		if _, left := old[l.keyOf(d)]; left && d.Told {
			gone = append(gone, d)
		}
	}
	return gone
}

// keyOf tells one astray row from another, also in a list that an older program kept.
func (l *Loop) keyOf(d access.Drift) string {
	if d.Entry != "" {
		return d.Entry
	}
	return l.oldKey(d)
}

func (l *Loop) oldKey(d access.Drift) string {
	return string(d.Kind) + "\x00" + string(d.Person) + "\x00" + d.Native + "\x00" + d.What
}

// untold counts the rows that the cloud has no line of.
func untold(list []access.Drift) (n int) {
	for _, d := range list {
		if !d.Told && d.Entry != "" {
			n++
		}
	}
	return n
}

// driftNews are the events of a new list: rows that went, rows that came, as many as may be told one
// by one, and how many more there are when that is another number than before.
func (l *Loop) driftNews(list, gone []access.Drift, before int) (evs []access.Event) {
	for _, d := range gone {
		e := l.eventOfRow(d)
		e.Row.Act, e.Row.Gone, e.Message = "", true, "it is not astray any more"
		evs = append(evs, e)
	}
	told := len(list) - untold(list)
	for i := range list {
		if d := &list[i]; !d.Told && told < mostDrift {
			d.Told = true
			told++
			evs = append(evs, l.eventOfRow(*d))
		}
	}
	if more := untold(list); more != before {
		e := l.event(access.EventDrift, "", "")
		e.Row = &access.DriftNote{More: more}
		e.Message = plural(more, "more record is", "more records are") + " not as this gateway wrote them; the list at the gateway has them all"
		evs = append(evs, e)
	}
	return evs
}

// eventOfRow tells of a row as its line has it.
func (l *Loop) eventOfRow(d access.Drift) access.Event {
	e := l.event(access.EventDrift, d.Person, "")
	e.Drift, e.Message = d.Kind, d.What
	e.Row = &access.DriftNote{Entry: d.Entry, Native: clip(d.Native), First: d.First, Act: d.Act, To: d.To, Reason: d.Reason}
	if d.Ignore != "" {
		e.Row.Act, e.Row.Reason = access.DriftKeep, d.Ignore
	}
	return e
}

// clip bounds what a panel says of itself.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// mended ends the lines about a row of ours that is as it should be again.
func (l *Loop) mended(p access.PersonID) {
	if !l.astray[p] {
		return
	}
	list, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err != nil {
		return // the next read-back ends them
	}
	var evs []access.Event
	list = slices.DeleteFunc(list, func(d access.Drift) bool {
		over := d.Person == p && mends(d)
		if over && d.Told {
			e := l.eventOfRow(d)
			e.Row.Act, e.Row.Gone, e.Message = "", true, "it is as this gateway wrote it again"
			evs = append(evs, e)
		}
		return over
	})
	_ = l.write(func() error { return l.saveDrift(list, evs...) }) // else the next read-back ends them
}

// everybody is the input about all people of the state and of the ledger, with nothing read from the
// device yet.
func (l *Loop) everybody() (plan.Input, error) {
	all := l.common()
	seen := map[access.PersonID]bool{}
	one := func(p access.PersonID) error {
		if seen[p] {
			return nil
		}
		seen[p] = true
		in, err := l.input(p)
		all.People, all.Gone = append(all.People, in.People...), append(all.Gone, in.Gone...)
		if e, ok := in.Ledger[p]; ok {
			all.Ledger[p] = e
		}
		return err
	}
	if err := l.unreadable(l.cfg.Wanted.People(one)); err != nil {
		return all, err
	}
	err := l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error { return one(e.Person) })
	return all, l.unreadable(err)
}

// adopt enters a row into the ledger that is exactly a wanted person's, as it stands.
func (l *Loop) adopt(a plan.Adopt, pos access.Position) {
	e := l.eventOf(pos, access.EventConfirmed, a.Person, access.OpAdd)
	e.Grade, e.Message = a.Grade, "adopted as it stood on the device"
	secrets := plan.Secrets(l.cfg.Ledger, a.Record)
	l.carries(a.Person, secrets)
	entry := access.LedgerEntry{
		Person: a.Person, Ref: string(a.Record.Ref), Native: a.Record.Native, State: access.Settled, Grade: a.Grade,
		Print: plan.PrintRecord(l.cfg.Ledger, a.Record), Secrets: secrets, Revision: pos.Revision, At: e.At, Seen: e.At,
		Name: l.named(0, plan.NamePrint(l.cfg.Ledger, a.Record)),
	}
	l.log.Info("adopted", "person", string(a.Person), "grade", a.Grade)
	l.done(a.Person, &entry, nil, e)
}
