package icona_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"gatehouse/firmware-bridge/icona"
)

// FuzzReadFrame: every stream ends, what is read is what stood there, and nothing is longer than a frame may be.
func FuzzReadFrame(f *testing.F) {
	for _, v := range manageVectors(f) {
		f.Add(unhex(f, v.Frame))
	}
	f.Add(append((icona.Frame{Handle: 1}).Bytes(), (icona.Frame{Handle: 2, Body: []byte("{}")}).Bytes()...))
	f.Add([]byte("\x00\x06\xff\xff\x00\x00\x00\x00short"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r, n := bytes.NewReader(stream), 0
		for {
			frame, err := icona.ReadFrame(r)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, icona.ErrFrame) {
					t.Fatalf("an error of another kind: %v", err)
				}
				return
			}
			b := frame.Bytes()
			if !bytes.Equal(b, stream[n:n+len(b)]) {
				t.Fatalf("% x was read of % x", b, stream[n:])
			}
			n += len(b)
		}
	})
}

// FuzzParseManage: what is read says the same when it is written and read again.
func FuzzParseManage(f *testing.F) {
	for _, v := range manageVectors(f) {
		f.Add(unhex(f, v.Frame)[8:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := icona.ParseManage(body)
		if err != nil {
			if m != (icona.Manage{}) {
				t.Fatalf("%v and %+v", err, m)
			}
			return
		}
		if len(m.Argument) > 10 {
			m.Argument = "" // longer than an address: never written by us
		}
		if back, err := icona.ParseManage(m.Bytes()); err != nil || back != m {
			t.Fatalf("%+v comes back as %+v, %v", m, back, err)
		}
	})
}

// FuzzParsePacket: what is read is written again byte for byte, and its answer is a packet.
func FuzzParsePacket(f *testing.F) {
	good, refused := packetVectors(f)
	for _, v := range append(good, refused...) {
		f.Add(unhex(f, v.Packet))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := icona.ParsePacket(b)
		if err != nil {
			return
		}
		if !bytes.Equal(k.Bytes(), b) {
			t.Fatalf("% x is written % x", b, k.Bytes())
		}
		if _, ok := k.Cause(); ok && k.Opcode() != icona.Release {
			t.Fatal("a cause without a RELEASE")
		}
		if r, err := icona.ParseRing(k.Body); err == nil && (!r.Origin.Valid() || !r.Unit.Valid()) {
			t.Fatalf("%+v", r)
		}
		if _, err := icona.ParsePacket(k.Reply(icona.Ack).Bytes()); err != nil {
			t.Fatalf("the answer to % x is no packet", b)
		}
	})
}

// FuzzParseInfo: texts are fit to be shown.
func FuzzParseInfo(f *testing.F) {
	_, b := infoAnswer(f)
	f.Add(b)
	f.Add(b[:150])
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := icona.ParseInfo(b)
		for _, s := range []string{d.Address, d.Firmware, d.Description, d.Model} {
			if !shown(s) || err != nil && s != "" {
				t.Fatalf("%q, %v", s, err)
			}
		}
	})
}

// FuzzParseConfiguration: whatever a device answers, what is taken from it can be asked of it, shown, and is bounded.
func FuzzParseConfiguration(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(houseJSON, "%ID%", "1")))
	f.Add([]byte(`{"vip":{"apt-address":"SB000001","apt-subaddress":15,"user-parameters":{"actuator-address-book":[{"apt-address":"SBIO0255","module-index":-1,"output-index":1}]}}}`))
	f.Add([]byte(`{"vip":{"apt-address":7}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := icona.ParseConfiguration(body)
		if err != nil {
			if !errors.Is(err, icona.ErrAnswer) || len(c.Doors) > 0 {
				t.Fatalf("%v with %+v", err, c)
			}
			return
		}
		if _, ok := c.Own(); !ok || len(c.Doors) > 256 || !json.Valid(bytes.TrimRight(body, "\x00\r\n ")) {
			t.Fatalf("%+v", c)
		}
		for _, d := range c.Doors {
			if !shown(d.Name) || !d.Address.Valid() || d.Module > 255 {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// shown says whether a text can be put on a terminal.
func shown(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return len([]rune(s)) <= 64
}

// FuzzSession: whatever a device says while a door is opened, the opening goes out once, an answer is one only with a
// RELEASE on its connection, and the session ends when it is told to.
func FuzzSession(f *testing.F) {
	good, _ := packetVectors(f)
	for _, v := range good {
		f.Add((icona.Frame{Handle: 0x7476, Body: unhex(f, v.Packet)}).Bytes())
	}
	for _, v := range manageVectors(f) {
		f.Add(unhex(f, v.Frame))
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		bubble(t, icona.Options{Tell: func(icona.Event) {}}, func(t *testing.T, d *device, s *icona.Session) {
			d.set(func() { d.packet = silent })
			c := house(t, s)
			if err := s.Attach(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			go d.conn.Write(stream) //nolint:errcheck // the session may hang up in the middle
			cause, err := s.Open(t.Context(), c.Doors[0])
			opened := 0
			for _, b := range d.sent() {
				if b[0] == 0xc0 {
					opened++
				}
			}
			if opened > 1 || err == nil || cause != 0 {
				t.Fatalf("opened %d times, cause %d, %v", opened, cause, err)
			}
		})
	})
}
