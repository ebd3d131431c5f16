package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// maxSecretFile bounds a password or token file.
const maxSecretFile = 64 << 10

// deviceFlags are the ADDR-FLAGS and what single commands add to them.
type deviceFlags struct {
	kind, url, host, user   string
	passwordFile, tokenFile string
	insecureTLS, json       bool
	tlsPin, model, door     string
	unit, codeFile, out     string
	backup                  string
	code                    access.Secret
	webPort, iconaPort      int
	pace, timeout           time.Duration
}

func (f *deviceFlags) register(fs *flag.FlagSet, command string) {
	fs.StringVar(&f.kind, "kind", "", "`kind` of device, akuvox or comelit")
	fs.StringVar(&f.url, "url", "", "`address` of the device, http://host:port or https://host:port")
	fs.StringVar(&f.host, "host", "", "`host` of a device that is not reached by an address")
	fs.IntVar(&f.webPort, "web-port", 0, "`port` of the web pages on --host (default 8080 for comelit)")
	fs.IntVar(&f.iconaPort, "icona-port", 0, "`port` of the ICONA bridge of a comelit device (default 64100)")
	fs.StringVar(&f.user, "user", "", "`name` to log in with")
	fs.StringVar(&f.passwordFile, "password-file", "", "`file` with the password; - reads standard input")
	fs.StringVar(&f.tokenFile, "token-file", "", "`file` with the token; - reads standard input")
	fs.BoolVar(&f.insecureTLS, "insecure-tls", false, "take any certificate (better: --tls-pin)")
	fs.StringVar(&f.tlsPin, "tls-pin", "", "`SHA-256` of the device's certificate, in hex")
	fs.StringVar(&f.model, "model", "", "`model` to assume instead of what the device says")
	fs.DurationVar(&f.pace, "pace", 0, "`pause` after each request; 0s for none (default: as the kind needs, 250ms for akuvox)")
	fs.DurationVar(&f.timeout, "timeout", 0, "`time` for one request (default: as the kind needs, 10s for akuvox)")
	if fs.Lookup("json") == nil {
		fs.BoolVar(&f.json, "json", false, "answer with one JSON object")
	}
	if command == "selftest" {
		fs.StringVar(&f.unit, "unit", "", "`unit` with a free slot for the test person, by the name or address it has on the device, or #0 for the first (comelit)")
	}
	if command == "directory" {
		fs.StringVar(&f.out, "out", "", "`file` to write; it names people and how they are reached")
		fs.StringVar(&f.backup, "backup", "", "downloaded `backup` to read instead of the device")
	}
	if command == "open" {
		fs.StringVar(&f.door, "door", "", "`relay` to open, A; on comelit also a door's name, or its address and output such as SB100001/1")
	}
	if command == "redeem" {
		fs.StringVar(&f.codeFile, "code-file", "", "`file` with the activation code of the gateway's own slot; - reads standard input")
		fs.StringVar(&f.out, "out", "", "`file` to write the token to; it must not exist")
	}
}

// config turns the flags into a driver's configuration. Errors are Invalid: our own input.
func (f *deviceFlags) config(fs *flag.FlagSet, command string, kinds []driver.Kind, stdin io.Reader) (driver.Config, driver.Kind, error) {
	cfg := driver.Config{
		Kind: f.kind, URL: f.url, Host: f.host, WebPort: f.webPort, IconaPort: f.iconaPort, User: f.user, InsecureTLS: f.insecureTLS,
		TLSPin: f.tlsPin, Pace: f.pace, Timeout: f.timeout, Model: f.model,
	}
	fs.Visit(func(set *flag.Flag) {
		if set.Name == "pace" && f.pace <= 0 {
			cfg.Pace = -1
		}
	})
	if f.backup != "" {
		path, err := filepath.Abs(f.backup)
		if err != nil {
			return cfg, driver.Kind{}, deviceWrong("--backup: "+err.Error(), "Name the file with its whole path.")
		}
		cfg.URL = "file://" + path
	}
	kind, err := deviceKind(f.kind, kinds)
	if command == "pair" && f.kind == "" { // one that was paired before has its own
		err = nil
	}
	switch {
	case err != nil:
		return cfg, kind, err
	case f.insecureTLS && f.tlsPin != "":
		return cfg, kind, deviceWrong("--insecure-tls and --tls-pin exclude each other", "Keep the pin.")
	case f.passwordFile == "-" && f.tokenFile == "-":
		return cfg, kind, deviceWrong("password and token cannot both come from standard input", "Give one of them as a file.")
	case command == "directory" && f.out == "":
		return cfg, kind, deviceWrong("--out is missing", "Name the file to write, for example --out slots.csv.")
	case command == "open" && f.door == "":
		return cfg, kind, deviceWrong("--door is missing", "Name the relay to open, for example --door A.")
	case command == "redeem" && (f.codeFile == "" || f.out == ""):
		return cfg, kind, deviceWrong("--code-file or --out is missing", "Name the file with the activation code, and one to write the token to.")
	case f.iconaPort < 0 || f.iconaPort > 65535:
		return cfg, kind, deviceWrong("--icona-port is no port", "Give 1 to 65535.")
	}
	if f.code, err = deviceSecret("--code-file", f.codeFile, stdin); err != nil {
		return cfg, kind, err
	}
	if cfg.Password, err = deviceSecret("--password-file", f.passwordFile, stdin); err != nil {
		return cfg, kind, err
	}
	cfg.Token, err = deviceSecret("--token-file", f.tokenFile, stdin)
	return cfg, kind, err
}

func deviceKind(name string, kinds []driver.Kind) (driver.Kind, error) {
	var names []string
	for _, k := range kinds {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	list := "Kinds there are: " + strings.Join(names, ", ") + "."
	if name == "" {
		return driver.Kind{}, deviceWrong("--kind is missing", list)
	}
	return driver.Kind{}, deviceWrong("there is no kind "+name, list)
}

// deviceSecret reads a secret from a file, or from standard input for "-"; line ends at its end are
// not part of it.
func deviceSecret(flagName, file string, stdin io.Reader) (access.Secret, error) {
	if file == "" {
		return access.Secret{}, nil
	}
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return access.Secret{}, deviceWrong(flagName+": "+err.Error(), "Name a file that this user can read.")
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxSecretFile+1))
	secret := strings.TrimRight(string(b), "\r\n")
	switch {
	case err != nil:
		return access.Secret{}, deviceWrong(flagName+": "+err.Error(), "Name a file that this user can read.")
	case len(b) > maxSecretFile, secret == "":
		return access.Secret{}, deviceWrong(flagName+": the file is empty or too long", "Put the secret alone into the file.")
	}
	return access.NewSecret(secret), nil
}

func deviceWrong(what, remedy string) error {
	return fault.New(fault.Invalid, "read the command line", "", "%s", what).WithRemedy("%s", remedy)
}
