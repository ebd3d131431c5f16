package main

import (
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

func TestAgreeAndRestored(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for line, words := range map[string]string{
		"gateway agree --config @cloud.toml":                      "--gateway GATEWAY is missing",
		"gateway agree --config @cloud.toml --gateway gw1 --json": "no such gateway",
		"restored --config @cloud.toml":                           "--force",
	} {
		if a := in.do(line); a.code == cli.Done || !strings.Contains(a.stdout+a.stderr, words) {
			t.Errorf("%s: exit %d: %s %s", line, a.code, a.stdout, a.stderr)
		}
	}
	if a := in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle"); a.code != cli.Done {
		t.Fatal(a.stderr)
	}
	a := in.do("restored --config @cloud.toml --force --json")
	var o struct {
		OK     bool
		Epochs map[string]uint64
	}
	a.object(t, &o)
	if a.code != cli.Done || !o.OK || o.Epochs["gw1"] != 2 {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	a = in.do("gateway agree --config @cloud.toml --gateway gw1 --json")
	var agreed struct {
		OK              bool
		Epoch, Revision uint64
	}
	a.object(t, &agreed)
	if a.code != cli.Done || !agreed.OK || agreed.Epoch != 2 || agreed.Revision == 0 {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	if a = in.do("restored --config @cloud.toml --force"); a.code != cli.Done || !strings.Contains(a.stdout, "gateway gw1: epoch 3") {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
}
