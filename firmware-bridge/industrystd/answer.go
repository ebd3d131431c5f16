package industrystd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNotOurs means that an answer belongs to another command or encoder.
var ErrNotOurs = errors.New("an answer to something else")

// Answer is what a frame from the lock system says about a job.
type Answer struct {
	Error *ErrorCode // the job was refused; everything below is empty but Detail
	// Detail is the peer's own text beside an error (SALTO EG).
	Detail string

	Serials []string // of the cards written, upper-case hex, in the peer's order
	Card    *Card    // Read
	Text    string   // ReadTrack
	Event   *Event   // trail jobs; nil at the trail's end
	Key     Key      // mobile blob jobs
	// Installation is the id that goes with Key, when it was asked for.
	Installation string
}

// Key is a phone's key. It opens doors, so it prints redacted.
type Key struct{ hex string }

// Reveal gives the key in hex as the lock system sent it.
func (k Key) Reveal() string { return k.hex }

func (Key) String() string { return "[redacted]" }

// GoString keeps the key out of %#v.
func (Key) GoString() string { return "[redacted]" }

// MarshalText keeps the key out of JSON.
func (Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// ParseAnswer reads the answer to j. ErrNotOurs tells a frame that belongs to something else, such as the late answer to an
// earlier job; any other error one that cannot be understood, so that the job's outcome is not known.
func ParseAnswer(d Dialect, j Job, m Message) (Answer, error) {
	if e, found := errorOf(d, j, m.Field(0)); found { // before commands: they never share a code (§1.5) [I]
		if !sameEncoder(j, m.Field(1)) {
			return Answer{}, ErrNotOurs
		}
		return Answer{Error: &e, Detail: printableOf(strings.Join(m[min(2, len(m)):], " "))}, nil
	}
	if !echoes(d, j, m.Field(0)) || !sameEncoder(j, m.Field(1)) {
		return Answer{}, ErrNotOurs
	}
	return readAnswer(d, j, m)
}

func readAnswer(d Dialect, j Job, m Message) (Answer, error) {
	switch j.Command {
	case Read:
		card, err := parseCard(d, m)
		return Answer{Card: card}, err
	case ReadTrack:
		return Answer{Text: m.Field(2)}, nil
	case NewKey, CopyKey, OneShot:
		return Answer{Serials: serials(m)}, nil
	case NewMobileBlob, CopyMobileBlob:
		return Answer{Key: Key{m.Field(2)}, Installation: m.Field(3)}, nil
	case TrailFirst, TrailNext, TrailRepeat:
		event, err := parseEvent(m)
		return Answer{Event: event}, err
	}
	return Answer{}, nil
}

func errorOf(d Dialect, j Job, code string) (ErrorCode, bool) {
	if j.trail() && code == trailError.Code {
		return trailError, true
	}
	return d.Lookup(code)
}

func (j Job) trail() bool {
	return j.Command == TrailFirst || j.Command == TrailNext || j.Command == TrailRepeat
}

// echoes says that code answers j: the command's own, with or without its count of cards (§1.3) [T].
func echoes(d Dialect, j Job, code string) bool {
	switch sent := commands[j.Command].code; {
	case j.trail():
		return code == "WF" || code == "WN" || code == "WR" || code == "WO"
	case j.Command == ReadTrack || j.Command == WriteTrack:
		return code == fmt.Sprint(sent, j.Track)
	case code == sent, (j.Command == NewKey || j.Command == CopyKey) && code == fmt.Sprint(sent, max(j.Keys, 1)):
		return true
	default:
		return d == Onity && j.Command == CopyKey && code == "CN" // its client accepts that [T]
	}
}

// sameEncoder compares who answers with who was asked; the peer may leave it out or spell it its own way.
func sameEncoder(j Job, got string) bool {
	want := j.Encoder
	switch {
	case got == "" || j.Command == ModifyStay || j.trail(): // what these answer with is unknown, or a door [U]
		return true
	case j.Phone != "" && strings.Contains(string(j.Command), "mobile"):
		return strings.TrimLeft(got, "+0") == strings.TrimLeft(j.Phone, "+0")
	case want == "" || j.Command == CheckOut && got == "0":
		return true
	}
	return strings.EqualFold(number(got), number(want))
}

// number makes 01 and 1 equal.
func number(s string) string { return strings.TrimLeft(strings.TrimSpace(s), "0") }

// serials collects the serial numbers after the encoder. How several come is unknown [U]: they are taken from one
// field each or from one field with anything but hex digits between.
func serials(m Message) []string {
	var found []string
	for _, field := range m[min(2, len(m)):] {
		for _, word := range strings.FieldsFunc(field, func(r rune) bool { return !isHex(r) }) {
			if raw, err := hex.DecodeString(word); err == nil && len(raw) >= 4 && len(raw) <= 10 { // as long as UIDs are
				found = append(found, strings.ToUpper(word))
			}
		}
	}
	return found
}

func isHex(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'F' || r >= 'a' && r <= 'f'
}

// printableOf makes text of a peer's bytes, whose code page is unknown [U].
func printableOf(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if notPrintable(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}
