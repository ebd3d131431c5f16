package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestTowardsG3_AHeldRunIsRefused: a script that looks at the exit code or at ok must not take it for done.
func TestTowardsG3_AHeldRunIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for _, pin := range []string{"4821%d", ""} {
		text := header
		for i := range 8 {
			p := pin
			if p != "" {
				p = fmt.Sprintf(p, i)
			}
			text += fmt.Sprintf("Maples,10%d,R%d,L%d,Current,Primary,Ada,Miller%c,,,2020-05-01,,2020-05-01,2060-04-30,%s,\n", i, i, i, 'a'+i, p)
		}
		in.write("people.csv", text+"#end,rows=8\n")
		if pin != "" {
			var first struct{ Removed *int }
			a := in.do("import --config @cloud.toml --property maples --format csv --file @people.csv --json")
			if a.object(t, &first); a.code != 0 || first.Removed == nil || *first.Removed != 0 {
				t.Fatalf("exit code %d, removed %v: %s", a.code, first.Removed, a.stdout)
			}
		}
	}
	a := in.do("import --config @cloud.toml --property maples --format csv --file @people.csv --json")
	var held struct {
		OK    bool
		Held  string
		Error struct{ Kind, Message, Remedy string }
	}
	a.object(t, &held)
	if a.code != 3 || held.OK || !strings.Contains(held.Held, "8 people would lose their PIN") || held.Error.Kind != "conflict" || held.Error.Remedy == "" {
		t.Errorf("exit code %d, %+v", a.code, held)
	}
	a = in.do("import --config @cloud.toml --property maples --format csv --file @people.csv")
	if a.code != 3 || !strings.Contains(a.stdout, "held: Held: 8 people") || !strings.Contains(a.stderr, "Everybody keeps what they have") {
		t.Errorf("exit code %d: %s%s", a.code, a.stdout, a.stderr)
	}
}
