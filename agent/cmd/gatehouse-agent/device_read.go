package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// deviceProbe says what the device is. A driver that knows the vendor's dialects is asked first: it
// has the better words for a device that does not work yet.
func deviceProbe(ctx context.Context, c *deviceCall) deviceAnswer {
	dialect := ""
	if d, ok := c.panel.(driver.Doctor); ok {
		var err error
		if dialect, err = d.Dialect(ctx); err != nil {
			a := deviceFailed(err)
			a.Dialect = dialect
			return a
		}
	}
	id, limits, err := c.panel.Probe(ctx)
	if err != nil {
		a := deviceFailed(err)
		if a.Dialect = dialect; id != (model.Identity{}) {
			a.Identity = &id
		}
		return a
	}
	a := deviceAnswer{Identity: &id, Dialect: dialect, Limits: &limits, Capabilities: deviceCapabilities(c.panel, limits)}
	var more []string
	if m, ok := c.panel.(driver.MoreLister); ok {
		more, err = m.More(ctx)
	}
	a.Capabilities = append(a.Capabilities, more...)
	a.text = fmt.Sprintf("%s, firmware %s, MAC %s\ndialect %s\ncan: %s\n", id.Model, id.Firmware, id.MAC, dialect, strings.Join(a.Capabilities, ", ")) + deviceLimits(limits)
	if err != nil {
		a.text += "what else it keeps cannot be read: " + err.Error() + "\n"
	}
	a.clock(ctx, c.panel)
	return a
}

// clock adds how far the device's clock is out. One that does not tell is no failure.
func (a *deviceAnswer) clock(ctx context.Context, p driver.Panel) {
	r, ok := p.(driver.ClockReader)
	if !ok {
		return
	}
	skew, err := r.Skew(ctx)
	if err != nil {
		a.text += "its clock cannot be read: " + err.Error() + "\n"
		return
	}
	seconds := skew.Seconds()
	a.ClockSkew = &seconds
	a.text += fmt.Sprintf("its clock is %s ahead of this machine's (its time zone it does not tell)\n", skew)
}

// deviceCapabilities lists what the driver can do with this device.
func deviceCapabilities(p driver.Panel, l model.Limits) []string {
	_, opens := p.(driver.DoorReleaser)
	_, logs := p.(driver.DoorLogger)
	_, clock := p.(driver.ClockReader)
	_, events := p.(driver.EventSource)
	all := []struct {
		name string
		has  bool
	}{
		{"users", true}, {"pin", l.PINs > 0}, {"card", l.Cards > 0}, {"mobile", l.Mobile}, {"lookup", l.Lookup}, {"open", opens},
		{"schedules", l.Schedules > 0}, {"doorlog", logs}, {"clock", clock}, {"rings", events && l.Slots > 0},
	}
	out := []string{}
	for _, x := range all {
		if x.has {
			out = append(out, x.name)
		}
	}
	return out
}

func deviceLimits(l model.Limits) string {
	people := "an unknown number of people"
	if l.People > 0 {
		people = fmt.Sprintf("%d people", l.People)
	}
	relays := "unknown relays"
	if len(l.Relays) > 0 {
		relays = "relays " + strings.Join(l.Relays, ", ")
	}
	if l.Slots > 0 {
		return fmt.Sprintf("calls %d apps and telephones for each unit, holds no PINs and no cards; %s; confirms: %s\n", l.Slots, relays, l.Grade)
	}
	return fmt.Sprintf("holds %s; a person has %d PIN of %d to %d digits and %d cards; %s; confirms: %s\n",
		people, l.PINs, l.PINDigitMin, l.PINDigitMax, l.Cards, relays, l.Grade)
}

// deviceUser is one row, without what opens doors.
type deviceUser struct {
	Ref      string   `json:"ref"`
	Name     string   `json:"name"`
	Managed  bool     `json:"managed"` // has the form of our references
	HasPIN   bool     `json:"has_pin"`
	Cards    int      `json:"cards"`
	Relays   []string `json:"relays"`
	Native   string   `json:"native"`
	Unit     string   `json:"unit,omitempty"`
	HasApp   bool     `json:"has_app,omitempty"`
	HasPhone bool     `json:"has_phone,omitempty"`
	Unproven bool     `json:"unproven,omitempty"` // accepted by the device, or older than what it holds
	ReadOnly bool     `json:"read_only"`          // another system owns the row
}

func deviceUsers(ctx context.Context, c *deviceCall) deviceAnswer {
	rows, err := c.panel.List(ctx)
	if err != nil {
		return deviceFailed(err)
	}
	a := deviceAnswer{Users: []deviceUser{}}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "REF\tNAME\tOURS\tPIN\tCARDS\tRELAYS")
	for _, r := range rows {
		u := deviceUser{
			Ref: string(r.Ref), Name: r.Name, Managed: r.Ref.Ours(), HasPIN: !r.PIN.IsZero(), Cards: len(r.Cards),
			Relays: append([]string{}, r.Relays...), Native: r.Native, ReadOnly: r.ReadOnly,
			Unit: r.Unit, HasApp: r.Email != "", HasPhone: r.Phone != "", Unproven: r.Unproven,
		}
		a.Users = append(a.Users, u)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", devicePrintable(u.Ref), devicePrintable(u.Name), deviceYes(u.Managed), deviceYes(u.HasPIN), u.Cards, devicePrintable(strings.Join(u.Relays, " ")))
	}
	_ = w.Flush() // into memory
	a.text = text.String()
	return a
}

func deviceYes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// devicePrintable keeps a device's text from steering the terminal.
func devicePrintable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// deviceOpen opens a door. It reports a result: unknown means that it may have opened.
func deviceOpen(ctx context.Context, c *deviceCall) deviceAnswer {
	door := c.flags.door
	if len(door) == 1 {
		door = strings.ToUpper(door) // a letter of a relay
	}
	r, ok := c.panel.(driver.DoorReleaser)
	if !ok {
		return deviceFailed(fault.New(fault.Unsupported, "open", "door "+door, "this device cannot open a door on request").
			WithRemedy("A comelit device can, with --token-file: device redeem makes one."))
	}
	err := r.Release(ctx, door)
	if err == nil {
		return deviceAnswer{Door: door, Result: "done", text: "opened " + door + "\n"}
	}
	a := deviceFailed(err)
	switch a.Door = door; fault.KindOf(err) {
	case fault.Timeout:
		a.Result, a.exit = "unknown", cli.Unknown
	case fault.Denied, fault.Conflict, fault.Full:
		a.Result, a.exit = "refused", cli.Refused
	}
	return a.ours()
}
