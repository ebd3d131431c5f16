package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// way is one window in which one relay of the device is open to a person.
type way struct {
	relay    string
	said     access.Window // as the state has it
	holds    access.Window // said, without a lease end that may not act
	schedule access.ScheduleID
	ends     access.EndReason
	why      string
}

func (w way) open(now time.Time) bool { return w.holds.Contains(now) }

// over says that the way was open and ended.
func (w way) over(now time.Time) bool {
	return !w.open(now) && !w.said.From.After(now) && !w.said.Until.IsZero() && !w.said.Until.After(now)
}

// reach lists the ways that the person's grants open on this device, and those made at the gateway
// by hand. A revocation made there outranks them all, whatever the clock and its window say: it
// holds until it is lifted.
func (w *Wanted) reach(in Input, h access.Holder) (out []way) {
	for _, o := range in.Overlay {
		relay, here := in.Doors[o.Door]
		switch {
		case o.Person != h.Person.ID:
		case o.Kind == access.OverlayRevoke:
			w.Revoked, w.Asked = true, o.From
		case o.Kind == access.OverlayGrant && here:
			out = append(out, way{relay: relay, said: o.Window, holds: o.Window, ends: access.EndVisit, why: "granted at the gateway by hand"})
		}
	}
	for _, g := range h.Grants {
		for _, d := range in.doors(g) {
			if relay, here := in.Doors[d]; here {
				out = append(out, w.way(in, g, d, relay)...)
			}
		}
	}
	return out
}

// way is how a grant opens one relay; none when the device cannot hold to its hours or its number of
// uses: that fails shut.
func (w *Wanted) way(in Input, g access.Grant, d access.DoorID, relay string) []way {
	out := way{relay: relay, said: g.Window, holds: g.Window, ends: g.Ends, why: g.Reason}
	if in.waits(g, d) {
		out.holds.Until = time.Time{}
	}
	if g.Group != "" {
		out.schedule = in.Places.Groups[g.Group].Schedule
	}
	kind, why := in.cannot(g, out.schedule)
	if why == "" {
		return []way{out}
	}
	if out.holds.Until.IsZero() || out.holds.Until.After(in.Now) {
		w.edge(out.holds, in.Now)
		w.sooner(in.holidaysOver(out.schedule))
		w.refuseOnce(kind, why)
	}
	return nil
}

// cannot says why the device cannot hold to a grant; "" it can.
func (in Input) cannot(g access.Grant, s access.ScheduleID) (fault.Kind, string) {
	_, known := in.Places.Schedules[s]
	doors := "the doors of " + in.Places.Groups[g.Group].Name
	switch {
	case g.Uses > 0:
		return fault.Unsupported, "a grant for a number of uses cannot be kept on this panel; give it an end instead"
	case s == "":
		return 0, ""
	case in.Limits.Schedules == 0:
		return fault.Unsupported, doors + " open by a schedule, which this panel does not keep; give a grant without hours, or an end"
	case !in.Trusted:
		return fault.Conflict, doors + " open by a schedule, and the clock is not trusted; connect the gateway to the internet or to a time server"
	case !known:
		return fault.Invalid, doors + " open by a schedule that the property does not have; choose another for the group"
	case !in.holidaysOver(s).IsZero():
		return fault.Unsupported, doors + " open by a schedule with holidays ahead, which this panel does not keep; use one without holidays, or give a grant with an end"
	}
	return 0, ""
}

// holidaysOver is when the last holiday of a schedule is over; zero when none is ahead, or the device
// keeps them.
func (in Input) holidaysOver(s access.ScheduleID) time.Time {
	if in.Limits.Holidays {
		return time.Time{}
	}
	return HolidaysOver(in.Places, s, in.Now)
}

// HolidaysOver is when the last holiday of a schedule is over, at midnight in the property's zone; zero
// when none is ahead of now or under way. Without a zone it is UTC's midnight a day later: every zone's
// is over by then.
func HolidaysOver(p access.Places, s access.ScheduleID, now time.Time) (last time.Time) {
	loc, err := p.Property.Location()
	extra := 1
	if err != nil {
		loc, extra = time.UTC, 2
	}
	for _, h := range p.Schedules[s].Holidays {
		day, err := time.Parse(time.DateOnly, h)
		if err != nil {
			continue // Validate refuses it, and then it never opens
		}
		y, m, d := day.Date()
		if over := rules.Wall(y, m, d+extra, 0, 0, loc, rules.End); over.After(now) && over.After(last) {
			last = over
		}
	}
	return last
}

