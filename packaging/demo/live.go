package main

import (
	"context"
	"fmt"
	"time"
)

// badDay is the second property's: its property-management system answers with an empty list, then
// with an error page. Nobody is removed, and the page says why; the next good answer heals it.
func (s *stage) badDay(ctx context.Context) error {
	people := 0
	err := eventually(ctx, "the second property is loaded", 30*time.Second, func() (err error) {
		people, err = s.settled(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.tell("✓ Harbor Row is read live from its property-management system: %d people are confirmed at its panel.", people)
	for _, bad := range []struct{ fault, what string }{{"empty-200", "an empty list"}, {"error-page", "an error page"}} {
		if err := s.answers(ctx, bad.fault, true); err != nil {
			return err
		}
		// That a sync which proves nothing says so by its exit code is not the story's business.
		_, _ = s.do(ctx, "gatehouse-cloud", "sync", "--config", s.path("cloud.toml"), "--property", "harbor-row")
		why, err := s.lastRun(ctx, "harbor-row")
		if err != nil {
			return fmt.Errorf("the system answers with %s: %w", bad.what, err)
		}
		for range 5 { // nothing may happen, so give it time to
			if err := s.harbor.holds(ctx, people); err != nil {
				return fmt.Errorf("the system answers with %s: %w", bad.what, err)
			}
			if err := sleep(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
		s.tell("✓ It answers with %s: nobody is removed. The page says why: “%.150s…”", bad.what, why)
		if err := s.answers(ctx, bad.fault, false); err != nil {
			return err
		}
	}
	if _, err := s.do(ctx, "gatehouse-cloud", "sync", "--config", s.path("cloud.toml"), "--property", "harbor-row"); err != nil {
		return err
	}
	st, err := s.status(ctx, "harbor-row")
	if err != nil {
		return err
	}
	if len(st.Property.Runs) == 0 || !st.Property.Runs[0].Complete {
		return fmt.Errorf("the next good answer does not heal it: %+v", st.Property.Runs)
	}
	return s.harbor.holds(ctx, people)
}

// answers switches a fault of the property-management system.
func (s *stage) answers(ctx context.Context, fault string, on bool) error {
	return call(ctx, s.pms+"/fault", map[string]any{"name": fault, "on": on}, nil)
}

// settled is how many people the second property's panel holds, once the page shows that many
// confirmed there.
func (s *stage) settled(ctx context.Context) (int, error) {
	st, err := s.status(ctx, "harbor-row")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range st.Property.Residents {
		for _, d := range p.Panels {
			if d.State == "confirmed" {
				n++
			}
		}
	}
	if n < 100 {
		return n, fmt.Errorf("%d people are confirmed at its panel", n)
	}
	return n, s.harbor.holds(ctx, n)
}
