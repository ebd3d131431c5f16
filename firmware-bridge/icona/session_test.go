package icona_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/firmware-bridge/icona"
)

// house logs in and learns the configuration.
func house(t *testing.T, s *icona.Session) icona.Configuration {
	t.Helper()
	if err := s.Login(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	c, err := s.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a slot sees is read, what names no door is passed over, and each channel is opened once.
func TestJSON(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		srv, err := s.Server(t.Context())
		if err != nil || srv != (icona.Server{Model: "MSVF", Version: "2.1.0", Serial: "00:25?"}) {
			t.Errorf("%+v, %v", srv, err)
		}
		c := house(t, s)
		if _, err := s.Server(t.Context()); err != nil {
			t.Error(err)
		}
		var keys []string
		for _, d := range c.Doors {
			keys = append(keys, d.Key()+" "+d.Name)
		}
		want := "SB100001/1 Main entrance, SB100001/2 Bicycle?[2J room, SBIO0255/255/1 Garage"
		own, _ := c.Own()
		if strings.Join(keys, ", ") != want || own.String() != "SB0000011" || c.Description != "Unit 101" || c.User != "Gatehouse" {
			t.Errorf("%+v", c)
		}
		if d.set(func() {}); !reflect.DeepEqual(d.opened, []string{"INFO", "UAUT", "UCFG"}) {
			t.Errorf("opened %v", d.opened)
		}
		if d.asked[1]["user-token"] != token || d.asked[2]["addressbooks"] != "all" || d.asked[1]["message-type"] != "request" {
			t.Errorf("asked %v", d.asked)
		}
	})
}

// The captured opening of a door goes out, but for what the opener chooses; RELEASE with cause 0 is acknowledged and
// finished, and says that it opened.
func TestOpenDoor(t *testing.T) {
	for _, cause := range []byte{0, 8, 77} {
		bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
			c := house(t, s)
			if _, err := s.Open(t.Context(), c.Doors[0]); !errors.Is(err, icona.ErrDetached) {
				t.Fatalf("without CTPP: %v", err)
			}
			d.set(func() { d.packet = answersWith(cause) })
			if err := s.Attach(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			got, err := s.Open(t.Context(), c.Doors[0])
			if err != nil || got != cause {
				t.Fatalf("cause %d, %v", got, err)
			}
			sent := d.sent()
			want := captured(t, "open door without a call").Bytes()
			copy(want[2:6], sent[0][2:6])
			if !bytes.Equal(sent[0], want) || sent[0][2]&0x80 != 0 {
				t.Errorf("sent % x, want % x", sent[0], want)
			}
			ack := append([]byte{0, 0x18, sent[0][2], sent[0][3], sent[0][4] + 1, 0x34, 0, 0, 0xff, 0xff, 0xff, 0xff}, want[len(want)-20:]...)
			fin := bytes.Clone(ack)
			fin[0] = 0x20
			if len(sent) != 3 || !bytes.Equal(sent[1], ack) || !bytes.Equal(sent[2], fin) {
				t.Errorf("then % x, want % x and % x", sent[1:], ack, fin)
			}
		})
	}
}

// The actuator's packet is the captured one.
func TestActuator(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		if err := s.Attach(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if cause, err := s.Open(t.Context(), c.Doors[2]); err != nil || cause != 0 {
			t.Fatal(cause, err)
		}
		want := captured(t, "actuator")
		got, err := icona.ParsePacket(d.sent()[0])
		if err != nil || !bytes.Equal(got.Body, want.Body) || got.To != want.To || got.From.String() != "SB0000011" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// An opening that nobody answers is unknown, is never sent again, and ends the session.
func TestOpeningIsNeverRepeated(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		d.set(func() { d.packet = silent })
		if err := s.Attach(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		_, err := s.Open(t.Context(), c.Doors[0])
		if !errors.Is(err, icona.ErrUnanswered) || !errors.Is(err, icona.ErrSilent) || time.Since(begun) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		after(time.Hour)
		if n := len(d.sent()); n != 1 {
			t.Errorf("%d packets were sent", n)
		}
		if _, err := s.Open(t.Context(), c.Doors[0]); err == nil || errors.Is(err, icona.ErrUnanswered) {
			t.Errorf("on a session that is over: %v", err)
		}
	})
}

// Whoever gives up in the middle of an opening must take it for sent; who gives up before, or waits for a turn, sent nothing.
func TestGivingUp(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		d.set(func() { d.packet = silent })
		if err := s.Attach(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := s.Open(ctx, c.Doors[0])
			first <- err
		}()
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := s.Open(short, c.Doors[1]); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, icona.ErrUnanswered) {
			t.Errorf("who waited for a turn: %v", err)
		}
		cancel()
		if err := <-first; !errors.Is(err, icona.ErrUnanswered) || !errors.Is(err, context.Canceled) {
			t.Errorf("who sent: %v", err)
		}
		if n := len(d.sent()); n != 1 {
			t.Errorf("%d packets were sent", n)
		}
	})
}

