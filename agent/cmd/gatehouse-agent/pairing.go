package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/agent"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// pairingCommands are what an installer has the running gateway do about its devices.
func pairingCommands() []deviceCommand {
	const pair = "gatehouse-agent device pair --id lobby --kind akuvox --url http://10.0.0.12 --user api --password-file panel.txt --door lobby=A"
	return []deviceCommand{
		{name: "discover", summary: "looks for devices at the addresses of a range, one by one", example: "gatehouse-agent device discover --range 10.0.0.0/24", site: setUpDiscover},
		{name: "pair", summary: "proves that a device can be driven and looks after it from then on, at first in report mode", example: pair, site: setUpPair},
		{name: "list", summary: "lists every device with its states, what is missing and what to do about it", example: "gatehouse-agent device list --json", site: setUpDevices(printList)},
		{name: "audit", summary: "reads a device back now and lists the rows that are not ours; with --kind directly, without the gateway", example: "gatehouse-agent device audit lobby", run: deviceAudit, site: setUpAudit, args: -1},
		{name: "manage", summary: "writes people to a paired device from now on: gatehouse-agent device manage ID", example: "gatehouse-agent device manage lobby", site: setUpMode("manage"), args: 1},
		{name: "report", summary: "writes nothing to a paired device any more: gatehouse-agent device report ID", example: "gatehouse-agent device report lobby", site: setUpMode("report"), args: 1},
		{name: "forget", summary: "looks after a paired device no more: gatehouse-agent device forget ID", example: "gatehouse-agent device forget lobby", site: setUpMode("forget"), args: 1},
		{name: "export-report", summary: "writes a report of the devices, or of one, for the property", example: "gatehouse-agent device export-report --out devices.txt", site: setUpExport, args: -1},
	}
}

// withSocket registers --socket and --config; the returned function says where the gateway is asked.
func withSocket(c *cli.Call) func() (agent.Config, error) {
	load := withConfig(c)
	socket := c.Flags.String("socket", "", "the running gateway's `SOCKET` (default: agent.sock in the state directory that --config names)")
	return func() (agent.Config, error) {
		if *socket != "" {
			return agent.Config{Socket: *socket}, nil
		}
		return load()
	}
}

// order has the gateway do something and reads the answer into v, also beside an error.
func order(c *cli.Call, load func() (agent.Config, error), o agent.DeviceOrder, v any, told func(json.RawMessage)) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	raw, err := agent.Order(c, cfg, o, told)
	if raw != nil && string(raw) != "null" {
		if jerr := json.Unmarshal(raw, v); err == nil {
			err = jerr
		}
	}
	return err
}

func setUpDevices(show func(io.Writer, agent.DeviceList)) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		load := withSocket(c)
		return func() error {
			var l agent.DeviceList
			if err := order(c, load, agent.DeviceOrder{Do: agent.OrderList}, &l, nil); err != nil {
				return err
			}
			return showOr(c, l, func(w io.Writer) { show(w, l) })
		}
	}
}

// showOr prints JSON where it is asked for, and else what show writes.
func showOr(c *cli.Call, v any, show func(io.Writer)) error {
	if c.JSON {
		return json.NewEncoder(c.Stdout).Encode(v)
	}
	show(c.Stdout)
	return nil
}

func setUpPair(c *cli.Call) func() error {
	load, r, doors := withSocket(c), agent.PairRequest{}, map[access.DoorID]string{}
	var f deviceFlags
	f.register(c.Flags, "pair")
	id := c.Flags.String("id", "", "the `ID` that it gets, or has: letters, digits, '-', '_' or '.'")
	c.Flags.StringVar(&r.Name, "name", "", "what people call it, in `WORDS`")
	c.Flags.StringVar(&r.Unit, "unit", "", "`unit` with a free slot for the test person, by its name on the device, or #0 for the first (comelit)")
	c.Flags.BoolVar(&r.NoTest, "no-selftest", false, "write no test person: what it would prove stays unproven")
	c.Flags.Func("door", "`DOOR=RELAY`: the door of the cloud's configuration that a relay opens, such as lobby=A; may be repeated", func(s string) error {
		door, relay, ok := strings.Cut(s, "=")
		if !ok || door == "" || relay == "" {
			return fmt.Errorf("want DOOR=RELAY such as lobby=A")
		}
		doors[access.DoorID(door)], r.Doors = strings.ToUpper(relay), doors
		return nil
	})
	return func() error {
		if *id == "" {
			return cli.Usagef("--id is missing: what is the device called? for example --id lobby")
		}
		cfg, _, err := f.config(c.Flags, "pair", agent.Kinds(), c.Stdin)
		if err != nil {
			return err
		}
		r.Kind, r.URL, r.Host, r.WebPort, r.IconaPort = cfg.Kind, cfg.URL, cfg.Host, cfg.WebPort, cfg.IconaPort
		r.User, r.InsecureTLS, r.TLSPin, r.Pace, r.Timeout, r.Model = cfg.User, cfg.InsecureTLS, cfg.TLSPin, cfg.Pace, cfg.Timeout, cfg.Model
		r.Password, r.Token = cfg.Password.Reveal(), cfg.Token.Reveal()
		return pair(c, load, agent.DeviceOrder{Do: agent.OrderPair, ID: access.DeviceID(*id), Pair: r})
	}
}

