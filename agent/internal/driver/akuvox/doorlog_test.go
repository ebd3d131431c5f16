package akuvox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func (h *hoursBench) poll(t *testing.T) driver.DoorLog {
	t.Helper()
	got, err := h.panel.(driver.DoorLogger).DoorLog(t.Context(), driver.DoorLogAsk{Zone: chicago(t), Whose: func(code access.Secret) access.PersonID {
		if code.Reveal() == "4821" || code.Reveal() == "04A1B2C3" {
			return "p7"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func chicago(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func addJonesTo(t *testing.T, p driver.Panel) {
	t.Helper()
	r := drivertest.Jones()
	r.Relays = []string{"A", "B"}
	if err := p.Apply(t.Context(), model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r}); err != nil {
		t.Fatal(err)
	}
}

func TestTowardsE3_DoorLog(t *testing.T) {
	t.Parallel()
	for _, faults := range [][]string{
		{}, {akuvoxsim.FaultLogOldestFirst}, {akuvoxsim.FaultCompactDates}, {akuvoxsim.FaultPagedOnly}, {akuvoxsim.FaultLogIDsWrap},
		{akuvoxsim.FaultLogOldestFirst, akuvoxsim.FaultLogIDsWrap, akuvoxsim.FaultPagedOnly, akuvoxsim.FaultTrailingBytes},
	} {
		t.Run(strings.Join(faults, " "), func(t *testing.T) {
			t.Parallel()
			h := newHoursBench(t, akuvoxsim.Options{Zone: chicago(t), LogSize: 40})
			for _, f := range faults {
				h.fault(t, akuvoxsim.FaultSetting{Name: f})
			}
			addJonesTo(t, h.panel)
			if got := h.poll(t); len(got.Entries) > 0 || got.Gap {
				t.Errorf("an empty log gives %+v", got)
			}
			h.sim.Present(akuvoxsim.Credential{PIN: "4821"})
			h.at = h.at.Add(time.Second)
			h.sim.Present(akuvoxsim.Credential{Card: "04a1b2c3"})
			h.at = h.at.Add(time.Second)
			h.sim.Present(akuvoxsim.Credential{PIN: "1111"})
			first := time.Date(2026, 3, 4, 6, 0, 0, 0, chicago(t))
			want := []driver.DoorEntry{
				{At: first, Relay: "A", Granted: true, How: "pin", By: "p7"},
				{At: first, Relay: "B", Granted: true, How: "pin", By: "p7"},
				{At: first.Add(time.Second), Relay: "A", Granted: true, How: "card", By: "p7"},
				{At: first.Add(time.Second), Relay: "B", Granted: true, How: "card", By: "p7"},
				{At: first.Add(2 * time.Second), How: "pin"},
			}
			if d := cmp.Diff(want, h.poll(t).Entries); d != "" {
				t.Errorf("entries (-want +got):\n%s", d)
			}
			total := 0
			for range 30 { // several times round the ring
				for range 4 {
					h.at = h.at.Add(time.Second)
					h.sim.Present(akuvoxsim.Credential{PIN: "4821"})
				}
				got := h.poll(t)
				total += len(got.Entries)
				if got.Gap {
					t.Error("nothing was left out")
				}
			}
			if total != 240 {
				t.Errorf("%d entries of 240", total)
			}
			if got := h.poll(t); len(got.Entries) > 0 {
				t.Errorf("told again: %+v", got.Entries)
			}
		})
	}
}

func TestDoorLogSinceBoundsTheFirstReadingOnly(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	addJonesTo(t, h.panel)
	h.sim.Present(akuvoxsim.Credential{PIN: "1111"})
	h.at = h.at.Add(time.Hour)
	h.sim.Present(akuvoxsim.Credential{PIN: "2222"})
	log := h.panel.(driver.DoorLogger)
	ask := driver.DoorLogAsk{Since: h.at.Add(-time.Minute)}
	got, err := log.DoorLog(t.Context(), ask)
	if err != nil || len(got.Entries) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	h.at = h.at.Add(-2 * time.Hour) // the panel's clock was set back: what happens now happened now
	h.sim.Present(akuvoxsim.Credential{PIN: "3333"})
	if got, err = log.DoorLog(t.Context(), ask); err != nil || len(got.Entries) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What was read before an answer was lost is not lost.
func TestDoorLogAfterALostAnswer(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultPagedOnly, On: true}}})
	h.poll(t)
	for range 25 {
		h.at = h.at.Add(time.Second)
		h.sim.Present(akuvoxsim.Credential{PIN: "1111"})
	}
	h.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultDropRead, Times: 1})
	if _, err := h.panel.(driver.DoorLogger).DoorLog(t.Context(), driver.DoorLogAsk{}); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("%v", err)
	}
	if got := h.poll(t); len(got.Entries) != 25 {
		t.Errorf("%d entries of 25", len(got.Entries))
	}
}

func TestDoorLogIsBoundedAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"", akuvoxsim.FaultLogOldestFirst} {
		h := newHoursBench(t, akuvoxsim.Options{})
		if order != "" {
			h.fault(t, akuvoxsim.FaultSetting{Name: order})
		}
		h.poll(t)
		for range 300 {
			h.sim.Present(akuvoxsim.Credential{PIN: "1111"})
		}
		h.sim.ForgetRequests()
		got := h.poll(t)
		if n := len(h.sim.Requests()); n > 20 || !got.Gap || len(got.Entries) < 100 {
			t.Errorf("%s: %d requests for %d entries, gap %v", order, n, len(got.Entries), got.Gap)
		}
		if got := h.poll(t); len(got.Entries) > 0 {
			t.Errorf("%s: told again: %d", order, len(got.Entries))
		}
	}
}

// Codes reach the look-up and nothing else; a panel that answers nonsense gives an error without them.
func TestDoorLogShowsNoCodes(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	h.sim.Present(akuvoxsim.Credential{PIN: "123498"})
	h.sim.Present(akuvoxsim.Credential{Card: "C0FFEE11"})
	got := h.poll(t)
	b, err := json.Marshal(got)
	shown := string(b) + fmt.Sprintf("%+v %#v", got, got)
	if err != nil || strings.Contains(shown, "123498") || strings.Contains(shown, "C0FFEE11") {
		t.Errorf("%s, %v", shown, err)
	}
	if held := fmt.Sprintf("%+v", h.panel); strings.Contains(held, "123498") || strings.Contains(held, "C0FFEE11") {
		t.Error("the driver keeps a code")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.panel.(driver.DoorLogger).DoorLog(ctx, driver.DoorLogAsk{}); err == nil {
		t.Error("no error")
	}
}
