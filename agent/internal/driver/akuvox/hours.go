package akuvox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	// schedulesPerRow is what we write for one person. How many pairs a unit takes is unknown: a row
	// that does not keep them all is read back as another than was written, and never confirmed.
	schedulesPerRow = 4
	// mostSpans bounds the windows of one schedule, so that no row becomes over-long (§7).
	mostSpans = 12

	opHours = "read schedules of"
)

// slotPrefix begins the names of our schedules: "GH-s1-2" is the second window of schedule s1. A
// schedule whose name is not exactly of this form is never touched, nor one of another system.
const slotPrefix = "GH-"

func slotName(id access.ScheduleID, n int) string {
	return slotPrefix + string(id) + "-" + strconv.Itoa(n)
}

// slotOf reads slotName; ok is false for the names of others.
func slotOf(name string) (id access.ScheduleID, n int, ok bool) {
	rest, ok := strings.CutPrefix(name, slotPrefix)
	i := strings.LastIndexByte(rest, '-')
	if !ok || i < 1 {
		return "", 0, false
	}
	n, err := strconv.Atoi(rest[i+1:])
	id = access.ScheduleID(rest[:i])
	return id, n, err == nil && n > 0 && slotName(id, n) == name
}

// slot is one of our schedules on the unit.
type slot struct {
	row    row
	number string // what users carry
	id     access.ScheduleID
	n      int
	span   span
	read   bool // span says what stands there
}

// hours is what is known of the weekly schedules of the unit. A value is never changed, only replaced.
type hours struct {
	slots   []slot                       // ours, in order of name, doubles by number
	want    map[access.ScheduleID][]span // that were seen to stand there as wanted
	carried map[string]bool              // schedule numbers on users at the last whole list; nil unknown
	done    string                       // the change made last
}

// of lists the slots of one schedule.
func (h hours) of(id access.ScheduleID) (out []slot) {
	for _, s := range h.slots {
		if s.id == id {
			out = append(out, s)
		}
	}
	return out
}

// ready says that every one of the schedules was seen on the unit as it is wanted.
func (h hours) ready(ids []access.ScheduleID) bool {
	for _, id := range ids {
		if len(h.want[id]) == 0 {
			return false
		}
	}
	return true
}

// numbers are what a row with these schedules carries; always without any. The schedules are ready.
func (h hours) numbers(ids []access.ScheduleID) []string {
	if len(ids) == 0 {
		return []string{always}
	}
	var out []string
	for _, id := range ids {
		seen := map[int]bool{}
		for _, s := range h.of(id) {
			if s.n <= len(h.want[id]) && !seen[s.n] {
				seen[s.n] = true
				out = append(out, s.number)
			}
		}
	}
	return out
}

// access finds the schedules that the pairs stand for: none unless all are ours, carry the same
// relays, and give all the hours of each schedule.
func (h hours) access(pairs []string) (relays []string, ids []access.ScheduleID) {
	carried := map[access.ScheduleID][]span{}
	for _, pair := range pairs {
		number, digits, _ := strings.Cut(pair, "-")
		i := slices.IndexFunc(h.slots, func(s slot) bool { return s.number == number && s.read })
		if i < 0 || !relayDigits(digits) {
			return nil, nil
		}
		letters := relayLetters(digits)
		if relays != nil && !slices.Equal(relays, letters) {
			return nil, nil
		}
		relays = letters
		carried[h.slots[i].id] = append(carried[h.slots[i].id], h.slots[i].span)
	}
	for id, spans := range carried {
		for _, s := range h.of(id) {
			if !s.read || !slices.Contains(spans, s.span) {
				return nil, nil
			}
		}
	}
	return relays, slices.Sorted(maps.Keys(carried))
}

// keepsHours says whether the unit keeps weekly schedules and shows which number users carry.
func (p *Panel) keepsHours(ctx context.Context) (bool, error) {
	switch err := p.readHours(ctx); fault.KindOf(err) {
	case fault.Unsupported, fault.Invalid:
		return err == nil, nil
	default:
		return err == nil, err
	}
}

// learnHours reads the schedules when rows of ours carry any: after a whole list, or a number that
// is not known yet. Panels where nobody has hours are never asked.
func (p *Panel) learnHours(ctx context.Context, rows []row, whole bool) error {
	h := p.facts().hours
	for _, r := range rows {
		for _, pair := range split(r.pairs()) {
			number, _, _ := strings.Cut(pair, "-")
			known := slices.ContainsFunc(h.slots, func(s slot) bool { return s.number == number })
			if number == always || !r.ref().Ours() || r.foreign() || known && !whole {
				continue
			}
			_, err := p.keepsHours(ctx) // without them the pairs stand as they are
			return err
		}
	}
	return nil
}

