package main

import (
	"bytes"
	"flag"
	"strings"
	"time"

	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/cli"
	"gatehouse/protocol/simkit"
)

// maxFile bounds a data file: a company with a hundred thousand people fits.
const maxFile = 256 << 20

// rentManagerFlags are the flags of the rentmanager command.
type rentManagerFlags struct {
	listen, control string
	data            string
	user            string
	passwordFile    string
	location        int
	base            string
	tokenLife       time.Duration
	rate            int
	faults          []string
	listFaults      bool
}

func (f *rentManagerFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.listen, "listen", "", "`address` of the API, loopback only; port 0 picks one")
	fs.StringVar(&f.control, "control", "", "`address` of the control side, loopback only; none without it")
	fs.StringVar(&f.data, "data", "", "`file` with the books, in the shape of testdata/pms/sample; the sample property without it")
	fs.StringVar(&f.user, "user", "api", "`name` to sign in with")
	fs.StringVar(&f.passwordFile, "password-file", "", "`file` with the password to sign in with; without it the password is secret")
	fs.IntVar(&f.location, "location", 1, "`number` of the account's location")
	fs.StringVar(&f.base, "base", "", "`day` the books are relative to, such as 2026-12-31; today without it")
	fs.DurationVar(&f.tokenLife, "token-life", 15*time.Minute, "how long a token is good for")
	fs.IntVar(&f.rate, "rate", 500, "requests a minute that are answered; -1 means no limit")
	fs.Func("fault", "`name`, name=value, name@Resource or name=value@Resource of a fault that is on from the start; may be repeated",
		func(s string) error {
			f.faults = append(f.faults, s)
			return nil
		})
	fs.BoolVar(&f.listFaults, "faults", false, "list the faults with one line of meaning each, and end")
}

func rentManager(c *cli.Call) func() error {
	var f rentManagerFlags
	f.register(c.Flags)
	return func() error {
		if f.listFaults {
			return rentmanagersim.FaultList().Print(c.Stdout)
		}
		account, err := f.account()
		if err != nil {
			return err
		}
		sides := []cli.Side{{Name: "listen", Address: f.listen, Handler: account}}
		if f.control != "" {
			sides = append(sides, cli.Side{Name: "control", Address: f.control, Handler: account.Control()})
		}
		return cli.ServeLoopback(c, "gatehouse-pmssim", sides, c.Stdout, c.Stderr)
	}
}

// account turns the flags into an account.
func (f *rentManagerFlags) account() (*rentmanagersim.Server, error) {
	if f.tokenLife <= 0 || f.rate == 0 || f.rate < -1 || f.location < 1 {
		return nil, cli.Usagef("--token-life and --location must be positive, --rate too unless it is -1")
	}
	o := rentmanagersim.Options{
		User: f.user, Password: "secret", Location: f.location, Base: f.base, TokenLife: f.tokenLife, RateLimit: f.rate,
	}
	if f.passwordFile != "" {
		b, err := cli.ReadFile(f.passwordFile, 1<<12)
		if err != nil {
			return nil, cli.Usagef("--password-file: %w", err)
		}
		o.Password = strings.TrimRight(string(b), "\r\n")
	}
	if f.data != "" {
		b, err := cli.ReadFile(f.data, maxFile)
		if err == nil {
			o.Data, err = rentmanagersim.ReadData(bytes.NewReader(b))
		}
		if err != nil {
			return nil, cli.Usagef("--data %s: %w", f.data, err)
		}
	}
	for _, s := range f.faults {
		o.Faults = append(o.Faults, simkit.ParseFault(s))
	}
	account, err := rentmanagersim.New(o)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	return account, nil
}
