package cloud

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest/realserver"
)

// outside is an installation whose broker is a Mosquitto with the shipped configuration.
type outside struct {
	*rig
	broker *realserver.Mosquitto
}

// newOutside makes both, the broker's certificate by the cloud's own hand. Nothing runs yet.
func newOutside(t *testing.T) *outside {
	t.Helper()
	return newOutsideAt(t, time.Now)
}

// newOutsideAt makes it by a clock that may be wrong at first.
func newOutsideAt(t *testing.T, now func() time.Time) *outside {
	t.Helper()
	port := realserver.FreePort(t)
	o := &outside{newRig(t, fmt.Sprintf("broker = \"tls://127.0.0.1:%d\"\n", port)+maples), realserver.NewMosquitto(t, "../packaging/mosquitto", port)}
	o.now = now
	o.certify(nil, false)
	o.now = time.Now
	return o
}

type deaf struct{}

func (deaf) Offer(string, []byte)     {}
func (deaf) OfferKept(string, []byte) {}

// quick is the cloud's connection alone, without patience.
func (o *outside) quick() *brokerlink.Link {
	o.t.Helper()
	cfg, err := o.open().linkConfig(o.load().Broker, "", deaf{}, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	cfg.Limits = brokerlink.Limits{Echo: time.Second, EchoEvery: 50 * time.Millisecond, Again: 50 * time.Millisecond, Look: 50 * time.Millisecond}
	link, err := brokerlink.New(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- link.Run(ctx) }()
	o.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
	})
	return link
}

func (o *outside) certify(names []string, replace bool) BrokerCertificate {
	o.t.Helper()
	made, err := o.open().CertifyBroker(o.broker.Dir, names, replace)
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

// metric is a figure of the cloud's /metrics.
func (s *serving) metric(t *testing.T, name string) string {
	t.Helper()
	_, body := get(t, s.page+"/metrics")
	m := regexp.MustCompile(`(?m)^` + name + ` (.*)$`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("there is no metric %s", name)
	}
	return m[1]
}

func (s *serving) connected(t *testing.T) {
	t.Helper()
	eventually(t, "connected to the broker", func() bool { return s.metric(t, "gatehouse_broker_connected") == "1" })
}

// refuses waits until the page gives a reason why there is no connection, and checks that the rest goes on.
func (s *serving) refuses(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		eventually(t, "the page says "+w, func() bool {
			_, body := get(t, s.page+"/property/maples")
			return strings.Contains(body, "Not connected to the broker") && strings.Contains(body, w)
		})
	}
	if got := s.metric(t, "gatehouse_broker_connected"); got != "0" {
		t.Errorf("gatehouse_broker_connected is %s", got)
	}
	if code, _ := get(t, s.page+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d because of the broker", code)
	}
}

// TestE4_G7_G10_AGatewaysDayThroughMosquitto is the same day as with the embedded broker, and a restart of the broker in it.
func TestE4_G7_G10_AGatewaysDayThroughMosquitto(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	o.broker.Start()
	s := o.serve()
	s.connected(t)
	if _, body := get(t, s.page+"/"); !strings.Contains(body, "Connected to the broker tls://127.0.0.1:") {
		t.Error("the page does not say that it is connected")
	}
	b := enrol(t, s.Cloud, "maples")
	if b.bundle.Broker != o.load().Broker || b.bundle.ServerName != "127.0.0.1" {
		t.Errorf("the bundle sends the gateway to %s as %s", b.bundle.Broker, b.bundle.ServerName)
	}
	load(t, s.Cloud, export(t, residents(40)...))
	l := b.dial(t)
	pos, _ := l.firstState()
	l.acked(s)
	l.eventsOnce(s)

	o.broker.Stop()
	s.refuses(t, "connect")
	load(t, s.Cloud, export(t, residents(41)...)) // while it is away
	o.broker.Start()
	s.connected(t)
	back := b.dial(t)
	back.chain, back.next = l.chain, l.next
	back.hello(pos, access.Digest{}, "after")
	if _, state := back.state("what changed meanwhile"); len(state.Put) == 0 {
		t.Error("nothing changed")
	}
	now := time.Now()
	batch := back.events(access.Event{Kind: access.EventClock, At: now, Recorded: now})
	for back.receipt("a receipt after the restart") != 4 {
		continue // the one that the hello asked for
	}
	back.send("event", batch) // a gateway that has not seen the receipt
	if got := back.receipt("a receipt of the repeated"); got != 4 {
		t.Errorf("receipt through %d, want 4", got)
	}
	back.audit(s, 4)
	s.end()
	o.serve().connected(t)
}

