package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// TestTowardsG4_GatewayShow of a property where nothing was told yet, and of what does not exist.
func TestTowardsG4_GatewayShow(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if a := in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle"); a.code != cli.Done {
		t.Fatal(a.stderr)
	}
	for _, which := range []string{"", " --property maples", " --gateway gw1"} {
		a := in.do("gateway show --config @cloud.toml --json" + which)
		var v map[string]any
		a.object(t, &v)
		has(t, "gateway show", v, "ok drift waiting replies")
		if a.code != cli.Done {
			t.Errorf("%q: exit %d: %s", which, a.code, a.stderr)
		}
	}
	for _, which := range []string{" --property elms", " --gateway gw9"} {
		if a := in.do("gateway show --config @cloud.toml" + which); a.code != cli.WrongUsage {
			t.Errorf("%q: exit %d: %s", which, a.code, a.stderr)
		}
	}
	if a := in.do("gateway show --config @cloud.toml"); a.code != cli.Done || !strings.Contains(a.stdout, "Nothing was found") {
		t.Errorf("exit %d: %s", a.code, a.stdout)
	}
}

// TestGatewayShowInWords: a line each, and every line says at which gateway.
func TestGatewayShowInWords(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	site := cloud.OnSite{
		Found: []cloud.Found{
			{Gateway: "gw1", Device: "lobby", Entry: "aa-1", Count: 1, Kind: access.DriftGhost, Person: "p1", Words: "nobody's", First: at, Act: access.DriftKeep, Reason: "fire brigade"},
			{Gateway: "gw1", Device: "lobby", Count: 40},
		},
		Waiting: []cloud.Waiting{{Gateway: "gw1", Person: "p2", Name: "Ada Miller", Cause: access.HoldBrake, Since: at}},
		Replies: []cloud.CommandReply{{Gateway: "gw1", ID: "c1", What: "audit", Result: "refused", Message: "no such device", At: at}},
	}
	var out bytes.Buffer
	if err := tellSite(&cli.Call{Stdout: &out}, site); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"aa-1  ghost p1  nobody's, since 2026-07-01T12:00:00Z  keep fire brigade", "40 more", "stays at the gateway: gatehouse-agent drift", "Ada Miller  since 2026-07-01T12:00:00Z", "brake", "c1  audit", "refused  no such device"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 5 || strings.Count(out.String(), "gw1") != 4 {
		t.Errorf("%q", lines)
	}
}
