package broker_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/broker"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

func TestG7_AGatewaySeesItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a", "gw-a2", "gw-b")
	a := r.join("gw-a")
	for _, filter := range []string{protocol.AllDown("gw-a"), protocol.DownTopic("gw-a", protocol.TypeState), "gatehouse/v1/gw-a/down/#"} {
		if code := a.subscribe(filter); code > 1 {
			t.Errorf("subscribing to its own %s: 0x%x", filter, code)
		}
	}
	for _, filter := range []string{
		"#", "+/#", "gatehouse/#", "gatehouse/v1/+/down/state", "gatehouse/v1/+/status", "$SYS/#", "$share/x/gatehouse/v1/gw-a/down/+",
		"$share/x/#", protocol.AllDown("gw-b"), protocol.AllDown("gw-a2"), protocol.AllUp, protocol.StatusTopic("gw-b"),
		protocol.UpTopic("gw-b", protocol.TypeHello),
	} {
		if code := a.subscribe(filter); code != 0x80 {
			t.Errorf("subscribing to %s is answered 0x%x, want 0x80", filter, code)
		}
	}
	c, b := r.join(cloud), r.join("gw-b")
	b.subscribe(protocol.AllDown("gw-b"))
	for _, gw := range []access.GatewayID{"gw-b", "gw-a2", "gw-a"} { // its own comes last: nothing before it may arrive
		if err := c.publish(protocol.DownTopic(gw, protocol.TypeState), 1, false, "for "+string(gw)); err != nil {
			t.Fatal(err)
		}
	}
	a.next(protocol.DownTopic("gw-a", protocol.TypeState))
	b.next(protocol.DownTopic("gw-b", protocol.TypeState))
	for _, x := range []*client{a, b} {
		if n := len(x.log.All()); n != 1 {
			t.Errorf("a gateway got %d messages, want its own one", n)
		}
	}
}

func TestG7_AGatewaySpeaksOnItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a", "gw-b")
	c, b := r.join(cloud), r.join("gw-b")
	c.subscribe("gatehouse/#")
	b.subscribe(protocol.AllDown("gw-b"))
	foreign := []string{
		protocol.UpTopic("gw-b", protocol.TypeEvent), protocol.StatusTopic("gw-b"), protocol.DownTopic("gw-b", protocol.TypeState),
		protocol.DownTopic("gw-a", protocol.TypeState), "gatehouse/v1/gw-a", "elsewhere",
	}
	a := r.join("gw-a")
	for _, topic := range foreign {
		if err := a.publish(topic, 0, true, "forged"); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range foreign { // with a quality of service the broker hangs up
		x := r.join("gw-a")
		if err := x.publish(topic, 1, true, "forged"); err == nil {
			t.Errorf("publishing on %s succeeded", topic)
		}
		x.cut()
	}
	a = r.join("gw-a")
	own := protocol.UpTopic("gw-a", protocol.TypeHello)
	if err := a.publish(own, 1, false, "true"); err != nil {
		t.Fatal(err)
	}
	c.next(own)
	if all := c.log.All(); len(all) != 1 {
		t.Errorf("the cloud got %d messages, want the true one", len(all))
	}
	if got := b.log.All(); len(got) > 0 {
		t.Errorf("gw-b got %s", got[0].Topic())
	}
}

// The library asks nobody whether a last will may be sent.
func TestG7_ALastWillIsForItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	for topic, good := range map[string]bool{
		protocol.StatusTopic("gw-a"): true, protocol.StatusTopic("gw-b"): false,
		protocol.DownTopic("gw-a", protocol.TypeState): false, protocol.DownTopic("gw-b", protocol.TypeCommand): false,
		protocol.UpTopic("gw-b", protocol.TypeEvent): false,
	} {
		o := r.options("gw-a")
		o.SetWill(topic, "farewell", 1, true)
		if c, err := r.dial(o); (err == nil) != good {
			t.Errorf("last will on %s: %v", topic, err)
		} else if err == nil {
			c.Disconnect(100)
		}
	}
}