// TestTowardsE4_AGatewayThatCameToTheBrokerFirstIsGreeted: nobody heard its hello; the status that the broker kept tells.
func TestTowardsE4_AGatewayThatCameToTheBrokerFirstIsGreeted(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	o.broker.Start()
	c := o.open()
	l := enrol(t, c, "maples").dial(t)
	status, err := json.Marshal(protocol.Status{Online: true, Boot: "boot", Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	if tok := l.client.Publish(protocol.StatusTopic(l.box.ID), 1, true, status); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatalf("publish: %v", tok.Error())
	}
	l.hello(access.Position{}, access.Digest{}, "nobody hears")
	o.serve().connected(t)
	greeting := l.down.Find(t, "the greeting", func(d down) bool { return d.Type == protocol.TypeReceipt })
	if r, err := protocol.Decode[protocol.Receipt](greeting.Body); err != nil || r != (protocol.Receipt{}) {
		t.Errorf("greeted with %+v, %v", r, err)
	}
	l.hello(access.Position{}, access.Digest{}, "again")
	l.down.Find(t, "the answer", func(d down) bool {
		r, err := protocol.Decode[protocol.Receipt](d.Body)
		return d.Type == protocol.TypeReceipt && err == nil && r.Nonce == "again"
	})
	if got := o.log.String(); strings.Contains(got, "was not taken in") {
		t.Errorf("the log:\n%s", got)
	}
}

// TestTowardsE4_NothingListensWithAnOutsideBroker, neither where the embedded one does by default nor elsewhere.
func TestTowardsE4_NothingListensWithAnOutsideBroker(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	s := o.serve() // the broker does not run
	if log := o.log.String(); !strings.Contains(log, "embedded=false") || strings.Contains(log, "mqtt") {
		t.Errorf("a broker was started:\n%s", log)
	}
	s.refuses(t, "connection refused", "See that the broker runs")
	o.broker.Start()
	s.connected(t)
}

// TestTowardsG12_WhatIsWrongWithTheBrokerIsSaidInWords, with what to do, while the page goes on; mended, it heals by itself.
func TestTowardsG12_WhatIsWrongWithTheBrokerIsSaidInWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		harm  func(o *outside)
		words []string
	}{
		"another authority's certificate": {
			func(o *outside) { o.foreign("ca.pem", "broker.pem", "broker.key") },
			[]string{"signed by unknown authority", "not from this cloud&#39;s own authority"},
		},
		"another name": {
			func(o *outside) { o.otherName() },
			[]string{"is for elsewhere.example.com and not for 127.0.0.1", "gatehouse-cloud broker certificate --name"},
		},
		"clients of another authority only": {
			func(o *outside) { o.foreign("ca.pem") },
			[]string{"The broker does not take the cloud&#39;s certificate", "pki/ca.pem"},
		},
		"an access list without the cloud": {
			func(o *outside) {
				o.broker.Edit("gatehouse.acl", "\nuser gatehouse-cloud\ntopic read gatehouse/v1/+/up/+\n", "\nuser gatehouse-cloud\n")
			},
			[]string{"delivers nothing", "gatehouse/v1/gatehouse-cloud/up/echo", "let gatehouse-cloud read gatehouse/v1/&#43;/up/&#43;"},
		},
		"an access list that forbids the cloud all": {
			func(o *outside) {
				o.broker.Edit("gatehouse.acl", "\nuser gatehouse-cloud\n", "\nuser gatehouse-cloud\ntopic deny gatehouse/#\n")
			},
			[]string{"delivers nothing", "packaging/mosquitto/gatehouse.acl"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutside(t)
			good := o.files()
			tt.harm(o)
			o.broker.Start()
			s := o.serve()
			s.refuses(t, tt.words...)
			for file, text := range good {
				o.broker.Write(file, text)
			}
			o.broker.Stop() // a certificate authority is not read again by a reload
			o.broker.Start()
			s.connected(t)
			if _, body := get(t, s.page+"/"); strings.Contains(body, "Not connected") {
				t.Error("the page still says that it is not connected")
			}
		})
	}
}

