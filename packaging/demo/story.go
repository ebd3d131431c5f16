package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// play tells the whole story. Every step that claims something about a door asks the panel.
func (s *stage) play(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.opening, s.enrol, s.load, s.doors, s.cutOff, s.theMinute, s.restart, s.reunion, s.halfAnExport, s.badDay,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tell prints one line of the timeline in the property's time.
func (s *stage) tell(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().In(s.zone).Format("15:04:05"), fmt.Sprintf(format, args...))
}

func (s *stage) clock(t time.Time) string { return t.In(s.zone).Format("15:04:05") }

// opening starts panels and cloud.
func (s *stage) opening(ctx context.Context) (err error) {
	fmt.Printf("Maple Court: 40 units, %d people in its export. Times are the property's (%s).\n\n", len(s.people), s.zone)
	if err := s.write("panel.password", "correct-horse\n"); err != nil {
		return err
	}
	for model, p := range map[string]*panel{"X916": &s.front, "E18": &s.rear, "X915S": &s.harbor} {
		if *p, err = s.startPanel(model); err != nil {
			return err
		}
	}
	if err := s.startPMS(); err != nil {
		return err
	}
	if err := s.configs(); err != nil {
		return err
	}
	if err := s.startCloud(); err != nil {
		return err
	}
	s.tell("Two door panels, empty: front (X916) and rear (E18). The cloud starts: %s", s.cloudURL)
	return eventually(ctx, "the cloud answers", 15*time.Second, func() error { return call(ctx, s.cloudURL+"/healthz", nil, nil) })
}

// enrol starts both properties' gateways.
func (s *stage) enrol(ctx context.Context) (err error) {
	if s.agent, err = s.enrolled(ctx, "agent.toml", "maple-court"); err != nil {
		return err
	}
	if _, err = s.enrolled(ctx, "agent-harbor.toml", "harbor-row"); err != nil {
		return err
	}
	s.tell("The gateway is enrolled by file, makes its own keys and starts: %s", s.agentURL)
	return s.agentUp(ctx)
}

// enrolled makes a gateway known to the cloud by two files, and starts it.
func (s *stage) enrolled(ctx context.Context, config, property string) (*program, error) {
	request, bundle := s.path(property+".request"), s.path(property+".bundle")
	for _, c := range [][]string{
		{"gatehouse-agent", "enroll", "request", "--config", s.path(config), "--out", request},
		{"gatehouse-cloud", "gateway", "add", "--config", s.path("cloud.toml"), "--property", property, "--request", request, "--out", bundle},
		{"gatehouse-agent", "enroll", "accept", "--config", s.path(config), bundle},
	} {
		if _, err := s.do(ctx, c[0], c[1:]...); err != nil {
			return nil, err
		}
	}
	return s.startAgent(config)
}

func (s *stage) agentUp(ctx context.Context) error {
	return eventually(ctx, "the gateway enforces doors", 15*time.Second, func() error { return ok(ctx, s.agentURL+"/healthz") })
}

func ok(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(raw)))
	}
	return err
}

// load imports the export and waits until the panels hold everybody they should.
func (s *stage) load(ctx context.Context) error {
	if err := s.imports(ctx, "residents.csv", export(s.people)); err != nil {
		return err
	}
	want := s.expected(time.Now())
	for _, p := range []panel{s.front, s.rear} {
		err := eventually(ctx, "a panel is loaded", 25*time.Second, func() error { return p.holds(ctx, want) })
		if err != nil {
			return err
		}
	}
	s.tell("✓ The export is imported; each panel holds the %d people who may open a door now.", want)
	return nil
}

func (s *stage) imports(ctx context.Context, name, text string) error {
	if err := s.write(name, text); err != nil {
		return err
	}
	_, err := s.do(ctx, "gatehouse-cloud", "import", "--config", s.path("cloud.toml"), "--property", "maple-court", "--format", "csv", "--file", s.path(name))
	return err
}

func (s *stage) expected(now time.Time) (n int) {
	pins := map[string]bool{}
	for _, p := range s.people {
		if opensNow(p, s.zone, now) && (p.PIN == "" || !pins[p.PIN]) { // of two with one PIN, one gets it
			n++
			pins[p.PIN] = true
		}
	}
	return n
}

func (p panel) holds(ctx context.Context, want int) error {
	n, err := p.users(ctx)
	if err == nil && n != want {
		err = fmt.Errorf("it holds %d people, want %d", n, want)
	}
	return err
}

// opens checks a PIN at every panel.
func (s *stage) opens(ctx context.Context, pin string, want bool) error {
	for name, p := range map[string]panel{"front": s.front, "rear": s.rear} {
		got, err := p.present(ctx, pin)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("at the %s panel the PIN opens: %v, want %v", name, got, want)
		}
	}
	return nil
}

