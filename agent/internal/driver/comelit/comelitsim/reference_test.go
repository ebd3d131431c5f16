package comelitsim_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// spoken is a simulator on loopback that is spoken to in bytes typed from the fact sheet: neither the driver nor the
// simulator's own codec has a part in what goes out or is wanted back.
type spoken struct {
	t                   *testing.T
	panel               *comelitsim.Panel
	icona, udp, web, at string
}

func speak(t *testing.T) *spoken {
	t.Helper()
	p, err := comelitsim.New(comelitsim.Options{Units: 6, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	icona, web, control := listen(), listen(), listen()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 4)
	pages, hand := &http.Server{Handler: p.Web()}, &http.Server{Handler: p.Control()}
	go func() { ended <- p.ServeICONA(ctx, icona) }()
	go func() { ended <- p.ServeDiscovery(ctx, udp) }()
	go func() { ended <- pages.Serve(web) }()
	go func() { ended <- hand.Serve(control) }()
	t.Cleanup(func() {
		cancel()
		_, _ = pages.Close(), hand.Close()
		for range cap(ended) {
			if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}
	})
	return &spoken{t, p, icona.Addr().String(), udp.LocalAddr().String(), web.Addr().String(), control.Addr().String()}
}

// typed reads hex with blanks and bars, and text in quotes.
func typed(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "").Replace(part))
		if err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		out = append(out, b...)
	}
	return out
}

// wire is one connection to the bridge.
type wire struct {
	t  *testing.T
	nc net.Conn
}

func (s *spoken) dial() *wire {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.icona)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	return &wire{s.t, nc}
}

func (w *wire) say(s string) {
	w.t.Helper()
	if _, err := w.nc.Write(typed(w.t, s)); err != nil {
		w.t.Fatal(err)
	}
}

// hear wants exactly these bytes; ".." is any byte.
func (w *wire) hear(s string) {
	w.t.Helper()
	if got := w.next(len(strings.Fields(spread(w.t, s)))); !fits(spread(w.t, s), got) {
		w.t.Fatalf("heard  % x\nwanted %s", got, s)
	}
}

// spread writes a pattern as one pair of digits or dots a byte.
func spread(t *testing.T, s string) string {
	t.Helper()
	var out []string
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			for _, c := range []byte(part) {
				out = append(out, fmt.Sprintf("%02x", c))
			}
			continue
		}
		out = append(out, strings.Fields(strings.ReplaceAll(part, "|", " "))...)
	}
	return strings.Join(out, " ")
}

func fits(pattern string, got []byte) bool {
	want := strings.Fields(pattern)
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		if w != ".." && w != fmt.Sprintf("%02x", got[i]) {
			return false
		}
	}
	return true
}

func (w *wire) next(n int) []byte {
	w.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(w.nc, b); err != nil {
		w.t.Fatalf("%v after % x", err, b)
	}
	return b
}

// json sends a message on a handle and returns the text of the answer.
func (w *wire) json(handle, text string) string {
	w.t.Helper()
	n := len(text)
	w.say(fmt.Sprintf("00 06 %02x %02x %s 00 00", n%256, n/256, handle))
	if _, err := io.WriteString(w.nc, text); err != nil {
		w.t.Fatal(err)
	}
	h := w.next(8)
	if !fits("00 06 .. .. "+handle+" 00 00", h) {
		w.t.Fatalf("header % x", h)
	}
	return string(w.next(int(h[2]) + int(h[3])*256))
}