// The registration is the captured one, is asked for again before the hour is over, and a device that repeats its answer
// gets ack and FIN with the addresses of its own packet, which may be other ones (§4).
func TestRegistration(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		if err := s.Register(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		sent := d.sent()
		k, err := icona.ParsePacket(sent[0])
		if want := captured(t, "register"); err != nil || len(k.Body) != len(want.Body) || !bytes.Equal(k.Body[14:], want.Body[14:]) ||
			k.From.String() != "SB0000011" || k.To.String() != "SB000001" || string(k.Body[4:13]) != "SB0000011" {
			t.Fatalf("registered with %+v, %v", k, err)
		}
		if len(sent) != 3 || sent[1][0] != 0 || sent[2][0] != 0x20 {
			t.Fatalf("answered with % x", sent[1:])
		}
		renewal := bytes.ReplaceAll(turned(sent[0], 0x60, 0x50, append([]byte{0, 0x41, 0x18, 0xc2}, make([]byte, 12)...)), []byte("SB000001"), []byte("SB000003"))
		for range 20 {
			after(time.Minute)
			d.send(d.ctpp(), renewal)
		}
		sent = d.sent()
		if len(sent) != 43 || sent[41][0] != 0 || sent[42][0] != 0x20 || !bytes.Contains(sent[42][12:], []byte("SB0000031\x00SB000003\x00\x00")) || sent[42][5] != 0x51 {
			t.Fatalf("%d packets, the last % x", len(sent), sent[len(sent)-1])
		}
		after(31 * time.Minute)
		again, err := icona.ParsePacket(d.sent()[43])
		if err != nil || again.Opcode() != icona.Register || again.Flags != icona.Syn || again.Connection == k.Connection {
			t.Fatalf("after 51 minutes: %+v, %v", again, err)
		}
		after(3 * time.Hour)
		if s.Err() != nil {
			t.Errorf("it ended: %v", s.Err())
		}
		n := 0
		for _, b := range d.sent() {
			if b[0] == 0xc0 {
				n++
			}
		}
		if n != 5 {
			t.Errorf("%d registrations in 3 hours and 51 minutes", n)
		}
	})
}

// A registration that is not answered is somebody else's session; one that is not renewed is lost, and that shows.
func TestRegistrationLost(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		if err := s.Register(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		d.set(func() { d.packet = silent })
		after(50*time.Minute + 11*time.Second)
		if err := s.Err(); !errors.Is(err, icona.ErrLapsed) {
			t.Errorf("after a renewal without an answer: %v", err)
		}
	})
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		d.set(func() { d.packet = silent })
		if err := s.Register(t.Context(), c); !errors.Is(err, icona.ErrSilent) {
			t.Errorf("while somebody else holds it: %v", err)
		}
	})
}

// hearing is a session that keeps what it is told.
func hearing() (icona.Options, chan icona.Event) {
	heard := make(chan icona.Event, 100)
	return icona.Options{Tell: func(e icona.Event) { heard <- e }}, heard
}

