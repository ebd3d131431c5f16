package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// newcomer enters somebody who lives there already, and waits for the door.
func (s *stage) newcomer(ctx context.Context) (err error) {
	began := time.Now()
	s.nora, err = s.movesIn(ctx, resident{First: "Nora", Last: "Whitfield", Unit: "111", PIN: "73310"}, "-1")
	if err != nil {
		return err
	}
	if err := s.opensSoon(ctx, s.nora); err != nil {
		return err
	}
	s.tell("✓ The office enters Nora Whitfield (unit 111). Her PIN opens at both panels %.1f s later.", time.Since(began).Seconds())
	return nil
}

// opensSoon waits until somebody entered just now can open at Harbor Row.
func (s *stage) opensSoon(ctx context.Context, who resident) error {
	return eventually(ctx, who.name()+" can open", 10*time.Second, func() error { return s.harbor.opens(ctx, true, who) })
}

// today enters what happens at the story's minute, and waits until the gateways have it.
func (s *stage) today(ctx context.Context) (err error) {
	for unit, who := range map[string]*[]resident{"B-410": &s.leaving, "206": &s.transferred, "C-110": &s.crossing} {
		if *who, err = s.household(ctx, unit, "Current"); err != nil {
			return err
		}
	}
	if s.priya, err = s.movesIn(ctx, resident{First: "Priya", Last: "Raman", Unit: "112", PIN: "61907"}, "today"); err != nil {
		return err
	}
	err = errors.Join(
		s.enter(ctx, "/move_out", form{"tenant": s.leaving[0].Tenant}),
		s.enter(ctx, "/transfer", form{"tenant": s.transferred[0].Tenant, "unit": "201"}),
		s.enter(ctx, "/transfer", form{"tenant": s.crossing[0].Tenant, "unit": "110", "property": s.kiln.source}),
	)
	if err != nil {
		return err
	}
	s.tell("The office enters for today: %s and %s (unit B-410) move out, Priya Raman moves in (112),", s.leaving[0].name(), s.leaving[1].name())
	s.tell("  the Ketterings transfer from 206 to 201, the Pachecos from C-110 to Kiln Lofts. Here that means at %s.", s.clock(s.minute))
	return eventually(ctx, "the gateways have it", 10*time.Second, func() error {
		return errors.Join(
			s.shows(ctx, s.harbor, s.harbor.panelNames(), "Not due yet", "112", s.priya),
			s.shows(ctx, s.harbor, []string{"Access"}, "until", "B-410", s.leaving...),
			s.shows(ctx, s.harbor, []string{"Access"}, "until", "C-110", s.crossing...),
			s.shows(ctx, s.harbor, []string{"Access"}, "from", "201", s.transferred...),
			s.shows(ctx, s.kiln, s.kiln.panelNames(), "Not due yet", "110", s.crossing...),
		)
	})
}

// whileWaiting has the bad day now if the minute is far.
func (s *stage) whileWaiting(ctx context.Context) error {
	if time.Until(s.minute) < 40*time.Second {
		return nil
	}
	return s.badDay(ctx)
}

// cutOff kills the cloud and freezes the property-management system before the minute.
func (s *stage) cutOff(ctx context.Context) error {
	if left := time.Until(s.minute); left < 2*time.Second {
		return fmt.Errorf("only %s are left before the story's minute; this machine is too slow for it", left)
	}
	s.cloud.kill()
	if err := s.pms.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for _, url := range []string{s.cloudURL + "/healthz", s.pms.control + "/clock"} {
		if err := eventually(ctx, "nobody answers", 5*time.Second, func() error { return silent(ctx, url) }); err != nil {
			return err
		}
	}
	s.tell("✗ The cloud is killed, Rent Manager is frozen, neither answers. From here on the gateways are alone.")
	if err := s.doorsSay(ctx, false); err != nil {
		return fmt.Errorf("before the minute: %w", err)
	}
	s.tell("✓ Until %s all is as it was: who moves out still opens, who moves in does not.", s.clock(s.minute))
	return nil
}

// doorsSay is nil when the doors are as they should be before or after the minute.
func (s *stage) doorsSay(ctx context.Context, after bool) error {
	return errors.Join(
		s.harbor.opens(ctx, true, s.transferred...),
		s.harbor.opens(ctx, !after, s.leaving...),
		s.harbor.opens(ctx, after, s.priya),
		s.harbor.opens(ctx, !after, s.crossing...),
		s.kiln.opens(ctx, after, s.crossing...),
	)
}

// theMinute waits for all that falls due. The Ketterings must be let in at every moment of it.
func (s *stage) theMinute(ctx context.Context) error {
	if err := sleep(ctx, time.Until(s.minute.Add(-300*time.Millisecond))); err != nil {
		return err
	}
	tries, shut := 0, error(nil)
	err := eventually(ctx, "the doors follow the minute", 5*time.Second, func() error {
		tries++
		shut = errors.Join(shut, s.harbor.opens(ctx, true, s.transferred...))
		return s.doorsSay(ctx, true)
	})
	if err := errors.Join(shut, err); err != nil {
		return err
	}
	s.tell("✓ %s, %s: the PINs are refused.", s.leaving[0].name(), s.leaving[1].name())
	s.tell("✓ Priya Raman: the PIN opens.")
	s.tell("✓ The Ketterings: never shut out, in %d tries at both panels. The Pachecos: refused at Harbor Row, let in at Kiln Lofts.", tries)
	return nil
}

// restart kills the gateway of Harbor Row and starts it, still without a cloud.
func (s *stage) restart(ctx context.Context) error {
	s.harbor.agent.kill()
	if err := s.startAgent(s.harbor); err != nil {
		return err
	}
	if err := up(ctx, "the gateway enforces doors", s.harbor.agentURL); err != nil {
		return err
	}
	if err := s.doorsSay(ctx, true); err != nil {
		return fmt.Errorf("after the gateway's restart: %w", err)
	}
	s.tell("✓ Harbor Row's gateway is killed and started, still alone: all of it holds.")
	return nil
}

// reunion brings cloud and property-management system back, and waits until the pages show what
// happened with its true times.
func (s *stage) reunion(ctx context.Context) error {
	if err := s.pms.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	if err := s.startCloud(); err != nil {
		return err
	}
	err := eventually(ctx, "the pages show what happened", 20*time.Second, func() error {
		return errors.Join(
			s.shows(ctx, s.harbor, s.harbor.panelNames(), "Removed", "", s.leaving...),
			s.shows(ctx, s.harbor, s.harbor.panelNames(), "Removed", "", s.crossing...),
			s.shows(ctx, s.harbor, s.harbor.panelNames(), "Confirmed", "112", s.priya),
			s.shows(ctx, s.harbor, []string{"Access"}, "from", "201", s.transferred...),
			s.shows(ctx, s.kiln, s.kiln.panelNames(), "Confirmed", "110", s.crossing...),
		)
	})
	if err != nil {
		return err
	}
	s.tell("✓ Both are back. The pages show each removal and each key as read back from the panels, with true times (%s).", s.clock(s.minute))
	return nil
}
