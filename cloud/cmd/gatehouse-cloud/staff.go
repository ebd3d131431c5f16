package main

import (
	"cmp"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// staffCommands are about who may act at a property's gateways by hand.
func staffCommands() []cli.Command {
	return []cli.Command{
		{Name: "staff add", Summary: "enters a member of staff who may act at the property's gateways while the cloud is away", Example: "gatehouse-cloud staff add --config cloud.toml --property maple-court --name Ann --pin-file ann.pin --may revoke,grant,lift", SetUp: setUpStaffAdd},
		{Name: "staff list", Summary: "lists who may act at the property's gateways, and what was changed about them", Example: "gatehouse-cloud staff list --config cloud.toml --property maple-court --json", SetUp: setUpStaffList},
		{Name: "staff set", Summary: "gives a member of staff another name, PIN or other rights", Example: "gatehouse-cloud staff set --config cloud.toml --property maple-court --id p12 --may revoke", SetUp: setUpStaffSet},
		{Name: "staff remove", Summary: "takes a member of staff out: they can act at no gateway any more", Example: "gatehouse-cloud staff remove --config cloud.toml --property maple-court --id p12", SetUp: setUpStaffRemove},
	}
}

// staffFlags are what a member of staff is given.
type staffFlags struct {
	property, id, name, pin, may, by *string
}

func withStaff(c *cli.Call) staffFlags {
	return staffFlags{
		property: c.Flags.String("property", "", "the `PROPERTY` they work at"),
		id:       c.Flags.String("id", "", "their `ID`, from staff list; a new one is given an id when this is left out"),
		name:     c.Flags.String("name", "", "their `NAME`, as they give it at the gateway"),
		pin:      c.Flags.String("pin-file", "", "`FILE` with a PIN of their own, 4 to 8 digits; - reads standard input"),
		may:      c.Flags.String("may", "", "what they may do at the gateway, `RIGHTS` separated by commas: revoke, grant, lift"),
		by:       withBy(c),
	}
}

func withBy(c *cli.Call) *string {
	return c.Flags.String("by", "", "`WHO` does this, for the property's history; without it the user of this machine")
}

// doer is who stands in the history.
func doer(by string) string {
	if by != "" {
		return by
	}
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); err == nil {
		name = cmp.Or(name, u.Username)
	}
	return name
}

// change reads the flags; the PIN never stands on the command line.
func (f staffFlags) change(c *cli.Call) (ch cloud.StaffChange, err error) {
	if *f.property == "" {
		return ch, cli.Usagef("--property PROPERTY is missing: where do they work?")
	}
	ch = cloud.StaffChange{StaffMember: cloud.StaffMember{ID: access.PersonID(*f.id), Name: *f.name}, By: doer(*f.by)}
	for _, r := range strings.FieldsFunc(*f.may, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch r := access.Right(r); r {
		case access.MayRevoke, access.MayGrant, access.MayLift:
			ch.May = append(ch.May, r)
		default:
			return ch, cli.Usagef("--may %q: want revoke, grant or lift, separated by commas", r)
		}
	}
	if *f.pin != "" {
		ch.PIN, err = pinIn(*f.pin, c.Stdin)
	}
	return ch, err
}

// pinIn reads a file with one PIN in it.
func pinIn(path string, stdin io.Reader) (access.Secret, error) {
	const most = 256
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(stdin, most))
	} else {
		raw, err = cli.ReadFile(path, most)
	}
	if err != nil {
		return access.Secret{}, err
	}
	pin := strings.TrimSpace(string(raw))
	if pin == "" {
		return access.Secret{}, fault.New(fault.Invalid, "read", "--pin-file", "there is no PIN in it")
	}
	return access.NewSecret(pin), nil
}

