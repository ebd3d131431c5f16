package cloudlink

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
	"gatehouse/protocol/prototest/realserver"
)

// mosquitto is a running Mosquitto with mutual TLS, where a gateway sees its own branch only.
type mosquitto struct {
	dir, binary string
	port        int
	ca          *prototest.CA
	end         func()
}

// shipped is the folder of the configuration that operators install.
const shipped = "../../../packaging/mosquitto/"

func newMosquitto(t *testing.T) *mosquitto {
	t.Helper()
	m := &mosquitto{binary: realserver.Binary(t, "mosquitto"), dir: t.TempDir(), ca: prototest.NewCA(t)}
	m.ca.Files(t, m.dir, "broker")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = ln.Addr().(*net.TCPAddr).Port
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("/etc/mosquitto/gatehouse/", m.dir+"/", "\nlistener 8883\n", fmt.Sprintf("\nlistener %d 127.0.0.1\n", m.port)).
		Replace(m.read(t, "gatehouse.conf"))
	acl := strings.Replace(m.read(t, "gatehouse.acl"), "\nuser gatehouse-cloud\n", "\nuser "+prototest.CloudName+"\n", 1)
	config += fmt.Sprintf("persistence_location %s/\nuser root\n", m.dir)
	for name, text := range map[string]string{"mosquitto.conf": config, "gatehouse.acl": acl} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m.start(t)
	t.Cleanup(func() { m.end() })
	return m
}

func (m *mosquitto) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shipped, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// start runs the server and waits until it takes connections; end stops that process.
func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(m.binary, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.end = func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	}
	for late := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port))
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(late) {
			m.end()
			t.Fatalf("mosquitto takes no connections: %v\n%s", err, out.String())
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (m *mosquitto) url() string { return fmt.Sprintf("tls://127.0.0.1:%d", m.port) }

func (m *mosquitto) as(t *testing.T, name string) prototest.Entry {
	return prototest.Entry{URL: m.url(), TLS: m.ca.Client(t, name)}
}

func TestMosquittoCarriesTheSameConversation(t *testing.T) {
	t.Parallel()
	m := newMosquitto(t)
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, m.as(t, prototest.CloudName), g)
	people := prototest.People(t, 300)
	keeper := cloud.Keep(g, people)
	b := newBox(t, g, m.url(), cloud.Signing, secure(t, m.ca, "gw1"), limits(func(l *Limits) { l.Receipt = 300 * time.Millisecond }))
	b.outbox.add(500, 400)
	stop := b.run(t)
	b.stored(t, 1)
	acks, kept := cloud.Acks.Read(), keeper.Kept.Read()
	acks.Next(t, "an ack of the snapshot")

	pos, digest := keeper.Change(nil, []access.Key{people[len(people)-1].Key})
	acks.Find(t, "an ack of the delta", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos && a.Body.Digest == digest })
	cloud.Send(t, g, protocol.TypeCommand, protocol.Header{}, protocol.Command{ID: "c1", Do: "audit"})
	cloud.Replies.Read().Next(t, "a reply")
	kept.Find(t, "the 500th event", func(k prototest.Kept) bool { return k.Number == 500 })

	online := cloud.Online.Tail()
	m.end() // as by a power cut
	b.outbox.add(100, 400)
	m.start(t)
	online.Next(t, "the cloud back")
	pos, _ = keeper.Change(people[len(people)-1:], nil)
	acks.Find(t, "an ack after the restart", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos })
	for n := uint64(501); n <= 600; n++ {
		if k := kept.Next(t, "an event"); k.Number != n {
			t.Fatalf("event %d, want %d", k.Number, n)
		}
	}
	stop()
	if bad := append(cloud.Refused.All(), keeper.Bad.All()...); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestMosquittoShowsAGatewayItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	m := newMosquitto(t)
	key := prototest.NewSigningKey(t)
	b := newBox(t, prototest.NewGateway(t, "gw1"), m.url(), key, secure(t, m.ca, "gw1"))
	s, err := b.link.dial(t.Context(), greeting{will: []byte("{}"), receive: func(string, []byte) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(100 * time.Millisecond)
	if err := s.subscribe(t.Context(), protocol.AllDown("gw1")); err != nil {
		t.Errorf("its own branch: %v", err)
	}
	// Version 2.0 grants a filter it will deliver nothing on, so what counts is that nothing comes.
	_ = s.subscribe(t.Context(), protocol.AllDown("gw2"))
	heard := make(chan string, 1)
	eaves := newBox(t, prototest.NewGateway(t, "gw2"), m.url(), key, secure(t, m.ca, "gw2"))
	es, err := eaves.link.dial(t.Context(), greeting{will: []byte("{}"), receive: func(topic string, _ []byte) { heard <- topic }})
	if err != nil {
		t.Fatal(err)
	}
	defer es.close(100 * time.Millisecond)
	for _, filter := range []string{protocol.AllDown("gw1"), protocol.AllUp, protocol.AllDown("gw2")} {
		_ = es.subscribe(t.Context(), filter)
	}
	cloud := prototest.NewCloud(t, m.as(t, prototest.CloudName), b.gateway, eaves.gateway)
	cloud.Publish(t, protocol.DownTopic("gw1", protocol.TypeState), []byte("for gw1"))
	cloud.Publish(t, protocol.DownTopic("gw2", protocol.TypeState), []byte("for gw2"))
	select {
	case topic := <-heard:
		if topic != protocol.DownTopic("gw2", protocol.TypeState) {
			t.Errorf("gw2 heard %s", topic)
		}
	case <-time.After(5 * time.Second):
		t.Error("gw2 hears nothing of its own")
	}
}
