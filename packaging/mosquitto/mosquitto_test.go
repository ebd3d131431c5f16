package mosquitto_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

func up(gw string) string     { return protocol.UpTopic(access.GatewayID(gw), protocol.TypeHello) }
func down(gw string) string   { return protocol.DownTopic(access.GatewayID(gw), protocol.TypeState) }
func status(gw string) string { return protocol.StatusTopic(access.GatewayID(gw)) }

func TestOnlyCertificatesOfTheAuthorityComeIn(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	stranger := prototest.NewCA(t)
	for name, change := range map[string]func(*tls.Config){
		"no certificate":           func(c *tls.Config) { c.Certificates = nil },
		"of another authority":     func(c *tls.Config) { c.Certificates = stranger.Client(t, "gw-a").Certificates },
		"not valid yet":            func(c *tls.Config) { c.Certificates = dated(t, b.ca, time.Hour) },
		"expired":                  func(c *tls.Config) { c.Certificates = dated(t, b.ca, -48*time.Hour) },
		"TLS older than 1.2":       func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"a broker of another name": func(c *tls.Config) { c.ServerName = "other.example.com" },
	} {
		o := b.options("gw-a")
		change(o.TLSConfig)
		if _, err := b.dial(o); err == nil {
			t.Errorf("%s: let in", name)
		}
	}
	plain := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + b.addr).SetClientID("gw-a").SetProtocolVersion(4).
		SetConnectTimeout(patience).SetAutoReconnect(false))
	if tok := plain.Connect(); !tok.WaitTimeout(patience) || tok.Error() == nil {
		t.Error("let in without TLS")
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		o := b.options("gw-a")
		o.TLSConfig.MinVersion, o.TLSConfig.MaxVersion = version, version
		if _, err := b.dial(o); err != nil {
			t.Errorf("TLS %x with a good certificate: %v", version, err)
		}
	}
}

func dated(t *testing.T, ca *prototest.CA, off time.Duration) []tls.Certificate {
	return []tls.Certificate{ca.CertificateFrom(t, "gw-a", time.Now().Add(off))}
}

func TestAGatewaySeesItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a, eve := b.cloud(), b.gateway("gw-a"), b.gateway("gw-b")
	cloud.publish(down("gw-a"), "kept for gw-a", true)
	a.publish(status("gw-a"), "online", true)
	for _, filter := range []string{protocol.AllDown("gw-a"), down("gw-a"), status("gw-a"), protocol.AllUp, protocol.AllStatus, "gatehouse/#", "#", "$SYS/#"} {
		// What Mosquitto 2.0 answers is no promise either way, see TestADeniedSubscription.
		eve.subscribe(filter)
	}
	if code := eve.subscribe(protocol.AllDown("gw-b")); code != 1 {
		t.Errorf("its own branch is answered with %#x", code)
	}
	if code := a.subscribe(protocol.AllDown("gw-a")); code != 1 {
		t.Errorf("its own branch is answered with %#x", code)
	}
	a.hears(down("gw-a"), "kept for gw-a")
	cloud.publish(down("gw-a"), "for gw-a", false)
	a.publish(up("gw-a"), "from gw-a", false)
	cloud.publish(down("gw-b"), "for gw-b", false)
	a.hears(down("gw-a"), "for gw-a")
	eve.hears(down("gw-b"), "for gw-b") // before anything else
}

// TestADeniedSubscription shows that what a refusal looks like is the broker's choice: MQTT 3.1.1 section 3.9.3 has 0x80 for it, but the
// access list of Mosquitto 2.0 is not asked about filters, only about each message. Both are taken; nothing may arrive.
func TestADeniedSubscription(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, eve := b.cloud(), b.gateway("gw-b")
	code := eve.subscribe(protocol.AllDown("gw-a"))
	if code != 1 && code != 0x80 {
		t.Errorf("answered with %#x", code)
	}
	t.Logf("this Mosquitto answers a denied subscription with %#x", code)
	eve.subscribe(protocol.AllDown("gw-b"))
	cloud.publish(down("gw-a"), "not for eve", false)
	cloud.publish(down("gw-b"), "for eve", false)
	eve.hears(down("gw-b"), "for eve")
}

// TestTheCloudHearsItself: its test messages come back by the shipped rules, and nobody else can send them.
func TestTheCloudHearsItself(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, eve := b.cloud(), b.gateway("gw-b")
	for _, topic := range []string{protocol.UpTopic(cloudName, "echo"), status(cloudName)} {
		eve.publish(topic, "forged", false)
		eve.publish(up("gw-b"), "after it", false)
		cloud.hears(up("gw-b"), "after it")
		cloud.publish(topic, "test", false)
		cloud.hears(topic, "test")
	}
}

