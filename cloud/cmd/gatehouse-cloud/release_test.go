package main

import (
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

// TestReleaseOnTheCommandLine: a reason is asked for, and nothing is let go that is not held.
func TestReleaseOnTheCommandLine(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for line, want := range map[string]struct {
		code int
		says string
	}{
		"release --config @cloud.toml --property maples":                                           {cli.WrongUsage, "--property and --reason are both needed"},
		"import --config @cloud.toml --property maples --file @people.csv --release":               {cli.WrongUsage, "--release and --reason go together"},
		"release --config @cloud.toml --property maples --reason empty":                            {cli.Refused, "none of its runs is held"},
		"import --config @cloud.toml --property maples --file @people.csv --release --reason left": {cli.Refused, "none of its runs is held"},
		"release --config @cloud.toml --property oaks --reason empty":                              {cli.WrongUsage, "there are: maples"},
	} {
		if a := in.do(line); a.code != want.code || !strings.Contains(a.stderr, want.says) {
			t.Errorf("%s: exit %d: %s; want %d and %q", line, a.code, a.stderr, want.code, want.says)
		}
	}
}
