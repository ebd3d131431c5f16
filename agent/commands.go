package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What a command came to (protocol.Reply.Result).
const (
	resultDone    = "done"
	resultRefused = "refused" // nothing was done
	resultUnknown = "unknown" // begun, and nobody knows whether it was done
)

// journal remembers commands across restarts, see store.Site.
type journal interface {
	BeginCommand(id string) (reply json.RawMessage, known bool, err error)
	FinishCommand(id string, reply json.RawMessage, evs ...access.Event) error
}

// hands is what a command needs of the loop that owns a device: nobody else talks to the panel.
type hands interface {
	// Do runs f between two rounds. When its context ends first, f is not begun.
	Do(ctx context.Context, f func(context.Context, driver.Panel) error) error
	// AuditNow makes the next round a full read-back.
	AuditNow()
}

// station is one device as commands see it.
type station struct {
	id        access.DeviceID
	doors     map[access.DoorID]string
	reachable bool
	hands     hands // nil: the device cannot be set up
}

// commands carries out what the cloud orders (DESIGN §4). A command is written down before it is
// begun and done at most once: a door that opens twice is worse than one that did not open.
type commands struct {
	journal  journal
	now      func() (at time.Time, trusted bool)
	event    func(access.EventKind, string) access.Event
	stations func() []station
	report   func() any // for diagnostics
	log      *slog.Logger

	mu   sync.Mutex
	busy map[string]chan struct{} // by id, closed when it ended
}

// Do implements cloudlink.Commands.
func (c *commands) Do(ctx context.Context, cmd protocol.Command) protocol.Reply {
	done, err := c.enter(ctx, cmd.ID)
	if err != nil {
		return c.refuse(cmd.ID, err)
	}
	defer done()
	stored, known, err := c.journal.BeginCommand(cmd.ID)
	switch {
	case err != nil:
		return c.refuse(cmd.ID, err)
	case known:
		return c.repeat(cmd.ID, stored)
	}
	r, e := c.perform(ctx, cmd)
	raw, err := json.Marshal(r)
	if err == nil {
		err = c.journal.FinishCommand(cmd.ID, raw, e)
	}
	if err != nil { // asked again, it is unknown what came of it
		c.log.Error("what a command came to cannot be kept", "command", cmd.ID, "result", r.Result, "err", err)
	}
	return r
}

