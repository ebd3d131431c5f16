package main

import (
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

// TestTowardsG11_StaffByTheCommandLine: entered, listed, changed, removed; the PIN stands in no answer.
func TestTowardsG11_StaffByTheCommandLine(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("ann.pin", "70413355\n")
	in.write("empty.pin", "\n")
	const at = " --config @cloud.toml --property maples"
	for _, c := range []struct {
		line  string
		code  int
		words []string
	}{
		{"staff list" + at, cli.Done, []string{"Nobody may act at the gateways of maples", "staff add"}},
		{"staff list --config @cloud.toml", cli.WrongUsage, []string{"--property PROPERTY is missing"}},
		{"staff add --config @cloud.toml --name Ann --pin-file @ann.pin --may revoke", cli.WrongUsage, []string{"--property PROPERTY is missing"}},
		{"staff add --name Ann --may revoke" + at, cli.WrongUsage, []string{"--pin-file", "all needed"}},
		{"staff add --name Ann --pin-file @ann.pin --may fly" + at, cli.WrongUsage, []string{"want revoke, grant or lift"}},
		{"staff add --name Ann --pin-file @empty.pin --may revoke" + at, cli.WrongUsage, []string{"no PIN in it"}},
		{"staff add --id ann --name Ann --pin-file @ann.pin --may revoke,grant --by Mara" + at, cli.Done, []string{"Ann works at maples now, as ann", "grant, revoke", "local revoke --person WHO --by ann"}},
		{"staff add --name Ann --pin-file @ann.pin --may revoke --json" + at, cli.Refused, []string{`"ok":false`, "tells them apart"}},
		{"staff add --name Bo --pin-file @ann.pin --may revoke" + at, cli.Refused, []string{"somebody of this property has it already"}},
		{"staff set --may lift" + at, cli.WrongUsage, []string{"--id ID is missing"}},
		{"staff set --id ann" + at, cli.WrongUsage, []string{"nothing is to change"}},
		{"staff set --id ann --may lift --json" + at, cli.Done, []string{`"ok":true`, `"id":"ann"`, `"may":["lift"]`}},
		{"staff list" + at, cli.Done, []string{"ann  Ann  may lift", "by Mara: staff ann (Ann): added; may grant, revoke"}},
		{"staff list --json" + at, cli.Done, []string{`"staff":[{"id":"ann","name":"Ann","may":["lift"]}]`, `"history":[{"at":"`}},
		{"staff remove" + at, cli.WrongUsage, []string{"both needed"}},
		{"staff remove --id ann" + at, cli.Done, []string{"no longer on the staff of maples"}},
		{"staff list --json" + at, cli.Done, []string{`"staff":[]`}},
	} {
		a := in.do(c.line)
		out := a.stdout + a.stderr
		if a.code != c.code {
			t.Errorf("%s: exit %d, want %d: %s", c.line, a.code, c.code, out)
		}
		for _, w := range c.words {
			if !strings.Contains(out, w) {
				t.Errorf("%s: does not say %q: %s", c.line, w, out)
			}
		}
		if strings.Contains(out, "70413355") {
			t.Errorf("%s tells the PIN: %s", c.line, out)
		}
	}
	if a := in.feed("61920447\n", "staff add --name Bo --pin-file - --may revoke"+at); a.code != cli.Done {
		t.Errorf("from standard input: exit %d: %s", a.code, a.stderr)
	}
}
