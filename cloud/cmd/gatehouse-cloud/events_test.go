package main

import (
	"strings"
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
	if a := in.do("events verify --config @cloud.toml --gateway gw1"); !strings.Contains(a.stdout, "No event of gateway gw1 is here yet") {
		t.Errorf("in words: %s", a.stdout)
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

// TestEventsVerifySaysWhatWasNotChecked: a chain without a signature proves less than one with.
func TestEventsVerifySaysWhatWasNotChecked(t *testing.T) {
	t.Parallel()
	for words, v := range map[string]verifyJSON{
		"nothing to check":                           {Gateway: "gw1"},
		"only the chain was checked, no signature":   {Gateway: "gw1", Events: 7, First: 1, Last: 7},
		"of the events behind it only the chain was": {Gateway: "gw1", Events: 1007, First: 1, Last: 1007, Checkpoints: 1, Signed: 1000},
		"hold, the last at event 1000.":              {Gateway: "gw1", Events: 1000, First: 1, Last: 1000, Checkpoints: 1, Signed: 1000},
	} {
		if got := v.words(); !strings.Contains(got, words) {
			t.Errorf("%q does not say %q", got, words)
		}
	}
}