// enter waits for a command of the same id that is still under way.
func (c *commands) enter(ctx context.Context, id string) (done func(), err error) {
	for {
		c.mu.Lock()
		other := c.busy[id]
		if other == nil {
			mine := make(chan struct{})
			c.busy[id] = mine
			c.mu.Unlock()
			return func() { c.leave(id, mine) }, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *commands) leave(id string, mine chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, id)
	close(mine)
}

// repeat answers what was asked before; what the program ended in the middle of is unknown.
func (c *commands) repeat(id string, stored json.RawMessage) protocol.Reply {
	var r protocol.Reply
	if stored == nil || json.Unmarshal(stored, &r) != nil {
		return c.reply(id, resultUnknown, "", "the gateway stopped in the middle of it; it is not done again")
	}
	return r
}

func (c *commands) reply(id, result, kind, words string) protocol.Reply {
	at, _ := c.now()
	return protocol.Reply{ID: id, Result: result, Fault: kind, Message: words, At: at}
}

func (c *commands) refuse(id string, err error) protocol.Reply {
	return c.reply(id, resultRefused, fault.KindOf(err).String(), err.Error())
}

// perform judges and does a command that is new, and says what to tell of it.
func (c *commands) perform(ctx context.Context, cmd protocol.Command) (protocol.Reply, access.Event) {
	ctx, cancel, err := c.inTime(ctx, cmd)
	if err != nil {
		return c.ended(cmd, access.Event{}, "", false, err)
	}
	defer cancel()
	switch cmd.Do {
	case "open_door":
		return c.openDoor(ctx, cmd)
	case "audit":
		return c.audit(cmd)
	case "diagnostics":
		words, err := c.diagnose()
		return c.ended(cmd, access.Event{}, words, false, err)
	}
	return c.ended(cmd, access.Event{}, "", false, fault.New(fault.Unsupported, "do", "command", "%.40q is not known here; known are open_door, audit and diagnostics", cmd.Do))
}

// inTime refuses a command by its deadline, and every command while the clock cannot tell.
func (c *commands) inTime(ctx context.Context, cmd protocol.Command) (context.Context, context.CancelFunc, error) {
	at, trusted := c.now()
	left := cmd.Deadline.Sub(at)
	switch {
	case !trusted:
		return nil, nil, fault.New(fault.Conflict, "judge", "deadline", "the gateway's clock is not trusted")
	case left <= 0:
		return nil, nil, fault.New(fault.Timeout, "judge", "deadline", "it was %s ago", -left)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	return ctx, cancel, nil
}

// ended makes the reply and the event of a command. begun says that the device may have acted: then
// a failure that leaves the outcome open is told as unknown.
func (c *commands) ended(cmd protocol.Command, e access.Event, words string, begun bool, err error) (protocol.Reply, access.Event) {
	r := c.reply(cmd.ID, resultDone, "", words)
	if err != nil {
		r = c.refuse(cmd.ID, err)
		if kind := fault.KindOf(err); begun && kind != fault.Unreachable && kind != fault.Denied && kind != fault.Unsupported {
			r.Result = resultUnknown
		}
	}
	told := c.event(access.EventCommand, name(cmd)+": "+r.Result)
	told.Command, told.Fault, told.Device, told.Door = cmd.ID, r.Fault, e.Device, e.Door
	return r, told
}

// name is a command's verb, as far as it can be repeated in an event.
func name(cmd protocol.Command) string {
	switch cmd.Do {
	case "open_door", "audit", "diagnostics":
		return cmd.Do
	}
	return "an unknown command"
}

// target is what open_door and audit are about.
type target struct {
	Door   access.DoorID   `json:"door"`
	Device access.DeviceID `json:"device"` // "": any that has the door; all
}

func targetOf(cmd protocol.Command) (t target, err error) {
	if len(cmd.Args) == 0 {
		return t, nil
	}
	if err := json.Unmarshal(cmd.Args, &t); err != nil {
		return t, fault.New(fault.Invalid, "read", "arguments", "want an object with door or device: %w", err)
	}
	return t, nil
}

// openDoor releases a door once, at one device that answers, if any does.
func (c *commands) openDoor(ctx context.Context, cmd protocol.Command) (protocol.Reply, access.Event) {
	t, err := targetOf(cmd)
	e := access.Event{}
	if err != nil {
		return c.ended(cmd, e, "", false, err)
	}
	s, err := c.stationFor(t)
	if err != nil {
		return c.ended(cmd, e, "", false, err)
	}
	e.Device, e.Door = s.id, t.Door
	var begun atomic.Bool
	err = s.hands.Do(ctx, func(ctx context.Context, p driver.Panel) error {
		d, ok := p.(driver.DoorReleaser)
		switch {
		case !ok:
			return fault.New(fault.Unsupported, "open", "door "+string(t.Door), "device %s cannot do that", s.id)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		begun.Store(true)
		return d.Release(ctx, s.doors[t.Door])
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(fault.Timeout, "open", "door "+string(t.Door), "the device was not free, or did not answer, before the deadline")
	}
	return c.ended(cmd, e, "", begun.Load(), err)
}

// stationFor is the device to open a door with.
func (c *commands) stationFor(t target) (best station, err error) {
	for _, s := range c.stations() {
		if _, has := s.doors[t.Door]; !has || s.hands == nil || t.Device != "" && t.Device != s.id {
			continue
		}
		if best.hands == nil || s.reachable && !best.reachable {
			best = s
		}
	}
	if best.hands == nil {
		return best, fault.New(fault.Invalid, "open", "door "+string(t.Door), "no device here opens it")
	}
	return best, nil
}

// audit makes one device, or all, be read back as a whole. It is done when that is arranged.
func (c *commands) audit(cmd protocol.Command) (protocol.Reply, access.Event) {
	t, err := targetOf(cmd)
	e := access.Event{Device: t.Device}
	asked := 0
	for _, s := range c.stations() {
		if err == nil && s.hands != nil && (t.Device == "" || t.Device == s.id) {
			s.hands.AuditNow()
			asked++
		}
	}
	if err == nil && asked == 0 {
		e.Device = "" // it may be any text
		err = fault.New(fault.Invalid, "audit", "device", "%.40q is none of those driven here", t.Device)
	}
	return c.ended(cmd, e, "", false, err)
}

// maxDiagnostics bounds a report: it goes into the journal and into one message.
const maxDiagnostics = 16 << 10

// diagnose is how the gateway stands, as JSON without a name or a secret.
func (c *commands) diagnose() (string, error) {
	raw, err := json.Marshal(c.report())
	if err == nil && len(raw) > maxDiagnostics {
		err = fault.New(fault.Full, "make", "diagnostics", "%d bytes, at most %d are sent", len(raw), maxDiagnostics)
	}
	return string(raw), err
}