// pair shows each step as it ends, and then how the device stands.
func pair(c *cli.Call, load func() (agent.Config, error), o agent.DeviceOrder) error {
	var out agent.PairReport
	err := order(c, load, o, &out, func(raw json.RawMessage) {
		var s agent.Step
		if !c.JSON && json.Unmarshal(raw, &s) == nil {
			fmt.Fprint(c.Stdout, stepLine(s))
		}
	})
	if err != nil {
		if len(out.Steps) > 0 && !strings.Contains(err.Error(), "--unit") {
			err = cli.Theirs(err) // the device's word, no slip on the command line
		}
		if out.Steps == nil {
			return err
		}
		return c.TellFailure(out, err)
	}
	return showOr(c, out, func(w io.Writer) { printDevice(w, *out.Device) })
}

func setUpMode(do string) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		load, r := withSocket(c), agent.DeviceOrder{Do: do}
		if do == "forget" {
			c.Flags.BoolVar(&r.Leave, "leave-people", false, "also when people of ours stand on it, who stay there")
		}
		return func() error {
			r.ID = access.DeviceID(c.Flags.Arg(0))
			var out agent.ModeReport
			if err := order(c, load, r, &out, nil); err != nil {
				return err
			}
			return showOr(c, out, func(w io.Writer) {
				if out.Device != nil {
					printDevice(w, *out.Device)
					return
				}
				fmt.Fprintf(w, "forgotten: %s; %d people of ours are left on it\n", r.ID, out.People)
			})
		}
	}
}

func setUpAudit(c *cli.Call) func() error {
	load, r := withSocket(c), agent.DeviceOrder{Do: agent.OrderAudit}
	all := c.Flags.Bool("all", false, "every device")
	c.Flags.DurationVar(&r.Wait, "wait", 0, "how `long` to wait for each device (default and at most 5m)")
	return func() error {
		if c.Flags.NArg() > 1 || *all == (c.Flags.NArg() == 1) {
			return cli.Usagef("which device? gatehouse-agent device audit ID, or --all")
		}
		r.ID = access.DeviceID(c.Flags.Arg(0))
		var out agent.AuditReport
		err := order(c, load, r, &out, nil)
		if err != nil && len(out.Devices) == 0 {
			return err
		}
		if !c.JSON {
			printAudit(c.Stdout, out)
		}
		if err != nil {
			return c.TellFailure(out, cli.Theirs(err))
		}
		return showOr(c, out, func(io.Writer) {})
	}
}

func setUpExport(c *cli.Call) func() error {
	load := withSocket(c)
	out := c.Flags.String("out", "", "`FILE` to write it to (default: standard output)")
	return func() error {
		if c.Flags.NArg() > 1 {
			return cli.Usagef("one device, or none for all: gatehouse-agent device export-report lobby")
		}
		var l agent.DeviceList
		if err := order(c, load, agent.DeviceOrder{Do: agent.OrderList, ID: access.DeviceID(c.Flags.Arg(0))}, &l, nil); err != nil {
			return err
		}
		if *out == "" {
			return showOr(c, l, func(w io.Writer) { printReport(w, l) })
		}
		var text strings.Builder
		if c.JSON {
			if err := json.NewEncoder(&text).Encode(l); err != nil {
				return err
			}
		} else {
			printReport(&text, l)
		}
		if err := cli.WriteFile(*out, []byte(text.String()), 0o644); err != nil {
			return err
		}
		return c.Tell(map[string]any{"ok": true, "out": *out, "devices": len(l.Devices)}, "Wrote %s.", *out)
	}
}

func setUpDiscover(c *cli.Call) func() error {
	load, r := withSocket(c), agent.DeviceOrder{Do: agent.OrderDiscover}
	c.Flags.StringVar(&r.Range, "range", "", "`CIDR`, private and at most 1024 addresses, such as 10.0.0.0/24; nothing else is asked, and nothing is broadcast")
	c.Flags.Func("port", "`NAME=PORT` where it is not the usual one (akuvox 80 and 443, comelit 8080, comelit-udp 24199); may be repeated", func(s string) error {
		r.Ports = append(r.Ports, s)
		return nil
	})
	return func() error {
		if r.Range == "" {
			return cli.Usagef("--range is missing: which addresses? for example --range 10.0.0.0/24")
		}
		var out agent.DiscoverReport
		err := order(c, load, r, &out, func(raw json.RawMessage) {
			var d agent.DiscoverReport
			if json.Unmarshal(raw, &d) == nil {
				fmt.Fprintf(c.Stderr, "asked %d of %d, found %d\n", d.Asked, d.Of, len(d.Found))
			}
		})
		if err != nil {
			return err
		}
		return showOr(c, out, func(w io.Writer) { printFound(w, out) })
	}
}

// when is an instant for people; never for none.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}
