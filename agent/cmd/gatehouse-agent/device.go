package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// deviceCommand is one of the device commands that need no daemon.
type deviceCommand struct {
	name, summary, example string
	run                    func(context.Context, *deviceCall) deviceAnswer
	// alone is instead of run where no panel is asked; it reads its flags itself.
	alone func(context.Context, deviceCommand, []string) deviceAnswer
	// site is instead of both where the running gateway does it; args is then how many arguments there are, or -1.
	site func(*cli.Call) func() error
	args int
}

func deviceCommands() []deviceCommand {
	const at = " --kind akuvox --url http://192.0.2.10 --user gate --password-file panel.txt"
	return append([]deviceCommand{
		{name: "probe", summary: "says what a device is, can do and can hold; reads only", example: "gatehouse-agent device probe" + at + " --json", run: deviceProbe},
		{name: "selftest", summary: "writes, reads, changes and removes a test person; leaves the device as found", example: "gatehouse-agent device selftest" + at, run: deviceSelftest},
		{name: "users", summary: "lists everybody on a device, without PINs and card numbers", example: "gatehouse-agent device users" + at, run: deviceUsers},
		{name: "directory", summary: "writes the slots of a Comelit device, or of a backup of one, to a CSV file", example: "gatehouse-agent device directory --kind comelit --backup 1700000000.tar.gz --out slots.csv", run: deviceDirectory},
		{name: "open", summary: "opens one door once", example: "gatehouse-agent device open" + at + " --door A", run: deviceOpen},
		{name: "redeem", summary: "turns an activation code into this gateway's own token for a device's bridge", example: "gatehouse-agent device redeem --kind comelit --host 192.0.2.10 --code-file code.txt --out token.txt", run: deviceRedeem},
		{name: "invite", summary: "has a Comelit device invite a resident's app, through the running gateway", example: "gatehouse-agent device invite gate-1 \"Ada Holt\"", alone: deviceInvite},
		{name: "ports", summary: "lists serial ports that a lock encoder may hang on, free or taken", example: "gatehouse-agent device ports --json", alone: devicePorts},
	}, pairingCommands()...)
}

// deviceCall is one command being carried out.
type deviceCall struct {
	flags deviceFlags
	panel driver.Panel
}

// runDevice does `gatehouse-agent device …` and returns the exit code. With --json exactly one JSON
// object goes to stdout, also after wrong usage; what failed goes to stderr in one line either way.
func runDevice(ctx context.Context, args []string, kinds []driver.Kind, stdin io.Reader, stdout, stderr io.Writer) int {
	name := "device"
	for _, cmd := range deviceCommands() {
		if len(args) > 0 && args[0] == cmd.name && cmd.forSite(args[1:]) {
			return cmd.onSite().Run(ctx, args, stdin, stdout, stderr)
		}
	}
	a := func() deviceAnswer {
		if len(args) == 0 {
			return deviceUsage("say what to do: %s; --help explains", deviceNames())
		}
		switch args[0] {
		case "help", "--help", "-help", "-h":
			return deviceAnswer{help: deviceHelp}
		}
		for _, cmd := range deviceCommands() {
			if cmd.name == args[0] {
				name += " " + cmd.name
				if cmd.alone != nil {
					return cmd.alone(ctx, cmd, args[1:])
				}
				return cmd.do(ctx, args[1:], kinds, stdin, stderr)
			}
		}
		return deviceUsage("there is no command %q; there are: %s", args[0], deviceNames())
	}()
	return a.show(name, cli.WantsJSON(args), stdout, stderr)
}

// forSite says that the running gateway does it. An audit of a device whose kind is given needs none.
func (cmd deviceCommand) forSite(args []string) bool {
	direct := slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "kind") && a != "kind" })
	return cmd.site != nil && (cmd.run == nil || !direct)
}

// onSite is such a command alone.
func (cmd deviceCommand) onSite() cli.Program {
	return cli.Program{Name: "gatehouse-agent device", Commands: []cli.Command{
		{Name: cmd.name, Summary: cmd.summary, Example: cmd.example, Args: cmd.args, SetUp: cmd.site},
	}}
}

// do reads the flags, makes the driver and runs the command.
func (cmd deviceCommand) do(ctx context.Context, args []string, kinds []driver.Kind, stdin io.Reader, stderr io.Writer) deviceAnswer {
	c := &deviceCall{}
	fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.flags.register(fs, cmd.name)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return deviceAnswer{help: func(w io.Writer) { cmd.describe(fs, w) }}
	case err != nil:
		return deviceUsage("%v; gatehouse-agent device %s --help lists the flags", err, cmd.name)
	case fs.NArg() > 0:
		return deviceUsage("%q is not a flag; gatehouse-agent device %s --help lists them", fs.Arg(0), cmd.name)
	}
	cfg, kind, err := c.flags.config(fs, cmd.name, kinds, stdin)
	if err != nil {
		return deviceFailed(err).ours()
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if c.panel, err = kind.New(cfg, driver.Deps{Log: log, Now: time.Now}); err != nil {
		return deviceFailed(err).ours()
	}
	a := cmd.run(ctx, c)
	if err := c.panel.Close(); err != nil && a.Error == nil {
		return deviceFailed(fault.Wrap(fault.Internal, "close", "device", err))
	}
	return a
}

func deviceNames() string {
	var all []string
	for _, c := range deviceCommands() {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

func deviceHelp(w io.Writer) {
	fmt.Fprint(w, "gatehouse-agent device talks to one device directly, without the running gateway, or has the running gateway do it.\n\n")
	for _, c := range deviceCommands() {
		how := ""
		if c.site != nil {
			how = " (by the running gateway)"
		}
		fmt.Fprintf(w, "  %-13s %s%s\n                example: %s\n", c.name, c.summary, how, c.example)
	}
	m := mapCommand()
	fmt.Fprintf(w, "  %-13s %s (by the running gateway)\n                example: %s\n", "map", m.Summary, m.Example)
}

func (cmd deviceCommand) describe(fs *flag.FlagSet, w io.Writer) {
	fmt.Fprintf(w, "gatehouse-agent device %s %s.\n\nexample: %s\n\n", cmd.name, cmd.summary, cmd.example)
	fs.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%s %s\n        %s\n", f.Name, arg, usage)
	})
}