func TestG7_WhoMayComeIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a", "gw-b", "gw-r")
	r.revoke("gw-r")
	stranger := prototest.NewCA(t)
	for _, c := range []struct {
		name, certificate, client string
		tls                       *tls.Config
		good                      bool
	}{
		{"a gateway", "gw-a", "gw-a", nil, true},
		{"the cloud", cloud, cloud, nil, true},
		{"a second process of the cloud", cloud, cloud + "-2", nil, true},
		{"under another's client id", "gw-a", "gw-b", nil, false},
		{"under the cloud's client id", "gw-a", cloud, nil, false},
		{"unknown", "gw-x", "gw-x", nil, false},
		{"revoked", "gw-r", "gw-r", nil, false},
		{"no name in the certificate", "", "gw-a", nil, false},
		{"no certificate", "", "gw-a", &tls.Config{RootCAs: r.ca.Pool()}, false},
		{"a certificate of another authority", "", "gw-a", func() *tls.Config {
			cfg := stranger.Client(t, "gw-a")
			cfg.RootCAs = r.ca.Pool()
			return cfg
		}(), false},
		{"a certificate that it signed itself", "", "gw-a", &tls.Config{RootCAs: r.ca.Pool(), Certificates: []tls.Certificate{pair(t, "gw-a")}}, false},
	} {
		o := r.options(c.certificate)
		o.SetClientID(c.client)
		if c.tls != nil {
			o.SetTLSConfig(c.tls)
		}
		if x, err := r.dial(o); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil {
			x.Disconnect(100)
		}
	}
	o := r.options("gw-a")
	o.Servers[0].Scheme = "tcp"
	if _, err := r.dial(o); err == nil {
		t.Error("without TLS: let in")
	}
}

func TestRevokedBetweenTwoConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	c := r.join("gw-a")
	c.Disconnect(100)
	r.revoke("gw-a")
	if _, err := r.dial(r.options("gw-a")); err == nil {
		t.Error("a revoked gateway was let in again")
	}
}

// TestRecheckCutsOffWhoIsRevokedAndNobodyElse: while it cannot be looked up, nobody is.
func TestRecheckCutsOffWhoIsRevokedAndNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a", "gw-b")
	watch, a, b := r.join(cloud), r.join("gw-a"), r.join("gw-b")
	watch.subscribe(protocol.AllUp)
	r.breaks(errors.New("the database is away"))
	r.broker.Recheck()
	if _, err := r.dial(r.options("gw-a")); err == nil {
		t.Error("let in although nobody knows whether it may")
	}
	r.breaks(nil)
	r.revoke("gw-a")
	r.broker.Recheck()
	a.cut()
	topic := protocol.UpTopic("gw-b", protocol.TypeHello)
	if err := b.publish(topic, 1, false, "still here"); err != nil {
		t.Fatal(err)
	}
	watch.next(topic)
}

func TestMQTT5IsNotSpokenHere(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	conn := r.raw()
	connect := []byte{0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 4, 'g', 'w', '-', 'a'} // OASIS MQTT 5.0, 3.1
	if _, err := conn.Write(connect); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("the connection stays: %v", err)
	}
	if len(answer) < 4 || answer[0] != 0x20 || answer[3] == 0 {
		t.Errorf("CONNACK %x, want a refusal", answer)
	}
}

func TestOversizedPacketsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	c, a := r.join(cloud), r.join("gw-a")
	c.subscribe(protocol.AllUp)
	topic := protocol.UpTopic("gw-a", protocol.TypeEvent)
	if err := a.publish(topic, 1, false, strings.Repeat("x", protocol.MaxMessage)); err != nil {
		t.Fatalf("the largest message of the contract: %v", err)
	}
	if n := len(c.next(topic).Payload()); n != protocol.MaxMessage {
		t.Errorf("it arrived with %d bytes", n)
	}
	if err := a.publish(topic, 1, false, strings.Repeat("y", 256<<10)); err == nil {
		t.Error("an oversized message was taken")
	}
	a.cut()
	a = r.join("gw-a")
	if err := a.publish(topic, 1, false, "small"); err != nil {
		t.Fatal(err)
	}
	if m := c.next(topic); string(m.Payload()) != "small" {
		t.Errorf("got %d bytes, want the small one: the oversized one came through", len(m.Payload()))
	}
}

func TestTheCloudMayDoEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	c := r.join(cloud)
	for _, filter := range []string{protocol.AllUp, protocol.AllStatus, "#"} {
		if code := c.subscribe(filter); code > 1 {
			t.Errorf("%s: 0x%x", filter, code)
		}
	}
	topic := protocol.DownTopic("gw-z", protocol.TypeReceipt)
	if err := c.publish(topic, 1, false, "x"); err != nil {
		t.Fatal(err)
	}
	c.next(topic)
}

func TestRetainedStatusSurvivesTheGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	topic := protocol.StatusTopic("gw-a")
	watch := r.join(cloud)
	watch.subscribe(protocol.AllStatus)
	o := r.options("gw-a")
	o.SetWill(topic, "offline", 1, true)
	a, err := r.dial(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.publish(topic, 1, true, "online"); err != nil {
		t.Fatal(err)
	}
	watch.next(topic)
	late := r.joinAs(cloud, cloud+"-2")
	late.subscribe(protocol.AllStatus)
	if m := late.next(topic); string(m.Payload()) != "online" || !m.Retained() {
		t.Errorf("who comes later reads %q, retained %v", m.Payload(), m.Retained())
	}
	if err := a.publish("elsewhere", 1, false, "makes the broker hang up"); err == nil {
		t.Fatal("taken")
	}
	if m := watch.next(topic); string(m.Payload()) != "offline" {
		t.Errorf("the last will says %q", m.Payload())
	}
	later := r.joinAs(cloud, cloud+"-3")
	later.subscribe(protocol.AllStatus)
	if m := later.next(topic); string(m.Payload()) != "offline" || !m.Retained() {
		t.Errorf("who comes after the end reads %q, retained %v", m.Payload(), m.Retained())
	}
}

