package console

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// newSiteWith is a console whose cloud stands to its broker like this.
func newSiteWith(t *testing.T, b Broker) *site {
	t.Helper()
	s := &site{t: t, fake: &fake{all: []Property{busy()}}}
	s.h = New(s.fake, s.fake, Options{Now: func() time.Time { return noon }, Version: "1.2.3", Broker: func() Broker { return b }}, slog.New(slog.NewTextHandler(&s.log, nil)))
	return s
}

func TestTowardsG12_EveryPageSaysHowTheCloudStandsToItsBroker(t *testing.T) {
	t.Parallel()
	good := Broker{Connected: true, Address: "tls://broker.example.com:8883", Since: noon.Add(-time.Hour), CertificateEnds: noon.AddDate(1, 0, 0)}
	inside, soon, bad := good, good, good
	inside.Embedded = true
	soon.Problem, soon.Remedy = "The certificate <ends>.", "Renew it."
	bad.Connected, bad.Problem, bad.Remedy = false, "Nobody there.", "Look."
	early := Broker{Address: good.Address}
	for name, tt := range map[string]struct {
		b         Broker
		attention bool
		want      []string
	}{
		"connected": {good, false, []string{"Connected to the broker tls://broker.example.com:8883 since"}},
		"embedded":  {inside, false, []string{"Connected to the embedded broker tls://broker.example.com:8883 since"}},
		"ends soon": {soon, true, []string{"Connected to the broker", "The certificate <ends>.", "Renew it."}},
		"not":       {bad, true, []string{"Not connected to the broker tls://broker.example.com:8883.", "Nobody there.", "Look.", "Gateways go on with what they have"}},
		"not yet":   {early, false, []string{"Not connected to the broker tls://broker.example.com:8883."}},
	} {
		s := newSiteWith(t, tt.b)
		for _, path := range []string{"/property/elm", "/property/nowhere"} {
			page := s.page(path)
			for _, want := range tt.want {
				if !strings.Contains(page.text(), want) {
					t.Errorf("%s: %s lacks %q", name, path, want)
				}
			}
			if got := len(page.all("section", is("aria-labelledby", "h-broker"))) == 1; got != tt.attention {
				t.Errorf("%s: %s asks for attention: %v", name, path, got)
			}
		}
	}
	if text := newSite(t, busy()).page("/property/elm").text(); strings.Contains(text, "broker") {
		t.Error("a page without a broker speaks of one")
	}
}

func TestJSON_Broker(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, Broker{Embedded: true, Address: "tls://127.0.0.1:8883", Since: noon, Problem: "p", Remedy: "r", CertificateEnds: noon})
	for _, path := range []string{"/status.json", "/status.json?property=elm", "/status.json?property=nowhere"} {
		v := s.json(path)
		if got, want := keys(t, v, "broker"), "address certificate_ends connected embedded problem remedy since"; got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if at(t, v, "broker.connected") != false || at(t, v, "broker.embedded") != true {
			t.Errorf("%s: %v", path, v["broker"])
		}
	}
}