// doors is what a grant leads to, here or elsewhere.
func (in Input) doors(g access.Grant) (out []access.DoorID) {
	switch {
	case g.Door != "":
		return []access.DoorID{g.Door}
	case g.Group != "":
		return in.Places.Groups[g.Group].Doors
	}
	for id, d := range in.Places.Doors {
		if d.Unit == g.Unit {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// waits says that a grant's end may not act at a door by itself: it is a lease end, and when it came
// the gateway had been without word of the cloud for longer than the door's limit (DESIGN §1.6). A
// later contact lets it act, and nothing makes it wait again.
func (in Input) waits(g access.Grant, d access.DoorID) bool {
	if g.Ends != access.EndLeaseEnd || in.StaleAfter == nil {
		return false
	}
	limit := in.StaleAfter(d)
	return limit > 0 && g.Until.Sub(in.Contact) > limit
}

// mayBeOpen says whether a grant may be open now at a door of this device, whether or not its doors
// are known.
func (in Input) mayBeOpen(g access.Grant) bool {
	if g.Contains(in.Now) || g.From.After(in.Now) {
		return g.Contains(in.Now)
	}
	for d := range in.Doors {
		if in.waits(g, d) {
			return true
		}
	}
	return false
}

// choose takes the relays that are open now, and the hours that hold for them.
func (w *Wanted) choose(in Input, ways []way) {
	always, hours := map[string][]access.Window{}, map[string][]access.ScheduleID(nil)
	for _, y := range ways {
		switch {
		case y.schedule == "":
			always[y.relay] = append(always[y.relay], y.holds)
		case y.open(in.Now):
			if hours == nil {
				hours = map[string][]access.ScheduleID{}
			}
			hours[y.relay] = append(hours[y.relay], y.schedule)
		}
		if y.schedule != "" {
			w.edge(y.holds, in.Now)
		}
		if y.open(in.Now) && (w.Begins.IsZero() || y.said.From.Before(w.Begins)) {
			w.Begins, w.Why = y.said.From, y.why
		}
	}
	for relay, ws := range always {
		w.sooner(rules.NextChange(ws, in.Now))
		if rules.Open(ws, in.Now) {
			w.Record.Relays = append(w.Record.Relays, relay)
			delete(hours, relay)
		}
	}
	if len(hours) > 0 {
		w.chooseHours(in, hours)
	}
	slices.Sort(w.Record.Relays)
}

// chooseHours takes the relays that open by the same schedules, if any at all: a row has hours for
// all of its relays or for none, so doors with other hours are refused and stay shut.
func (w *Wanted) chooseHours(in Input, hours map[string][]access.ScheduleID) {
	type set struct {
		ids    []access.ScheduleID
		relays []string
	}
	sets := map[string]*set{}
	for relay, ids := range hours {
		slices.Sort(ids)
		ids = slices.Compact(ids)
		key := ""
		for _, id := range ids {
			key += string(id) + " "
		}
		if sets[key] == nil {
			sets[key] = &set{ids: ids}
		}
		sets[key].relays = append(sets[key].relays, relay)
	}
	for _, key := range slices.SortedFunc(maps.Keys(sets), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(sets[b].relays), len(sets[a].relays)), cmp.Compare(a, b))
	}) {
		s := sets[key]
		switch {
		case len(s.ids) > in.Limits.Schedules:
			w.refuseOnce(fault.Full, "doors open by more schedules than this panel keeps for one person; use fewer")
		case len(w.Record.Relays) > 0:
			w.refuseOnce(fault.Unsupported, "this panel holds one set of hours a person; doors with other hours stay shut")
		default:
			w.Record.Relays, w.Record.Schedules = s.relays, s.ids
		}
	}
}

// ends says why and when access ended, when none is left: the latest end counts.
func (w *Wanted) ends(ways []way, now time.Time) {
	if open := slices.ContainsFunc(ways, func(y way) bool { return y.open(now) }); open {
		if w.Revoked {
			w.Cause, w.Why = access.EndRevoked, "revoked at the gateway by hand"
		}
		return
	}
	var last *way
	for i, y := range ways {
		if !y.over(now) {
			continue
		}
		if last == nil || cmp.Or(y.said.Until.Compare(last.said.Until), strings.Compare(string(y.ends), string(last.ends))) > 0 {
			last = &ways[i]
		}
	}
	switch {
	case last != nil:
		w.Cause, w.Asked = last.ends, last.said.Until
	case w.Revoked:
		w.Cause = access.EndRevoked
	}
}

// stale says that a relay is open only because a lease end may not act. Where one may not, every edge
// of any way may begin or end that.
func (w *Wanted) stale(ways []way, now time.Time) bool {
	if slices.ContainsFunc(ways, func(y way) bool { return y.said != y.holds }) {
		for _, y := range ways {
			w.edge(y.said, now)
		}
	}
	return slices.ContainsFunc(ways, func(y way) bool {
		return y.open(now) && !y.said.Contains(now) && !slices.ContainsFunc(ways, func(o way) bool {
			return o.relay == y.relay && o.said.Contains(now) && (o.schedule == "" || o.schedule == y.schedule)
		})
	})
}

// refuseOnce is for what several doors of one grant say alike.
func (w *Wanted) refuseOnce(k fault.Kind, why string) {
	if r := (Refusal{w.Person, k, why}); !slices.Contains(w.Refusals, r) {
		w.Refusals = append(w.Refusals, r)
	}
}
