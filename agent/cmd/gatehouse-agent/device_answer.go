package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"gatehouse/agent"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// deviceAnswer is what a command has to say: the one JSON object of --json, and how the same reads
// for people.
type deviceAnswer struct {
	OK           bool                `json:"ok"`
	Error        *cli.Error          `json:"error,omitempty"`
	Identity     *model.Identity     `json:"identity,omitempty"`
	Dialect      string              `json:"dialect,omitempty"`
	Capabilities []string            `json:"capabilities,omitzero"`
	Limits       *model.Limits       `json:"limits,omitempty"`
	ClockSkew    *float64            `json:"clock_skew_seconds,omitempty"` // the device's clock is ahead by; absent: it does not tell
	Steps        []agent.Step        `json:"steps,omitzero"`
	Users        []deviceUser        `json:"users,omitzero"`
	Ports        []devicePort        `json:"ports,omitzero"`
	Rows         []deviceRow         `json:"rows,omitzero"`
	Count        int                 `json:"count,omitempty"` // of all rows
	Door         string              `json:"door,omitempty"`
	Invited      *agent.InviteReport `json:"invited,omitempty"`
	Result       string              `json:"result,omitempty"` // done, refused, unknown
	Out          string              `json:"out,omitempty"`    // the file that was written

	exit int
	text string          // for people, on stdout
	help func(io.Writer) // instead of everything else
}

// deviceFailed makes the answer of a failure; a kind decides the exit code.
func deviceFailed(err error) deviceAnswer {
	k := fault.KindOf(err)
	return deviceAnswer{exit: cli.Exit(k), Error: deviceErrorOf(err)}
}

// ours marks a failure as one of our own input: wrong usage, where it is Invalid.
func (a deviceAnswer) ours() deviceAnswer {
	if a.Error != nil && a.Error.Kind == fault.Invalid.String() {
		a.exit = cli.WrongUsage
	}
	return a
}

func deviceUsage(format string, args ...any) deviceAnswer {
	return deviceAnswer{exit: cli.WrongUsage, Error: &cli.Error{
		Kind: fault.Invalid.String(), Message: fmt.Sprintf(format, args...), Remedy: "See gatehouse-agent device --help.",
	}}
}

// show writes the answer and returns the exit code.
func (a deviceAnswer) show(name string, asJSON bool, stdout, stderr io.Writer) int {
	if a.help != nil {
		a.help(stdout)
		return cli.Done
	}
	a.OK = a.Error == nil
	switch {
	case asJSON:
		if err := json.NewEncoder(stdout).Encode(a); err != nil {
			fmt.Fprintf(stderr, "gatehouse-agent %s: write the answer: %v\n", name, err)
			return cli.Failed
		}
	default:
		fmt.Fprint(stdout, a.text)
	}
	if a.Error != nil {
		line := strings.TrimSpace(a.Error.Message + ". " + a.Error.Remedy)
		fmt.Fprintf(stderr, "gatehouse-agent %s: %s\n", name, strings.ReplaceAll(line, "\n", " "))
	}
	return a.exit
}

func deviceErrorOf(err error) *cli.Error {
	e := cli.ErrorOf(err)
	return &e
}
