package memory_test

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestSuite(t *testing.T) { suite(t, 0) }

func TestSuiteWithHours(t *testing.T) { suite(t, 2) }

func suite(t *testing.T, schedules int) {
	t.Helper()
	drivertest.Run(t, func(*testing.T) drivertest.Subject {
		p := memory.New(40, time.Now)
		if schedules > 0 {
			p.KeepHours(schedules)
		}
		return drivertest.Subject{
			Panel: p, Present: p.Present,
			Stranger: func(name, pin string) string {
				p.Edit(func(rows map[string]model.Record) {
					rows["s"+pin] = model.Record{Ref: model.Ref(pin), Name: name, PIN: access.NewSecret(pin), Relays: []string{"A"}}
				})
				return "s" + pin
			},
			Full: func() {
				p.Fail(func(r memory.Request) error {
					if r.What == "add" {
						return fault.New(fault.Full, "add", string(r.Ref), "no room")
					}
					return nil
				})
			},
			Cut: func(took bool) {
				p.Fail(func(r memory.Request) error {
					if !r.Mutating {
						return nil
					}
					lost := error(fault.New(fault.Timeout, "write", "panel", "the answer was lost"))
					if took {
						lost = memory.After(lost)
					}
					return lost
				})
			},
			Down: func(down bool) {
				p.Fail(func(memory.Request) error {
					if down {
						return fault.New(fault.Unreachable, "dial", "panel", "no route")
					}
					return nil
				})
			},
		}
	})
}
