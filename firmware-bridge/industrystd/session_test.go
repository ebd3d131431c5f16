package industrystd_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/firmware-bridge/industrystd"
)

// ended checks outcome and cause, and that people are told something.
func ended(t *testing.T, r industrystd.Result, outcome industrystd.Outcome, cause industrystd.Cause, words ...string) {
	t.Helper()
	if r.Outcome != outcome || r.Cause != cause {
		t.Errorf("%s (%s), want %s (%s): %s", r.Outcome, r.Cause, outcome, cause, r.Message)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			t.Errorf("%q does not say %q", r.Message, word)
		}
	}
	if (r.Outcome == industrystd.Done) != (r.Message == "") {
		t.Errorf("%s with message %q", r.Outcome, r.Message)
	}
}

// framesSent counts the frames among what was sent.
func framesSent(r industrystd.Result) int {
	n := 0
	for _, s := range r.Record.Sent() {
		if len(s) > 2 {
			n++
		}
	}
	return n
}

func TestTowardsE3_NewKey(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	answer := framed("CN|1|04A1B2C3D4E580")
	r := play(t, salto(), j, func(p *peer) {
		p.accept(frame)
		p.say(answer...)
	})
	ended(t, r, industrystd.Done, industrystd.NoCause)
	if !slices.Equal(r.Answer.Serials, []string{"04A1B2C3D4E580"}) {
		t.Errorf("serials %q", r.Answer.Serials)
	}
	sent, received := []string{"05", hexOf(frame)}, []string{"06", "06", hexOf(answer)}
	if !slices.Equal(r.Record.Sent(), sent) || !slices.Equal(r.Record.Received(), received) || r.Record.Dropped != 0 {
		t.Errorf("recorded %q and %q, want %q and %q", r.Record.Sent(), r.Record.Received(), sent, received)
	}
}

