package industrystd

import (
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// LimitError says why a job was refused before anything was sent.
type LimitError struct {
	Field  string // what is wrong: "room 1"
	Why    string // "has 25 characters"
	Limit  string // "24 characters"
	Source string // where the limit is known from, and how well: "encoders.md §1.3 [T]"
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s %s; allowed: %s (%s)", e.Field, e.Why, e.Limit, e.Source)
}

// The limits of §1.3 [T]. SALTO's client cuts names at 24; Onity's limit is unknown and taken to be the same [U].
const (
	maxRooms    = 4
	maxName     = 24
	maxKeys     = 9
	maxText     = 256
	maxAuthCode = 64
	maxEncoder  = 999 // of Onity, ours: the reference gives only "from 1" [U]
)

var mobileChecks = []func(Dialect, Job) error{checkPhone, checkRooms, checkOneKey, checkKey, checkText, checkAuthCode}

// phoneNumber is E.164: a plus, the country, 15 digits at most.
var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// limit makes the error of a limit that encoders.md §1.3 gives.
func limit(field, limit, why string, args ...any) error {
	return &LimitError{Field: field, Why: fmt.Sprintf(why, args...), Limit: limit, Source: "encoders.md §1.3 [T]"}
}

// long refuses text of more than most characters, none at all when it is wanted.
func long(field, text string, most int) error {
	if n := utf8.RuneCountInString(text); n > most {
		return limit(field, fmt.Sprintf("%d characters", most), "has %d characters", n)
	}
	return nil
}

func checkEncoder(d Dialect, j Job) error {
	if j.Encoder == "" {
		return limit("encoder", "the name or number the lock system has for it", "is missing")
	}
	if d != Onity {
		return exact("encoder", j.Encoder)
	}
	n, err := strconv.Atoi(j.Encoder)
	if err != nil || n < 1 || n > maxEncoder || j.Encoder != strconv.Itoa(n) {
		return limit("encoder", fmt.Sprintf("a number from 1 to %d as in the lock system's list of peripherals", maxEncoder), "is %q", j.Encoder)
	}
	return nil
}

// checkCheckOutEncoder lets SALTO leave it out: no card is involved.
func checkCheckOutEncoder(d Dialect, j Job) error {
	if d == Salto && (j.Encoder == "" || j.Encoder == "0") {
		return nil
	}
	return checkEncoder(d, j)
}

func checkRooms(_ Dialect, j Job) error {
	if n := len(j.Rooms); n < 1 || n > maxRooms {
		return limit("rooms", "1 to 4 rooms on a key", "are %d", n)
	}
	return eachRoom(j.Rooms)
}

func checkOneRoom(_ Dialect, j Job) error {
	if n := len(j.Rooms); n != 1 {
		return limit("rooms", "one room at a time", "are %d", n)
	}
	return eachRoom(j.Rooms)
}

func checkStayRooms(_ Dialect, j Job) error {
	if n := len(j.Rooms); n < 1 || n > 2 {
		return limit("rooms", "the room and, when it changes, the new one", "are %d", n)
	}
	return eachRoom(j.Rooms)
}

func eachRoom(rooms []string) error {
	for i, room := range rooms {
		if err := checkRoom(fmt.Sprintf("room %d", i+1), room); err != nil {
			return err
		}
	}
	return nil
}

func checkRoom(field, room string) error {
	if room == "" {
		return limit(field, "the name the lock system has for it", "is empty")
	}
	if _, taken := cardKinds[room]; taken {
		return &LimitError{
			Field: field, Why: fmt.Sprintf("is called %q, which an encoder answers for a card without a room", room),
			Limit: "any other name", Source: "encoders.md §1.4 [I]",
		}
	}
	if err := exact(field, room); err != nil {
		return err
	}
	return long(field, room, maxName)
}

func checkKeys(_ Dialect, j Job) error {
	if j.Keys < 0 || j.Keys > maxKeys {
		return limit("keys", "1 to 9 cards in one job", "are %d", j.Keys)
	}
	return nil
}

func checkOneKey(_ Dialect, j Job) error {
	if j.Keys < 0 || j.Keys > 1 {
		return limit("keys", "one key in such a job", "are %d", j.Keys)
	}
	return nil
}

// checkKey is what every kind of key has in common.
func checkKey(d Dialect, j Job) error {
	if err := d.checkAuthorisations(j.Granted, j.Denied); err != nil {
		return err
	}
	if err := checkValidity(d, j); err != nil {
		return err
	}
	if operator, err := plainly("operator", j.Operator); err != nil {
		return err
	} else if err := long("operator", operator, maxName); err != nil {
		return err
	}
	switch j.ReturnSerials {
	case "", NoSerials, LastSerial, EverySerial:
	default:
		return limit("return_serials", "none, last or all", "is %q", string(j.ReturnSerials))
	}
	return checkTexts(d, j)
}

func checkTexts(d Dialect, j Job) error {
	if most := d.texts(); len(j.Texts) > most {
		return limit("texts", fmt.Sprintf("%d in the %s dialect", most, d), "are %d", len(j.Texts))
	}
	for i, text := range j.Texts {
		if _, err := plainly(fmt.Sprintf("text %d", i+1), text); err != nil {
			return err
		}
	}
	return nil
}

func checkValidity(d Dialect, j Job) error {
	if err := checkEnd(d, j); err != nil {
		return err
	}
	if j.Start.IsZero() {
		return nil
	}
	if !j.Start.exists() {
		return limit("start", "a date and time from 2000 to 2099", "is %v", j.Start)
	}
	if !j.Start.Before(j.End) {
		return &LimitError{Field: "end", Why: fmt.Sprintf("(%v) is not after the start (%v)", j.End, j.Start), Limit: "a key that is valid for some time", Source: "ours"}
	}
	return nil
}

// checkEnd wants an end: without one a lost key would open for ever.
func checkEnd(d Dialect, j Job) error {
	if j.End.IsZero() {
		return &LimitError{Field: "end", Why: "is missing", Limit: "every key ends", Source: "ours"}
	}
	if _, end := j.Validity(d); !j.End.exists() || !end.exists() {
		return limit("end", "a date and time from 2000 to 2099", "is %v", j.End)
	}
	return nil
}

func checkReadTrack(_ Dialect, j Job) error {
	if j.Track < 1 || j.Track > 3 {
		return limit("track", "1 to 3", "is %d", j.Track)
	}
	return nil
}

func checkWriteTrack(_ Dialect, j Job) error {
	if j.Track < 1 || j.Track > 2 {
		return limit("track", "1 or 2, which alone can be written", "is %d", j.Track)
	}
	return printable("text", j.Text)
}

func checkPhone(_ Dialect, j Job) error {
	if !phoneNumber.MatchString(j.Phone) {
		return limit("phone", "an international number such as +15550100", "cannot be read as a phone number")
	}
	return nil
}

func checkText(_ Dialect, j Job) error {
	text, err := plainly("text", j.Text)
	if err != nil {
		return err
	}
	return long("text", text, maxText)
}

func checkAuthCode(_ Dialect, j Job) error {
	if err := printable("auth_code", j.AuthCode); err != nil {
		return err
	}
	return long("auth_code", j.AuthCode, maxAuthCode)
}

func checkDoor(_ Dialect, j Job) error {
	if j.Door == "" {
		return limit("door", "the name the lock system has for it", "is missing")
	}
	return exact("door", j.Door)
}
