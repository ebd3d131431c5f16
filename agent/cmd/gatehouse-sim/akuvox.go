package main

import (
	"context"
	"flag"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // schedules are judged in a zone; a small box may have no zone files

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/cli"
	"gatehouse/protocol/simkit"
)

// akuvoxFlags are the flags of the akuvox command.
type akuvoxFlags struct {
	listen, control    string
	model, auth        string
	user, passwordFile string
	doorUser, doorFile string
	zone, mac          string
	capacity           int
	allow              []string
	faults             []string
	listFaults         bool
}

func (f *akuvoxFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.listen, "listen", "", "`address` of the panel, loopback only; port 0 picks one")
	fs.StringVar(&f.control, "control", "", "`address` of the control side, loopback only; none without it")
	fs.StringVar(&f.model, "model", "X916", "`model`: "+strings.Join(akuvoxsim.ModelNames(), ", "))
	fs.StringVar(&f.auth, "auth", "none", "login `mode`: "+authNames())
	fs.StringVar(&f.user, "user", "", "`name` for basic and digest")
	fs.StringVar(&f.passwordFile, "password-file", "", "`file` with the password for basic and digest")
	fs.StringVar(&f.doorUser, "door-user", "", "`name` for the open-door calls of /fcgi, which have a login of their own; none opens without it")
	fs.StringVar(&f.doorFile, "door-password-file", "", "`file` with the password for the open-door calls of /fcgi")
	fs.StringVar(&f.zone, "zone", "UTC", "IANA `zone` of the panel's local time")
	fs.StringVar(&f.mac, "mac", "", "hardware `address`, such as 0C:11:05:00:00:02; a fixed one without it, so that two panels would pass for one")
	fs.IntVar(&f.capacity, "capacity", 0, "how many users fit; 0 means as many as the model holds")
	fs.Func("allow", "`address` let in by mode allowlist; may be repeated, none lets nobody in", appendTo(&f.allow))
	fs.Func("fault", "`name` or name=value of a fault that is on from the start; may be repeated", appendTo(&f.faults))
	fs.BoolVar(&f.listFaults, "faults", false, "list the faults with one line of meaning each, and end")
}

func appendTo(list *[]string) func(string) error {
	return func(s string) error {
		*list = append(*list, s)
		return nil
	}
}

func authNames() string {
	var all []string
	for _, a := range akuvoxsim.AuthModes() {
		all = append(all, string(a))
	}
	return strings.Join(all, ", ")
}

func runAkuvox(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f akuvoxFlags
	fs := flag.NewFlagSet("akuvox", flag.ContinueOnError)
	f.register(fs)
	if err := parse("akuvox", fs, args, stdout); err != nil {
		return err
	}
	if f.listFaults {
		return akuvoxsim.FaultList().Print(stdout)
	}
	panel, err := f.panel()
	if err != nil {
		return err
	}
	sides := []cli.Side{{Name: "listen", Address: f.listen, Handler: panel}}
	if f.control != "" {
		sides = append(sides, cli.Side{Name: "control", Address: f.control, Handler: panel.Control()})
	}
	ctx, stop := context.WithCancel(ctx)
	calling := make(chan struct{})
	go func() {
		defer close(calling)
		panel.Deliver(ctx)
	}()
	err = cli.ServeLoopback(ctx, "gatehouse-sim", sides, stdout, stderr)
	stop()
	<-calling
	return err
}

// panel turns the flags into a panel.
func (f *akuvoxFlags) panel() (*akuvoxsim.Panel, error) {
	o := akuvoxsim.Options{Model: f.model, Auth: akuvoxsim.Auth(f.auth), User: f.user, Capacity: f.capacity, MAC: f.mac, DoorUser: f.doorUser}
	var err error
	if o.Zone, err = time.LoadLocation(f.zone); err != nil {
		return nil, usagef("--zone %s: not a known IANA zone, such as America/New_York", f.zone)
	}
	if o.Password, err = password("--password-file", f.passwordFile); err != nil {
		return nil, err
	}
	if o.DoorPassword, err = password("--door-password-file", f.doorFile); err != nil {
		return nil, err
	}
	for _, a := range f.allow {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return nil, usagef("--allow %s: not an IP address", a)
		}
		o.Allow = append(o.Allow, addr)
	}
	for _, s := range f.faults {
		o.Faults = append(o.Faults, simkit.ParseFault(s))
	}
	p, err := akuvoxsim.New(o)
	if err != nil {
		return nil, usagef("%w", err)
	}
	return p, nil
}

// password reads the file of a flag, without the end of its line; no file is no password.
func password(flag, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", usagef("%s: %w", flag, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