// hexOf is upper-case hex, as encoder exec prints frames.
func hexOf(b []byte) string {
	const digits = "0123456789ABCDEF"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// TestTowardsE3_EveryErrorCode answers a job with each code of both dialects.
func TestTowardsE3_EveryErrorCode(t *testing.T) {
	t.Parallel()
	for _, s := range []industrystd.Session{salto(), onity()} {
		j := industrystd.Job{Command: industrystd.Read, Encoder: "1"}
		for _, e := range s.Dialect.Errors() {
			r := play(t, s, j, func(p *peer) {
				p.accept(framed("LT|1|E"))
				p.say(framed(e.Code + "|1")...)
			})
			ended(t, r, industrystd.Refused, industrystd.Code, e.Text, e.Code, e.Remedy)
			if r.Code != e.Code || r.Answer.Error.Class != e.Class {
				t.Errorf("%s %s: %+v", s.Dialect, e.Code, r.Answer)
			}
		}
	}
}

func TestTowardsE3_NAKIsSentAgainTwiceAtMost(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	for naks, want := range []industrystd.Outcome{industrystd.Done, industrystd.Done, industrystd.Done, industrystd.Refused} {
		r := play(t, salto(), j, func(p *peer) {
			for range naks {
				p.want(0x05)
				p.say(0x06)
				p.want(frame...)
				p.say(0x15)
			}
			if naks < 3 {
				p.accept(frame)
				p.say(framed("CN|1")...)
			}
		})
		if want == industrystd.Done {
			ended(t, r, want, industrystd.NoCause)
		} else {
			ended(t, r, want, industrystd.NotTaken, "3 attempts", `room "101"`)
		}
		if got := framesSent(r); got != min(naks+1, 3) {
			t.Errorf("after %d NAK the frame went out %d times", naks, got)
		}
	}
}

func TestTowardsE3_Busy(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	for busy, want := range []industrystd.Outcome{industrystd.Done, industrystd.Done, industrystd.Done, industrystd.Refused} {
		r := play(t, salto(), j, func(p *peer) {
			for range busy {
				p.want(0x05)
				p.say(0x15)
			}
			if busy < 3 {
				p.accept(frame)
				p.say(framed("CN|1")...)
			}
		})
		if r.Outcome != want {
			t.Errorf("%d times busy: %s, %s", busy, r.Outcome, r.Message)
		}
		if want == industrystd.Refused {
			ended(t, r, want, industrystd.Busy, "busy", "try again")
			if framesSent(r) != 0 {
				t.Error("a frame went out to a busy lock system")
			}
		}
	}
}

// TestTowardsE3_BusyAfterNAK ends without a guess: every frame that went out was refused.
func TestTowardsE3_BusyAfterNAK(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	r := play(t, salto(), j, func(p *peer) {
		p.want(0x05)
		p.say(0x06)
		p.want(frame...)
		p.say(0x15)
		for range 3 {
			p.want(0x05)
			p.say(0x15)
		}
	})
	ended(t, r, industrystd.Refused, industrystd.Busy)
	if framesSent(r) != 1 {
		t.Errorf("%d frames went out", framesSent(r))
	}
}

// TestTowardsE3_UnknownIsNeverSentAgain: whatever goes wrong once the frame is out, it goes out once only.
func TestTowardsE3_UnknownIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	answer := framed("CN|1")
	wrong := append(append([]byte{}, answer[:len(answer)-1]...), answer[len(answer)-1]^1)
	for name, v := range map[string]struct {
		script func(*peer)
		cause  industrystd.Cause
	}{
		"no ACK": {func(p *peer) {
			p.want(0x05)
			p.say(0x06)
			p.want(frame...)
		}, industrystd.Silent},
		"ENQ instead of ACK":     {func(p *peer) { p.want(0x05); p.say(0x06); p.want(frame...); p.say(0x05) }, industrystd.Silent},
		"ACK, then silence":      {func(p *peer) { p.accept(frame) }, industrystd.Silent},
		"ACK, then half a frame": {func(p *peer) { p.accept(frame); p.say(answer[:5]...) }, industrystd.Silent},
		"ACK, then hang-up":      {func(p *peer) { p.accept(frame); p.hangUp() }, industrystd.HungUp},
		"hang-up in the answer":  {func(p *peer) { p.accept(frame); p.say(answer[:5]...); p.hangUp() }, industrystd.HungUp},
		"hang-up before ACK":     {func(p *peer) { p.want(0x05); p.say(0x06); p.want(frame...); p.hangUp() }, industrystd.HungUp},
		"wrong checksum":         {func(p *peer) { p.accept(frame); p.say(wrong...) }, industrystd.Garbled},
		"another encoder's answer": {func(p *peer) {
			p.accept(frame)
			p.say(framed("CN|2")...)
		}, industrystd.Silent},
		"another command's answer": {func(p *peer) {
			p.accept(frame)
			p.say(framed("LT|1|LM")...)
		}, industrystd.Silent},
		"NAK after ACK": {func(p *peer) { p.accept(frame); p.say(0x15) }, industrystd.Silent},
		"a flood of noise": {func(p *peer) {
			p.accept(frame)
			for range 80 {
				if _, err := p.conn.Write(slices.Repeat([]byte{0xFF}, 1024)); err != nil {
					return // the session has had enough
				}
			}
		}, industrystd.Noisy},
		"a flood of ACK": {func(p *peer) {
			p.accept(frame)
			for range 80 {
				if _, err := p.conn.Write(slices.Repeat([]byte{0x06}, 1024)); err != nil {
					return
				}
			}
		}, industrystd.Noisy},
		"an answer that cannot be read": {func(p *peer) { p.accept(frame); p.say([]byte("\x02\xB3CN\x03\x8E")...) }, industrystd.Garbled},
	} {
		t.Run(name, func(t *testing.T) {
			r := play(t, salto(), j, v.script)
			ended(t, r, industrystd.Unknown, v.cause, "not known", "read at the encoder")
			if framesSent(r) != 1 {
				t.Errorf("the frame went out %d times", framesSent(r))
			}
		})
	}
}

