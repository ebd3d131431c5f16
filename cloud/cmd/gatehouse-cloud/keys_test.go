package main

import (
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

func TestKeysAndReplacement(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for _, c := range []struct {
		line  string
		code  int
		words string
	}{
		{"gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle", cli.Done, "Gateway gw1 of maples"},
		{"gateway add --config @cloud.toml --replace gw1 --request @new.request --out @new.bundle", cli.Done, "Gateway gw1 of a new box"},
		{"gateway add --config @cloud.toml --replace gw1 --request @new.request --out @new.bundle", cli.Done, "Take the old box off the panels first"},
		{"gateway add --config @cloud.toml --replace gw9 --request @new.request --out @new.bundle", cli.WrongUsage, "known are gw1 of maples"},
		{"gateway add --config @cloud.toml --replace gw1 --property maples --request @new.request --out @new.bundle", cli.WrongUsage, "--replace in its place"},
		{"keys retire --config @cloud.toml --force", cli.Refused, "keys rotate"},
		{"keys rotate --config @cloud.toml --json", cli.Done, `"waiting":["gw1"]`},
		{"keys rotate --config @cloud.toml", cli.Done, "is under way since 20"},
		{"keys rotate --config @cloud.toml --json", cli.Done, `"since":"20`},
		{"keys retire --config @cloud.toml", cli.Refused, "gateway gw1 has not acknowledged"},
		{"keys retire --config @cloud.toml --force", cli.Done, "The old signing key is gone"},
	} {
		in.write("new.request", string(request(t)))
		if a := in.do(c.line); a.code != c.code || !strings.Contains(a.stdout+a.stderr, c.words) {
			t.Errorf("%s: exit %d, want %d and %q: %s %s", c.line, a.code, c.code, c.words, a.stdout, a.stderr)
		}
	}
}
