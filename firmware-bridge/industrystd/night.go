package industrystd

import (
	"slices"
	"time"
)

// Written is the time that goes on the wire for w: whole hours where the dialect has no minutes (a beginning goes
// down, an end up, so that the key is never shorter than asked), and never a time that clocks in zone show twice or
// not at all. The rule for the two nights a year:
//
//   - a time skipped in spring becomes the first one after the gap;
//   - a time that comes twice in autumn says nothing certain to a lock, so a beginning moves to the last minute
//     before the repeated hour and an end to the first one after it: in doubt the key is longer by that hour.
//
// A nil zone leaves the nights out: the caller has no zone, or is sure.
func (d Dialect) Written(w Wall, zone *time.Location, side Side) Wall {
	if w.IsZero() {
		return w
	}
	w = d.round(w, side)
	if zone == nil {
		return w
	}
	return d.round(unambiguous(w, zone, side), side)
}

// round drops what the dialect cannot say (§1.3) [I].
func (d Dialect) round(w Wall, side Side) Wall {
	if !d.hourly() {
		return w
	}
	t := w.utc()
	if side == End {
		t = t.Add(time.Hour - time.Minute)
	}
	return wallOf(t.Truncate(time.Hour))
}

// unambiguous moves w out of the gap or the repeated hour of zone.
func unambiguous(w Wall, zone *time.Location, side Side) Wall {
	fits := instants(w, zone)
	switch len(fits) {
	case 1:
		return w
	case 0: // as in spring
		first, _ := w.utc().Add(-offset(w.utc().Add(-24*time.Hour), zone)).In(zone).ZoneBounds()
		return wallOf(first.In(zone))
	}
	last := slices.MaxFunc(fits, time.Time.Compare)
	change, _ := last.In(zone).ZoneBounds() // here the clocks went back
	if side == Begin {
		return wallOf(wallOf(change.In(zone)).utc().Add(-time.Minute))
	}
	return wallOf(change.UTC().Add(offset(change.Add(-time.Second), zone)))
}

// instants are the moments at which clocks in zone show w: one, none or two.
func instants(w Wall, zone *time.Location) []time.Time {
	// No zone changes twice within two days.
	before, after := offset(w.utc().Add(-24*time.Hour), zone), offset(w.utc().Add(24*time.Hour), zone)
	var fits []time.Time
	for _, off := range slices.Compact([]time.Duration{before, after}) {
		if t := w.utc().Add(-off); offset(t, zone) == off {
			fits = append(fits, t)
		}
	}
	return fits
}

// offset is how far clocks in zone are ahead of UTC at t.
func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
