package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"gatehouse/protocol/cli"
)

// Exit codes (the command line contract).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one thing the program does.
type command struct {
	name    string
	summary string
	example string
	run     func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// commands lists what exists, device kinds first.
func commands() []command {
	return []command{
		{
			"akuvox", "plays an Akuvox door panel", "gatehouse-sim akuvox --listen 127.0.0.1:8081 --model E18 --control 127.0.0.1:8091",
			runAkuvox,
		},
		{
			"comelit", "plays a Comelit ViP gateway: pages, ICONA bridge, discovery",
			"gatehouse-sim comelit --icona 127.0.0.1:64100 --web 127.0.0.1:8080 --udp 127.0.0.1:24199 --units 120 --control 127.0.0.1:8092",
			runComelit,
		},
		{"version", "prints version, commit and Go version", "gatehouse-sim version --json", runVersion},
	}
}

// usagef is wrong usage: exit 2.
func usagef(format string, args ...any) error { return cli.Usagef(format, args...) }

// run does one command and returns the exit code. It returns when ctx ends, with 0.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := pick(ctx, args, stdout, stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return exitDone
	case cli.IsUsage(err):
		fmt.Fprintln(stderr, "gatehouse-sim:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "gatehouse-sim:", err)
	return exitFailed
}

func pick(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usagef("say what to play: %s; --help explains", names())
	}
	switch args[0] {
	case "help", "--help", "-help", "-h":
		help(stdout)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return usagef("there is no command %q; there are: %s", args[0], names())
}

func names() string {
	var all []string
	for _, c := range commands() {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

func help(w io.Writer) {
	fmt.Fprintln(w, "gatehouse-sim plays devices on loopback.")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n           example: %s\n", c.name, c.summary, c.example)
	}
}

// parse reads the flags of a command; nothing but flags may follow.
func parse(name string, fs *flag.FlagSet, args []string, stdout io.Writer) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		describe(name, fs, stdout)
		return err
	case err != nil:
		return usagef("%s: %v; gatehouse-sim %s --help lists the flags", name, err, name)
	case fs.NArg() > 0:
		return usagef("%s: %q is not a flag; gatehouse-sim %s --help lists them", name, fs.Arg(0), name)
	}
	return nil
}

// describe prints the help of one command with its example.
func describe(name string, fs *flag.FlagSet, w io.Writer) {
	for _, c := range commands() {
		if c.name == name {
			fmt.Fprintf(w, "gatehouse-sim %s %s.\n\nexample: %s\n\n", c.name, c.summary, c.example)
		}
	}
	fs.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  --%s %s\n        %s\n", f.Name, kind, usage)
	})
}
