package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"

	"gatehouse/agent"
	"gatehouse/protocol/access"
)

// deviceInvite does `device invite DEVICE PERSON` through the running gateway, which alone knows whose slot is whose.
func deviceInvite(ctx context.Context, cmd deviceCommand, args []string) deviceAnswer {
	fl := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	path := fl.String("config", defaultConfig, "`FILE` with the agent's settings")
	fl.Bool("json", false, "answer with one JSON object")
	switch err := fl.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return deviceAnswer{help: func(w io.Writer) { cmd.describe(fl, w) }}
	case err != nil:
		return deviceUsage("%v; gatehouse-agent device invite --help lists the flags", err)
	case fl.NArg() != 2:
		return deviceUsage("want a device and a person: gatehouse-agent device invite gate-1 p7")
	}
	cfg, err := agent.LoadConfig(*path)
	if err != nil {
		return deviceFailed(err).ours()
	}
	raw, err := agent.Tell(ctx, cfg, agent.TellInvite, agent.InviteRequest{Device: access.DeviceID(fl.Arg(0)), Person: fl.Arg(1)})
	var r agent.InviteReport
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return deviceFailed(err)
	}
	return deviceAnswer{Invited: &r, text: string(r.Person) + ": " + r.Note + "\n"}
}