// files are the broker's, by name.
func (o *outside) files() map[string]string {
	o.t.Helper()
	out := map[string]string{}
	for _, name := range []string{"ca.pem", "broker.pem", "broker.key", "gatehouse.acl"} {
		b, err := os.ReadFile(filepath.Join(o.broker.Dir, name))
		if err != nil {
			o.t.Fatal(err)
		}
		out[name] = string(b)
	}
	return out
}

// foreign puts files of another cloud into the broker's folder.
func (o *outside) foreign(names ...string) {
	o.t.Helper()
	dir := o.t.TempDir()
	other := newRig(o.t, maples)
	other.now = time.Now
	if _, err := other.open().CertifyBroker(dir, []string{"127.0.0.1"}, false); err != nil {
		o.t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			o.t.Fatal(err)
		}
		o.broker.Write(name, string(b))
	}
}

// otherName gives the broker a certificate of this cloud for a name by which nobody reaches it.
func (o *outside) otherName() {
	o.t.Helper()
	if _, err := o.open().ca.Outside(o.broker.Dir, []string{"elsewhere.example.com"}, true); err != nil {
		o.t.Fatal(err)
	}
}

// TestTowardsE4_RulesThatChangeUnderTheConnectionAreNoticed: after a reload that takes the cloud's rights away Mosquitto
// keeps the connection and says nothing.
func TestTowardsE4_RulesThatChangeUnderTheConnectionAreNoticed(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	o.broker.Start()
	link := o.quick()
	eventually(t, "connected", func() bool { return link.State().Connected })
	good := o.files()["gatehouse.acl"]
	o.broker.Edit("gatehouse.acl", "\nuser gatehouse-cloud\n", "\nuser gatehouse-cloud\ntopic deny gatehouse/#\n")
	o.broker.Reload()
	eventually(t, "deaf, and said so", func() bool { return !link.State().Connected })
	wantFault(t, link.State().Err, fault.Denied, "delivers nothing", "Then reload the broker")
	o.broker.Write("gatehouse.acl", good)
	o.broker.Reload()
	eventually(t, "connected again", func() bool { return link.State().Connected })
}

// TestTowardsG12_ABrokersCertificateThatEndsIsAnnounced: in the log, on the page and as a metric; renewed by the same
// command and a reload, the warning goes without a new connection.
func TestTowardsG12_ABrokersCertificateThatEndsIsAnnounced(t *testing.T) {
	t.Parallel()
	o := newOutsideAt(t, func() time.Time { return time.Now().AddDate(0, 0, -800) }) // of 825
	o.broker.Start()
	s := o.serve()
	s.connected(t)
	ends := certificate(t, filepath.Join(o.broker.Dir, "broker.pem")).NotAfter
	if got, want := s.metric(t, "gatehouse_broker_certificate_expiry_timestamp_seconds"), fmt.Sprintf("%g", float64(ends.Unix())); got != want {
		t.Errorf("the metric says %s, want %s", got, want)
	}
	if !strings.Contains(o.log.String(), "the broker's certificate ends soon") {
		t.Error("the log does not warn")
	}
	if _, body := get(t, s.page+"/property/maples"); !strings.Contains(body, "certificate ends on "+ends.UTC().Format(time.DateOnly)) || !strings.Contains(body, "broker certificate --force") {
		t.Error("the page does not warn")
	}
	s.end()

	link := o.quick()
	eventually(t, "connected", func() bool { return link.State().Connected })
	made := o.certify(nil, true)
	if !made.Ends.After(ends.AddDate(2, 0, 0)) || strings.Join(made.Names, " ") != "127.0.0.1" {
		t.Errorf("renewed for %v until %v", made.Names, made.Ends)
	}
	o.broker.Reload()
	before := strings.Count(o.broker.Log(), " as gatehouse-cloud ")
	eventually(t, "the new certificate is seen", func() bool { return link.State().CertificateEnds.Equal(made.Ends) })
	if after := strings.Count(o.broker.Log(), " as gatehouse-cloud "); after != before {
		t.Errorf("%d new connections for it", after-before)
	}
}

func certificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
