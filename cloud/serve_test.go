package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestThePagesAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	r.now = time.Now
	s := r.serve()
	enrol(t, s.Cloud, "maples")
	load(t, s.Cloud, export(t, mixed()...))
	if code, body := get(t, s.page+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	code, body := get(t, s.page+"/")
	if code != http.StatusOK {
		t.Errorf("/: %d", code)
	}
	for _, want := range []string{"The Maples", called(1) + " Miller", called(3) + " Miller", "101"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	_, raw := get(t, s.page+"/status.json?property=maples")
	var status struct {
		Version  string
		Property struct {
			ID        string
			People    int
			Runs      []struct{ Complete bool }
			Conflicts []struct{ Kind string }
			Gateways  []struct{ ID string }
			Residents []struct{ Name, Why string }
		}
	}
	if err := json.Unmarshal([]byte(raw), &status); err != nil {
		t.Fatal(err)
	}
	p := status.Property
	if status.Version != "1.2.3" || p.ID != "maples" || p.People != 7 || len(p.Runs) != 1 || !p.Runs[0].Complete || len(p.Conflicts) == 0 || len(p.Gateways) != 1 || len(p.Residents) != p.People {
		t.Errorf("status.json: %+v", status)
	}
	for _, who := range p.Residents {
		if strings.HasPrefix(who.Name, called(6)) && who.Why == "" {
			t.Errorf("%s has no access and nobody says why", who.Name)
		}
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, s.page+"/healthz"); code != http.StatusServiceUnavailable || !strings.HasPrefix(body, "store: ") {
		t.Errorf("/healthz without a store: %d %q", code, body)
	}
}

// TestAPageOnLoopbackIsForItsOwnMachine: a name that somebody else resolves to 127.0.0.1 opens nothing.
func TestAPageOnLoopbackIsForItsOwnMachine(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, tt := range []struct {
		at   net.IP
		host string
		code int
	}{
		{net.IPv4(127, 0, 0, 1), "127.0.0.1:8080", http.StatusNoContent},
		{net.IPv4(127, 0, 0, 1), "localhost:8080", http.StatusNoContent},
		{net.IPv4(127, 0, 0, 1), "[::1]:8080", http.StatusNoContent},
		{net.IPv4(127, 0, 0, 1), "localhost", http.StatusNoContent},
		{net.IPv4(127, 0, 0, 1), "[::1]", http.StatusNoContent},
		{net.IPv4(127, 0, 0, 1), "gatehouse.example.com:8080", http.StatusMisdirectedRequest},
		{net.IPv4(127, 0, 0, 1), "127.0.0.1.example.com", http.StatusMisdirectedRequest},
		{net.IPv4(127, 0, 0, 1), "192.0.2.1:8080", http.StatusMisdirectedRequest},
		{net.IPv4(127, 0, 0, 1), "", http.StatusMisdirectedRequest},
		{net.IPv4(192, 0, 2, 1), "gatehouse.example.com:8080", http.StatusNoContent},
	} {
		w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		req.Host = tt.host
		ownHost(&net.TCPAddr{IP: tt.at, Port: 8080}, page).ServeHTTP(w, req)
		if w.Code != tt.code {
			t.Errorf("at %s asked for %q: %d, want %d", tt.at, tt.host, w.Code, tt.code)
		}
	}
}

func TestPortsInUseAreNamed(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for key, change := range map[string]func(*Config){
		"listen":        func(c *Config) { c.Listen = taken },
		"broker_listen": func(c *Config) { c.BrokerListen = taken },
	} {
		r := newRig(t, maples)
		cfg := r.load()
		change(&cfg)
		c, err := Open(t.Context(), cfg, r.deps())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Serve(t.Context())
		if err == nil || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "in use") || !strings.Contains(fault.RemedyOf(err), "another address with "+key) {
			t.Errorf("%s: %v; remedy %q", key, err, fault.RemedyOf(err))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTheCloudHearsItsOwnBrokerWhereverItListens: on an address that is not in the broker's
// certificate, which is made for what gateways dial.
func TestTheCloudHearsItsOwnBrokerWhereverItListens(t *testing.T) {
	t.Parallel()
	host := "127.0.0.2"
	if ln, err := net.Listen("tcp", host+":0"); err != nil {
		host = "127.0.0.1" // a system with one loopback address
	} else {
		ln.Close()
	}
	at := freeAddress(t, host)
	r := newRig(t, "broker_listen = \""+at+"\"\nbroker_address = \"tls://gatehouse.example.com:8883\"\n"+maples)
	r.now = time.Now
	s := r.serve()
	b := enrol(t, s.Cloud, "maples")
	if b.bundle.ServerName != "gatehouse.example.com" || b.bundle.Broker != "tls://gatehouse.example.com:8883" {
		t.Errorf("the bundle sends gateways to %s as %s", b.bundle.Broker, b.bundle.ServerName)
	}
	b.bundle.Broker = "tls://" + at // as if its name led there
	l := b.dial(t)
	l.hello(access.Position{}, access.Digest{}, "n1")
	_, state := l.state("an answer")
	for state.Nonce != "n1" { // the publisher may have been quicker than the hello
		_, state = l.state("an answer")
	}
}

// TestE4_G7_AGatewayGetsASealedStateAndReceipts is one gateway's day: hello, snapshot, ack, events,
// a revision made by another process, a restart of the cloud.
func TestE4_G7_G10_AGatewaysDay(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve().hears(r)
	b := enrol(t, s.Cloud, "maples")
	load(t, s.Cloud, export(t, residents(40)...))
	l := b.dial(t)
	pos, _ := l.firstState()
	l.acked(s)
	l.eventsOnce(s)
	pos, digest := l.changeElsewhere(r, pos)
	s.end()
	again := r.serve().hears(r)
	l.afterRestart(again, pos, digest)
}

// firstState says hello with empty hands and checks the whole state.
func (l *line) firstState() (access.Position, access.Digest) {
	t := l.t
	t.Helper()
	l.hello(access.Position{}, access.Digest{}, "first")
	d, state := l.state("the snapshot")
	for state.Nonce != "first" { // the publisher may have been quicker than the hello
		d, state = l.state("the answer to the hello")
	}
	if bytes.Contains(d.Raw, []byte(pin(1))) || bytes.Contains(d.Raw, []byte("Miller")) {
		t.Error("the broker can read the state")
	}
	got := wantedOf(t, time.Now(), position(d), state.Put)
	if len(got.names) != 40 || len(got.pins) != 40 || d.Gateway != l.box.ID {
		t.Errorf("%d people with %d PINs for %s", len(got.names), len(got.pins), d.Gateway)
	}
	var sum access.Digest
	for _, it := range state.Put {
		sum.Toggle(state.DigestKey, it)
	}
	if sum != state.Digest {
		t.Error("the digest is not that of the items")
	}
	other := enrolledElsewhere(t)
	if _, _, err := other.Opener(l.box.opener().Trusted...).Open(d.Raw); err == nil {
		t.Error("another gateway can open it")
	}
	l.send(protocol.TypeAck, protocol.Ack{Position: position(d), Digest: state.Digest, At: time.Now()})
	return position(d), state.Digest
}

func enrolledElsewhere(t *testing.T) *box {
	t.Helper()
	b := newBox(t)
	b.ID = "gw1"
	return b
}

// acked waits until the cloud knows what the gateway keeps, and sees it on the page.
func (l *line) acked(s *serving) {
	l.t.Helper()
	eventually(l.t, "stored is known", func() bool {
		g, err := s.store.Gateway(l.t.Context(), l.box.ID)
		return err == nil && g.Stored == g.Published && g.Told.Software == "9.9" && !g.StoredAt.IsZero()
	})
	p, err := reader{s.Cloud}.Property(l.t.Context(), "maples")
	if err != nil || len(p.Gateways) != 1 || p.Gateways[0].Stored != p.Gateways[0].Published || !p.Gateways[0].ClockTrusted || p.Gateways[0].ClockOff.Abs() > time.Minute {
		l.t.Errorf("the page shows %+v, %v", p.Gateways, err)
	}
}

// eventsOnce sends events, again, and out of turn: each is kept once, in order, and only the
// committed ones are receipted.
func (l *line) eventsOnce(s *serving) {
	t := l.t
	t.Helper()
	now := time.Now()
	batch := l.events(
		access.Event{Kind: access.EventStarted, At: now, Recorded: now},
		access.Event{Kind: access.EventUnreachable, At: now.Add(-time.Hour), Recorded: now, Device: "front"},
	)
	for l.receipt("a receipt") != 2 {
		continue // the one that the hello asked for
	}
	l.send(protocol.TypeEvent, batch)
	if got := l.receipt("a receipt of the repeated"); got != 2 {
		t.Errorf("receipt through %d, want 2", got)
	}
	l.send(protocol.TypeEvent, protocol.Events{First: 9, Prev: access.Link{1}, Raw: []json.RawMessage{[]byte(`{"n":9,"kind":"started"}`)}})
	l.events(access.Event{Kind: access.EventReachable, At: now, Recorded: now, Device: "front"})
	for l.receipt("a receipt of the third") != 3 {
		continue // of what came out of turn: through is still 2
	}
	l.audit(s, 3)
}

func (l *line) audit(s *serving, want int) {
	l.t.Helper()
	all, err := s.store.Audit(l.t.Context(), l.box.ID, 0, 100)
	if err != nil || len(all) != want {
		l.t.Fatalf("%d events are kept, want %d: %v", len(all), want, err)
	}
	var chain access.Link
	for i, e := range all {
		chain = access.Chain(chain, e.Raw)
		if e.Number != uint64(i+1) || e.Link != chain || e.Late != (e.Kind == access.EventUnreachable) {
			l.t.Errorf("event %d is %+v", i+1, e)
		}
	}
}

// changeElsewhere imports through another process; the serving one publishes it by itself.
func (l *line) changeElsewhere(r *rig, have access.Position) (access.Position, access.Digest) {
	t := l.t
	t.Helper()
	load(t, r.open(), export(t, residents(41)...))
	committed := time.Now()
	d, state := l.state("the delta")
	took := d.At.Sub(committed)
	t.Logf("published %s after another process committed it", took)
	if took > 3*time.Second { // the poll is 250 ms; the rest is for a busy machine
		t.Errorf("it took %s", took)
	}
	if d.Base != have.Revision || d.Revision != have.Revision+1 || len(state.Put) == 0 || len(state.Put) > 6 {
		t.Errorf("%d items on base %d to revision %d", len(state.Put), d.Base, d.Revision)
	}
	return position(d), state.Digest
}

// afterRestart finds a new cloud process with everything the old one knew.
func (l *line) afterRestart(s *serving, have access.Position, digest access.Digest) {
	t := l.t
	t.Helper()
	back := l.box.dial(t)
	back.chain, back.next = l.chain, l.next
	back.hello(have, digest, "second")
	d, state := back.state("the answer after the restart")
	for state.Nonce != "second" { // the publisher does not know yet what the gateway has, and repeats the delta
		d, state = back.state("the answer after the restart")
	}
	if position(d) != have || d.Base != have.Revision || len(state.Put)+len(state.Gone) != 0 {
		t.Errorf("an up-to-date gateway gets %d items, base %d, %v", len(state.Put), d.Base, position(d))
	}
	now := time.Now()
	back.events(access.Event{Kind: access.EventClock, At: now, Recorded: now})
	for back.receipt("a receipt after the restart") != 4 {
		continue // the one that the hello asked for
	}
	back.audit(s, 4)
	if got := len(runs(t, s.Cloud)); got != 2 {
		t.Errorf("%d runs are kept, want 2", got)
	}
}

// TestG7_OnlyEnrolledGatewaysGetInAndSeeTheirOwn is the assembly's part of it; the broker's own tests go deeper.
func TestG7_OnlyEnrolledGatewaysGetInAndSeeTheirOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve()
	one, two := enrol(t, s.Cloud, "maples"), enrol(t, s.Cloud, "maples")
	foreign := enrol(t, newRig(t, maples).open(), "maples") // of another cloud
	foreign.bundle.Broker, foreign.bundle.CA = one.bundle.Broker, one.bundle.CA
	stranger := newBox(t) // our own certificate, but not enrolled: a restored database
	_, csr, err := protocol.ParseEnrollRequest(stranger.request(t))
	if err != nil {
		t.Fatal(err)
	}
	stranger.bundle, stranger.ID = one.bundle, "gw77"
	made, err := s.ca.Gateway(csr, stranger.ID)
	if stranger.bundle.Certificate = made.PEM; err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*box{"of another cloud": foreign, "not enrolled": stranger} {
		if _, err := b.connect(b.tls(t), string(b.ID)); err == nil {
			t.Errorf("a gateway %s gets in", name)
		}
	}
	if _, err := one.connect(one.tls(t), string(two.ID)); err == nil {
		t.Error("a gateway gets in under another's name")
	}
	l := one.dial(t)
	tok := l.client.Subscribe(protocol.AllDown(two.ID), 1, func(mqtt.Client, mqtt.Message) { t.Error("a gateway hears another's messages") })
	if !tok.WaitTimeout(patience) {
		t.Fatal("no answer to the subscription")
	}
	if code := tok.(*mqtt.SubscribeToken).Result()[protocol.AllDown(two.ID)]; code <= 2 {
		t.Errorf("a gateway may listen on another's branch (code %d)", code)
	}
}

func TestAPartlyLostAuthorityIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	r.open()
	lost := ""
	walk(t, r.dir, func(path string) {
		if strings.Contains(path, "pki") && lost == "" {
			lost = path
		}
	})
	remove(t, lost)
	_, err := Open(t.Context(), r.load(), r.deps())
	wantFault(t, err, fault.Invalid, "backup")
	if _, err := os.Stat(lost); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made anew: %v", lost, err)
	}
}
