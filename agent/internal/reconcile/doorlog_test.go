package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// doorman is a panel with a door log, which outlives instances of its driver.
type doorman struct {
	*memory.Panel
	mu    sync.Mutex
	log   []logged
	reads []time.Time
	fails error
	slow  time.Duration // of a reading
	step  time.Duration // of an Apply
	gap   bool

	rings  chan driver.Happening // what Events tells; nil: it tells nothing
	panics bool
}

// logged is an entry with its code.
type logged struct {
	driver.DoorEntry
	code string
}

// instance is one driver of the panel.
type instance struct {
	*doorman
	told int
}

func (d *doorman) at(code, relay string, granted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, logged{driver.DoorEntry{At: time.Now().Truncate(time.Second), Relay: relay, Granted: granted, How: "pin"}, code})
}

func (d *doorman) readings() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.reads)
}

func (i *instance) DoorLog(ctx context.Context, ask driver.DoorLogAsk) (out driver.DoorLog, err error) {
	i.mu.Lock()
	slow := i.slow
	i.mu.Unlock()
	if slow > 0 {
		t := time.NewTimer(slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reads = append(i.reads, time.Now())
	if i.fails != nil {
		return out, i.fails
	}
	for _, e := range i.log[i.told:] {
		if e.By = ask.Whose(access.NewSecret(e.code)); i.told > 0 || !e.At.Before(ask.Since) {
			out.Entries = append(out.Entries, e.DoorEntry)
		}
	}
	i.told, out.Gap = len(i.log), i.gap
	return out, nil
}

func (i *instance) Apply(ctx context.Context, s model.Step) error {
	if i.step > 0 {
		<-time.After(i.step)
	}
	return i.Panel.Apply(ctx, s)
}

func (i *instance) Close() error { return nil }

// book is a DoorBook in memory, with the events of a box.
type book struct {
	*box
	from time.Time
	told map[string]bool
}

func (b *book) LogFrom(_ access.DeviceID, _ string, now time.Time) (time.Time, error) {
	if b.from.IsZero() {
		b.from = now
	}
	return b.from, nil
}

func (b *book) TellLog(_ access.DeviceID, evs []access.Event) (fresh []access.Event, err error) {
	told := maps.Clone(b.told)
	for _, e := range evs {
		if e.Log == "" || !told[e.Log] {
			fresh, told[e.Log] = append(fresh, e), true
		}
	}
	return fresh, b.put(func() { b.told = told }, fresh...)
}

// withLog runs f with a loop on a panel that keeps a door log.
func withLog(t *testing.T, f func(*site, *doorman)) {
	t.Helper()
	inBubble(t, func(s *site) {
		s.places.Property = access.Property{ID: "maple", Zone: "America/Chicago"}
		d := &doorman{Panel: s.panel}
		b := &book{box: s.box, told: map[string]bool{}}
		s.prepare(func(c *Config) {
			c.Panel, c.Doors = nil, b
			c.Open = func() (driver.Panel, error) { s.opened++; return &instance{doorman: d}, nil }
		})
		f(s, d)
	})
}

// doors lists the door events so far in words.
func (s *site) doorEvents() (out []string) {
	for _, e := range s.told() {
		switch {
		case e.Kind == access.EventDoor && e.Granted:
			out = append(out, fmt.Sprint("opened ", e.Door, " ", e.Person, " ", e.How))
		case e.Kind == access.EventDoor:
			out = append(out, fmt.Sprint("refused ", e.Door, " ", e.Person, " ", e.How))
		}
	}
	return out
}

func (s *site) tellsDoors(want ...string) {
	s.t.Helper()
	if d := cmp.Diff(want, s.doorEvents()); d != "" {
		s.t.Errorf("door events (-want +got):\n%s", d)
	}
}

// TestTowardsE3_WhatHappenedAtTheDoorsIsTold: within half a minute, by whom and by what, also of somebody who is gone
// by then, and nothing of before the device was ours.
func TestTowardsE3_WhatHappenedAtTheDoorsIsTold(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		d.at("4821", "A", true) // before
		s.until(time.Now().Add(time.Hour))
		s.move("p1", "4821", access.Window{})
		s.rerun()
		s.opens("4821", true)
		s.tellsDoors()
		d.at("4821", "A", true)
		d.at("9999", "", false)
		d.at("4821", "B", true) // a relay that is no door here
		s.until(time.Now().Add(driver.DoorLogEvery))
		s.tellsDoors("opened lobby p1 pin", "refused lobby  pin", "opened  p1 pin")
		d.at("4821", "A", true)
		s.drop("p1")
		s.changed("p1")
		s.opens("4821", false)
		s.until(time.Now().Add(driver.DoorLogEvery))
		s.tellsDoors("opened lobby p1 pin", "refused lobby  pin", "opened  p1 pin", "opened lobby p1 pin")
		if st := s.loop.Status(); st.Opened != 3 || st.Refusals != 1 || !st.LogsDoors {
			t.Errorf("status: %+v", st)
		}
	})
}