func setUpStaffAdd(c *cli.Call) func() error {
	open, f := opener(c), withStaff(c)
	return func() error {
		ch, err := f.change(c)
		switch {
		case err != nil:
			return err
		case ch.Name == "" || ch.PIN.IsZero() || len(ch.May) == 0:
			return cli.Usagef("--property, --name, --pin-file and --may are all needed")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			m, err := cl.AddStaff(c, access.PropertyID(*f.property), ch)
			if err != nil {
				return err
			}
			return c.Tell(staffAnswer(m), `%s works at %s now, as %s, and may %s at its gateways once they have their next state. At the gateway, while the cloud is away:
  gatehouse-agent local revoke --person WHO --by %s --pin-file FILE --reason WHY
or on the page of onsite_listen. It opens no door.`, m.Name, *f.property, m.ID, cloud.Rights(m.May), m.ID)
		})
	}
}

func setUpStaffSet(c *cli.Call) func() error {
	open, f := opener(c), withStaff(c)
	return func() error {
		ch, err := f.change(c)
		switch {
		case err != nil:
			return err
		case ch.ID == "":
			return cli.Usagef("--id ID is missing: gatehouse-cloud staff list shows them")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			m, err := cl.SetStaff(c, access.PropertyID(*f.property), ch)
			if err != nil {
				return err
			}
			return c.Tell(staffAnswer(m), "%s (%s) may %s at the gateways of %s, which hear of it with their next state.", m.Name, m.ID, cloud.Rights(m.May), *f.property)
		})
	}
}

func setUpStaffRemove(c *cli.Call) func() error {
	open, by := opener(c), withBy(c)
	property := c.Flags.String("property", "", "the `PROPERTY` they worked at")
	id := c.Flags.String("id", "", "their `ID`, from staff list")
	return func() error {
		if *property == "" || *id == "" {
			return cli.Usagef("--property and --id are both needed; gatehouse-cloud staff list shows the ids")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			m, err := cl.RemoveStaff(c, access.PropertyID(*property), access.PersonID(*id), doer(*by))
			if err != nil {
				return err
			}
			return c.Tell(staffAnswer(m), "%s (%s) is no longer on the staff of %s. A gateway that is away lets them act until it has its next state; what they did there stays until it is settled or lifted.", m.Name, m.ID, *property)
		})
	}
}

// staffJSON is a member of staff for scripts. The PIN is never shown.
type staffJSON struct {
	ID   access.PersonID `json:"id"`
	Name string          `json:"name"`
	May  []access.Right  `json:"may"`
}

type staffActJSON struct {
	At  time.Time `json:"at"`
	By  string    `json:"by"`
	Did string    `json:"did"`
}

func staffOf(m cloud.StaffMember) staffJSON {
	return staffJSON{m.ID, m.Name, append([]access.Right{}, m.May...)}
}

func staffAnswer(m cloud.StaffMember) map[string]any {
	s := staffOf(m)
	return map[string]any{"ok": true, "id": s.ID, "name": s.Name, "may": s.May}
}

func setUpStaffList(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "the `PROPERTY` they work at")
	return func() error {
		if *property == "" {
			return cli.Usagef("--property PROPERTY is missing: whose staff?")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			all, acts, err := cl.Staff(c, access.PropertyID(*property))
			if err != nil {
				return err
			}
			out, history := []staffJSON{}, []staffActJSON{}
			for _, m := range all {
				out = append(out, staffOf(m))
			}
			for _, a := range acts {
				history = append(history, staffActJSON{a.At, a.Who, a.Words})
			}
			if c.JSON {
				return c.Tell(map[string]any{"ok": true, "staff": out, "history": history}, "")
			}
			return tellStaff(c, *property, all, history)
		})
	}
}

func tellStaff(c *cli.Call, property string, all []cloud.StaffMember, history []staffActJSON) error {
	if len(all) == 0 {
		if err := c.Tell(nil, "Nobody may act at the gateways of %s by hand. Enter somebody with: gatehouse-cloud staff add", property); err != nil {
			return err
		}
	}
	for _, m := range all {
		if err := c.Tell(nil, "%s  %s  may %s", m.ID, m.Name, cmp.Or(cloud.Rights(m.May), "do nothing")); err != nil {
			return err
		}
	}
	for _, h := range history {
		if err := c.Tell(nil, "  %s  by %s: %s", h.At.UTC().Format(time.RFC3339), cmp.Or(h.By, "somebody"), h.Did); err != nil {
			return err
		}
	}
	return nil
}