// noteCarried remembers which schedules the users of a whole list carry.
func (p *Panel) noteCarried(rows []row) {
	carried := map[string]bool{}
	for _, r := range rows {
		for _, pair := range split(r.pairs()) {
			number, _, _ := strings.Cut(pair, "-")
			carried[number] = true
		}
	}
	p.learn(func(k *known) { k.hours.carried = carried })
}

// noteWritten adds what a row that is being written will carry.
func (p *Panel) noteWritten(pairs string) {
	p.learn(func(k *known) {
		if k.hours.carried == nil {
			return
		}
		carried := maps.Clone(k.hours.carried)
		for _, pair := range split(pairs) {
			number, _, _ := strings.Cut(pair, "-")
			carried[number] = true
		}
		k.hours.carried = carried
	})
}

// readHours reads the schedules of the unit and keeps those that are ours.
func (p *Panel) readHours(ctx context.Context) error {
	rows, err := p.all(ctx, listing{op: opHours, path: hoursPath})
	if err != nil {
		return err
	}
	key, err := p.numberKey(rows)
	if err != nil {
		return err
	}
	var slots []slot
	for _, r := range rows {
		id, n, ok := slotOf(r.get(fieldName))
		if !ok || r.foreign() || r.get(key) == "" || r.get(key) == always || r.get(fieldID) == "" {
			continue
		}
		s := slot{row: r, number: r.get(key), id: id, n: n}
		s.span, s.read = r.span()
		slots = append(slots, s)
	}
	sort.SliceStable(slots, func(i, j int) bool {
		a, b := &slots[i], &slots[j]
		return a.id < b.id || a.id == b.id && a.n < b.n
	})
	p.learn(func(k *known) { k.hours.slots = slots })
	return nil
}

// numberKey finds the field whose value users carry: ID in most samples, DisplayID for one client
// (§2.4). The built-in schedule 1001 tells, because that number is known; where it does not show,
// nothing is assumed.
func (p *Panel) numberKey(rows []row) (string, error) {
	for _, key := range []string{fieldDisplay, fieldID} {
		if slices.ContainsFunc(rows, func(r row) bool { return r.get(key) == always }) {
			return key, nil
		}
	}
	return "", fault.New(fault.Unsupported, opHours, p.link.subject, "its list does not show the schedule %s, so the numbers that people carry cannot be told", always).
		WithRemedy("Update the panel's firmware; until then give no weekly hours here.")
}

// slotChange is one write that brings the schedules closer to what is wanted.
type slotChange struct {
	verb string
	item map[string]string
}

func (c slotChange) key() string { return fmt.Sprint(c.verb, c.item) }

// next is the first write that is due; false when all stands as wanted. Windows that a schedule no
// longer has become the same as its first: people carry their numbers still, and must not keep hours
// that were taken away. They are removed when nobody carries them any more.
func (h hours) next(want map[access.ScheduleID][]span) (slotChange, bool) {
	for _, id := range slices.Sorted(maps.Keys(want)) {
		there := h.of(id)
		for _, s := range there {
			is := want[id][0]
			if s.n <= len(want[id]) {
				is = want[id][s.n-1]
			}
			if !s.read || s.span != is {
				return slotChange{verbSet, s.changed(is)}, true
			}
		}
		for i, is := range want[id] {
			if !slices.ContainsFunc(there, func(s slot) bool { return s.n == i+1 }) {
				it := is.item()
				it[fieldName] = slotName(id, i+1)
				return slotChange{verbAdd, it}, true
			}
		}
	}
	for _, s := range h.slots {
		double := slices.ContainsFunc(h.of(s.id), func(o slot) bool { return o.n == s.n && o.number < s.number })
		if (s.n > len(want[s.id]) || double) && h.carried != nil && !h.carried[s.number] {
			return slotChange{verbDel, map[string]string{fieldID: s.row.get(fieldID)}}, true
		}
	}
	return slotChange{}, false
}

// changed is the whole row of a slot with other hours: what a set does not carry is lost (§2.4).
func (s slot) changed(to span) map[string]string {
	it := carried(s.row)
	for k := range it {
		switch k {
		case fieldDateFrom, fieldDateTo, "Date", "Daily":
			delete(it, k)
		}
	}
	maps.Copy(it, to.item())
	if _, shown := it[fieldMode]; shown {
		it[fieldMode] = it[fieldType]
	}
	return it
}
