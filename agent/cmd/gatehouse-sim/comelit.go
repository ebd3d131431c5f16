package main

import (
	"context"
	"flag"
	"io"
	"strings"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/cli"
	"gatehouse/protocol/simkit"
)

// comelitFlags are the flags of the comelit command.
type comelitFlags struct {
	icona, web, udp, control string
	units, tokenSlot         int
	tokenFile, passwordFile  string
	faults                   []string
	listFaults               bool
}

func (f *comelitFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.icona, "icona", "", "`address` of the ICONA bridge (64100 on a device), loopback only; port 0 picks one")
	fs.StringVar(&f.web, "web", "", "`address` of the installer's pages (8080 on a device), loopback only")
	fs.StringVar(&f.udp, "udp", "", "`address` of unicast discovery (24199 on a device), loopback only; none without it")
	fs.StringVar(&f.control, "control", "", "`address` of the control side, loopback only; it explains itself at /; none without it")
	fs.IntVar(&f.units, "units", 4, "how many apartments there are, sixteen slots each")
	fs.StringVar(&f.tokenFile, "token-file", "", "`file` with 32 hex digits: the token of an app named Gatehouse in the first unit")
	fs.IntVar(&f.tokenSlot, "token-slot", 1, "which slot that app is in, 1 to 15; from 10 on its address fills its ten bytes")
	fs.StringVar(&f.passwordFile, "password-file", "", "`file` with the installer's password; without it the factory's")
	fs.Func("fault", "`name` or name=value of a fault that is on from the start; may be repeated", appendTo(&f.faults))
	fs.BoolVar(&f.listFaults, "faults", false, "list the faults with one line of meaning each, and end")
}

func runComelit(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f comelitFlags
	fs := flag.NewFlagSet("comelit", flag.ContinueOnError)
	f.register(fs)
	if err := parse("comelit", fs, args, stdout); err != nil {
		return err
	}
	if f.listFaults {
		return comelitsim.FaultList().Print(stdout)
	}
	panel, err := f.panel()
	if err != nil {
		return err
	}
	sides := []cli.Side{
		{Name: "icona", Address: f.icona, Stream: panel.ServeICONA},
		{Name: "web", Address: f.web, Handler: panel.Web()},
	}
	if f.udp != "" {
		sides = append(sides, cli.Side{Name: "udp", Address: f.udp, Packets: panel.ServeDiscovery})
	}
	if f.control != "" {
		sides = append(sides, cli.Side{Name: "control", Address: f.control, Handler: panel.Control()})
	}
	return cli.ServeLoopback(ctx, "gatehouse-sim", sides, stdout, stderr)
}

// panel turns the flags into a panel.
func (f *comelitFlags) panel() (*comelitsim.Panel, error) {
	if f.units < 1 {
		return nil, usagef("--units %d: give at least 1", f.units)
	}
	o := comelitsim.Options{Units: f.units, TokenSlot: f.tokenSlot}
	for file, to := range map[*string]*string{&f.tokenFile: &o.Token, &f.passwordFile: &o.Password} {
		if *file == "" {
			continue
		}
		b, err := cli.ReadFile(*file, 4096)
		if err != nil {
			return nil, usagef("%w", err)
		}
		if *to = strings.TrimRight(string(b), "\r\n"); *to == "" {
			return nil, usagef("%s is empty", *file)
		}
	}
	for _, s := range f.faults {
		o.Faults = append(o.Faults, simkit.ParseFault(s))
	}
	p, err := comelitsim.New(o)
	if err != nil {
		return nil, usagef("%w", err)
	}
	return p, nil
}
