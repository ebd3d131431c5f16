package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// badDay is the property-management system's: what it cannot say for certain removes nobody, at
// either property, and the page says why; the next good answer heals it.
func (s *stage) badDay(ctx context.Context) error {
	if s.badDayOver {
		return nil
	}
	s.badDayOver = true
	everybody := 0
	for _, p := range s.properties() {
		for _, d := range p.panels {
			var err error
			if d.before, err = d.keys(ctx); err != nil {
				return err
			}
			everybody += len(d.before)
		}
	}
	leo := resident{First: "Leo", Last: "Marchetti", Unit: "202", PIN: "50529"}
	for _, bad := range []struct{ fault, what, why string }{
		{"empty-200", "an empty list", "there are none"},
		{"error-page", "an error page", "a web page answers"},
		{"silent-half", "half of each list, as if that were all", "only in the first reading"},
	} {
		err := errors.Join(
			s.enter(ctx, "/fault", form{"name": "all", "on": false}),
			s.enter(ctx, "/fault", form{"name": bad.fault, "on": true}),
		)
		if err == nil && leo.Tenant == 0 {
			leo, err = s.movesIn(ctx, leo, "-1")
		}
		if err != nil {
			return err
		}
		why, err := s.nobodyRemoved(ctx, bad.why)
		if err = errors.Join(err, s.harbor.opens(ctx, false, leo)); err != nil {
			return fmt.Errorf("while Rent Manager answers with %s: %w", bad.what, err)
		}
		s.tell("✓ Rent Manager answers with %s, twice: all %d keys still open. The page says why: “%.110s…”", bad.what, everybody, why)
	}
	if err := errors.Join(s.enter(ctx, "/fault", form{"name": "all", "on": false}), s.opensSoon(ctx, leo)); err != nil {
		return err
	}
	s.tell("✓ It answers well again: healed. %s (unit %s), entered in the meantime, can open now.", leo.name(), leo.Unit)
	return nil
}

// nobodyRemoved waits until both pages show two readings in a row that prove nothing, and tries
// everybody's key at the doors.
func (s *stage) nobodyRemoved(ctx context.Context, word string) (why string, err error) {
	for _, p := range s.properties() {
		err := eventually(ctx, "the page says why", 15*time.Second, func() (err error) {
			why, err = s.provedNothing(ctx, p, word)
			return err
		})
		if err != nil {
			return "", err
		}
		for _, d := range p.panels {
			n, err := d.refused(ctx, d.before...)
			if err == nil && n > 0 {
				err = fmt.Errorf("the %s of %s refuses %d people", d.name, p.name, n)
			}
			if err != nil {
				return "", err
			}
		}
	}
	return why, nil
}
