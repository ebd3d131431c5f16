package main

import (
	"net/url"

	"gatehouse/agent"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// onsiteCommands are what people on site ask and do.
func onsiteCommands() []cli.Command {
	const pin = " --by p-manager --pin-file pin.txt --reason "
	return []cli.Command{
		{Name: "proofs", Summary: "lists removals of people whose access ended: asked, stored, written, confirmed; doubles and others' rows that went are in drift", Example: "gatehouse-agent proofs --open --json", SetUp: setUpProofs},
		{Name: "drift adopt", Args: 2, Summary: "takes such a row to belong to a person: gatehouse-agent drift adopt DEVICE ENTRY", Example: "gatehouse-agent drift adopt --person \"Ada Holt\" lobby-1 5be0a1c2-90d1f37e", SetUp: setUpDecide(access.DriftTake)},
		{Name: "drift remove", Args: 2, Summary: "deletes such a row from its panel: gatehouse-agent drift remove DEVICE ENTRY", Example: "gatehouse-agent drift remove --reason \"moved out in May\" lobby-1 5be0a1c2-90d1f37e", SetUp: setUpDecide(access.DriftRemove)},
		{Name: "drift keep", Args: 2, Summary: "leaves such a row alone until it changes: gatehouse-agent drift keep DEVICE ENTRY", Example: "gatehouse-agent drift keep --reason \"the fire brigade\" lobby-1 5be0a1c2-90d1f37e", SetUp: setUpDecide(access.DriftKeep)},
		{Name: "drift ignore", Summary: "lets such a row be, with the reason", Example: "gatehouse-agent drift ignore --device lobby-1 --native 17 --reason \"the fire brigade's card\"", SetUp: setUpIgnore},
		{Name: "drift", Summary: "lists rows on panels that are not as this gateway wrote them, as of when, and those that went", Example: "gatehouse-agent drift --device lobby-1", SetUp: setUpDrift},
		{Name: "hold list", Summary: "lists whose access stays, and who stays out, until somebody at the cloud agrees", Example: "gatehouse-agent hold list --json", SetUp: setUpAsk(agent.AskHolds)},
		{Name: "local revoke", Summary: "takes all access from somebody at once, until it is lifted", Example: "gatehouse-agent local revoke --person \"Ada Holt\"" + pin + "\"stolen card\"", SetUp: setUpLocal(access.MayRevoke)},
		{Name: "local grant", Summary: "opens a door to somebody for at most 12 hours", Example: "gatehouse-agent local grant --person p7 --door lobby --hours 4" + pin + "\"lock-out\"", SetUp: setUpLocal(access.MayGrant)},
		{Name: "local lift", Summary: "takes back what was done here about somebody, and lets in whom a restored cloud gives back", Example: "gatehouse-agent local lift --person p7" + pin + "\"card found\"", SetUp: setUpLocal(access.MayLift)},
		{Name: "local list", Summary: "lists what was done here and is not settled by the cloud", Example: "gatehouse-agent local list --json", SetUp: setUpAsk(agent.AskOverlays)},
	}
}

func setUpProofs(c *cli.Call) func() error {
	load := withConfig(c)
	open := c.Flags.Bool("open", false, "only removals that are not confirmed yet")
	return func() error {
		q := url.Values{}
		if *open {
			q.Set("open", "1")
		}
		return ask(c, load, agent.AskProofs, q)
	}
}

func setUpDrift(c *cli.Call) func() error {
	load := withConfig(c)
	device := c.Flags.String("device", "", "only the device with this `ID`")
	return func() error {
		q := url.Values{}
		if *device != "" {
			q.Set("device", *device)
		}
		return ask(c, load, agent.AskDrift, q)
	}
}

// setUpDecide is the command for one decision about a row that drift lists.
func setUpDecide(do access.DriftAct) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		load, r := withConfig(c), agent.DriftRequest{Do: do}
		c.Flags.StringVar(&r.Reason, "reason", "", "why, in `WORDS`; staff at the cloud read them")
		if do == access.DriftTake {
			c.Flags.StringVar(&r.Person, "person", "", "whose it is: an `ID`, or the exact name of a person or unit")
		}
		return func() error {
			r.Device, r.Entry = access.DeviceID(c.Flags.Arg(0)), c.Flags.Arg(1)
			return tell(c, load, agent.TellDrift, r)
		}
	}
}

func setUpIgnore(c *cli.Call) func() error {
	load := withConfig(c)
	device := c.Flags.String("device", "", "the device with this `ID`")
	native := c.Flags.String("native", "", "the device's own `ID` of the row, as drift lists it")
	reason := c.Flags.String("reason", "", "why it may stay as it is, in `WORDS`; left out, it counts again")
	return func() error {
		return tell(c, load, agent.TellIgnore, agent.IgnoreRequest{Device: access.DeviceID(*device), Native: *native, Reason: *reason})
	}
}

func setUpLocal(do access.Right) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		load, r := withConfig(c), agent.OverlayRequest{Do: do}
		c.Flags.StringVar(&r.Person, "person", "", "whose access: an `ID`, or the exact name of a person or unit")
		c.Flags.StringVar(&r.By, "by", "", "who you are: your `ID` or exact name; the cloud says who may")
		pin := c.Flags.String("pin-file", "", "`FILE` with a PIN of yours; - reads standard input")
		c.Flags.StringVar(&r.Reason, "reason", "", "why, in `WORDS`; staff at the cloud read them")
		if do == access.MayGrant {
			c.Flags.StringVar(&r.Door, "door", "", "`DOOR` to open: an id or the exact name")
			c.Flags.Float64Var(&r.Hours, "hours", 0, "for how many `HOURS`, at most 12")
		}
		return func() error {
			if *pin == "" {
				return cli.Usagef("--pin-file FILE is missing: a PIN of yours shows who you are")
			}
			secret, err := deviceSecret("--pin-file", *pin, c.Stdin)
			if err != nil {
				return err
			}
			r.PIN = secret.Reveal()
			return tell(c, load, agent.TellOverlay, r)
		}
	}
}

func tell(c *cli.Call, load func() (agent.Config, error), path string, what any) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	raw, err := agent.Tell(c, cfg, path, what)
	if err != nil {
		return err
	}
	return c.Print(raw)
}
