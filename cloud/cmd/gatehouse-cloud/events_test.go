package main

import (
	"testing"

	"gatehouse/protocol/cli"
)

func TestTowardsG10_EventsVerifyAndExport(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if a := in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle"); a.code != cli.Done {
		t.Fatal(a.stderr)
	}
	a := in.do("events verify --config @cloud.toml --gateway gw1 --json")
	var v struct {
		OK       bool
		ChainOK  bool `json:"chain_ok"`
		Events   int
		Problems []string
	}
	a.object(t, &v)
	if a.code != cli.Done || !v.OK || !v.ChainOK || v.Problems == nil {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	a = in.do("events export --config @cloud.toml --gateway gw1 --json")
	var x map[string]any
	a.object(t, &x)
	has(t, "the export", x, "ok gateway events checkpoints")
	if a.code != cli.Done {
		t.Errorf("exit %d: %s", a.code, a.stderr)
	}
	for _, line := range []string{"events verify", "events export"} {
		if a := in.do(line + " --config @cloud.toml"); a.code != cli.WrongUsage {
			t.Errorf("%s without a gateway: exit %d", line, a.code)
		}
		if a := in.do(line + " --config @cloud.toml --gateway gw9 --json"); a.code == cli.Done {
			t.Errorf("%s of an unknown one: exit %d: %s", line, a.code, a.stdout)
		}
	}
	for _, line := range []string{"overlay list --config @cloud.toml --json", "overlay list --config @cloud.toml"} {
		if a := in.do(line); a.code != cli.Done {
			t.Errorf("%s: exit %d: %s", line, a.code, a.stderr)
		}
	}
	for _, verb := range []string{"adopt", "reject", "lift"} {
		if a := in.do("overlay " + verb + " --config @cloud.toml --gateway gw1 --id o1"); a.code == cli.Done {
			t.Errorf("%s of an unknown one: exit %d", verb, a.code)
		}
	}
}