// The captured ring is acknowledged each time it comes and told once; a RELEASE ends it with its cause, and one that is
// never released ends by itself.
func TestRing(t *testing.T) {
	opt, heard := hearing()
	bubble(t, opt, func(t *testing.T, d *device, s *icona.Session) {
		if err := s.Register(t.Context(), house(t, s)); err != nil {
			t.Fatal(err)
		}
		before := len(d.sent())
		ring := captured(t, "ring").Bytes()
		for _, wait := range []int{0, 600, 600, 2200, 4100} {
			after(time.Duration(wait) * time.Millisecond)
			d.send(d.ctpp(), ring)
		}
		acks := d.sent()[before:]
		if len(acks) != 5 || !bytes.Equal(acks[4], unhex(t, "00 18 d4 bd aa b9 00 00 ff ff ff ff 53 42 30 30 30 30 30 31 31 00 53 42 30 30 30 30 30 31 00 00")) {
			t.Fatalf("acknowledged with % x", acks)
		}
		end := bytes.Clone(ring[:8])
		end[0], end[4], end[7] = 0x40, ring[4]+1, 3
		d.send(d.ctpp(), append(append(end, 0, 0x0e, 5, 0, 0xff, 0xff, 0xff, 0xff), ring[len(ring)-20:]...))
		if acks := d.sent()[before:]; len(acks) != 7 || acks[5][0] != 0 || acks[6][0] != 0x20 || acks[6][5] != ring[4]+2 {
			t.Errorf("its end is answered with % x", acks[5:])
		}
		first, last := <-heard, <-heard
		if first.Ended || first.Call != 0x1db24a64 || first.Origin.String() != "SB100001" || !last.Ended || last.Cause != 5 || last.Call != first.Call || len(heard) > 0 {
			t.Errorf("heard %+v and %+v, and %d more", first, last, len(heard))
		}
		binary.BigEndian.PutUint32(ring[32:], 7) // another call
		d.send(d.ctpp(), ring)
		after(2*time.Minute + time.Second)
		if first, last := <-heard, <-heard; first.Call != 7 || !last.Ended || last.Cause != -1 {
			t.Errorf("heard %+v and %+v", first, last)
		}
	})
}

// A flood of rings, media channels and packets that are none neither blocks nor grows; what rang ends with the session.
func TestRingsAreBounded(t *testing.T) {
	opt, heard := hearing()
	bubble(t, opt, func(t *testing.T, d *device, s *icona.Session) {
		if err := s.Register(t.Context(), house(t, s)); err != nil {
			t.Fatal(err)
		}
		ring := captured(t, "ring").Bytes()
		for i := range 50 {
			binary.BigEndian.PutUint16(ring[2:], uint16(i))
			binary.BigEndian.PutUint32(ring[32:], uint32(i))
			d.send(d.ctpp(), ring)
			d.send(0, []byte("\xcd\xab\x01\x00\x07\x00\x00\x00RTPC\x01\x50\x01"))
			d.send(d.ctpp(), ring[:30])
			d.send(0x4242, []byte("{}"))
			d.send(0, []byte("nonsense"))
		}
		if cause, err := s.Open(t.Context(), house(t, s).Doors[0]); err != nil || cause != 0 {
			t.Errorf("a door meanwhile: %d, %v", cause, err)
		}
		s.Close()
		if len(heard) != 16 {
			t.Errorf("%d told of 8 rings and their ends", len(heard))
		}
	})
}

// What no answer can be ends the session at once or is passed over; nothing of it is shown, since it may hold a token.
func TestHostileAnswers(t *testing.T) {
	long := strings.Repeat("[", 60000)
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"cut short":       {`{"message":"access","message-type":"resp`, icona.ErrAnswer},
		"wrong types":     {`{"message":7,"message-type":1,"message-id":"7","response-code":"200"}`, icona.ErrAnswer},
		"not JSON":        {"\x00\x01\x02", icona.ErrAnswer},
		"deep":            {long, icona.ErrAnswer},
		"another id":      {`{"message":"access","message-type":"response","message-id":4711,"response-code":200}`, icona.ErrSilent},
		"another message": {`{"message":"reboot","message-type":"response","message-id":%ID%,"response-code":200}`, icona.ErrSilent},
		"a notification":  {`{"message":"access","message-type":"notification","message-id":%ID%,"notification-code":200}`, icona.ErrSilent},
		"silence":         {"", icona.ErrSilent},
		"refused":         {`{"message":"access","message-type":"response","message-id":%ID%,"response-code":401,"response-string":"` + token + `"}` + "\n\x00", icona.Refusal{Code: 401}},
		"no code":         {`{"message":"access","message-type":"response","message-id":%ID%}`, icona.Refusal{}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
				d.set(func() { d.json["access"] = tt.text })
				begun := time.Now()
				err := s.Login(t.Context(), token)
				if !errors.Is(err, tt.want) {
					t.Fatalf("%v, want %v", err, tt.want)
				}
				if strings.Contains(err.Error(), token[:6]) {
					t.Errorf("it shows %v", err)
				}
				if took := time.Since(begun); errors.Is(err, icona.ErrSilent) != (took == 30*time.Second) {
					t.Errorf("after %s", took)
				}
				if refused := errors.As(tt.want, new(icona.Refusal)); refused == (s.Err() != nil) {
					t.Errorf("the session: %v", s.Err())
				}
			})
		})
	}
}

