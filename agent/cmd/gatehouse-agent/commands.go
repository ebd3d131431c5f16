package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime"

	"gatehouse/agent"
	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

func setUpRun(c *cli.Call) func() error {
	load := withConfig(c)
	return func() error {
		cfg, err := load()
		if err != nil {
			return err
		}
		level := new(slog.LevelVar) // the cloud's settings may change it
		level.Set(cfg.LogLevel)
		log := cli.Logger(c.Stderr, level)
		exe, err := os.Executable()
		if err != nil {
			return fault.Wrap(fault.Internal, "find", "this program", err)
		}
		return serve(c, log, func(ctx context.Context, ready func()) (gateway, error) {
			return agent.New(ctx, cfg, agent.Deps{Log: log, Level: level, Version: version, Commit: commit, Exe: exe, Ready: ready})
		})
	}
}

func setUpCheck(c *cli.Call) func() error {
	path := configFlag(c)
	return func() error {
		cfg, doubts, err := agent.CheckConfig(*path, warnings(c))
		if err != nil {
			return err
		}
		text := fmt.Sprintf("The configuration is good: %d devices.", len(cfg.Devices))
		if len(cfg.Devices) == 1 {
			text = "The configuration is good: 1 device."
		}
		for _, d := range doubts {
			text += "\n  perhaps not meant: " + d
		}
		return c.Tell(map[string]any{"ok": true, "devices": len(cfg.Devices), "warnings": append([]string{}, doubts...)}, "%s", text)
	}
}

func setUpRequest(c *cli.Call) func() error {
	load := withConfig(c)
	out := c.Flags.String("out", "", "`FILE` to write the request to; it holds no secret")
	return func() error {
		if *out == "" {
			return cli.Usagef("--out FILE is missing: where should the request go?")
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		req, err := agent.EnrollRequest(cfg, warnings(c))
		if err != nil {
			return err
		}
		if err := cli.WriteFile(*out, req, 0o644); err != nil {
			return err
		}
		gw, at, err := agent.Enrolled(cfg, slog.New(slog.DiscardHandler)) // what is to be warned of was said
		if err != nil {
			return err
		}
		return c.Tell(map[string]any{"ok": true, "out": *out}, "%s", carry(*out, string(gw), string(at)))
	}
}

// carry says what the cloud is to make of a request.
func carry(file, gateway, property string) string {
	add := func(who string) string {
		return "gatehouse-cloud gateway add " + who + " --request " + file + " --out BUNDLE"
	}
	if gateway != "" {
		return "Wrote " + file + ". This box is gateway " + gateway + " and stays it; for a new certificate carry the file to the cloud:\n  " + add("--property "+property)
	}
	return "Wrote " + file + ". Carry it to the cloud. For a new gateway:\n  " + add("--property PROPERTY") +
		"\nIn the place of a box that died or was stolen (gatehouse-cloud gateway list shows its id; take the old box off the panels first):\n  " + add("--replace GATEWAY")
}

func setUpAccept(c *cli.Call) func() error {
	load := withConfig(c)
	return func() error {
		cfg, err := load()
		if err != nil {
			return err
		}
		raw, err := cli.ReadFile(c.Flags.Arg(0), protocol.MaxBundle)
		if err != nil {
			return err
		}
		b, err := agent.EnrollAccept(cfg, raw, warnings(c))
		if err != nil {
			return err
		}
		return c.Tell(map[string]any{"ok": true, "gateway": b.Gateway, "property": b.Property, "broker": b.Broker},
			"This is gateway %s of %s now; its cloud is at %s. Start it with: gatehouse-agent run", b.Gateway, b.Property, b.Broker)
	}
}

func setUpRenew(c *cli.Call) func() error {
	load := withConfig(c)
	return func() error {
		cfg, err := load()
		if err != nil {
			return err
		}
		if err := agent.EnrollRenew(cfg, warnings(c)); err != nil {
			return err
		}
		return c.Tell(map[string]any{"ok": true},
			"The next keys are made. Start the agent: it tells the cloud of them, and changes over when the cloud has agreed.")
	}
}

func setUpPlan(c *cli.Call) func() error {
	load := withConfig(c)
	device := c.Flags.String("device", "", "only the device with this `ID`")
	at := c.Flags.String("at", "", "what would be done at this `INSTANT`, such as 2026-12-01T11:00:00-05:00, instead of now")
	return func() error {
		q := url.Values{}
		if *device != "" {
			q.Set("device", *device)
		}
		if *at != "" {
			q.Set("at", *at)
		}
		return ask(c, load, agent.AskPlan, q)
	}
}

func setUpAsk(path string) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		load := withConfig(c)
		return func() error { return ask(c, load, path, nil) }
	}
}

func ask(c *cli.Call, load func() (agent.Config, error), path string, q url.Values) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	raw, err := agent.Ask(c, cfg, path, q, warnings(c))
	if err != nil {
		return err
	}
	if err := c.Print(raw); err != nil {
		return err
	}
	c.JSON = false // the one object is out; what follows is for stderr and the exit code
	return agent.Bad(raw)
}

func setUpVersion(c *cli.Call) func() error {
	return func() error {
		return c.Tell(map[string]any{"ok": true, "version": version, "commit": commit, "protocol": protocol.Version, "go": runtime.Version()},
			"gatehouse-agent %s commit %s protocol %d %s", version, commit, protocol.Version, runtime.Version())
	}
}
