package reconcile

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Weekly hours stand on the device itself, beside its rows, and are written before anybody gets them
// and after every removal that is due.

// hours is what the loop knows of them.
type hours struct {
	want    []access.Schedule // as last decided
	due     bool              // they are to be looked at
	at      time.Time         // and not before this
	changed bool              // something was written since they last stood
	fails   int               // in a row
	err     error             // why they do not stand
}

// hoursPatience is how often in a row a device that does not answer about its hours passes for one
// that does not answer. Then its people go first.
const hoursPatience = 3

// decideHours finds which schedules the doors of this device open by. From places that could not be
// read as a whole nothing follows.
func (l *Loop) decideHours() {
	if l.limits.Schedules == 0 || l.places.Partial {
		return
	}
	now, _ := l.cfg.Clock.Now()
	want := map[access.ScheduleID]access.Schedule{}
	for _, g := range l.places.Groups {
		s, ok := l.places.Schedules[g.Schedule]
		here := slices.ContainsFunc(g.Doors, func(d access.DoorID) bool { return l.cfg.Device.Doors[d] != "" })
		if ok && here && (l.limits.Holidays || plan.HolidaysOver(l.places, s.ID, now).IsZero()) {
			want[s.ID] = s
		}
	}
	var sorted []access.Schedule
	for _, id := range slices.Sorted(maps.Keys(want)) {
		sorted = append(sorted, want[id])
	}
	if !reflect.DeepEqual(sorted, l.hours.want) {
		l.hours = hours{want: sorted, due: true, changed: l.hours.changed}
	}
}

// lookAtHours has them read again: a new instance of the driver knows nothing of them, and after a
// full read-back it knows which nobody carries.
func (l *Loop) lookAtHours() {
	if l.limits.Schedules > 0 {
		l.hours.due = true
	}
}

// keepsHours says whether the hours may be written at all, now or later.
func (l *Loop) keepsHours() bool {
	return l.hours.due && l.limits.Schedules > 0 && l.trusted && !l.reports() && !l.places.Partial && l.store.err == nil
}

func (l *Loop) hoursDue() bool { return l.keepsHours() && !l.mono().Before(l.hours.at) }

// keepHours does one change of the hours. An error means that the device does not answer.
func (l *Loop) keepHours(ctx context.Context) error {
	l.decideHours()
	want := l.hours.want
	more, err := call(ctx, l, shortCall, func(ctx context.Context, p driver.Panel) (bool, error) {
		if w, ok := p.(driver.ScheduleWriter); ok {
			return w.KeepSchedules(ctx, want)
		}
		return false, fault.New(fault.Unsupported, "write hours to", "device "+string(l.cfg.Device.ID), "it takes no schedules")
	})
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return l.hoursFail(err)
	case more:
		l.hours.changed = true
		return nil
	}
	if l.hours.changed {
		l.log.Info("weekly hours stand", "schedules", len(want))
		l.auditAt = l.mono() // rows may carry fewer windows than their schedule has now
	}
	l.hours = hours{want: want}
	return nil
}

func (l *Loop) hoursFail(err error) error {
	l.hours.fails++
	if deviceDown(err) && l.hours.fails <= hoursPatience {
		return err
	}
	l.hours.err, l.hours.at = err, l.mono().Add(delay(l.hours.fails+auditPatience, l.cfg.Rand))
	l.log.Warn("weekly hours cannot be written", "err", err, "remedy", fault.RemedyOf(err))
	l.failed(err)
	return nil
}

// hourless is why somebody's row waits: its hours do not stand.
type hourless struct{ error }

func (h hourless) Unwrap() error { return h.error }

func isHourless(err error) bool {
	var h hourless
	return errors.As(err, &h)
}

// standing says whether a row with hours may be written: errPreempted when they come first.
func (l *Loop) standing(ids []access.ScheduleID) error {
	if len(ids) == 0 {
		return nil
	}
	l.decideHours() // a holiday may be over
	switch {
	case l.hoursDue():
		return errPreempted
	case l.hours.due && l.hours.err != nil:
		return hourless{l.hours.err}
	}
	return nil
}
