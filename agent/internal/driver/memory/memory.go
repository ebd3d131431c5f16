// Package memory is a panel in memory: the driver by which everything above drivers is tested, and
// the reference for what drivertest asks of a real one. It refuses what a device would refuse.
//
// It is test support: no program links it.
package memory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

var (
	_ driver.Panel          = (*Panel)(nil)
	_ driver.DoorReleaser   = (*Panel)(nil)
	_ driver.Counter        = (*Panel)(nil)
	_ driver.ScheduleWriter = (*Panel)(nil)
	_ driver.Taker          = (*Panel)(nil)
)

// Panel is one driver's instance for a panel in memory. The zero value is not usable; make one with
// New, and another for the same panel with Again. Close only ends a connection: what the panel holds
// stays, as it would in its flash.
type Panel struct {
	*device
	cut atomic.Bool
}

// device is the panel itself.
type device struct {
	mu       sync.Mutex
	now      func() time.Time
	limits   model.Limits
	rows     map[string]model.Record
	nextID   int
	hours    map[access.ScheduleID]access.Schedule
	Requests []Request // every request, oldest first
	Entries  []Entry   // the door log, oldest first
	fail     func(Request) error
	before   func(Request)
	after    func(Request)
}

// Request is one request as the panel saw it.
type Request struct {
	At       time.Time
	What     string // "probe", "read", "list", "add", "change", "remove", "release", "schedule"
	Ref      model.Ref
	Mutating bool
}

// Entry is one line of the door log.
type Entry struct {
	At      time.Time
	Relay   string
	Granted bool
	By      string
}

// New makes an empty panel with room for people rows (0: any number).
func New(people int, now func() time.Time) *Panel {
	return &Panel{device: &device{now: now, rows: map[string]model.Record{}, limits: model.Limits{
		People: people, PINDigitMin: 2, PINDigitMax: 8, PINNoFirst: "9", PINs: 1, Cards: 5, CardChars: 16,
		NameChars: 32, Relays: []string{"A", "B"}, Lookup: true, Grade: access.Exact,
	}}}
}

// Again is another instance for the same panel. The one before it is cut off: whatever it is still
// doing reaches nothing.
func (p *Panel) Again() *Panel {
	p.cut.Store(true)
	return &Panel{device: p.device}
}

// Fail makes every request for which f returns an error fail with it. An error made by After is
// returned although the request took effect. nil ends it.
func (p *Panel) Fail(f func(Request) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = f
}

// BeforeRequest calls f before every request, outside the panel's lock: f may panic, or not return
// for as long as it likes, as a bad driver does.
func (p *Panel) BeforeRequest(f func(Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = f
}

// OnRequest calls f after every request, outside the panel's lock.
func (p *Panel) OnRequest(f func(Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = f
}

type lateError struct{ error }

func (e lateError) Unwrap() error { return e.error }

// After makes an error that a failing request returns although it took effect.
func After(err error) error { return lateError{err} }

// do runs one request under the panel's rules for failing.
func (p *Panel) do(ctx context.Context, what string, ref model.Ref, mutating bool, f func() error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Timeout, what, "panel", err)
	}
	req := Request{p.now(), what, ref, mutating}
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before != nil {
		before(req)
	}
	if p.cut.Load() {
		return fault.New(fault.Unreachable, what, "panel", "this instance was cut off")
	}
	p.mu.Lock()
	p.Requests = append(p.Requests, req)
	var failed error
	if p.fail != nil {
		failed = p.fail(req)
	}
	var late lateError
	took := errors.As(failed, &late)
	if failed == nil || took {
		if err := f(); err != nil {
			failed = err
		}
	}
	after := p.after
	p.mu.Unlock()
	if after != nil {
		after(req)
	}
	if failed != nil {
		return fault.Wrap(fault.Internal, what, "panel", failed)
	}
	return nil
}

// Probe implements driver.Panel.
func (p *Panel) Probe(ctx context.Context) (model.Identity, model.Limits, error) {
	err := p.do(ctx, "probe", "", false, func() error { return nil })
	return model.Identity{Model: "memory", Firmware: "1"}, p.limits, err
}

// Read implements driver.Panel.
func (p *Panel) Read(ctx context.Context, ref model.Ref) (out []model.Record, err error) {
	err = p.do(ctx, "read", ref, false, func() error {
		out = p.sorted(func(r model.Record) bool { return r.Ref == ref })
		return nil
	})
	return out, err
}

