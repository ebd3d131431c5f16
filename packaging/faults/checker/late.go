package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// entry is a line of a panel's door log.
type entry struct {
	At      time.Time
	Granted bool
	By      string
}

// request is one that changes something, as the panel recorded it.
type request struct {
	Start   time.Time
	Action  string
	UserIDs []string `json:"user_ids"`
}

// stats is what a panel counted.
type stats struct {
	Requests int
	Mutating []request
}

// slack is what the bound of DESIGN §8 does not name: the cloud looks for what another process imported every quarter
// of a second, and on a busy machine programs wait for their turn.
const slack = 1500 * time.Millisecond

// lateness holds every door that opened to somebody whose access had ended to DESIGN §8: late by at most the time
// something was unreachable, one request in flight, and the place in the queue times the measured request.
func (c *check) lateness() (problems []string, latest time.Duration, err error) {
	ends := c.ends(time.Now())
	for _, p := range c.job.Panels {
		var log []entry
		if err := get(context.Background(), p.Control+"/doorlog", &log); err != nil {
			return nil, 0, err
		}
		var s stats
		if err := get(context.Background(), p.Control+"/stats", &s); err != nil {
			return nil, 0, err
		}
		c.requests += s.Requests
		each := measured(s.Mutating)
		for _, l := range log {
			e, ended := ends[l.By]
			if !ended || !l.Granted || !l.At.After(e.at) {
				continue
			}
			late, away := l.At.Sub(e.at), c.away(e.at, l.At)
			latest = max(latest, late-away)
			if most := away + time.Duration(1+e.queue)*each + slack; late > most {
				problems = append(problems, fmt.Sprintf("panel %s let %s in at %s, %s after access ended; by DESIGN §8 at most %s: away for %s, %d in the queue, %s each",
					p.Device, l.By, l.At.Format(time.RFC3339Nano), late, most, away, e.queue, each))
			}
		}
	}
	return problems, latest, nil
}

// measured is how long one place in the queue takes: the median time from one change to the next, where they follow on
// each other.
func measured(all []request) time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(all); i++ {
		if d := all[i].Start.Sub(all[i-1].Start); d < time.Second {
			gaps = append(gaps, d)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// away is for how long between two instants anything did not work; times that overlap count once.
func (c *check) away(from, to time.Time) (sum time.Duration) {
	troubles := slices.Clone(c.job.Troubles)
	slices.SortFunc(troubles, func(a, b trouble) int { return a.From.Compare(b.From) })
	at := from
	for _, t := range troubles {
		over := t.To
		if over.IsZero() || over.After(to) {
			over = to
		}
		if begin := later(t.From, at); over.After(begin) {
			sum += over.Sub(begin)
			at = over
		}
	}
	return sum
}

// lockouts are people who have always lived there and were not let in.
func (c *check) lockouts() (problems []string) {
	for _, r := range c.job.Refused {
		problems = append(problems, fmt.Sprintf("panel %s refused PIN %s at %s, of somebody who has always lived there", r.Panel, r.PIN, r.At.Format(time.RFC3339Nano)))
	}
	return problems
}

// order holds panels without trouble to the first rule of the plan: of what one import brought, removals go first. One
// addition may have been in flight.
func (c *check) order() (problems []string) {
	for i := 1; i < len(c.residents); i++ {
		began, until := c.job.Exports[i].Began, time.Now()
		if i+1 < len(c.job.Exports) {
			until = c.job.Exports[i+1].Began
		}
		for _, p := range c.job.Panels {
			if !c.troubled(p, began, until) {
				problems = append(problems, c.orderOf(p, i, began, until)...)
			}
		}
	}
	return problems
}

func (c *check) troubled(p panel, from, to time.Time) bool {
	return slices.ContainsFunc(c.job.Troubles, func(t trouble) bool {
		return t.Panel == p.Device && t.From.Before(to) && (t.To.IsZero() || t.To.After(from))
	})
}

// dated is how many move in by date between two instants, or just before, as the export before the i-th said already.
func (c *check) dated(i int, from, to time.Time) (n int) {
	for _, p := range c.residents[i-1] {
		if p.from.After(from.Add(-slack)) && p.from.Before(to) {
			n++
		}
	}
	return n
}

// orderOf takes any removal for the one: a panel's record of it names the row and not the person.
func (c *check) orderOf(p panel, i int, began, until time.Time) (problems []string) {
	out := false
	for ref, r := range c.residents[i] {
		if was := c.before(i, ref); r.status == "Past" && was != nil && was.lives(began) {
			out = true
		}
	}
	var s stats
	if !out || get(context.Background(), p.Control+"/stats", &s) != nil {
		return nil
	}
	added := -c.dated(i, began, until) // who was to come then in any case, however late
	for _, r := range s.Mutating {
		switch {
		case r.Start.Before(began) || r.Start.After(until):
		case r.Action == "add":
			added++
		case r.Action == "del" && added > 1:
			return []string{fmt.Sprintf("panel %s: %d people were added before somebody was removed whom the same import put out (export %d)", p.Device, added, i)}
		case r.Action == "del":
			return nil
		}
	}
	return nil
}