func TestADeniedPublishIsDropped(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a, eve := b.cloud(), b.gateway("gw-a"), b.gateway("gw-b")
	a.subscribe(protocol.AllDown("gw-a"))
	for _, topic := range []string{up("gw-a"), status("gw-a"), down("gw-a"), down("gw-b"), "gatehouse/v1/gw-b", "gatehouse/v2/gw-b/up/hello", up("gw-b/x"), "elsewhere"} {
		eve.publish(topic, "forged", true) // it is acknowledged: MQTT 3.1.1 has no word for "no"
	}
	eve.publish(up("gw-b"), "true", false)
	eve.publish(status("gw-b"), "online", true)
	cloud.hears(up("gw-b"), "true")
	cloud.hears(status("gw-b"), "online")
	cloud.publish(up("gw-a"), "the cloud as a gateway", false)
	cloud.publish(down("gw-a"), "for gw-a", false)
	a.hears(down("gw-a"), "for gw-a")
	eve.publish(up("gw-b"), "again", false)
	cloud.hears(up("gw-b"), "again")
}

func TestStatusIsRetainedAndTheLastWillReplacesIt(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud := b.cloud()
	a := b.join(b.options("gw-a").SetBinaryWill(status("gw-a"), []byte("offline"), 1, true))
	a.publish(status("gw-a"), "online", true)
	cloud.hears(status("gw-a"), "online")
	late := b.cloud() // takes the first one's place
	cloud.cut()
	if m := late.hears(status("gw-a"), "online"); !m.Retained() {
		t.Error("not marked as retained")
	}
	_ = a.conn.Close() // without DISCONNECT
	late.hears(status("gw-a"), "offline")

	// A will for another's status is not sent. The second gw-b ends the first one for certain.
	evil := b.join(b.options("gw-b").SetBinaryWill(status("gw-a"), []byte("forged"), 1, true))
	eve := b.gateway("gw-b")
	evil.cut()
	eve.publish(status("gw-b"), "online", true)
	late.hears(status("gw-b"), "online")

	leaving := b.join(b.options("gw-c").SetBinaryWill(status("gw-c"), []byte("offline"), 1, true))
	leaving.publish(status("gw-c"), "goodbye", true)
	leaving.Disconnect(250)
	b.gateway("gw-c").publish(status("gw-c"), "back", true)
	late.hears(status("gw-c"), "goodbye")
	late.hears(status("gw-c"), "back")
}

func TestARestartKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a := b.cloud(), b.gateway("gw-a")
	a.subscribe(protocol.AllDown("gw-a"))
	a.publish(status("gw-a"), "online", true)
	a.Disconnect(250)
	for i := range 50 {
		cloud.publish(down("gw-a"), fmt.Sprint("revision ", i), false)
	}
	b.restart()
	cloud.cut()
	cloud = b.cloud()
	if m := cloud.hears(status("gw-a"), "online"); !m.Retained() {
		t.Error("not marked as retained")
	}
	a = b.gateway("gw-a") // subscribes to nothing: the session knows
	for i := range 50 {
		if m := a.hears(down("gw-a"), fmt.Sprint("revision ", i)); m.Qos() != 1 {
			t.Errorf("at QoS %d", m.Qos())
		}
	}
	cloud.publish(down("gw-a"), "fresh", false)
	a.hears(down("gw-a"), "fresh")
	b.end(syscall.SIGKILL) // a power cut may cost what came after the last save, never the broker
	b.start()
	b.gateway("gw-a")
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a := b.cloud(), b.gateway("gw-a")
	a.subscribe(protocol.AllDown("gw-a"))
	a.Disconnect(250)
	const inflight, queued = 20, 16 << 20
	body := strings.Repeat("x", protocol.MaxMessage)
	most := inflight + queued/len(body) + 1
	for range most + 20 {
		cloud.publish(down("gw-a"), body, false)
	}
	a = b.gateway("gw-a")
	n := 0
	for ; ; n++ {
		if n == most/2 { // by now there is room again
			cloud.publish(down("gw-a"), "the end", false)
		}
		if string(a.got.Next(t, "what waited").Payload()) == "the end" {
			break
		}
	}
	if n > most || n < most/2 {
		t.Errorf("%d of %d messages waited, at most %d may", n, most+20, most)
	}
}

func TestAPacketThatIsTooLargeCostsTheConnection(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a := b.cloud(), b.gateway("gw-a")
	full := strings.Repeat("x", protocol.MaxMessage)
	a.publish(up("gw-a"), full, false)
	cloud.hears(up("gw-a"), full)
	a.Publish(up("gw-a"), 1, false, strings.Repeat("x", 256<<10))
	a.cut()
	b.join(b.options("gw-a")).publish(up("gw-a"), "small", false) // a new session: paho would send the giant again
	cloud.hears(up("gw-a"), "small")
}

