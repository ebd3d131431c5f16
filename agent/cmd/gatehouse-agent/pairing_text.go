package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"gatehouse/agent"
	"gatehouse/protocol/access"
)

// How the answers of pairing.go read for people. What a device says goes through devicePrintable.

func printList(w io.Writer, l agent.DeviceList) {
	for _, d := range l.Devices {
		printDevice(w, d)
	}
	if len(l.Devices) == 0 {
		fmt.Fprintln(w, "There is no device. gatehouse-agent device discover --range 10.0.0.0/24 finds some, device pair takes one.")
	}
	for _, s := range append(l.Left, l.Forgotten...) {
		fmt.Fprintln(w, s)
	}
}

func printDevice(w io.Writer, d agent.DeviceReport) {
	say(w, "%s  %s  %s %s  %s", d.ID, cmp.Or(d.State, "not found"), d.Kind, d.Model, d.Address)
	for _, s := range d.States {
		switch {
		case !s.OK:
			say(w, "  no   %-17s %s. %s", s.Name, s.Why, s.Remedy)
		case s.At.IsZero():
			say(w, "  yes  %s", s.Name)
		default:
			say(w, "  yes  %-17s %s", s.Name, when(s.At))
		}
	}
	say(w, "  doors: %s; %d people of ours; read back %s", cmp.Or(doorsOf(d.Doors), "none"), d.People, when(d.Audited))
}

func say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, strings.TrimRight(devicePrintable(fmt.Sprintf(format, args...)), " "))
}

func doorsOf(doors map[access.DoorID]string) string {
	raw := fmt.Sprint(doors) // in order of the doors
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(raw, "map["), "]"), ":", " = relay ")
}

func printAudit(w io.Writer, r agent.AuditReport) {
	for _, d := range r.Devices {
		say(w, "%s  as of %s: %d rows, %d not ours, %d astray that nobody let be", d.ID, when(d.AsOf), d.Rows, d.Strangers, d.Open)
		if d.Error != nil {
			say(w, "  not read back now: %s. %s", d.Error.Message, d.Error.Remedy)
		}
		for _, line := range d.Drift {
			say(w, "  %s  %-8s %s  %s %s", line.Entry, line.Kind, line.Name, line.What, line.Ignore)
		}
		if d.Open > 0 {
			say(w, "  decide by entry: gatehouse-agent drift adopt %s ENTRY --person WHO; drift remove %s ENTRY; drift keep %s ENTRY --reason WHY; or drift ignore", d.ID, d.ID, d.ID)
		}
	}
}

func printFound(w io.Writer, r agent.DiscoverReport) {
	for _, f := range r.Found {
		sure := ""
		if !f.Sure {
			sure = "perhaps "
		}
		say(w, "%s  %s%s %s %s  %s", f.Address, sure, f.Kind, f.Model, f.MAC, f.What)
		if f.TLSPin != "" {
			say(w, "  --tls-pin %s", f.TLSPin)
		}
		if f.Paired != "" {
			say(w, "  it is %s here", f.Paired)
		} else {
			say(w, "  %s", strings.TrimSpace(f.Remedy+" Then: gatehouse-agent device pair --id ID --kind "+f.Kind+pairAt(f.Kind, f.Address)))
		}
	}
	say(w, "%d found at %s", len(r.Found), r.Range)
}

func pairAt(kind, address string) string {
	if kind == "comelit" && !strings.Contains(address, "://") {
		return " --host " + address
	}
	return " --url " + address
}

// printReport is for the property's file: no resident's name, no secret.
func printReport(w io.Writer, l agent.DeviceList) {
	say(w, "Devices of gateway %s as of %s", cmp.Or(l.Gateway, "(not enrolled)"), when(l.At))
	for _, d := range l.Devices {
		fmt.Fprintln(w)
		printDevice(w, d)
		say(w, "  name %s; firmware %s; hardware address %s", cmp.Or(d.Name, "none"), cmp.Or(d.Firmware, "not known"), cmp.Or(d.MAC, "not known"))
		say(w, "  mode %s since %s; paired %s (%s)", d.Mode, when(d.Since), when(d.Paired), d.Source)
		say(w, "  %s", strings.TrimSpace(deviceLimits(d.Limits)))
		say(w, "  %d rows, %d not ours, astray: %s", d.Rows, d.Strangers, strings.TrimPrefix(fmt.Sprint(d.Drift), "map"))
		for _, s := range d.Steps {
			say(w, "  %s", strings.TrimSuffix(stepLine(s), "\n"))
		}
	}
}