// Bytes that are no frame, a frame that is cut off, a closed channel and a channel that does not open end the session.
func TestHostileStreams(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes string
		want  error
	}{
		"bad magic":         {"00 07 02 00 00 00 00 00 7b 7d", icona.ErrFrame},
		"huge length":       {"00 06 ff ff 74 74 00 00 7b", icona.ErrSilent},
		"close of handle 0": {"00 06 0a 00 00 00 00 00 ef 01 03 00 02 00 00 00 00 00", icona.ErrClosed},
		"close of four":     {"00 06 04 00 00 00 00 00 ef 01 03 00", icona.ErrClosed},
		"half an ack":       {"00 06 0c 00 00 00 00 00 cd ab 02", icona.ErrSilent},
		"an ack of another": {"00 06 0c 00 00 00 00 00 cd ab 02 00 04 00 00 00 76 5f 00 00", icona.ErrSilent},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
				d.set(func() { d.deaf["UAUT"] = true })
				go func() {
					synctest.Wait()
					d.conn.Write(unhex(t, tt.bytes)) //nolint:errcheck // the session may hang up in the middle
				}()
				if err := s.Login(t.Context(), token); !errors.Is(err, tt.want) || !errors.Is(s.Err(), tt.want) {
					t.Errorf("%v, %v; want %v", err, s.Err(), tt.want)
				}
			})
		})
	}
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		c := house(t, s)
		d.conn.Close()
		<-s.Done()
		if err := s.Register(t.Context(), c); !errors.Is(err, io.EOF) || errors.Is(err, icona.ErrUnanswered) {
			t.Errorf("after the device hung up: %v", err)
		}
	})
}

// A code becomes a token; what is none is not taken for one.
func TestRedeem(t *testing.T) {
	for text, want := range map[string]error{
		ok("user-activation", `"user-token":"`+token+`"`):                nil,
		ok("user-activation", `"user-token":""`):                         icona.ErrAnswer,
		ok("user-activation", `"user-token":7`):                          icona.ErrAnswer,
		ok("user-activation", `"user-token":"`+token[:31]+`\n"`):         icona.ErrAnswer,
		ok("user-activation", `"user-token":"`+zeros+`"`):                icona.ErrAnswer,
		strings.Replace(ok("user-activation", `"x":1`), "200", "403", 1): icona.Refusal{Code: 403},
	} {
		bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
			d.set(func() { d.json["user-activation"] = text })
			got, err := s.Redeem(t.Context(), "A1B2C3", "Gatehouse")
			if !errors.Is(err, want) || (got == token) != (want == nil) {
				t.Errorf("%s: %q, %v", text, got, err)
			}
			if in := d.asked[0]; in["activation-code"] != "A1B2C3" || in["description"] != "Gatehouse" {
				t.Errorf("asked %v", in)
			}
		})
	}
}

const zeros = "00000000000000000000000000000000"

// A session that is closed says so on CTPP, and ends every call.
func TestClose(t *testing.T) {
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		if err := s.Register(t.Context(), house(t, s)); err != nil {
			t.Fatal(err)
		}
		h := d.ctpp()
		s.Close()
		<-d.ended
		want := binary.LittleEndian.AppendUint16(unhex(t, "ef 01 03 00 02 00 00 00"), h)
		if len(d.closes) != 1 || !bytes.Equal(d.closes[0], want) {
			t.Errorf("closed with % x", d.closes)
		}
		if err := s.Login(t.Context(), token); !errors.Is(err, icona.ErrEnded) {
			t.Errorf("afterwards: %v", err)
		}
	})
	bubble(t, icona.Options{}, func(t *testing.T, d *device, s *icona.Session) {
		d.set(func() { d.json["access"] = "" })
		failed := make(chan error, 1)
		go func() { failed <- s.Login(t.Context(), token) }()
		synctest.Wait()
		s.Close()
		if err := <-failed; !errors.Is(err, icona.ErrEnded) {
			t.Errorf("who was waiting: %v", err)
		}
	})
}
