package rentmanagersim

import (
	"fmt"
	"strconv"
	"time"
)

// now is the account's clock. The caller holds the lock.
func (s *Server) now() time.Time { return s.opt.Now().Add(s.ahead) }

// Now is the account's clock as moved.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// SetClock moves the account's clock; it runs on from there. People become current and past by it, tokens age.
func (s *Server) SetClock(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = to.Sub(s.opt.Now())
}

// days are the base day of a property's books and its today.
func (s *Server) days(p *Property) (base, today time.Time) {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil { // checked when the books were loaded
		zone = time.UTC
	}
	base = civil(s.start, zone)
	if t, err := time.Parse(isoDay, s.opt.Base); err == nil {
		base = t
	}
	return base, civil(s.now(), zone)
}

// dayOf reads a day of a control request: a date, "today", or a number of days from today such as "+3" or "-1";
// "" is the day given as without. The result is relative to the property's base day.
func (s *Server) dayOf(p *Property, spec string, without int) (Day, error) {
	base, today := s.days(p)
	since := int(today.Sub(base) / (24 * time.Hour))
	switch spec {
	case "":
		return In(since + without), nil
	case "today":
		return In(since), nil
	}
	if n, err := strconv.Atoi(spec); err == nil && (spec[0] == '+' || spec[0] == '-') {
		return In(since + n), nil
	}
	t, err := time.Parse(isoDay, spec)
	if err != nil {
		return Day{}, fmt.Errorf("%q is not a day; give 2026-12-31, today, +3 or -1", spec)
	}
	return In(int(t.Sub(base) / (24 * time.Hour))), nil
}

// rows is every row as the books, the clock and the faults make it now. The caller holds the lock.
func (s *Server) rows() forest {
	key := strconv.Itoa(s.version)
	for _, p := range s.data.Properties {
		_, today := s.days(p)
		key += today.Format(" " + isoDay)
	}
	if key != s.forestKey {
		b := s.builder()
		s.forest, s.forestKey = b.build(), key
	}
	return s.forest
}

func (s *Server) builder() *builder {
	b := &builder{
		schema: s.schema, data: s.data, clock: s.days, start: s.start.Add(-24 * time.Hour).Truncate(time.Second),
		noPast: s.on(FaultPastVanish), labels: s.on(FaultLabels),
	}
	if a := s.faults.On(FaultIDChurn); a != nil {
		b.churn = a.Count
	}
	if a := s.faults.On(FaultPropertyGone); a != nil {
		if b.gone = a.Count; b.gone == 0 {
			b.gone = s.data.Properties[len(s.data.Properties)-1].ID
		}
	}
	return b
}
