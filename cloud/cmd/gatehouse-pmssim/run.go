package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gatehouse/protocol/cli"
)

// commands lists what exists, kinds of systems first.
func commands() []cli.Command {
	return []cli.Command{
		{
			Name: "rentmanager", Summary: "plays an account of the Rent Manager Web API",
			Example: "gatehouse-pmssim rentmanager --listen 127.0.0.1:8601 --control 127.0.0.1:8602",
			SetUp:   rentManager,
		},
		{
			Name: "sample", Summary: "writes the sample property to a file",
			Example: "gatehouse-pmssim sample --out sample.json", SetUp: sample,
		},
		{
			Name: "version", Summary: "prints version, commit and Go version",
			Example: "gatehouse-pmssim version --json", SetUp: versionCommand,
		},
	}
}

// run does one command and returns the exit code. It returns when ctx ends, with 0.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := cli.Program{Name: "gatehouse-pmssim", What: "plays property-management systems on loopback.", Commands: commands()}
	if len(args) > 0 && unknown(args[0]) {
		fmt.Fprintf(stderr, "gatehouse-pmssim: there is no kind %q; there are: %s\n", args[0], names())
		return cli.WrongUsage
	}
	return p.Run(ctx, args, stdin, stdout, stderr)
}

func unknown(name string) bool {
	for _, c := range commands() {
		if c.Name == name {
			return false
		}
	}
	return name != "help" && !strings.HasPrefix(name, "-")
}

func names() string {
	var all []string
	for _, c := range commands() {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}
