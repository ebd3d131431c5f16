package memory

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// KeepHours makes the panel keep weekly hours, n schedules a row at most, judged in UTC. Windows must
// end on the day on which they begin.
func (p *Panel) KeepHours(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits.Schedules, p.hours = n, map[access.ScheduleID]access.Schedule{}
}

// Hours lists the schedules that stand on the panel.
func (p *Panel) Hours() []access.ScheduleID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.hours))
}

// KeepSchedules implements driver.ScheduleWriter: one request a call, "schedule" where it writes and
// "schedules" where nothing is due.
func (p *Panel) KeepSchedules(ctx context.Context, want []access.Schedule) (more bool, err error) {
	change := p.due(want)
	if change == nil {
		return false, p.do(ctx, "schedules", "", false, func() error { return nil })
	}
	return true, p.do(ctx, "schedule", "", true, func() error {
		change()
		return nil
	})
}

// due is the next change; nil when all stands.
func (p *Panel) due(want []access.Schedule) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[access.ScheduleID]bool{}
	for _, s := range want {
		wanted[s.ID] = true
		if is, ok := p.hours[s.ID]; !ok || !reflect.DeepEqual(is, s) {
			return func() { p.hours[s.ID] = s }
		}
	}
	for id := range p.hours {
		if !wanted[id] && !p.carried(id) {
			return func() { delete(p.hours, id) }
		}
	}
	return nil
}

func (p *Panel) carried(id access.ScheduleID) bool {
	for _, r := range p.rows {
		if slices.Contains(r.Schedules, id) {
			return true
		}
	}
	return false
}

// openNow judges the hours by the panel's clock alone, as a panel does: holidays are none of its.
func (p *Panel) openNow(r model.Record) bool {
	now := p.now().UTC()
	for _, id := range r.Schedules {
		for _, w := range p.hours[id].Weekly {
			if open(w, now) {
				return true
			}
		}
	}
	return len(r.Schedules) == 0
}

// open judges one window that ends on the day on which it begins.
func open(w access.Weekly, now time.Time) bool {
	clock := now.Format("15:04")
	return slices.Contains(w.Days, now.Weekday()) && w.Start <= clock && clock < w.End
}
