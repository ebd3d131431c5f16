package fias

import (
	"fmt"
	"strconv"
	"time"

	"gatehouse/firmware-bridge/ascii"
)

// KeyType is KT. Letters for one-shot keys and reading are unknown [U].
type KeyType string

// The key types (§2) [T].
const (
	New       KeyType = "N" // earlier keys of the room become worthless
	Duplicate KeyType = "D"
)

// TimeStyle is how DT is written; sources differ [T], so it is a setting.
type TimeStyle string

// The styles.
const (
	WithColon TimeStyle = "15:04"  // 11:00
	Digits    TimeStyle = "150405" // 110000
)

// KeyRequest asks for a key (KR), or with Delete for its end (KD). Times are the property's local wall clock.
type KeyRequest struct {
	Workstation string // WS
	Coder       string // KC, the encoder's number
	Type        KeyType
	Keys        int // K#; 0 means 1
	Room        string
	Reservation string // G#; the lock system cancels and answers by it
	Guest       string // GN, transliterated; may be empty
	Arrival     time.Time
	Departure   time.Time
	Options     string // KO, the lock system's own
}

// Build makes the KR record with the fields the lock system wants, or says in words why not, before anything is sent.
func (k KeyRequest) Build(p *Partner, style TimeStyle, now time.Time) (Record, error) {
	guest, bad := ascii.Spell(k.Guest)
	switch {
	case bad != 0:
		return Record{}, fmt.Errorf("the guest's name holds %q, which has no ASCII spelling to send", bad)
	case k.Room == "" || k.Coder == "":
		return Record{}, fmt.Errorf("a key request needs a room and an encoder; it has room %q and encoder %q", k.Room, k.Coder)
	case k.Type != New && k.Type != Duplicate:
		return Record{}, fmt.Errorf("key type %q: only N (new) and D (duplicate) are known", k.Type)
	case k.Keys < 0 || k.Keys > 9:
		return Record{}, fmt.Errorf("%d keys in one request: allowed are 1 to 9", k.Keys)
	case k.Departure.IsZero() || !k.Arrival.Before(k.Departure):
		return Record{}, fmt.Errorf("the departure must be after the arrival")
	case style != WithColon && style != Digits:
		return Record{}, fmt.Errorf("time style %q: want %q or %q", style, WithColon, Digits)
	}
	needed := []string{"KC", "KT", "RN", "GD"}
	if k.Keys > 1 {
		needed = append(needed, "K#")
	}
	r, err := p.only(Record{ID: "KR", Fields: k.fields(guest, style, now)}, needed...)
	if err != nil {
		return Record{}, err
	}
	_, err = Encode(r)
	return r, err
}

func (k KeyRequest) fields(guest string, style TimeStyle, now time.Time) []Field {
	all := []Field{{"WS", k.Workstation}, {"KC", k.Coder}, {"KT", string(k.Type)}, {"K#", strconv.Itoa(max(k.Keys, 1))}, {"RN", k.Room}, {"G#", k.Reservation}}
	all = append(all, Field{"GN", guest}, Field{"GA", day(k.Arrival)}, Field{"GD", day(k.Departure)}, Field{"DT", k.Departure.Format(string(style))}, Field{"KO", k.Options})
	return append(all, stamp(now)...)
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("060102")
}

// BuildDelete makes the KD record: all keys of the reservation or room end, none alone (§7) [V].
func (k KeyRequest) BuildDelete(p *Partner, now time.Time) (Record, error) {
	if k.Room == "" {
		return Record{}, fmt.Errorf("ending keys needs a room")
	}
	fields := append([]Field{{"KC", k.Coder}, {"RN", k.Room}, {"G#", k.Reservation}, {"WS", k.Workstation}}, stamp(now)...)
	r, err := p.only(Record{ID: "KD", Fields: fields}, "RN")
	if err != nil {
		return Record{}, err
	}
	_, err = Encode(r)
	return r, err
}

// Departure reads DT in either style (§2) [T].
func Departure(value string) (hour, minute int, err error) {
	for _, style := range []TimeStyle{WithColon, Digits} {
		if t, err := time.Parse(string(style), value); err == nil {
			return t.Hour(), t.Minute(), nil
		}
	}
	return 0, 0, fmt.Errorf("departure time %q: want 11:00 or 110000", value)
}