// login opens UAUT as grdw's page shows it and sends the token.
func (w *wire) login() {
	w.t.Helper()
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 55 41 55 54 76 5f 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 76 5f 00 00`)
	got := w.json("76 5f", `{"message":"access","user-token":"`+token+`","message-type":"request","message-id":5}`)
	for _, want := range []string{`"message":"access"`, `"message-type":"response"`, `"message-id":5`, `"response-code":200`, `"response-string":"Access Granted"`} {
		if !strings.Contains(got, want) {
			w.t.Fatalf("access answered %s", got)
		}
	}
}

// §1.2: channels are opened and closed in every way that clients do it.
func TestReferenceManagement(t *testing.T) {
	t.Parallel()
	s := speak(t)
	w := s.dial()
	// The number in front of the name is not looked at: 2, 20, 16 as older clients send it; 16 bytes with one more NUL.
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 02 00 00 00 "UCFG" 01 7d 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 01 7d 00 00`)
	w.say(`00 06 10 00 00 00 00 00 | cd ab 01 00 14 00 00 00 "INFO" 02 7d 00 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 02 7d 00 00`)
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "RTPC" 03 7d 01`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 03 7d 00 00`)
	// Another sequence is passed over: the next answer is of the close behind it.
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 02 00 07 00 00 00 "PUSH" 04 7d 00`)
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 07 00 07 00 00 00 "PUSH" 04 7d 00`)
	w.say(`00 06 0a 00 00 00 00 00 | ef 01 03 00 02 00 00 00 01 7d`)
	w.hear(`00 06 0c 00 00 00 00 00 | ef 01 04 00 04 00 00 00 01 7d 00 00`)
	// A close of four bytes is answered, too.
	w.say(`00 06 04 00 00 00 00 00 | ef 01 03 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | ef 01 04 00 04 00 00 00 .. .. 00 00`)
	// CTPP wants a login first: nothing comes of it, INFO works without.
	w.say(`00 06 1e 00 00 00 00 00 | cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 0a 00 00 00 53 42 30 30 30 30 30 36 32 00`)
	if got := w.json("02 7d", `{"message":"server-info","message-type":"request","message-id":1}`+"\n"); !strings.Contains(got, `"capabilities":["user-admin-channel"`) {
		t.Errorf("server-info: %s", got)
	}
	// JSON without a header: a close of handle 0, byte for byte.
	s.dial().jsonBare()
}

func (w *wire) jsonBare() {
	w.t.Helper()
	if _, err := io.WriteString(w.nc, `{"message":"server-info","message-type":"request","message-id":1}`); err != nil {
		w.t.Fatal(err)
	}
	w.hear(`00 06 0a 00 00 00 00 00 ef 01 03 00 02 00 00 00 00 00`)
}

// §1.3, §1.4: every message on its channel, and a second UAUT on one connection goes unanswered.
func TestReferenceMessages(t *testing.T) {
	t.Parallel()
	w := speak(t).dial()
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "UCFG" 01 7d 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 01 7d 00 00`)
	if got := w.json("01 7d", `{"message":"get-configuration","addressbooks":"all","message-type":"request","message-id":2}`); strings.Contains(got, `"response-code":200`) {
		t.Errorf("without a login: %s", got)
	}
	w.login()
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "UAUT" 77 5f 00`) // no answer
	for name, tt := range map[string]struct{ ask, want string }{
		"all":  {`"addressbooks":"all"`, `"opendoor-address-book":[{"apt-address":"SB100001","id":0`},
		"none": {`"addressbooks":"none"`, `"viper-p2p":{"http":{"duuid"`},
	} {
		got := w.json("01 7d", `{"message":"get-configuration",`+tt.ask+`,"message-type":"request","message-id":3}`)
		if !strings.Contains(got, tt.want) || !strings.Contains(got, `"apt-address":"SB000001","apt-config"`) || strings.Contains(got, "user-parameters") != (name == "all") {
			t.Errorf("%s: %s", name, got)
		}
	}
	for channel, message := range map[string]string{
		"PUSH": `"message":"push-info","apt-address":"SB000001","apt-subaddress":1,"bundle-id":"com.comelitgroup.friendhome","os-type":"ios","profile-id":"3","device-token":"00ff"`,
		"FRCG": `"message":"rcg-get-params"`,
	} {
		w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "` + channel + `" ` + fmt.Sprintf("%02x 7e 00", channel[0]))
		w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 ` + fmt.Sprintf("%02x", channel[0]) + ` 7e 00 00`)
		got := w.json(fmt.Sprintf("%02x 7e", channel[0]), `{`+message+`,"message-type":"request","message-id":121}`)
		if !strings.Contains(got, `"response-code":200`) || !strings.Contains(got, `"message-id":121`) {
			t.Errorf("%s: %s", channel, got)
		}
	}
	// Frames that share a segment, and a frame that is cut: both are read.
	w.say(`00 06 0f 00 00 00 00 00 cd ab 01 00 07 00 00 00 "CSPB" 05 7d 00 | 00 06 0f 00 00 00 00 00 cd ab 01 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 05 7d 00 00`)
	w.say(`07 00 00 00 "FACT" 06 7d 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 06 7d 00 00`)
}

