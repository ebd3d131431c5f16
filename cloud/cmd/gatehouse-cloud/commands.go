package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

func setUpServe(c *cli.Call) func() error {
	open := opener(c)
	return func() error {
		return open(nil, func(cl *cloud.Cloud) error { return cl.Serve(c) })
	}
}

func setUpMigrate(c *cli.Call) func() error {
	open := opener(c)
	return func() error {
		return open(slog.LevelWarn, func(*cloud.Cloud) error {
			return c.Tell(map[string]any{"ok": true}, "The database is up to date.")
		})
	}
}

func setUpGatewayAdd(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "the `PROPERTY` the gateway is at")
	replace := c.Flags.String("replace", "", "the `GATEWAY` whose place the new box takes; its old box is refused from then on")
	request := c.Flags.String("request", "", "`FILE` made by gatehouse-agent enroll request")
	out := c.Flags.String("out", "", "`FILE` to write the bundle to; it holds no private key")
	return func() error {
		if *request == "" || *out == "" || (*property == "") == (*replace == "") {
			return cli.Usagef("--property (or --replace in its place), --request and --out are all needed")
		}
		raw, err := cli.ReadFile(*request, 64<<10)
		if err != nil {
			return err
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			add := func() (access.GatewayID, []byte, error) { return cl.AddGateway(c, access.PropertyID(*property), raw) }
			where, first := *property, ""
			if *replace != "" {
				add = func() (access.GatewayID, []byte, error) { return cl.ReplaceGateway(c, access.GatewayID(*replace), raw) }
				where, first = "a new box", oldBox
			}
			id, bundle, err := add()
			if err != nil {
				return err
			}
			if err := cli.WriteFile(*out, bundle, 0o644); err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true, "gateway": id, "out": *out},
				"Gateway %s of %s. %sCarry %s back to it: gatehouse-agent enroll accept %s", id, where, first, *out, *out)
		})
	}
}

// oldBox is what to do before a new box takes a place.
const oldBox = "From now on its old box is refused here, and still does at the panels what it was told last.\n" +
	"Take the old box off the panels first, or switch it off: else it writes back people who have moved out since.\n"

// installed is where the shipped configuration of Mosquitto looks for its certificates.
const installed = "/etc/mosquitto/gatehouse/"

func setUpBrokerCertificate(c *cli.Call) func() error {
	open := opener(c)
	names := c.Flags.String("name", "", "`NAMES` and addresses by which gateways and the cloud reach the broker, separated by commas; without it those of the configuration, or of the certificate that is renewed")
	out := c.Flags.String("out", "", "`DIR` to write ca.pem, broker.pem and broker.key to, 0600 each")
	force := c.Flags.Bool("force", false, "put new files in the place of those that are there: this is how to renew")
	return func() error {
		if *out == "" {
			return cli.Usagef("--out DIR is missing: where shall the files go?")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			made, err := cl.CertifyBroker(*out, strings.FieldsFunc(strings.ToLower(*names), func(r rune) bool { return r == ',' || r == ' ' }), *force)
			if err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true, "names": made.Names, "ends": made.Ends, "files": made.Files}, `A certificate for %s, good until %s.
Copy the three files to the broker's machine, in a way that nobody reads along, and there:
  install -d -o mosquitto -g mosquitto -m 0700 %s
  install -o mosquitto -g mosquitto -m 0600 %s %s
  systemctl reload mosquitto
For a first installation put gatehouse.acl there too and gatehouse.conf into /etc/mosquitto/conf.d, both from packaging/mosquitto, then
  systemctl restart mosquitto
and write into the cloud's configuration, in place of broker_listen:
  broker = "tls://%s:8883"
%s is a private key: delete it here afterwards. The key of the authority, pki/ca.key, stays where it is.
The cloud warns in its log from 30 days before the end; renew with the same command and --force.`,
				strings.Join(made.Names, ", "), made.Ends.Format(time.DateOnly), installed, strings.Join(made.Files, " "), installed, made.Names[0], made.Files[len(made.Files)-1])
		})
	}
}

// fileFlags are what both imports share.
type fileFlags struct{ format, file *string }

func withFile(c *cli.Call) fileFlags {
	return fileFlags{
		c.Flags.String("format", "csv", "`FORMAT` of the file: csv"),
		c.Flags.String("file", "", "the export, a `FILE`, or - for standard input"),
	}
}

func (f fileFlags) open(c *cli.Call) (io.ReadCloser, error) {
	switch *f.file {
	case "":
		return nil, cli.Usagef("--file FILE is missing: which export?")
	case "-":
		return io.NopCloser(c.Stdin), nil
	}
	file, err := os.Open(*f.file)
	return file, fault.Wrap(fault.Invalid, "open", *f.file, err)
}