// TestTowardsE3_NothingSentIsRefused: before the frame, every trouble is a plain no.
func TestTowardsE3_NothingSentIsRefused(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	for name, v := range map[string]struct {
		script func(*peer)
		cause  industrystd.Cause
	}{
		"no answer to ENQ":  {func(p *peer) { p.want(0x05) }, industrystd.Silent},
		"hang-up at once":   {func(p *peer) { p.hangUp() }, industrystd.HungUp},
		"hang-up after ENQ": {func(p *peer) { p.want(0x05); p.hangUp() }, industrystd.HungUp},
		"never quiet": {func(p *peer) {
			for {
				if _, err := p.conn.Write([]byte{'?'}); err != nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}, industrystd.Noisy},
		"a flood": {func(p *peer) {
			for {
				if _, err := p.conn.Write(make([]byte, 256)); err != nil {
					return
				}
			}
		}, industrystd.Noisy},
	} {
		t.Run(name, func(t *testing.T) {
			r := play(t, salto(), j, v.script)
			ended(t, r, industrystd.Refused, v.cause, `new_key for room "101" at encoder "1"`, "was not done")
			if framesSent(r) != 0 {
				t.Error("a frame went out")
			}
		})
	}
}

// TestTowardsE3_NoiseAndByteByByte brings the answer to each of three disturbed lines through.
func TestTowardsE3_NoiseAndByteByByte(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	answer := framed("CN|1|04A1B2C3D4E580")
	for name, script := range map[string]func(*peer){
		"byte by byte": func(p *peer) {
			p.accept(frame)
			for _, b := range answer {
				<-time.After(1900 * time.Millisecond / 10)
				p.say(b)
			}
		},
		"noise before STX": func(p *peer) {
			p.want(0x05)
			p.say(0xFF, 'x', 0x06)
			p.want(frame...)
			p.say(0x00, 0x03, 0x02, 0x06)
			p.say(append([]byte{0x02, 0x02, 'A', 0xFF}, answer...)...)
		},
		"a frame cut off, later the whole": func(p *peer) {
			p.accept(frame)
			p.say(answer[:7]...)
			<-time.After(30 * time.Second)
			p.say(answer...)
		},
		"old bytes on the line": func(p *peer) {
			p.say(framed("CN|1|FFFFFFFFFFFFFF")...)
			p.say(0x06)
			p.accept(frame)
			p.say(answer...)
		},
		"an old answer after ENQ": func(p *peer) {
			p.want(0x05)
			p.say(append(framed("CN|1|FFFFFFFFFFFFFF"), 0x06)...)
			p.want(frame...)
			p.say(append([]byte{0x06}, answer...)...)
		},
		"the ACK is lost": func(p *peer) {
			p.want(0x05)
			p.say(0x06)
			p.want(frame...)
			p.say(answer...)
		},
		"strange frames in between": func(p *peer) {
			p.want(0x05)
			p.say(0x06)
			p.want(frame...)
			p.say(framed("LT|1|LM")...)
			p.say(0x06)
			p.say(framed("CN|2|FFFFFFFFFFFFFF")...)
			p.say(0x05)
			p.say(answer...)
		},
		"after 59 seconds": func(p *peer) {
			p.accept(frame)
			<-time.After(59 * time.Second)
			p.say(answer...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := play(t, salto(), j, script)
			ended(t, r, industrystd.Done, industrystd.NoCause)
			if !slices.Equal(r.Answer.Serials, []string{"04A1B2C3D4E580"}) || framesSent(r) != 1 {
				t.Errorf("serials %q, %d frames sent", r.Answer.Serials, framesSent(r))
			}
		})
	}
}

// TestTowardsE3_SomeOfSeveralCards: when a card fails, those before it may be made.
func TestTowardsE3_SomeOfSeveralCards(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	j.Keys = 3
	m, err := industrystd.Build(industrystd.Salto, j)
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]industrystd.Outcome{"ED": industrystd.Unknown, "NC": industrystd.Unknown, "EV": industrystd.Unknown, "TD": industrystd.Refused, "OV": industrystd.Refused} {
		r := play(t, salto(), j, func(p *peer) {
			p.accept(framed(m.String()))
			<-time.After(170 * time.Second) // three people's patience
			p.say(framed(code + "|1")...)
		})
		ended(t, r, want, industrystd.Code, code)
		if r.Code != code {
			t.Errorf("code %q, want %q", r.Code, code)
		}
	}
}

func TestTowardsE3_Status(t *testing.T) {
	t.Parallel()
	status := industrystd.Job{Command: industrystd.Status}
	r := play(t, onity(), status, func(p *peer) { p.want(0x05); p.say(0x06) })
	ended(t, r, industrystd.Done, industrystd.NoCause)
	if !slices.Equal(r.Record.Sent(), []string{"05"}) || !slices.Equal(r.Record.Received(), []string{"06"}) {
		t.Errorf("%+v", r.Record)
	}
	r = play(t, onity(), status, func(p *peer) { p.want(0x05); p.say(0x15) })
	ended(t, r, industrystd.Refused, industrystd.Busy, "busy")
	r = play(t, onity(), status, func(p *peer) { p.want(0x05) })
	ended(t, r, industrystd.Refused, industrystd.Silent, "does not answer")
	r = play(t, onity(), status, func(p *peer) { p.hangUp() })
	ended(t, r, industrystd.Refused, industrystd.HungUp, "gone")
	r = play(t, industrystd.Session{}, status, func(*peer) {})
	ended(t, r, industrystd.Refused, industrystd.Limit, "dialect")
}

// TestTowardsE3_LimitsNeverReachTheWire: the peer sees not even an ENQ.
func TestTowardsE3_LimitsNeverReachTheWire(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	j.Rooms = []string{"1234567890123456789012345"}
	r := play(t, salto(), j, func(*peer) {})
	ended(t, r, industrystd.Refused, industrystd.Limit, "25 characters", "was not sent")
	limit := &industrystd.LimitError{}
	if len(r.Record.Entries) != 0 || !errors.As(r.Err, &limit) {
		t.Errorf("%+v", r)
	}
}

