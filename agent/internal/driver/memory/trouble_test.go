package memory_test

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// troubled is a panel that goes wrong as far as one without a line can.
type troubled struct {
	t   *testing.T
	p   *memory.Panel
	now []*memory.Panel
}

func (b *troubled) again(time.Duration) driver.Panel {
	last := b.now[len(b.now)-1].Again()
	b.now = append(b.now, last)
	return last
}

// fails makes requests fail.
func (b *troubled) fails(kind fault.Kind, late, writesOnly bool, times int) drivertest.Switch {
	on := func() {
		left := times
		b.p.Fail(func(r memory.Request) error {
			if writesOnly && !r.Mutating || times > 0 && left == 0 {
				return nil
			}
			left--
			err := error(fault.New(kind, r.What, "panel", "it goes wrong"))
			if late {
				err = memory.After(err)
			}
			return err
		})
	}
	return drivertest.Switch{On: on, Off: func() { b.p.Fail(nil) }}
}

// edits change the panel by hand, once; every time when a person was added where each is set.
func (b *troubled) edits(each bool, f func(rows map[string]model.Record, id string)) drivertest.Switch {
	all := func() {
		b.p.Edit(func(rows map[string]model.Record) {
			for id, r := range rows {
				if r.Ref.Ours() {
					f(rows, id)
				}
			}
		})
	}
	if !each {
		return drivertest.Switch{On: all}
	}
	return drivertest.Switch{On: func() {
		b.p.OnRequest(func(r memory.Request) {
			if r.What == string(access.OpAdd) {
				all()
			}
		})
	}, Off: func() { b.p.OnRequest(nil) }}
}

func (b *troubled) subject() drivertest.Subject {
	return drivertest.Subject{
		Panel: b.p, Present: b.p.Present, Again: b.again, Troubles: b.troubles(),
		Opened: func() (n int) {
			for _, e := range b.p.Entries {
				if e.By == "release" {
					n++
				}
			}
			return n
		},
		Stranger: func(name, pin string) string {
			b.p.Edit(func(rows map[string]model.Record) {
				rows["s"+pin] = model.Record{Ref: model.Ref(pin), Name: name, PIN: access.NewSecret(pin), Relays: []string{"A"}}
			})
			return "s" + pin
		},
	}
}

func (b *troubled) troubles() map[drivertest.Trouble]drivertest.Switch {
	out := map[drivertest.Trouble]drivertest.Switch{
		drivertest.ResetBefore:     b.fails(fault.Unreachable, false, false, 0),
		drivertest.ResetAfter:      b.fails(fault.Timeout, true, true, 0),
		drivertest.LostOnceDone:    b.fails(fault.Timeout, true, true, 1),
		drivertest.LostOnceNot:     b.fails(fault.Timeout, false, true, 1),
		drivertest.Unreachable:     b.fails(fault.Unreachable, false, false, 0),
		drivertest.Restart:         b.fails(fault.Unreachable, false, false, 4),
		drivertest.PasswordChanged: b.fails(fault.Denied, false, false, 0),
		drivertest.RightsLost:      b.fails(fault.Denied, false, true, 0),
		drivertest.DeviceFull:      b.fails(fault.Full, false, true, 1),
		drivertest.WritesRefused:   b.fails(fault.Invalid, false, true, 0),
		drivertest.SilentDrop:      b.edits(true, func(rows map[string]model.Record, id string) { delete(rows, id) }),
		drivertest.HandRemoved:     b.edits(false, func(rows map[string]model.Record, id string) { delete(rows, id) }),
		drivertest.HalfStored: b.edits(true, func(rows map[string]model.Record, id string) {
			r := rows[id]
			r.PIN = access.Secret{}
			rows[id] = r
		}),
		drivertest.HandEdit: b.edits(false, func(rows map[string]model.Record, id string) {
			r := rows[id]
			r.Name = "Changed by hand"
			rows[id] = r
		}),
		drivertest.Double: b.edits(false, func(rows map[string]model.Record, id string) {
			r := rows[id]
			r.PIN = access.NewSecret("8642")
			rows["double"] = r
		}),
		drivertest.Renumbered: b.edits(false, func(rows map[string]model.Record, id string) {
			rows[id] = model.Record{Ref: "4713", Name: "Newcomer", PIN: access.NewSecret("6644"), Relays: []string{"B"}}
		}),
		drivertest.SamePIN: {On: func() {
			b.p.Edit(func(rows map[string]model.Record) {
				rows["visitor"] = model.Record{Ref: "4712", Name: "Visitor", PIN: access.NewSecret("4821")}
			})
		}, Off: func() {
			b.p.Edit(func(rows map[string]model.Record) {
				if rows["visitor"].Name != "Visitor" {
					b.t.Error("the other stranger was touched")
				}
				delete(rows, "visitor")
			})
		}},
		drivertest.SessionLost: {Not: "it has no logins"},
		drivertest.ApiOff:      {Not: "it has no interface to switch off"},
		drivertest.ListMoves:   {Not: "its list is one moment"},
		drivertest.CountLies:   {Not: "its count is that of the list"},
		drivertest.OddNames:    {Not: "its names are kept as they were given"},
		drivertest.ReadsUsedUp: {Not: "it can be read as often as one likes"},
		drivertest.ClockWrong:  {Not: "its clock is the gateway's"},
	}
	for name := range drivertest.NewWire(b.t, nil).Switches() {
		if _, told := out[name]; !told {
			out[name] = drivertest.Switch{Not: "it has no line: what its transport loses is a whole request or a whole answer"}
		}
	}
	return out
}

// Not parallel: it counts goroutines and descriptors.
func TestTroubles(t *testing.T) {
	drivertest.Troubles(t, func(t *testing.T) drivertest.Subject {
		p := memory.New(40, time.Now)
		b := &troubled{t: t, p: p, now: []*memory.Panel{p}}
		return b.subject()
	})
}

func TestABadMonth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		p := memory.New(40, time.Now)
		b := &troubled{t: t, p: p, now: []*memory.Panel{p}}
		drivertest.BadMonth(t, b.subject(), seed)
	}
}