func setUpImport(c *cli.Call) func() error {
	open, file := opener(c), withFile(c)
	property := c.Flags.String("property", "", "the `PROPERTY` that the export is of")
	release := c.Flags.Bool("release", false, "the last run was held and the people in it really left: let this export pass; needs --reason")
	reason := c.Flags.String("reason", "", "`WHY` it is released; it stands in the run history")
	return func() error {
		switch {
		case *property == "":
			return cli.Usagef("--property PROPERTY is missing: whose export is it?")
		case *release != (*reason != ""):
			return cli.Usagef("--release and --reason go together")
		}
		r, err := file.open(c)
		if err != nil {
			return err
		}
		defer r.Close()
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			id, name := access.PropertyID(*property), filepath.Base(*file.file)
			if *release {
				return told(c)(cl.ImportReleased(c, id, *file.format, name, *reason, r))
			}
			report, err := cl.Import(c, id, *file.format, name, r)
			if err != nil {
				return err
			}
			return tellReport(c, report)
		})
	}
}

// skippedShown is how many skipped records the text lists.
const skippedShown = 20

func tellReport(c *cli.Call, r cloud.SyncReport) error {
	if r.Held == "" {
		return printReport(c, r)
	}
	held := fault.New(fault.Conflict, "take over what was read of", string(r.Property), "%s", strings.TrimRight(r.Held, ".")).
		WithRemedy("Everybody keeps what they have. If the source is wrong, correct it and read it again; the page shows the question.")
	if c.JSON {
		return c.TellFailure(r, held)
	}
	return errors.Join(printReport(c, r), held)
}

func printReport(c *cli.Call, r cloud.SyncReport) error {
	if c.JSON {
		return json.NewEncoder(c.Stdout).Encode(r)
	}
	lines := []string{}
	for _, e := range r.Evidence {
		lines = append(lines, "  "+e)
	}
	for i, s := range r.Skipped {
		if i == skippedShown {
			lines = append(lines, fmt.Sprintf("  … and %d more were skipped; --json lists them all", len(r.Skipped)-i))
			break
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  skipped %s %s: %s", s.What, s.Ref, s.Reason), " "))
	}
	for _, cf := range r.Conflicts {
		lines = append(lines, "  to look at: "+cf.Text+" "+cf.Remedy)
	}
	if r.Held != "" {
		lines = append(lines, "  held: "+r.Held)
	}
	if err := c.Tell(nil, "%d people in %d leases and %d units read: %d added, %d changed, %d ended, %d skipped.", r.People, r.Leases, r.Units, r.Added, r.Changed, r.Ended, len(r.Skipped)); err != nil {
		return err
	}
	for _, l := range lines {
		if err := c.Tell(nil, "%s", l); err != nil {
			return err
		}
	}
	return nil
}

func setUpPMSImport(c *cli.Call) func() error {
	file := withFile(c)
	zone := c.Flags.String("zone", "", "IANA `ZONE` of properties that the file gives none, such as America/Chicago")
	property := c.Flags.String("property", "", "only the lines of this `PROPERTY`, as the file names it")
	return func() error {
		r, err := file.open(c)
		if err != nil {
			return err
		}
		defer r.Close()
		snap, err := cloud.ReadFile(*file.format, *zone, *property, r)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(snap)
		if err != nil {
			return err
		}
		return c.Print(raw)
	}
}

func setUpSync(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "the `PROPERTY` to read")
	unit := c.Flags.String("unit", "", "only this `UNIT`, as its source names it")
	person := c.Flags.String("person", "", "only the units of this `PERSON`, an id or a whole name")
	return func() error {
		switch {
		case *property == "":
			return cli.Usagef("--property PROPERTY is missing: which one?")
		case *unit != "" && *person != "":
			return cli.Usagef("--unit and --person together: give one of them")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			var report cloud.SyncReport
			var err error
			if *person != "" {
				report, err = cl.SyncPerson(c, access.PropertyID(*property), *person)
			} else {
				report, err = cl.Sync(c, access.PropertyID(*property), *unit)
			}
			if err != nil {
				return c.TellFailure(report, theirs(err))
			}
			return tellReport(c, report)
		})
	}
}

// theirs tells a failure of the PMS from one of our own input.
func theirs(err error) error {
	var pull *cloud.PullError
	if errors.As(err, &pull) {
		return cli.Theirs(err)
	}
	return err
}

func setUpPMSPull(c *cli.Call) func() error {
	kind := c.Flags.String("kind", "", "the `KIND` of property-management system, such as rentmanager")
	file := c.Flags.String("config", "", "`FILE` with its address and account")
	return func() error {
		if *kind == "" || *file == "" {
			return cli.Usagef("--kind and --config are both needed")
		}
		log := cli.Logger(c.Stderr, slog.LevelWarn)
		snap, err := cloud.Pull(c, *kind, *file, cloud.Deps{Log: log, Version: version})
		if err != nil {
			return c.TellFailure(snap, theirs(err))
		}
		raw, err := json.Marshal(snap)
		if err != nil {
			return err
		}
		return c.Print(raw)
	}
}

func setUpVersion(c *cli.Call) func() error {
	return func() error {
		return c.Tell(map[string]any{"ok": true, "version": version, "commit": commit, "protocol": protocol.Version, "go": runtime.Version()},
			"gatehouse-cloud %s commit %s protocol %d %s", version, commit, protocol.Version, runtime.Version())
	}
}