// List implements driver.Panel.
func (p *Panel) List(ctx context.Context) (out []model.Record, err error) {
	err = p.do(ctx, "list", "", false, func() error {
		out = p.sorted(func(model.Record) bool { return true })
		return nil
	})
	return out, err
}

func (p *Panel) sorted(keep func(model.Record) bool) []model.Record {
	var out []model.Record
	for _, r := range p.rows {
		if keep(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b model.Record) int { return cmp.Compare(a.Native, b.Native) })
	return out
}

// Count implements driver.Counter.
func (p *Panel) Count(ctx context.Context) (n int, err error) {
	err = p.do(ctx, "count", "", false, func() error {
		n = len(p.rows)
		return nil
	})
	return n, err
}

// Apply implements driver.Panel.
func (p *Panel) Apply(ctx context.Context, s model.Step) error {
	return p.do(ctx, string(s.Op), s.Ref, true, func() error {
		if s.Op == access.OpAdd {
			return p.add(s.Record)
		}
		row, ok := p.rows[s.Native]
		switch {
		case !ok && s.Op == access.OpRemove:
			return nil
		case !ok || row.Ref != s.Ref || row.ReadOnly:
			return fault.New(fault.Conflict, string(s.Op), "row "+s.Native, "it is not the row of %s", s.Ref)
		case s.Op == access.OpRemove:
			delete(p.rows, s.Native)
			return nil
		}
		return p.put(s.Native, s.Record)
	})
}

// Take implements driver.Taker.
func (p *Panel) Take(ctx context.Context, seen model.Record, ref model.Ref) error {
	return p.do(ctx, "take", ref, true, func() error {
		row, ok := p.rows[seen.Native]
		switch {
		case !ok && ref == "":
			return nil
		case !ok || row.ReadOnly || !row.Same(seen):
			return fault.New(fault.Conflict, "take", "row "+seen.Native, "it is not as it was listed")
		case ref == "":
			delete(p.rows, seen.Native)
			return nil
		}
		row.Ref = ref
		return p.put(seen.Native, row)
	})
}

func (p *Panel) add(r model.Record) error {
	if p.limits.People > 0 && len(p.rows) >= p.limits.People {
		return fault.New(fault.Full, "add", string(r.Ref), "the panel holds %d people and no more", p.limits.People)
	}
	p.nextID++
	return p.put(strconv.Itoa(p.nextID), r)
}

func (p *Panel) put(id string, r model.Record) error {
	for _, s := range r.Schedules {
		if _, ok := p.hours[s]; !ok {
			return fault.New(fault.Conflict, "write", string(r.Ref), "schedule %s is not on the panel", s)
		}
	}
	for native, o := range p.rows {
		if native != id && !r.PIN.IsZero() && o.PIN.Equal(r.PIN) {
			return fault.New(fault.Conflict, "write", string(r.Ref), "the PIN is taken by row %s", native)
		}
	}
	r.Native = id
	p.rows[id] = r
	return nil
}

// Close implements driver.Panel.
func (p *Panel) Close() error { return nil }

// Release implements driver.DoorReleaser.
func (p *Panel) Release(ctx context.Context, relay string) error {
	return p.do(ctx, "release", "", true, func() error {
		p.Entries = append(p.Entries, Entry{p.now(), relay, true, "release"})
		return nil
	})
}

// Present is somebody at the door with a PIN or card. It answers which relays open, and logs.
func (p *Panel) Present(code string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rows {
		if r.PIN.Reveal() == code || slices.ContainsFunc(r.Cards, func(c access.Secret) bool { return c.Reveal() == code }) {
			if !p.openNow(r) {
				break
			}
			for _, relay := range r.Relays {
				p.Entries = append(p.Entries, Entry{p.now(), relay, true, string(r.Ref)})
			}
			return slices.Clone(r.Relays)
		}
	}
	p.Entries = append(p.Entries, Entry{At: p.now()})
	return nil
}

// Edit is a hand edit at the panel: f may change the rows, keyed by native id, as it likes.
func (p *Panel) Edit(f func(rows map[string]model.Record)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.rows)
	for id, r := range p.rows {
		r.Native = id
		p.rows[id] = r
	}
}

// Log returns a copy of every request so far.
func (p *Panel) Log() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.Requests)
}