// TestTowardsG10_ADoorEventIsToldOnce: also when the driver is made anew, when the same happens twice in one second, and when
// the store was full.
func TestTowardsG10_ADoorEventIsToldOnce(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		s.rerun()
		for range 2 {
			d.at("9999", "", false)
		}
		s.until(time.Now().Add(driver.DoorLogEvery))
		s.stop()
		s.rerun() // a new instance reads its whole log
		for range 2 {
			d.at("9999", "", false)
		}
		s.box.mu.Lock()
		s.full = fault.New(fault.Full, "write", "site.db", "no room")
		s.box.mu.Unlock()
		s.until(time.Now().Add(driver.DoorLogEvery))
		if n := len(s.doorEvents()); n != 2 {
			t.Errorf("%d events while the store is full, want 2", n)
		}
		s.box.mu.Lock()
		s.full, s.torn = nil, false
		s.box.mu.Unlock()
		s.until(time.Now().Add(5 * time.Minute))
		s.tellsDoors("refused lobby  pin", "refused lobby  pin", "refused lobby  pin", "refused lobby  pin")
		s.loop.Changed(true)
		if s.opened < 2 {
			t.Errorf("%d instances", s.opened)
		}
	})
}

// TestTowardsE3_AHintIsReadSoon: a quarter of a second after it, many as one, and once more where the log lags behind.
func TestTowardsE3_AHintIsReadSoon(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		s.rerun()
		s.until(time.Now().Add(5 * time.Second))
		before, at := len(d.readings()), time.Now()
		d.at("9999", "", false)
		for range 5 {
			s.loop.DoorHint()
		}
		s.until(at.Add(hintRest))
		s.tellsDoors("refused lobby  pin")
		s.loop.DoorHint() // and nothing in the log yet
		s.until(at.Add(5 * time.Second))
		var after []time.Duration
		for _, r := range d.readings()[before:] {
			after = append(after, r.Sub(at))
		}
		if want := []time.Duration{hintRest, hintRest + hintEvery, hintRest + hintEvery + hintAgain}; !slices.Equal(after, want) {
			t.Errorf("read after %v, want %v", after, want)
		}
	})
}

// TestTowardsE3_ARemovalEndsAReadingOfTheLog: and the log is read after it.
func TestTowardsE3_ARemovalEndsAReadingOfTheLog(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		s.move("p1", "4821", access.Window{})
		s.rerun()
		s.opens("4821", true)
		d.mu.Lock()
		d.slow = time.Minute
		d.mu.Unlock()
		d.at("4821", "A", true)
		s.until(time.Now().Add(driver.DoorLogEvery + time.Second)) // in the middle of a reading
		reads, at := len(d.readings()), time.Now()
		s.drop("p1")
		s.changed("p1")
		s.opens("4821", false)
		if got := time.Since(at); got > time.Second || len(d.readings()) != reads {
			t.Errorf("the removal took %v", got)
		}
		s.until(at.Add(2 * time.Minute))
		s.tellsDoors("opened lobby p1 pin")
	})
}

// TestTowardsE3_ABulkLoadHidesNoDoor: a thousand additions of a second each, and what happens is told within half a
// minute.
func TestTowardsE3_ABulkLoadHidesNoDoor(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		d.step = time.Second
		for i := range 1000 {
			s.move(access.PersonID(fmt.Sprint("p", i)), fmt.Sprint(100000+i), access.Window{})
		}
		s.rerun()
		for range 10 {
			d.at("9999", "", false)
			before := len(s.doorEvents())
			s.until(time.Now().Add(driver.DoorLogEvery + 2*time.Second))
			if n := len(s.doorEvents()) - before; n != 1 {
				t.Fatalf("%d events told", n)
			}
		}
		if n := len(s.mutating()); n < 250 || n > 400 {
			t.Errorf("%d written in five minutes", n)
		}
	})
}

// TestTowardsE3_ALogThatCannotBeReadIsNoDeviceThatIsAway: nobody waits for it, it is told once in words, and read again
// when it can be.
func TestTowardsE3_ALogThatCannotBeReadIsNoDeviceThatIsAway(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Invalid, fault.Timeout} {
		withLog(t, func(s *site, d *doorman) {
			d.fails = fault.New(kind, "read the door log of", "front", "nonsense")
			s.rerun()
			s.move("p1", "4821", access.Window{})
			s.changed("p1")
			s.until(time.Now().Add(20 * time.Minute))
			s.opens("4821", true)
			d.at("4821", "A", true)
			told := 0
			for _, e := range s.told() {
				if e.Kind == access.EventFailed && strings.Contains(e.Message, "the door log cannot be read") {
					told++
				}
			}
			if !s.loop.Status().Reachable || told != 1 {
				t.Errorf("reachable %v, told %d times", s.loop.Status().Reachable, told)
			}
			d.mu.Lock()
			d.fails = nil
			d.mu.Unlock()
			s.until(time.Now().Add(5 * time.Minute))
			s.tellsDoors("opened lobby p1 pin")
		})
	}
}

