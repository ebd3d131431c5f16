package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// play tells the whole story. Every step that claims something about a door asks the panel.
func (s *stage) play(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.opening, s.enrol, s.load, s.doors, s.newcomer, s.today, s.whileWaiting, s.cutOff, s.theMinute, s.restart, s.reunion, s.badDay,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tell prints one line of the timeline in Harbor Row's time.
func (s *stage) tell(format string, args ...any) {
	fmt.Printf("%s  %s\n", s.clock(time.Now()), fmt.Sprintf(format, args...))
}

func (s *stage) clock(t time.Time) string { return t.In(s.harbor.zone).Format("15:04:05") }

// opening starts the property-management system, panels and cloud.
func (s *stage) opening(ctx context.Context) error {
	if err := s.startSimulators(ctx); err != nil {
		return err
	}
	if err := s.configs(); err != nil {
		return err
	}
	people, err := s.books(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Harbor Row and Kiln Lofts: 240 units, %d people in their Rent Manager (simulated). Times are Harbor Row's (%s).\n\n", len(people), s.harbor.zone)
	if err := s.startCloud(); err != nil {
		return err
	}
	s.tell("Three door panels, empty: two at Harbor Row (X916, E18), one at Kiln Lofts (X915S). The cloud starts: %s", s.cloudURL)
	return up(ctx, "the cloud answers", s.cloudURL)
}

func up(ctx context.Context, what, address string) error {
	return eventually(ctx, what, 15*time.Second, func() error {
		_, err := fetch(ctx, address+"/healthz", nil)
		return err
	})
}

// enrol makes each gateway known to the cloud by two files, and starts it.
func (s *stage) enrol(ctx context.Context) error {
	for _, p := range s.properties() {
		config, request, bundle := s.path(p.id+".toml"), s.path(p.id+".request"), s.path(p.id+".bundle")
		for _, c := range [][]string{
			{"gatehouse-agent", "enroll", "request", "--config", config, "--out", request},
			{"gatehouse-cloud", "gateway", "add", "--config", s.path("cloud.toml"), "--property", p.id, "--request", request, "--out", bundle},
			{"gatehouse-agent", "enroll", "accept", "--config", config, bundle},
		} {
			if err := s.do(ctx, c[0], c[1:]...); err != nil {
				return err
			}
		}
		if err := s.startAgent(p); err != nil {
			return err
		}
	}
	s.tell("Each property's gateway is enrolled by file, makes its own keys and starts.")
	for _, p := range s.properties() {
		if err := up(ctx, "the gateway of "+p.name+" enforces doors", p.agentURL); err != nil {
			return err
		}
	}
	return nil
}

// load waits until the panels hold everybody whom the page counts as in place.
func (s *stage) load(ctx context.Context) error {
	var told []string
	for _, p := range s.properties() {
		err := eventually(ctx, p.name+" is loaded", 25*time.Second, func() error {
			page, err := s.page(ctx, p, "")
			if err != nil {
				return err
			}
			n, coming := count(page, "In place"), count(page, "On the way")
			for _, d := range p.panels {
				keys, err := d.keys(ctx)
				if err != nil {
					return err
				}
				if n < 20 || coming > 0 || len(keys) != n {
					return fmt.Errorf("the page counts %d in place and %d on the way, the %s holds %d", n, coming, d.name, len(keys))
				}
			}
			told = append(told, fmt.Sprintf("%s %d in place, %d need attention", p.name, n, count(page, "Need attention")))
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.tell("✓ Rent Manager is read live, the panels are loaded. The page counts: %s.", strings.Join(told, "; "))
	return nil
}

// doors tries awkward cases of the sample at the doors of Harbor Row.
func (s *stage) doors(ctx context.Context) error {
	for _, c := range []struct{ unit, status, what, does string }{
		{"101", "Current", "month to month since the lease ended", "opens"},
		{"105", "Current", "being evicted, still lives there", "opens"},
		{"C-201", "Current", "a PIN with a leading zero", "opens"},
		{"C-202", "Current", "a PIN that panels keep for themselves", "is refused"},
		{"107", "Future", "moves in next week", "is refused"},
		{"201", "Past", "left two years ago", "is refused"},
	} {
		people, err := s.household(ctx, c.unit, c.status)
		if err != nil {
			return err
		}
		who := people[0]
		if err := s.harbor.opens(ctx, c.does == "opens", who); err != nil {
			return fmt.Errorf("%s (unit %s, %s): %w", who.name(), c.unit, c.what, err)
		}
		s.tell("✓ %s (unit %s, %s): the PIN %s.", who.name(), c.unit, c.what, c.does)
	}
	return nil
}