func TestSession_SendingAndAccepted(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	var steps []string
	s := salto()
	s.Sending = func(f []byte) error { steps = append(steps, "sending "+hexOf(f[:2])); return nil }
	s.Accepted = func() { steps = append(steps, "accepted") }
	r := play(t, s, j, func(p *peer) {
		p.want(0x05)
		p.say(0x06)
		p.want(frame...)
		p.say(0x15)
		p.accept(frame)
		p.say(framed("CN|1")...)
	})
	ended(t, r, industrystd.Done, industrystd.NoCause)
	if !slices.Equal(steps, []string{"sending 02B3", "accepted"}) {
		t.Errorf("steps %q; want one of each, also with a NAK between", steps)
	}
	full := errors.New("the disk is full")
	s.Sending = func([]byte) error { return full }
	r = play(t, s, j, func(p *peer) { p.want(0x05); p.say(0x06) })
	ended(t, r, industrystd.Refused, industrystd.Held, "the disk is full")
	if framesSent(r) != 0 || !errors.Is(r.Err, full) {
		t.Errorf("held back, %d frames sent, %v", framesSent(r), r.Err)
	}
}

// TestSession_Cancel calls a job off at each stage; Do returns at once.
func TestSession_Cancel(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	for name, v := range map[string]struct {
		after  time.Duration
		script func(*peer)
		want   industrystd.Outcome
	}{
		"before all":           {0, func(*peer) {}, industrystd.Refused},
		"waiting for ready":    {time.Second, func(p *peer) { p.want(0x05) }, industrystd.Refused},
		"between two ENQ":      {150 * time.Millisecond, func(p *peer) { p.want(0x05); p.say(0x15) }, industrystd.Refused},
		"waiting for ACK":      {time.Second, func(p *peer) { p.want(0x05); p.say(0x06); p.want(frame...) }, industrystd.Unknown},
		"waiting for a person": {20 * time.Second, func(p *peer) { p.accept(frame) }, industrystd.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), v.after)
				defer cancel()
				began, s := time.Now(), salto()
				r := against(t, v.script, func(link industrystd.Link) industrystd.Result { return s.Do(ctx, link, j) })
				ended(t, r, v.want, industrystd.Cancelled, "called off")
				if took := time.Since(began); took != v.after {
					t.Errorf("it took %v, want %v", took, v.after)
				}
			})
		})
	}
}

// TestSession_HowLongSilenceTakes holds the waits to §1.2.
func TestSession_HowLongSilenceTakes(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	for name, v := range map[string]struct {
		script func(*peer)
		want   time.Duration
	}{
		"ENQ": {func(p *peer) { p.want(0x05) }, 50*time.Millisecond + 2*time.Second},
		"busy": {func(p *peer) {
			p.want(0x05)
			p.say(0x15)
			p.want(0x05)
			p.say(0x15)
			p.want(0x05)
			p.say(0x15)
		}, 450 * time.Millisecond},
		"frame":  {func(p *peer) { p.want(0x05); p.say(0x06); p.want(frame...) }, 50*time.Millisecond + 2*time.Second},
		"answer": {func(p *peer) { p.accept(frame) }, 50*time.Millisecond + time.Minute},
		"drip": {func(p *peer) { // a frame that never ends
			p.accept(frame)
			<-time.After(59 * time.Second)
			p.say(0x02, 0xB3)
			for {
				if _, err := p.conn.Write([]byte{'A'}); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}, 50*time.Millisecond + 69*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := salto()
				against(t, v.script, func(link industrystd.Link) industrystd.Result {
					began := time.Now()
					r := s.Do(t.Context(), link, j)
					if took := time.Since(began); took != v.want || r.Outcome == industrystd.Done {
						t.Errorf("it took %v, want %v; %s", took, v.want, r.Message)
					}
					return r
				})
			})
		})
	}
}

// TestSession_OddReadBack: a card whose answer makes no sense was not read; a peer's own letters do not get through raw.
func TestSession_OddReadBack(t *testing.T) {
	t.Parallel()
	j := industrystd.Job{Command: industrystd.Read, Encoder: "1"}
	r := play(t, salto(), j, func(p *peer) { p.accept(framed("LT|1|E")); p.say(framed("LT|1|101")...) })
	ended(t, r, industrystd.Unknown, industrystd.Garbled, "garbled")
	r = play(t, salto(), j, func(p *peer) { p.accept(framed("LT|1|E")); p.say(framed("EG|1|T\xFCr \x07zu")...) })
	ended(t, r, industrystd.Refused, industrystd.Code, `EG): "T?r ?zu"`)
	if r.Answer.Detail != "T?r ?zu" {
		t.Errorf("detail %q", r.Answer.Detail)
	}
}
