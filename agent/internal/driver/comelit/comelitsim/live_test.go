package comelitsim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// live is a panel on loopback, for what pipes cannot show: resets, datagrams, the end of everything.
type live struct {
	panel          *comelitsim.Panel
	tcp, udp, page string
	stop           func() error
}

// goLive starts a panel and sees to it that no goroutine outlives it.
func goLive(t *testing.T) live {
	t.Helper()
	before := goleak.IgnoreCurrent()
	p, err := comelitsim.New(standard())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- p.ServeICONA(ctx, l) }()
	go func() { ended <- p.ServeDiscovery(ctx, pc) }()
	web := httptest.NewServer(p.Web())
	stop := sync.OnceValue(func() error {
		cancel()
		web.Close()
		return errors.Join(<-ended, <-ended)
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return live{p, l.Addr().String(), pc.LocalAddr().String(), web.URL, stop}
}

func (v live) dial(t *testing.T) *client {
	t.Helper()
	nc, err := net.Dial("tcp", v.tcp)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, nc: nc, got: make(chan frame, 100), next: 0x1f40}
	t.Cleanup(func() { nc.Close() })
	return c
}

func TestOverTCP(t *testing.T) {
	v := goLive(t)
	c := v.dial(t)
	go c.read()
	c.login(token)
	h := c.open("CTPP", own)
	c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
	c.released(h, 0)
	if err := v.stop(); err != nil {
		t.Error(err)
	}
	c.gone()
}

// A reset is a reset: the caller sees it as such and not as an end.
func TestAResetInTheMiddleOfAFrameIsAReset(t *testing.T) {
	v := goLive(t)
	c := v.dial(t)
	if err := v.panel.SetFault(comelitsim.FaultSetting{Name: comelitsim.FaultResetFrame, On: true}); err != nil {
		t.Fatal(err)
	}
	c.send(0, openBody("INFO", 1, ""))
	b, err := io.ReadAll(c.nc)
	if !errors.Is(err, syscall.ECONNRESET) || len(b) > 10 {
		t.Errorf("%v after % x", err, b)
	}
}

func TestWebOverTCP(t *testing.T) {
	v := goLive(t)
	get := func(path string) (string, error) {
		resp, err := http.Get(v.page + path)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return string(b), err
	}
	if b, err := get("/users.html"); err != nil || b != "LOGIN_IS_REQUIRED" {
		t.Errorf("%s, %v", b, err)
	}
	set := func(name string) {
		if err := v.panel.SetFault(comelitsim.FaultSetting{Name: name, On: true, Times: 1}); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.Post(v.page+"/do-login.html", "application/x-www-form-urlencoded", strings.NewReader("l-pwd=comelit"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	set(comelitsim.FaultEndless)
	if b, err := get("/users.html"); err != nil || len(b) != 1<<20 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	set(comelitsim.FaultDropBefore)
	if resp, err := http.Post(v.page+"/create-backup.html", "", nil); err == nil {
		resp.Body.Close()
		t.Error("an answer")
	}
	if resp, err = http.Post(v.page+"/create-backup.html", "", nil); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	page, err := get("/config-backup.html")
	if err != nil {
		t.Fatal(err)
	}
	name := page[strings.Index(page, "href='")+6 : strings.Index(page, ".tar.gz'")]
	set(comelitsim.FaultResetBackup)
	if b, err := get("/" + name + ".tar.gz"); err == nil {
		t.Errorf("%d bytes and no error", len(b))
	}
}

type discoveryVectors struct {
	Info, Scan, Here string
	AnswerLength     int
	Fields           []struct {
		Name, Text, Hex string
		From, To        int
	}
}

func TestDiscoveryIsUnicastAndAsDocumented(t *testing.T) {
	var want discoveryVectors
	data(t, "discovery.json", &want)
	v := goLive(t)
	nc, err := net.Dial("udp", v.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ask := func(b []byte) []byte {
		t.Helper()
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // shows in the read
		out := make([]byte, 500)
		n, err := nc.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		return out[:n]
	}
	// What is no request is not answered: the next answer is to the next request.
	for _, bad := range [][]byte{[]byte("INFO"), []byte("INFO\x00\x00\x00\x00\x00\x00\x00\x01"), {}, bytes.Repeat([]byte("x"), 60)} {
		if _, err := nc.Write(bad); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(bytesOf(t, want.Scan)); !bytes.Equal(got, bytesOf(t, want.Here)) {
		t.Errorf("SCAN: % x", got)
	}
	got := ask(bytesOf(t, want.Info))
	if len(got) != want.AnswerLength {
		t.Fatalf("%d bytes", len(got))
	}
	for _, f := range want.Fields {
		text := []byte(f.Text)
		if f.Hex != "" {
			text = bytesOf(t, f.Hex)
		}
		if part := bytes.TrimRight(got[f.From:f.To], "\x00"); f.Hex == "" && !bytes.Equal(part, text) || !bytes.HasPrefix(got[f.From:f.To], text) {
			t.Errorf("%s is % x", f.Name, got[f.From:f.To])
		}
	}
	for _, s := range []comelitsim.FaultSetting{{Name: comelitsim.FaultUDPMute, On: true, Times: 1}, {Name: comelitsim.FaultUDPShort, On: true, Times: 1}} {
		if err := v.panel.SetFault(s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nc.Write(bytesOf(t, want.Info)); err != nil { // mute
		t.Fatal(err)
	}
	if got := ask(bytesOf(t, want.Info)); len(got) != 100 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestAListenerThatFailsEndsTheService(t *testing.T) {
	p, err := comelitsim.New(standard())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := p.ServeICONA(t.Context(), l); err == nil {
		t.Error("no error")
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = pc.Close()
	if err := p.ServeDiscovery(t.Context(), pc); err == nil {
		t.Error("no error")
	}
}

// Everything at once; the race detector is the judge, and the counts must come out whole.
func TestAPanelIsSafeForConcurrentUse(t *testing.T) {
	v := goLive(t)
	const workers, rounds = 4, 15
	var all sync.WaitGroup
	for range workers {
		c := v.dial(t)
		go c.read()
		c.login(token)
		h := c.open("CTPP", own)
		all.Go(func() {
			for id := range uint16(rounds) {
				c.send(h, doorPacket(id, own, "SB100001", 1).bytes())
				<-c.got
				<-c.got
				v.panel.Users(true)
				v.panel.Present(comelitsim.Credential{PIN: "1"})
				v.panel.Stats()
			}
		})
	}
	all.Wait()
	if n := len(v.panel.DoorLog()); n != 2*workers*rounds {
		t.Errorf("%d lines", n)
	}
}
