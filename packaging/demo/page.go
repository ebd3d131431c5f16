package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// status is what the demo needs of the cloud's status.json.
type status struct {
	Property struct {
		Runs []struct {
			Complete bool
			Evidence []string
			Removed  int
		}
		Residents []struct {
			Name   string
			Panels []struct {
				Device    string
				Name      string
				State     string
				Op        string
				Confirmed time.Time
			}
		}
	}
}

func (s *stage) status(ctx context.Context, property string) (st status, err error) {
	return st, call(ctx, s.cloudURL+"/status.json?property="+property, nil, &st)
}

// confirmed is nil when the page shows, for both panels, the one removed and the other confirmed,
// at the minute at which that happened and not when the cloud heard of it.
func (s *stage) confirmed(ctx context.Context) error {
	st, err := s.status(ctx, "maple-court")
	if err != nil {
		return err
	}
	want := map[string]string{s.leaves.name(): "removed", s.comes.name(): "confirmed"}
	seen := 0
	for _, p := range st.Property.Residents {
		state, ours := want[p.Name]
		if !ours {
			continue
		}
		for _, d := range p.Panels {
			if d.State != state {
				return fmt.Errorf("%s is %s on panel %s, want %s", p.Name, d.State, d.Device, state)
			}
			if late := d.Confirmed.Sub(s.minute); late < 0 || late > 10*time.Second {
				return fmt.Errorf("%s is shown %s at %s, that is %s after the minute", p.Name, state, s.clock(d.Confirmed), late)
			}
			seen++
		}
	}
	if seen != 4 {
		return fmt.Errorf("%d of 4 entries are on the page", seen)
	}
	return nil
}

// lastRun is why the page says that what was last read of a property proves nothing.
func (s *stage) lastRun(ctx context.Context, property string) (string, error) {
	st, err := s.status(ctx, property)
	if err != nil {
		return "", err
	}
	if len(st.Property.Runs) == 0 {
		return "", fmt.Errorf("the page shows no import at all")
	}
	r := st.Property.Runs[0]
	if r.Complete || r.Removed != 0 || len(r.Evidence) == 0 {
		return "", fmt.Errorf("the page shows what was read last as complete: %v, %d removed, evidence %q", r.Complete, r.Removed, r.Evidence)
	}
	return strings.Join(r.Evidence, "; "), nil
}
