package industrystd_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/firmware-bridge/industrystd"
)

// FuzzDecode: whatever decodes is made of the same bytes when it is encoded again, but for an unchecked checksum.
func FuzzDecode(f *testing.F) {
	var all []frameVector
	vectors(f, "frames.json", &all)
	for _, v := range all {
		f.Add(unhex(f, v.Frame))
	}
	f.Add([]byte("\x02\xB3\xB3\x03\xB0"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
			m, err := industrystd.Decode(d, frame)
			if err != nil {
				if !errors.Is(err, industrystd.ErrShape) && !errors.Is(err, industrystd.ErrLRC) {
					t.Fatalf("an error of another kind: %v", err)
				}
				continue
			}
			again := framedBytes(m)
			if n := len(frame) - 1; string(again[:n]) != string(frame[:n]) || again[n] != frame[n] && frame[n] != 0x0D {
				t.Fatalf("% X decodes to %q", frame, m)
			}
		}
	})
}

// framedBytes is framed for fields of any bytes.
func framedBytes(m industrystd.Message) []byte {
	body := []byte("\xB3" + strings.Join(m, "\xB3") + "\xB3\x03")
	lrc := byte(0)
	for _, b := range body {
		lrc ^= b
	}
	return append(append([]byte{2}, body...), lrc)
}

// FuzzReceiver: every byte of a stream ends in exactly one place, and what is held stays bounded.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte("\x06\xFF\x02\x02\xB3CN\xB31\xB3\x03\x02\x15"))
	f.Add(append(framed("CN|1"), framed("OV|1")...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		units, rx := receive(stream)
		total := 0
		for _, u := range units {
			total += len(u)
			if u.IsFrame() && (u[0] != 0x02 || u[1] != 0xB3 || u[len(u)-2] != 0x03 || len(u) > industrystd.MaxFrame) {
				t.Fatalf("unit % X", u)
			}
		}
		rx.Abandon()
		if total+rx.Dropped() != len(stream) {
			t.Fatalf("%d bytes came, %d are in units, %d dropped", len(stream), total, rx.Dropped())
		}
	})
}

// FuzzParseAnswer: no answer, however odd, is an answer and an error at once.
func FuzzParseAnswer(f *testing.F) {
	var all []answerVector
	vectors(f, "answers.json", &all)
	for i, v := range all {
		f.Add(v.Fields, byte(i))
	}
	commands := append(industrystd.Salto.Commands(), industrystd.Eject)
	f.Fuzz(func(t *testing.T, fields string, pick byte) {
		j := industrystd.Job{Command: commands[int(pick)%len(commands)], Encoder: "1", Keys: int(pick) % 10, Track: 1, Door: "Entrance"}
		for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
			a, err := industrystd.ParseAnswer(d, j, strings.Split(fields, "|"))
			if err == nil && a.Error != nil && (a.Card != nil || a.Event != nil || len(a.Serials) > 0) {
				t.Fatalf("%+v", a)
			}
		}
	})
}

// tape is a Link whose peer has said everything beforehand: a chunk for each thing we send, then silence.
type tape struct {
	chunks  [][]byte
	waiting []byte
}

func (l *tape) Read(_ context.Context, p []byte) (int, error) {
	if len(l.waiting) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, l.waiting)
	l.waiting = l.waiting[n:]
	return n, nil
}

func (l *tape) Write(context.Context, []byte) error {
	if len(l.chunks) > 0 {
		l.waiting = append(l.waiting, l.chunks[0]...)
		l.chunks = l.chunks[1:]
	}
	return nil
}

// FuzzSession: whatever a peer says, the frame goes out again only after a NAK, three times at most, and done needs a good answer.
func FuzzSession(f *testing.F) {
	good := framed("CN|1|04A1B2C3D4E580")
	f.Add([]byte("\x06"), []byte("\x06"+string(good)), []byte(""), []byte(""))
	f.Add([]byte("\x06"), []byte("\x15"), []byte("\x06"), []byte("\x06"+string(good)))
	f.Add([]byte("\x15"), []byte("\x15"), []byte("\x06"), []byte("\x06\xFF\x02"+string(framed("OV|1"))))
	f.Add([]byte("\xFF\x02\x06"), []byte("\x06\x02\xB3"+string(good[:5])), []byte(""), []byte(""))
	j, frame := newKey(f)
	f.Fuzz(func(t *testing.T, a, b, c, d []byte) {
		s := industrystd.Session{Dialect: industrystd.Salto, Timing: industrystd.Timing{Poll: time.Nanosecond}}
		r := s.Do(t.Context(), &tape{chunks: [][]byte{a, b, c, d}}, j)
		checkSession(t, r, frame)
	})
}

func checkSession(t *testing.T, r industrystd.Result, frame []byte) {
	t.Helper()
	frames, nak := 0, true
	for _, e := range r.Record.Entries {
		switch {
		case e.Sent && len(e.Bytes) > 1:
			if !nak || string(e.Bytes) != string(frame) {
				t.Fatalf("the frame went out again unasked: %+v", r)
			}
			frames, nak = frames+1, false
		case !e.Sent && len(e.Bytes) == 1 && e.Bytes[0] == 0x15:
			nak = true
		}
	}
	answered := slices.ContainsFunc(r.Record.Entries, func(e industrystd.Entry) bool {
		m, err := industrystd.Decode(industrystd.Salto, e.Bytes)
		return !e.Sent && err == nil && len(m) > 0
	})
	switch {
	case frames > 3:
		t.Fatalf("the frame went out %d times", frames)
	case r.Outcome == industrystd.Done && (frames == 0 || !answered || r.Message != ""):
		t.Fatalf("done without an answer: %+v", r)
	case r.Outcome != industrystd.Done && r.Message == "":
		t.Fatalf("no words: %+v", r)
	case r.Outcome == industrystd.Unknown && frames == 0:
		t.Fatalf("unknown, and nothing was sent: %+v", r)
	}
}