func TestNobodySendsExactlyOnce(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	a := b.gateway("gw-a")
	a.Publish(up("gw-a"), 2, false, "exactly once")
	a.cut()
}

// TestKeepAlive has a gateway whose network goes without a word: the broker finds out after one and a half keep-alives (MQTT 3.1.1 section
// 3.1.2.10). Mosquitto 2.0 holds only MQTT 5 clients to max_keepalive, so a longer one is not shown to be refused here.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for _, keepAlive := range []time.Duration{20 * time.Second, 30 * time.Second, 300 * time.Second} { // the cloud's, a gateway's, the most
		b.join(b.options("gw-b").SetKeepAlive(keepAlive))
	}
	cloud := b.cloud()
	p := prototest.NewProxy(t, b.addr)
	o := b.options("gw-a").SetKeepAlive(time.Second).SetPingTimeout(time.Minute).SetBinaryWill(status("gw-a"), []byte("offline"), 1, true)
	o.Servers[0].Host = p.Addr()
	a := b.join(o)
	a.publish(status("gw-a"), "online", true)
	cloud.hears(status("gw-a"), "online")
	p.Blackhole()
	cloud.hears(status("gw-a"), "offline")
}

// TestTheCertificateIsTheClientID covers a second client with the same id, which takes over, and one that only claims it, which does not.
func TestTheCertificateIsTheClientID(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, first := b.cloud(), b.gateway("gw-a")
	b.join(b.options("gw-b").SetClientID("gw-a"))
	b.join(b.options("gw-b").SetClientID(cloudName))
	first.publish(up("gw-a"), "still here", false)
	cloud.hears(up("gw-a"), "still here")
	first.subscribe(protocol.AllDown("gw-a"))
	second := b.gateway("gw-a")
	first.cut()
	cloud.publish(down("gw-a"), "to the second", false)
	second.hears(down("gw-a"), "to the second")
}

// TestARevokedGatewayIsSilencedByTwoLines also shows that a reload is enough, and that a connection that is open is no way around it.
func TestARevokedGatewayIsSilencedByTwoLines(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	cloud, a, revoked := b.cloud(), b.gateway("gw-a"), b.gateway("gw-b")
	revoked.subscribe(protocol.AllDown("gw-b"))
	revoked.publish(up("gw-b"), "hello", false)
	cloud.hears(up("gw-b"), "hello")
	b.write("gatehouse.acl", shipped(t, "gatehouse.acl")+revoking(t, "gw-b"))
	b.signal(syscall.SIGHUP)
	silenced := false
	for range 1000 { // until the signal has arrived
		revoked.publish(up("gw-b"), "hello again", false)
		a.publish(up("gw-a"), "hello", false)
		if silenced = cloud.got.Next(t, "a hello").Topic() == up("gw-a"); silenced {
			break
		}
		cloud.hears(up("gw-a"), "hello")
	}
	if !silenced {
		t.Fatal("it may still speak")
	}
	cloud.publish(down("gw-b"), "secret", false)
	revoked.publish(up("gw-b"), "still there", false) // answered on the same connection, after the secret
	revoked.Disconnect(250)
	if heard := revoked.log.All(); len(heard) > 0 {
		t.Errorf("it heard %s", heard[0].Topic())
	}
	a.subscribe(protocol.AllDown("gw-a"))
	cloud.publish(down("gw-a"), "for gw-a", false)
	a.hears(down("gw-a"), "for gw-a")
}

// revoking makes the two lines that the access list shows for a revoked gateway.
func revoking(t *testing.T, id string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(shipped(t, "gatehouse.acl")) {
		if text, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(text, "GATEWAY-ID") {
			lines = append(lines, strings.TrimSpace(strings.ReplaceAll(text, "GATEWAY-ID", id)))
		}
	}
	if len(lines) != 2 {
		t.Fatalf("the access list shows %q", lines)
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestReadmeExplainsEveryLimit keeps the table of README.md and the configuration together.
func TestReadmeExplainsEveryLimit(t *testing.T) {
	t.Parallel()
	readme := shipped(t, "README.md")
	var keys []string
	for line := range strings.Lines(shipped(t, "gatehouse.conf")) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(key, "#") || slices.Contains(keys, key) {
			continue
		}
		keys = append(keys, key)
		if !strings.Contains(readme, "`"+key+" "+value+"`") && !strings.HasPrefix(key, "log_") {
			t.Errorf("README.md does not explain `%s %s`", key, value)
		}
	}
	if len(keys) < 25 {
		t.Errorf("only %d settings were found", len(keys))
	}
}