func (s *stage) doors(ctx context.Context) error {
	if err := s.opens(ctx, s.movedIn.PIN, true); err != nil {
		return fmt.Errorf("%s: %w", s.movedIn.name(), err)
	}
	s.tell("✓ %s moved into unit %s today: the PIN opens.", s.movedIn.name(), s.movedIn.Unit)
	if err := s.opens(ctx, "1357", false); err != nil {
		return fmt.Errorf("a wrong PIN: %w", err)
	}
	s.tell("✓ A wrong PIN is refused.")
	if err := s.opens(ctx, s.later.PIN, false); err != nil {
		return fmt.Errorf("%s: %w", s.later.name(), err)
	}
	s.tell("✓ %s moves in on %s: refused until then.", s.later.name(), s.later.MoveIn)
	return nil
}

// cutOff kills the cloud before the dates of the story fall due.
func (s *stage) cutOff(ctx context.Context) error {
	if left := time.Until(s.minute); left < 2*time.Second {
		return fmt.Errorf("only %s are left before the story's minute; this machine is too slow for it", left)
	}
	s.cloud.kill()
	if err := ok(ctx, s.cloudURL+"/healthz"); err == nil {
		return fmt.Errorf("the cloud still answers after it was killed")
	}
	s.tell("✗ The cloud is killed. From here on the gateway is alone.")
	if err := s.opens(ctx, s.leaves.PIN, true); err != nil {
		return fmt.Errorf("%s before the move-out: %w", s.leaves.name(), err)
	}
	if err := s.opens(ctx, s.comes.PIN, false); err != nil {
		return fmt.Errorf("%s before the move-in: %w", s.comes.name(), err)
	}
	s.tell("  %s (unit %s) still opens, %s (unit %s) does not; at %s one moves out and the other in.",
		s.leaves.name(), s.leaves.Unit, s.comes.name(), s.comes.Unit, s.clock(s.minute))
	return nil
}

// theMinute waits for the move-out and the move-in.
func (s *stage) theMinute(ctx context.Context) error {
	if err := sleep(ctx, time.Until(s.minute)); err != nil {
		return err
	}
	err := eventually(ctx, s.leaves.name()+" is refused", 5*time.Second, func() error { return s.opens(ctx, s.leaves.PIN, false) })
	if err != nil {
		return err
	}
	s.tell("✓ %s has moved out: the PIN is refused.", s.leaves.name())
	err = eventually(ctx, s.comes.name()+" can open", 5*time.Second, func() error { return s.opens(ctx, s.comes.PIN, true) })
	if err != nil {
		return err
	}
	s.tell("✓ %s has moved in: the PIN opens.", s.comes.name())
	return nil
}

// restart kills the gateway and starts it, still without a cloud.
func (s *stage) restart(ctx context.Context) error {
	s.agent.kill()
	var err error
	if s.agent, err = s.startAgent("agent.toml"); err != nil {
		return err
	}
	if err := s.agentUp(ctx); err != nil {
		return err
	}
	if err := s.opens(ctx, s.leaves.PIN, false); err != nil {
		return fmt.Errorf("%s after the restart: %w", s.leaves.name(), err)
	}
	if err := s.opens(ctx, s.comes.PIN, true); err != nil {
		return fmt.Errorf("%s after the restart: %w", s.comes.name(), err)
	}
	s.tell("✓ The gateway is killed and started, still without a cloud: both still hold.")
	return nil
}

// reunion starts the cloud and waits until its page shows both changes with their true times.
func (s *stage) reunion(ctx context.Context) error {
	if err := s.startCloud(); err != nil {
		return err
	}
	err := eventually(ctx, "the cloud's page shows both changes confirmed", 30*time.Second, func() error { return s.confirmed(ctx) })
	if err != nil {
		return err
	}
	s.tell("✓ The cloud is back. Its page shows both changes confirmed at both panels, with their true times (%s).", s.clock(s.minute))
	return nil
}

// halfAnExport imports an export that was cut in half.
func (s *stage) halfAnExport(ctx context.Context) error {
	whole := export(s.people)
	if err := s.imports(ctx, "residents-cut.csv", whole[:len(whole)/2]); err != nil {
		return err
	}
	why, err := s.lastRun(ctx, "maple-court")
	if err != nil {
		return err
	}
	want := s.expected(time.Now()) - 1 // without the one who moved out
	for range 10 {                     // nothing may happen, so give it time to
		for _, p := range []panel{s.front, s.rear} {
			if err := p.holds(ctx, want); err != nil {
				return fmt.Errorf("after half an export: %w", err)
			}
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	s.tell("✓ An export cut in half is imported: nobody is removed. The page says why: “%s”", why)
	return nil
}