func TestE4_WhatWasSentWhileAGatewayWasAwayIsWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	o := func() *client {
		x, err := r.dial(r.options("gw-a").SetCleanSession(false))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	a := o()
	a.subscribe(protocol.AllDown("gw-a"))
	a.Disconnect(100)
	topic := protocol.DownTopic("gw-a", protocol.TypeState)
	if err := r.join(cloud).publish(topic, 1, false, "meanwhile"); err != nil {
		t.Fatal(err)
	}
	if m := o().next(topic); string(m.Payload()) != "meanwhile" {
		t.Errorf("got %q", m.Payload())
	}
}

func TestCloseEndsEverybody(t *testing.T) {
	t.Parallel()
	r := newRig(t, "gw-a")
	a, c, silent := r.join("gw-a"), r.join(cloud), r.raw()
	plain, err := net.Dial("tcp", r.broker.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	done := make(chan error, 1)
	go func() { done <- errors.Join(r.broker.Close(), r.broker.Close()) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close waits for somebody who never logged in")
	}
	a.cut()
	c.cut()
	for _, conn := range []net.Conn{silent, plain} {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadAll(conn); errors.Is(err, net.ErrClosed) || isTimeout(err) {
			t.Errorf("a connection that never logged in stays: %v", err)
		}
	}
	if _, err := net.DialTimeout("tcp", r.broker.Addr().String(), patience); err == nil {
		t.Error("somebody still listens")
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestStart_RefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := broker.Config{Listen: "127.0.0.1:0", TLS: r.tls(), Cloud: cloud, Known: r.isKnown, Log: slog.New(slog.DiscardHandler)}
	for name, c := range map[string]struct {
		change func(*broker.Config)
		kind   fault.Kind
	}{
		"a port in use":                 {func(c *broker.Config) { c.Listen = r.broker.Addr().String() }, fault.Unreachable},
		"no address":                    {func(c *broker.Config) { c.Listen = "nowhere" }, fault.Unreachable},
		"no TLS":                        {func(c *broker.Config) { c.TLS = nil }, fault.Invalid},
		"TLS that asks for nothing":     {func(c *broker.Config) { c.TLS.ClientAuth = tls.NoClientCert }, fault.Invalid},
		"TLS that verifies if given":    {func(c *broker.Config) { c.TLS.ClientAuth = tls.VerifyClientCertIfGiven }, fault.Invalid},
		"TLS that trusts the machine's": {func(c *broker.Config) { c.TLS.ClientCAs = nil }, fault.Invalid},
	} {
		cfg := good
		cfg.TLS = good.TLS.Clone()
		c.change(&cfg)
		b, err := broker.Start(cfg)
		if err == nil {
			_ = b.Close()
		}
		if err == nil || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLog_NamesTheReasonAndHoldsNoPackets(t *testing.T) {
	t.Parallel()
	lines := prototest.NewLog[string]()
	r := newRig(t)
	b, err := broker.Start(broker.Config{
		Listen: "127.0.0.1:0", TLS: r.tls(), Cloud: cloud, Known: func(gw access.GatewayID, serial string) (bool, error) { return serial != "" && gw == "gw-a", nil },
		Log: slog.New(slog.NewTextHandler(lineWriter{lines}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	r.broker = b
	if _, err := r.dial(r.options("gw-x")); err == nil {
		t.Fatal("let in")
	}
	read := lines.Read()
	read.Find(t, "the refusal", func(s string) bool { return strings.Contains(s, "not enrolled") && strings.Contains(s, "gw-x") })
	a := r.join("gw-a")
	if err := a.publish("elsewhere", 1, false, "a very long payload"); err == nil {
		t.Fatal("taken")
	}
	read.Find(t, "the broken rule", func(s string) bool { return strings.Contains(s, "gw-a") && strings.Contains(s, "not authorized") })
	payload := func(s string) bool {
		return strings.Contains(s, "a very long payload") || strings.Contains(s, "pk=") || strings.Contains(s, `msg=""`)
	}
	if i := slices.IndexFunc(lines.All(), payload); i >= 0 {
		t.Errorf("logged: %s", lines.All()[i])
	}
}

type lineWriter struct{ lines *prototest.Log[string] }

func (w lineWriter) Write(b []byte) (int, error) {
	w.lines.Add(string(bytes.TrimSpace(b)))
	return len(b), nil
}