// TestTowardsE3_AfterTheDeviceWasAwayItsLogIsReadAtOnce, and a gap in it is told in words.
func TestTowardsE3_AfterTheDeviceWasAwayItsLogIsReadAtOnce(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		s.rerun()
		away := fault.New(fault.Unreachable, "connect", "front", "no route")
		d.Panel.Fail(func(memory.Request) error { return away })
		d.mu.Lock()
		d.fails, d.gap = away, true
		d.mu.Unlock()
		s.until(time.Now().Add(time.Hour))
		if s.loop.Status().Reachable {
			t.Fatal("it is reachable")
		}
		d.at("9999", "", false)
		d.Panel.Fail(nil)
		d.mu.Lock()
		d.fails = nil
		d.mu.Unlock()
		s.until(time.Now().Add(lastRetry + 2*time.Second))
		s.tellsDoors("refused lobby  pin")
		gaps := 0
		for _, e := range s.told() {
			if strings.Contains(e.Message, "more happened at the doors") {
				gaps++
			}
		}
		if gaps == 0 || s.loop.Status().Gaps != gaps {
			t.Errorf("%d gaps told, %d counted", gaps, s.loop.Status().Gaps)
		}
	})
}

func TestWhenAnEntryHappened(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	good := now.Add(-30 * time.Second)
	for name, tt := range map[string]struct {
		told, good, want time.Time
		words            string
	}{
		"by the device":             {now.Add(-time.Second), good, now.Add(-time.Second), ""},
		"a little ahead":            {now.Add(time.Minute), good, now, ""},
		"far ahead":                 {now.Add(time.Hour), good, now, "the device's clock is wrong"},
		"behind, while it was read": {now.Add(-time.Hour), good, now, "the device's clock is wrong"},
		"long ago, before we began": {now.Add(-time.Hour), time.Time{}, now.Add(-time.Hour), ""},
		"without a date":            {time.Time{}, good, now, "the device did not say when"},
	} {
		if at, words := when(tt.told, tt.good, now); !at.Equal(tt.want) || words != tt.words {
			t.Errorf("%s: %v %q, want %v %q", name, at, words, tt.want, tt.words)
		}
	}
}

// ---- what a device tells by itself ----

func (i *instance) Events(ctx context.Context, tell func(driver.Happening)) error {
	i.mu.Lock()
	panics, rings := i.panics, i.rings
	i.panics = false
	i.mu.Unlock()
	if panics {
		panic("the wire is upside down")
	}
	for {
		select {
		case h, ok := <-rings:
			if !ok {
				return fault.New(fault.Unreachable, "hear", "front", "the line is gone")
			}
			tell(h)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestTowardsE3_ADeviceIsHeardBesideTheLoop: while it is read, over a lost line and over a new instance of its driver.
func TestTowardsE3_ADeviceIsHeardBesideTheLoop(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		d.rings = make(chan driver.Happening)
		heard := make(chan driver.Happening, 10)
		ctx, cancel := context.WithCancel(s.t.Context())
		done := make(chan error, 1)
		go func() { done <- s.loop.Listen(ctx, func(h driver.Happening) { heard <- h }) }()
		s.rerun()
		d.mu.Lock()
		d.slow = time.Minute
		d.mu.Unlock()
		s.until(time.Now().Add(driver.DoorLogEvery + time.Second)) // the loop is busy
		d.rings <- driver.Happening{Kind: driver.HappenedRing, Unit: "101"}
		if h := <-heard; h.Unit != "101" {
			t.Errorf("%+v", h)
		}
		d.mu.Lock()
		lost, fresh := d.rings, make(chan driver.Happening)
		d.rings = fresh
		d.mu.Unlock()
		close(lost)
		s.until(time.Now().Add(lastRetry))
		fresh <- driver.Happening{Kind: driver.HappenedTamper}
		if h := <-heard; h.Kind != driver.HappenedTamper {
			t.Errorf("%+v", h)
		}
		s.stop()
		s.rerun()
		s.until(time.Now().Add(5 * time.Minute))
		fresh <- driver.Happening{Kind: driver.HappenedRing}
		if <-heard; s.opened != 2 {
			t.Errorf("%d instances", s.opened)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestListenAfterAPanic: it may be called again, and hears.
func TestListenAfterAPanic(t *testing.T) {
	withLog(t, func(s *site, d *doorman) {
		d.rings, d.panics = make(chan driver.Happening), true
		s.rerun()
		fell := func() (err any) {
			defer func() { err = recover() }()
			return s.loop.Listen(s.t.Context(), func(driver.Happening) {})
		}()
		if fell == nil {
			t.Fatal("no panic")
		}
		ctx, cancel := context.WithCancel(s.t.Context())
		done := make(chan error, 1)
		heard := make(chan driver.Happening, 1)
		go func() { done <- s.loop.Listen(ctx, func(h driver.Happening) { heard <- h }) }()
		d.rings <- driver.Happening{Kind: driver.HappenedRing}
		if h := <-heard; h.Kind != driver.HappenedRing {
			t.Errorf("%+v", h)
		}
		cancel()
		synctest.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
