package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"

	"gatehouse/cloud"
	"gatehouse/protocol/cli"
)

// program lists what gatehouse-cloud does.
func program() cli.Program {
	return cli.Program{Name: "gatehouse-cloud", What: "turns leases into access.", Commands: slices.Concat([]cli.Command{
		{Name: "serve", Summary: "runs broker, publisher and pages until it is told to stop", Example: "gatehouse-cloud serve --config cloud.toml", Endless: true, SetUp: setUpServe},
		{Name: "check-config", Summary: "names everything that is wrong in the configuration and in the vendors' files, at once", Example: "gatehouse-cloud check-config --config cloud.toml", SetUp: setUpCheck},
		{Name: "migrate", Summary: "brings the database up to date and ends", Example: "gatehouse-cloud migrate --config cloud.toml", SetUp: setUpMigrate},
		{Name: "gateway add", Summary: "makes a new gateway from its request", Example: "gatehouse-cloud gateway add --config cloud.toml --property maple-court --request lobby.request --out lobby.bundle", SetUp: setUpGatewayAdd},
		{Name: "gateway list", Summary: "lists the gateways: when each was heard last, when its certificate ends, how far its state is", Example: "gatehouse-cloud gateway list --config cloud.toml --property maple-court --json", SetUp: setUpGatewayList},
		{Name: "gateway revoke", Summary: "refuses a gateway from now on, until another box has its place", Example: "gatehouse-cloud gateway revoke --config cloud.toml --reason stolen gw1", Args: 1, SetUp: setUpGatewayRevoke},
		{Name: "gateway agree", Summary: "agrees with what a gateway holds back: those people lose their access", Example: "gatehouse-cloud gateway agree --config cloud.toml --gateway gw1", SetUp: setUpGatewayAgree},
		{Name: "gateway show", Summary: "shows what gateways found on their panels, who waits for a word there, and what became of commands", Example: "gatehouse-cloud gateway show --config cloud.toml --property maple-court --json", SetUp: setUpGatewayShow},
		{Name: "restored", Summary: "to be run once after the database came back from a backup: gateways then lose nothing by it until somebody agrees", Example: "gatehouse-cloud restored --config cloud.toml", SetUp: setUpRestored},
		{Name: "overlay list", Summary: "lists what was done by hand at gateways", Example: "gatehouse-cloud overlay list --config cloud.toml --property maple-court --json", SetUp: setUpOverlayList},
		{Name: "overlay adopt", Summary: "makes what was done by hand the property's own", Example: "gatehouse-cloud overlay adopt --config cloud.toml --gateway gw1 --id o1", SetUp: setUpOverlay("adopt")},
		{Name: "overlay reject", Summary: "undoes what was done by hand", Example: "gatehouse-cloud overlay reject --config cloud.toml --gateway gw1 --id o1", SetUp: setUpOverlay("reject")},
		{Name: "overlay lift", Summary: "ends what was done by hand, adopted or not", Example: "gatehouse-cloud overlay lift --config cloud.toml --gateway gw1 --id o1", SetUp: setUpOverlay("lift")},
	}, staffCommands(), []cli.Command{
		{Name: "events verify", Summary: "walks a gateway's stored events again: numbers, hash chain, the gateway's signatures", Example: "gatehouse-cloud events verify --config cloud.toml --gateway gw1 --json", SetUp: setUpEventsVerify},
		{Name: "events export", Summary: "prints a gateway's stored events, exactly as signed, with what proves them", Example: "gatehouse-cloud events export --config cloud.toml --gateway gw1 --json", SetUp: setUpEventsExport},
		{Name: "keys rotate", Summary: "makes the cloud's next signing key and tells it to every gateway", Example: "gatehouse-cloud keys rotate --config cloud.toml", SetUp: setUpKeysRotate},
		{Name: "keys retire", Summary: "drops the old signing key once every gateway knows the next", Example: "gatehouse-cloud keys retire --config cloud.toml", SetUp: setUpKeysRetire},
		{Name: "broker certificate", Summary: "makes or renews the certificate of a broker that stands beside the cloud", Example: "gatehouse-cloud broker certificate --config cloud.toml --name broker.example.com --out broker", SetUp: setUpBrokerCertificate},
		{Name: "import", Summary: "reads an export as a sync of a property", Example: "gatehouse-cloud import --config cloud.toml --property maple-court --format csv --file residents.csv", SetUp: setUpImport},
		{Name: "sync", Summary: "reads a property's live source now", Example: "gatehouse-cloud sync --config cloud.toml --property maple-court --unit 204", SetUp: setUpSync},
		{Name: "release", Summary: "reads a live source again and lets people go whom the last run held: they lose their access", Example: "gatehouse-cloud release --config cloud.toml --property maple-court --reason block-C-is-empty", SetUp: setUpRelease},
		{Name: "pms pull", Summary: "shows what a live source says, without any database", Example: "gatehouse-cloud pms pull --kind rentmanager --config rentmanager.toml --json", SetUp: setUpPMSPull},
		{Name: "pms import", Summary: "shows what an export says, without any database", Example: "gatehouse-cloud pms import --format csv --file residents.csv --zone America/Chicago --json", SetUp: setUpPMSImport},
		{Name: "version", Summary: "prints version, commit, protocol version and Go version", Example: "gatehouse-cloud version --json", SetUp: setUpVersion},
	})}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return program().Run(ctx, args, stdin, stdout, stderr)
}

// opener registers --config. The returned function opens the cloud, hands it to use and closes it.
func opener(c *cli.Call) func(level slog.Leveler, use func(*cloud.Cloud) error) error {
	path := c.Flags.String("config", "", "`FILE` with the cloud's settings; without it everything is in ./gatehouse-cloud, on loopback")
	return func(level slog.Leveler, use func(*cloud.Cloud) error) error {
		cfg, err := cloud.LoadConfig(*path)
		if err != nil {
			return err
		}
		if level == nil {
			level = cfg.LogLevel
		}
		log := cli.Logger(c.Stderr, level)
		cl, err := cloud.Open(c, cfg, cloud.Deps{Log: log, Version: version})
		if err != nil {
			return err
		}
		return errors.Join(use(cl), cl.Close())
	}
}
