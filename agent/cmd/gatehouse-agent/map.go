package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"gatehouse/agent"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// mapCommand is `device map`: unlike its neighbours it speaks with the gateway, which keeps the map.
func mapCommand() cli.Command {
	return cli.Command{
		Name: "device map", Args: 1, Summary: "shows or sets which door is which relay of a device, and which unit which apartment",
		Example: "gatehouse-agent device map gate-1 --set 101=#3 --leave-out 102 --confirm", SetUp: setUpMap,
	}
}

func setUpMap(c *cli.Call) func() error {
	load, r := withConfig(c), agent.MapRequest{}
	pairs := func(name, usage string, to *map[string]string) {
		c.Flags.Func(name, usage, func(s string) error {
			k, v, ok := strings.Cut(s, "=")
			if !ok || k == "" || v == "" {
				return fmt.Errorf("want NAME=VALUE")
			}
			if *to == nil {
				*to = map[string]string{}
			}
			(*to)[k] = v
			return nil
		})
	}
	words := func(name, usage string, to *[]string) {
		c.Flags.Func(name, usage, func(s string) error { *to = append(*to, s); return nil })
	}
	pairs("set", "`UNIT=APARTMENT`, as it lists them: 101=#3, 101=SB000004; may be given again", &r.Set)
	words("leave-out", "`UNIT` that the device does not call; may be given again", &r.LeaveOut)
	words("clear", "`UNIT` of which nothing is said any more: its name decides; may be given again", &r.Clear)
	c.Flags.BoolVar(&r.Confirm, "confirm", false, "take all that is proposed, unless anything is in doubt")
	pairs("door", "`DOOR=RELAY`, lobby=A, of a device that was paired here; may be given again", &r.Doors)
	words("no-door", "`DOOR` that such a device does not open; may be given again", &r.NoDoors)
	return func() error {
		r.Device = access.DeviceID(c.Flags.Arg(0))
		cfg, err := load()
		if err != nil {
			return err
		}
		var raw []byte
		if r.Confirm || len(r.Set)+len(r.LeaveOut)+len(r.Clear)+len(r.Doors)+len(r.NoDoors) > 0 {
			raw, err = agent.Tell(c, cfg, agent.TellMap, r)
		} else {
			raw, err = agent.Ask(c, cfg, agent.AskMap, url.Values{"device": {string(r.Device)}}, warnings(c))
		}
		switch {
		case err != nil:
			return err
		case c.JSON:
			return c.Print(raw)
		}
		return showMap(c, raw)
	}
}

// showMap prints a map for people.
func showMap(c *cli.Call, raw []byte) error {
	var r agent.MapReport
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.Stdout, 0, 4, 2, ' ', 0)
	line := func(cells ...string) { // names come from a device and a property's records
		for i := range cells {
			cells[i] = devicePrintable(cells[i])
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	line("DOOR", "RELAY", "")
	for _, d := range r.Doors {
		line(string(d.Door), d.Relay, d.Why)
	}
	line("UNIT", "APARTMENT", "STATE", "")
	for _, l := range r.Units {
		state := string(l.State)
		if l.Sure != "" {
			state += ", " + string(l.Sure)
		}
		line(strings.TrimSpace(l.Building+" "+l.Name), strings.TrimSpace(l.Apartment+" "+l.Shown), state, l.Why)
	}
	for _, s := range r.Spare {
		line("", strings.TrimSpace(s.Apartment+" "+s.Shown), "no unit's")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Note != "" {
		fmt.Fprintf(c.Stdout, "%s.\n", r.Note)
	}
	_, err := fmt.Fprintf(c.Stdout, "%d of %d units wait for word from an installer.\n", r.Open, len(r.Units))
	return err
}