// §1.5: a door opens for captured bytes, without a registration and once; an actuator for the sample's.
func TestReferenceDoor(t *testing.T) {
	t.Parallel()
	s := speak(t)
	w := s.dial()
	w.login()
	w.say(`00 06 1e 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "CTPP" 7b 5f 00 00 0a 00 00 00 "SB0000011" 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 7b 5f 00 00`)
	door := `00 06 30 00 7b 5f 00 00 | c0 18 7d 90 65 f8 00 0d 00 2d 53 42 31 30 30 30 30 31 00 00 01 00 00 00 ff ff ff ff ` +
		`53 42 30 30 30 30 30 31 31 00 53 42 31 30 30 30 30 31 00 00`
	answer := `00 06 24 00 7b 5f 00 00 | 60 18 fd 90 .. 66 00 03 00 0e 00 00 ff ff ff ff "SB100001" 00 00 "SB0000011" 00`
	ack := `00 06 20 00 7b 5f 00 00 | 00 18 fd 90 .. 66 00 00 ff ff ff ff "SB100001" 00 00 "SB0000011" 00`
	w.say(door)
	w.hear(ack)
	w.hear(answer)
	w.say(door) // the very same bytes again: a repetition
	w.hear(ack)
	w.hear(answer)
	w.say(`00 06 20 00 7b 5f 00 00 | 20 18 7d 90 66 01 00 00 ff ff ff ff "SB0000011" 00 "SB100001" 00 00`)
	// A packet without its version byte and one without a body are passed over, as §1.6 has them.
	w.say(`00 06 1e 00 7b 5f 00 00 | 00 5c 8b 2c 74 00 00 ff ff ff ff "SB0000061" 00 "SB000006" 00`)
	w.say(`00 06 20 00 7b 5f 00 00 | 00 18 45 be 8f 5c 00 04 ff ff ff ff "SB0000061" 00 "SBIO0255" 00 00`)
	w.say(`00 06 24 00 7b 5f 00 00 | c0 18 45 be 8f 5c 00 04 00 20 ff 01 ff ff ff ff "SB0000061" 00 "SBIO0255" 00 00`)
	w.hear(`00 06 20 00 7b 5f 00 00 | 00 18 c5 be .. 90 00 00 ff ff ff ff "SBIO0255" 00 00 "SB0000061" 00`)
	w.hear(`00 06 24 00 7b 5f 00 00 | 60 18 c5 be .. 90 00 03 00 0e 00 00 ff ff ff ff "SBIO0255" 00 00 "SB0000061" 00`)
	var opened []string
	for _, e := range s.panel.DoorLog() {
		if e.Granted {
			opened = append(opened, e.Door)
		}
	}
	if got := strings.Join(opened, " "); got != "SB100001/1 SBIO0255/255/1" {
		t.Errorf("doors that opened: %s", got)
	}
}

