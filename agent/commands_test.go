package agent

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// hand is a loop that gives its panel away, and counts.
type hand struct {
	panel   driver.Panel
	calls   int
	audits  int
	fail    error // Do fails with it, after the panel acted
	refuse  error // Do fails with it before
	release chan struct{}
}

func (h *hand) Do(ctx context.Context, f func(context.Context, driver.Panel) error) error {
	h.calls++
	if h.release != nil {
		select {
		case <-h.release:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if h.refuse != nil {
		return h.refuse
	}
	if err := f(ctx, h.panel); err != nil {
		return err
	}
	return h.fail
}

func (h *hand) AuditNow() { h.audits++ }

// plain is a panel that can do no more than the least.
type plain struct{ driver.Panel }

// orders is a commander with two devices, of which back does not answer and both open the lobby.
type orders struct {
	*commands
	box         *box
	front, back *hand
	panel       *memory.Panel
	trusted     bool
}

func newOrders(t *testing.T, b *box) *orders {
	panel := memory.New(0, time.Now)
	o := &orders{box: b, panel: panel, front: &hand{panel: panel}, back: &hand{panel: plain{panel}}, trusted: true}
	lobby := map[access.DoorID]string{"lobby": "A"}
	o.commands = &commands{
		journal: b.site, event: b.event, log: quiet(), busy: map[string]chan struct{}{},
		now:    func() (time.Time, bool) { return time.Now(), o.trusted },
		report: func() any { return map[string]int{"devices": 2} },
		stations: func() []station {
			return []station{
				{id: "back", doors: map[access.DoorID]string{"lobby": "A", "garage": "B"}, hands: o.back},
				{id: "front", doors: lobby, reachable: true, hands: o.front},
				{id: "broken", doors: map[access.DoorID]string{"attic": "A"}},
			}
		},
	}
	return o
}

func openTestBox(t *testing.T, dir string) *box {
	t.Helper()
	b, err := openBox(dir, trusted(), nil, quiet())
	must(t, err)
	return b
}

func order(id, do, args string) protocol.Command {
	return protocol.Command{ID: id, Do: do, Args: json.RawMessage(args), Deadline: time.Now().Add(time.Minute)}
}

// commandEvents are the command events in an outbox.
func commandEvents(t *testing.T, b *box) []access.Event {
	t.Helper()
	return eventsOf(t, b, access.EventCommand)
}

// eventsOf are the events of a kind in an outbox.
func eventsOf(t *testing.T, b *box, kind access.EventKind) (out []access.Event) {
	t.Helper()
	_, _, raw, _, err := b.outbox.Pending(0, 1<<20)
	must(t, err)
	for _, r := range raw {
		var e access.Event
		must(t, json.Unmarshal(r, &e))
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

func TestCommands(t *testing.T) {
	t.Parallel()
	lobby := `{"door":"lobby"}`
	tests := []struct {
		name     string
		cmd      protocol.Command
		prepare  func(*orders)
		result   string
		fault    string
		says     string
		released int
	}{
		{"a door, at the device that answers", order("c1", "open_door", lobby), nil, "done", "", "", 1},
		{"at a device by name that cannot", order("c1", "open_door", `{"door":"lobby","device":"back"}`), nil, "refused", "unsupported", "back", 0},
		{"a door of no device", order("c1", "open_door", `{"door":"roof"}`), nil, "refused", "invalid", "roof", 0},
		{"a door of a device that cannot be set up", order("c1", "open_door", `{"door":"attic"}`), nil, "refused", "invalid", "attic", 0},
		{"arguments that are none", order("c1", "open_door", `7`), nil, "refused", "invalid", "door or device", 0},
		{"past its deadline", protocol.Command{ID: "c1", Do: "open_door", Args: json.RawMessage(lobby), Deadline: time.Now().Add(-time.Second)},
			nil, "refused", "timeout", "ago", 0},
		{"by a clock that is not trusted", order("c1", "open_door", lobby), func(o *orders) { o.trusted = false }, "refused", "conflict", "clock", 0},
		{"a device out of reach", order("c1", "open_door", lobby), func(o *orders) { o.front.refuse = fault.New(fault.Unreachable, "open", "x", "no route") },
			"refused", "unreachable", "no route", 0},
		{"a device that falls silent", order("c1", "open_door", lobby), func(o *orders) { o.front.fail = fault.New(fault.Timeout, "open", "x", "no answer") },
			"unknown", "timeout", "no answer", 1},
		{"something newer", order("c1", "make_coffee", ""), nil, "refused", "unsupported", "make_coffee", 0},
		{"no id", order("", "open_door", lobby), nil, "refused", "invalid", "id", 0},
		{"an audit of nobody", order("c1", "audit", `{"device":"Tom Jones"}`), nil, "refused", "invalid", "none of those", 0},
		{"diagnostics", order("c1", "diagnostics", ""), nil, "done", "", `{"devices":2}`, 0},
		{"diagnostics without bound", order("c1", "diagnostics", ""), func(o *orders) { o.report = func() any { return strings.Repeat("x", maxDiagnostics) } },
			"refused", "full", "at most", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := openTestBox(t, t.TempDir())
			defer func() { must(t, b.Close()) }()
			o := newOrders(t, b)
			if tt.prepare != nil {
				tt.prepare(o)
			}
			r := o.Do(t.Context(), tt.cmd)
			if r.ID != tt.cmd.ID || r.Result != tt.result || r.Fault != tt.fault || !strings.Contains(r.Message, tt.says) || r.At.IsZero() {
				t.Errorf("reply %+v", r)
			}
			if n := len(o.panel.Entries); n != tt.released {
				t.Errorf("released %d times, want %d", n, tt.released)
			}
			evs := commandEvents(t, b)
			if tt.cmd.ID == "" {
				if len(evs) != 0 {
					t.Errorf("told %+v of what cannot be journalled", evs)
				}
				return
			}
			if len(evs) != 1 || evs[0].Command != "c1" || evs[0].Fault != tt.fault || !strings.HasSuffix(evs[0].Message, ": "+tt.result) ||
				strings.Contains(evs[0].Message, "Tom") || strings.Contains(evs[0].Message, "coffee") || evs[0].Device == "Tom Jones" {
				t.Errorf("told %+v", evs)
			}
			if again := o.Do(t.Context(), tt.cmd); again.Result != r.Result || again.Message != r.Message || !again.At.Equal(r.At) {
				t.Errorf("asked again: %+v, before %+v", again, r)
			}
			if len(o.panel.Entries) != tt.released || len(commandEvents(t, b)) != 1 {
				t.Error("the repetition did something")
			}
		})
	}
}

// TestCommandsAreDoneAtMostOnce: a crash in the middle is told as unknown, also after a restart, and the door stays shut.
func TestCommandsAreDoneAtMostOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTestBox(t, dir)
	_, _, err := b.site.BeginCommand("c1") // and the power goes
	must(t, err)
	must(t, newOrders(t, b).finish("c2"))
	must(t, b.Close())
	b = openTestBox(t, dir)
	defer func() { must(t, b.Close()) }()
	o := newOrders(t, b)
	for range 2 {
		if r := o.Do(t.Context(), order("c1", "open_door", `{"door":"lobby"}`)); r.Result != "unknown" || r.ID != "c1" {
			t.Errorf("after the crash: %+v", r)
		}
	}
	if r := o.Do(t.Context(), order("c2", "open_door", `{"door":"lobby"}`)); r.Result != "done" {
		t.Errorf("a command of before the restart: %+v", r)
	}
	if o.front.calls != 0 {
		t.Errorf("%d commands were begun again", o.front.calls)
	}
}

func (o *orders) finish(id string) error {
	if r := o.Do(context.Background(), order(id, "open_door", `{"door":"lobby"}`)); r.Result != "done" {
		return errors.New(r.Message)
	}
	return nil
}

// TestCommandsWhoseJournalFailsAreNotBegun.
func TestCommandsWhoseJournalFailsAreNotBegun(t *testing.T) {
	t.Parallel()
	b := openTestBox(t, t.TempDir())
	o := newOrders(t, b)
	must(t, b.Close())
	if r := o.Do(t.Context(), order("c1", "open_door", `{"door":"lobby"}`)); r.Result != "refused" || o.front.calls != 0 {
		t.Errorf("%+v, begun %d times", r, o.front.calls)
	}
}

// TestCommandsWaitForTheDeviceUntilTheirDeadlineOnly, and one that comes twice at once is done once.
func TestCommandsWaitForTheDeviceUntilTheirDeadlineOnly(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := openTestBox(t, dir)
		defer func() { must(t, b.Close()) }()
		o := newOrders(t, b)
		o.front.release = make(chan struct{})
		replies := make(chan protocol.Reply, 3)
		cmd := order("c1", "open_door", `{"door":"lobby"}`)
		for range 2 {
			go func() { replies <- o.Do(t.Context(), cmd) }()
		}
		synctest.Wait()
		if o.front.calls != 1 {
			t.Fatalf("begun %d times at once", o.front.calls)
		}
		o.front.release <- struct{}{}
		for range 2 {
			if r := <-replies; r.Result != "done" {
				t.Errorf("%+v", r)
			}
		}
		began := time.Now()
		r := o.Do(t.Context(), order("c2", "open_door", `{"door":"lobby"}`))
		if r.Result != "refused" || r.Fault != "timeout" || time.Since(began) != time.Minute || len(o.panel.Entries) != 1 {
			t.Errorf("%+v after %s, opened %d times", r, time.Since(began), len(o.panel.Entries))
		}
		ctx, cancel := context.WithCancel(t.Context())
		o.front.release = make(chan struct{})
		go func() { replies <- o.Do(ctx, order("c3", "open_door", `{"door":"lobby"}`)) }()
		synctest.Wait()
		ended, end := context.WithCancel(t.Context())
		end()
		if r := o.Do(ended, order("c3", "open_door", `{"door":"lobby"}`)); r.Result != "refused" {
			t.Errorf("a repetition whose asker left: %+v", r)
		}
		cancel()
		if r := <-replies; r.Result != "refused" || len(o.panel.Entries) != 1 {
			t.Errorf("when the link ends: %+v", r)
		}
	})
}

// TestAuditCommand: all devices or one.
func TestAuditCommand(t *testing.T) {
	t.Parallel()
	b := openTestBox(t, t.TempDir())
	defer func() { must(t, b.Close()) }()
	o := newOrders(t, b)
	o.Do(t.Context(), order("c1", "audit", ""))
	o.Do(t.Context(), order("c2", "audit", `{"device":"front"}`))
	if o.front.audits != 2 || o.back.audits != 1 {
		t.Errorf("front %d, back %d audits", o.front.audits, o.back.audits)
	}
	if evs := commandEvents(t, b); len(evs) != 2 || evs[1].Device != "front" || evs[0].Device != "" {
		t.Errorf("told %+v", evs)
	}
}
