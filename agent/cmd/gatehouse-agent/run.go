package main

import (
	"context"
	"io"
	"log/slog"

	"gatehouse/agent"
	"gatehouse/protocol/cli"
)

const defaultConfig = "/etc/gatehouse/agent.toml"

// program lists what gatehouse-agent does.
func program() cli.Program {
	return cli.Program{Name: "gatehouse-agent", What: "is the gateway at the property.", Commands: append([]cli.Command{
		{Name: "run", Summary: "runs the gateway until it is told to stop", Example: "gatehouse-agent run --config /etc/gatehouse/agent.toml", Endless: true, SetUp: setUpRun},
		{Name: "check-config", Summary: "names every wrong key of the configuration at once", Example: "gatehouse-agent check-config --config agent.toml", SetUp: setUpCheck},
		{Name: "enroll request", Summary: "makes the gateway's keys and the request that the cloud takes", Example: "gatehouse-agent enroll request --config agent.toml --out lobby.request", SetUp: setUpRequest},
		{Name: "enroll accept", Summary: "takes the bundle that the cloud made from the request", Example: "gatehouse-agent enroll accept --config agent.toml lobby.bundle", Args: 1, SetUp: setUpAccept},
		{Name: "enroll renew", Summary: "makes the gateway's next keys, which take over by themselves; the agent must rest", Example: "gatehouse-agent enroll renew --config agent.toml", SetUp: setUpRenew},
		{Name: "plan", Summary: "prints what would be done on each panel; does nothing", Example: "gatehouse-agent plan --at 2026-12-01T11:00:00-05:00 --json", SetUp: setUpPlan},
		{Name: "state digest", Summary: "prints revision and digest of the wanted state", Example: "gatehouse-agent state digest", SetUp: setUpAsk(agent.AskDigest)},
		{Name: "state dump", Summary: "prints every item of the wanted state, secrets redacted", Example: "gatehouse-agent state dump --json", SetUp: setUpAsk(agent.AskDump)},
		{Name: "outbox verify", Summary: "checks the chain of events from end to end", Example: "gatehouse-agent outbox verify --json", SetUp: setUpAsk(agent.AskOutbox)},
		mapCommand(),
		{Name: "device", Summary: "finds, pairs, lists and audits devices; talks to one directly: probe, selftest, users, open; lists serial ports", Raw: func(c *cli.Call, args []string) int {
			return runDevice(c, args, agent.Kinds(), c.Stdin, c.Stdout, c.Stderr)
		}},
		{Name: "version", Summary: "prints version, commit, protocol version and Go version", Example: "gatehouse-agent version --json", SetUp: setUpVersion},
		// Started by the agent itself, on its own files; not in the help.
		{Name: "db-check", Raw: func(c *cli.Call, args []string) int { return agent.CheckFile(args, c.Stderr) }},
	}, append(onsiteCommands(), serviceCommands()...)...)}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return program().Run(ctx, args, stdin, stdout, stderr)
}

// withConfig registers --config; the returned function reads the file.
func withConfig(c *cli.Call) func() (agent.Config, error) {
	path := configFlag(c)
	return func() (agent.Config, error) { return agent.LoadConfig(*path) }
}

func configFlag(c *cli.Call) *string {
	return c.Flags.String("config", defaultConfig, "`FILE` with the agent's settings")
}

func warnings(c *cli.Call) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
