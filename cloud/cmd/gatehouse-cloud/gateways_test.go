package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/cli"
)

// TestTowardsG12_GatewaysAreListedAndRevoked, in text and for scripts.
func TestTowardsG12_GatewaysAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if a := in.do("gateway list --config @cloud.toml"); a.code != cli.Done || !strings.Contains(a.stdout, "gateway add") {
		t.Errorf("none: exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	var none struct {
		OK       bool
		Gateways []struct{}
	}
	in.do("gateway list --config @cloud.toml --json").object(t, &none)
	if !none.OK || none.Gateways == nil {
		t.Errorf("none: %+v", none)
	}
	in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle")
	for _, c := range []struct {
		line  string
		code  int
		words []string
	}{
		{"gateway list --config @cloud.toml --property oaks --json", cli.WrongUsage, []string{`"ok":false`, "not in the configuration"}},
		{"gateway list --config @cloud.toml", cli.Done, []string{"gw1  maples  offline, last heard never  certificate until ", "revision 0 of 1, epoch 1\n"}},
		{"gateway revoke --config @cloud.toml", cli.WrongUsage, []string{"0 arguments follow the flags"}},
		{"gateway revoke --config @cloud.toml --json gw9", cli.WrongUsage, []string{"no such gateway", "known are gw1 of maples", "gateway list"}},
		{"gateway revoke --config @cloud.toml --reason stolen gw1", cli.Done, []string{"Gateway gw1 is revoked since", "gateway add --replace gw1", "still opens doors"}},
		{"gateway revoke --config @cloud.toml --json gw1", cli.Done, []string{`"ok":true`, `"gateway":"gw1"`, `"revoked":"`}},
		{"gateway list --config @cloud.toml", cli.Done, []string{"  revoked 2"}},
		{"gateway show --config @cloud.toml --gateway gw9", cli.WrongUsage, []string{"known are gw1 of maples"}},
		{"gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle", cli.Refused, []string{"is revoked", "--replace gw1"}},
		{"keys rotate --config @cloud.toml --json", cli.Done, []string{`"waiting":[]`}},
	} {
		a := in.do(c.line)
		for _, words := range c.words {
			if a.code != c.code || !strings.Contains(a.stdout+a.stderr, words) {
				t.Errorf("%s: exit %d, want %d and %q: %s %s", c.line, a.code, c.code, words, a.stdout, a.stderr)
			}
		}
	}
	in.write("new.request", string(request(t)))
	in.do("gateway add --config @cloud.toml --replace gw1 --request @new.request --out @bundle")
	var o struct {
		OK       bool
		Gateways []struct {
			ID, Property             string
			CertificateEnds          time.Time `json:"certificate_ends"`
			Revoked                  *time.Time
			Epoch, Stored, Published uint64
		}
	}
	in.do("gateway list --config @cloud.toml --property maples --json").object(t, &o)
	if !o.OK || len(o.Gateways) != 1 || o.Gateways[0].Revoked != nil || o.Gateways[0].ID != "gw1" || o.Gateways[0].Epoch != 1 || time.Until(o.Gateways[0].CertificateEnds) < 9*365*24*time.Hour {
		t.Errorf("listed: %+v", o)
	}
}