// §1.5: the sample registration is answered; a ring comes, is told again until it is acknowledged, opens in the call and
// ends with a cause. The address of slot 15 has no NUL (§4).
func TestReferenceRegisterAndRing(t *testing.T) {
	t.Parallel()
	s := speak(t)
	if _, err := s.panel.Edit("set", comelitsim.Slot{Unit: 5, Slot: 2, Enabled: true, Kind: "app", Name: "Gateway", Token: strings.Repeat("ab", 16)}); err != nil {
		t.Fatal(err)
	}
	w := s.dial()
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "UAUT" 76 5f 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 76 5f 00 00`)
	w.json("76 5f", `{"message":"access","user-token":"`+strings.Repeat("ab", 16)+`","message-type":"request","message-id":1}`)
	w.say(`00 06 1e 00 00 00 00 00 | cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 0a 00 00 00 53 42 30 30 30 30 30 36 32 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 7b 5f 00 00`)
	w.say(`00 06 34 00 7b 5f 00 00 | c0 18 5c 8b 2b 73 00 11 00 40 ac 23 "SB0000062" 00 10 0e 00 00 00 00 ff ff ff ff "SB0000062" 00 "SB000006" 00 00`)
	w.hear(`00 06 20 00 7b 5f 00 00 | 00 18 dc 8b .. 2c 00 00 ff ff ff ff "SB000006" 00 00 "SB0000062" 00`)
	w.hear(`00 06 30 00 7b 5f 00 00 | 60 18 dc 8b .. 2c 00 10 00 41 ac 23 .. .. .. .. .. .. .. .. .. .. .. .. ff ff ff ff "SB000006" 00 00 "SB0000062" 00`)
	if _, err := s.panel.Ring(5, ""); err != nil {
		t.Fatal(err)
	}
	invite := `00 06 48 00 7b 5f 00 00 | c0 18 .. .. .. .. 00 28 00 01 "SB100001" 00 00 "SB000006" 00 00 01 00 .. .. .. .. "SB100001" 00 00 "PP" ` +
		`ff ff ff ff "SB000006" 00 00 "SB0000062" 00`
	first := w.next(8 + 72)
	second := w.next(8 + 72) // nobody acknowledged: the same again
	if !fits(spread(t, invite), first) || string(first) != string(second) {
		t.Fatalf("heard % x\nthen  % x", first, second)
	}
	id := fmt.Sprintf("%02x %02x", first[10]^0x80, first[11])
	ack := fmt.Sprintf("%02x", first[12]+1)
	w.say(`00 06 20 00 7b 5f 00 00 | 00 18 ` + id + ` 01 ` + ack + ` 00 00 ff ff ff ff "SB0000062" 00 "SB000006" 00 00`)
	w.say(`00 06 30 00 7b 5f 00 00 | 40 18 ` + id + ` 02 ` + ack + ` 00 0d 00 2d "SB100001" 00 00 01 00 00 00 ff ff ff ff "SB0000062" 00 "SB100001" 00 00`)
	w.hear(`00 06 20 00 7b 5f 00 00 | 00 18 .. .. .. 03 00 00 ff ff ff ff "SB000006" 00 00 "SB0000062" 00`)
	if err := s.panel.EndRing(8); err != nil {
		t.Fatal(err)
	}
	w.hear(`00 06 24 00 7b 5f 00 00 | 40 18 .. .. .. 03 00 03 00 0e 08 00 ff ff ff ff "SB000006" 00 00 "SB0000062" 00`)
	// The button at the apartment's own door has a tag of its own.
	if err := s.panel.SetFault(comelitsim.FaultSetting{Name: comelitsim.FaultFloorCall, On: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.panel.Ring(5, ""); err != nil {
		t.Fatal(err)
	}
	w.hear(strings.ReplaceAll(invite, `"PP"`, `"FF"`))
	log := s.panel.DoorLog()
	if len(log) != 1 || !log[0].Granted || log[0].How != "call" {
		t.Errorf("door log %+v", log)
	}
}

// §2: both requests of discovery, asked of one address.
func TestReferenceDiscovery(t *testing.T) {
	t.Parallel()
	s := speak(t)
	nc, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ask := func(b string) []byte {
		if _, err := nc.Write(typed(t, b)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 512)
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	if got := ask(`"SCAN" 00 00 00 00 00 ff ff ff`); !strings.HasPrefix(string(got), "here") {
		t.Errorf("SCAN: % x", got)
	}
	got := ask(`"INFO" 00 00 00 00 00 00 00 00`)
	if len(got) < 160 || string(got[:4]) != "info" || string(got[4:14]) != "SB000001\x00\x00" || !fits("00 25 29 .. .. ..", got[14:20]) ||
		string(got[156:160]) != "Extd" || got[32] == 0 || got[116] == 0 {
		t.Errorf("INFO: %q", got)
	}
}

// pageOf is one request over a connection of its own, typed by hand.
func (s *spoken) pageOf(address, head, body string) (status string, answer string) {
	s.t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		head += fmt.Sprintf("\r\nContent-Length: %d", len(body))
	}
	if _, err := io.WriteString(nc, head+"\r\n\r\n"+body); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.Status, string(b)
}
