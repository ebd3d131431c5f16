package console

import (
	"strings"
	"testing"
	"time"
)

// TestTowardsG12_AGatewaysKeysAndCertificateAreShown, with what was done about it and what to do.
func TestTowardsG12_AGatewaysKeysAndCertificateAreShown(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(g *Gateway)
		says     []string
		saysNot  string
		jsonKeys string
	}{
		"all is well": {
			func(g *Gateway) { g.CertificateEnds = noon.AddDate(9, 0, 0) },
			[]string{"Certificate ends"}, "certificate of gateway", "certificate_ends",
		},
		"not known": {func(*Gateway) {}, nil, "Certificate ends", ""},
		"it ends soon": {
			func(g *Gateway) { g.CertificateEnds = noon.AddDate(0, 0, 20) },
			[]string{"ends soon", "enroll accept"}, "it cannot connect", "certificate_ends",
		},
		"it ended": {
			func(g *Gateway) { g.CertificateEnds = noon.AddDate(0, 0, -1) },
			[]string{"ended, so it cannot connect", "enroll accept"}, "ends soon", "certificate_ends",
		},
		"next keys wait": {
			func(g *Gateway) {
				g.Succeeding = noon.Add(-time.Hour)
				g.Acts = []Act{{noon, "refused", "refused (replay): used", 3}, {noon.Add(-time.Hour), "certified", "", 1}, {noon, "mended", "", 1}}
			},
			[]string{"has not taken them up yet", "nothing changed: refused (replay): used (3 times)", "it asked for next keys", "mended"}, "revoked", "history next_keys",
		},
		"revoked": {
			func(g *Gateway) { g.Revoked, g.Contact = noon.Add(-time.Hour), noon.AddDate(0, 0, -3) },
			[]string{"was revoked", "gateway add --replace"}, "power and internet", "revoked",
		},
	} {
		p := elm()
		id := string(p.Gateways[0].ID)
		c.change(&p.Gateways[0])
		s := newSite(t, p)
		text := strings.Join(strings.Fields(s.page("/property/"+string(p.Overview.ID)).text()), " ")
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page of %s does not say %q", name, id, want)
			}
		}
		if strings.Contains(text, c.saysNot) {
			t.Errorf("%s: the page says %q", name, c.saysNot)
		}
		got := keys(t, s.json("/status.json?property="+string(p.Overview.ID)), "property.gateways.0")
		for _, key := range []string{"certificate_ends", "next_keys", "revoked", "history"} {
			if has, want := strings.Contains(got, key), strings.Contains(c.jsonKeys, key); has != want {
				t.Errorf("%s: JSON has %s: %v", name, key, has)
			}
		}
	}
}
