package reconcile

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// caller is a panel that calls units.
type caller struct {
	driver.Panel
	units atomic.Pointer[func() ([]driver.Apartment, error)]
}

func (c *caller) Units(context.Context) ([]driver.Apartment, error) { return (*c.units.Load())() }

func (c *caller) say(all []driver.Apartment, err error) {
	f := func() ([]driver.Apartment, error) { return all, err }
	c.units.Store(&f)
}

// What a device calls is asked for before anything is planned for it, and again with every audit. That it cannot be
// told stops nobody from coming or going; that the device does not answer is told as such.
func TestApartmentsAreAskedFor(t *testing.T) {
	inBubble(t, func(s *site) {
		dev, told, planned := &caller{Panel: s.panel}, []int{}, 0
		dev.say(nil, fault.New(fault.Internal, "read", "the table", "it makes no sense"))
		s.move("p1", "1111", from(time.Now()))
		s.startWith(func(c *Config) {
			c.Panel, c.Audit = dev, time.Hour
			c.Apartments = func(all []driver.Apartment) bool { told = append(told, len(all)); return len(told) == 1 }
			c.Units = func(access.Places) map[access.UnitID]plan.Bell { planned++; return nil }
		})
		s.until(time.Now().Add(time.Minute))
		if n := rowsOf(s.panel); n != 1 || len(told) > 0 || !s.loop.Status().Reachable {
			t.Errorf("%d rows, told %v, %+v", n, told, s.loop.Status())
		}
		dev.say([]driver.Apartment{{Index: 0}, {Index: 1}}, nil)
		before := planned
		s.until(time.Now().Add(2*time.Hour + time.Minute))
		if len(told) != 2 || told[0] != 2 || planned != before+1 {
			t.Errorf("told %v in two audits; planned %d times, want once more than %d: for what was news", told, planned, before)
		}
		dev.say(nil, fault.New(fault.Unreachable, "reach", "it", "it is off"))
		s.until(time.Now().Add(time.Hour + time.Second))
		if s.loop.Status().Reachable {
			t.Error("a device that does not answer passes for well")
		}
	})
}
