package pms

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a civil date of the property: a day on its calendar, in no time zone. The zero Date
// means absent. In JSON it is "YYYY-MM-DD"; an absent one is left out (omitzero).
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// NewDate checks that the day exists on the calendar.
func NewDate(year int, month time.Month, day int) (Date, error) {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if year < 1 || year > 9999 || t.Year() != year || t.Month() != month || t.Day() != day {
		return Date{}, fmt.Errorf("there is no day %04d-%02d-%02d", year, int(month), day)
	}
	return Date{Year: year, Month: month, Day: day}, nil
}

// IsZero reports whether the date is absent.
func (d Date) IsZero() bool { return d == Date{} }

// Before reports whether d is an earlier day than o; false when either is absent.
func (d Date) Before(o Date) bool {
	return !d.IsZero() && !o.IsZero() && d.ordinal() < o.ordinal()
}

func (d Date) ordinal() int { return d.Year*10000 + int(d.Month)*100 + d.Day }

// String is YYYY-MM-DD, or "" when absent.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalJSON writes "YYYY-MM-DD", or "" when absent and not left out.
func (d Date) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what MarshalJSON writes; null and "" are absent.
func (d *Date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("date: %w", err)
	}
	got, _, err := ReadDate(s)
	if err == nil {
		*d = got
	}
	return err
}

// DateForm is how a date was written.
type DateForm int

// The forms. NoDate is a blank; dates of both other forms may turn out to be sentinels.
const (
	NoDate  DateForm = iota
	ISODate          // YYYY-MM-DD, with or without a time after it
	USDate           // M/D/YYYY, with or without a time after it
)

// String names the form as the documentation does.
func (f DateForm) String() string {
	return [...]string{"blank", "YYYY-MM-DD", "M/D/YYYY"}[f]
}

// ReadDate reads the date part of s, in either form (Yardi alone uses both, reference pms.md §4.2),
// and drops sentinels to absent. A time after the date is ignored: the PMS's stamps are midnights
// in no zone. Two-digit years, days first and words are errors.
func ReadDate(s string) (Date, DateForm, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Date{}, NoDate, nil
	}
	day, _ := SplitTime(s)
	d, form, err := readDay(day)
	if err != nil {
		return Date{}, form, fmt.Errorf("%q is not a date: %w", s, err)
	}
	return dropSentinel(d), form, nil
}

// SplitTime parts a stamp into its date and whatever follows it ("" when nothing does).
func SplitTime(s string) (day, rest string) {
	if i := strings.IndexAny(s, "T "); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func readDay(s string) (Date, DateForm, error) {
	if p := strings.Split(s, "-"); len(p) == 3 && len(p[0]) == 4 && len(p[1]) == 2 && len(p[2]) == 2 {
		d, err := dateOf(p[0], p[1], p[2])
		return d, ISODate, err
	}
	if p := strings.Split(s, "/"); len(p) == 3 && len(p[2]) == 4 && len(p[0]) <= 2 && len(p[1]) <= 2 {
		d, err := dateOf(p[2], p[0], p[1])
		return d, USDate, err
	}
	return Date{}, NoDate, fmt.Errorf("want YYYY-MM-DD or M/D/YYYY")
}

func dateOf(year, month, day string) (Date, error) {
	var n [3]int
	for i, s := range []string{year, month, day} {
		v, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return Date{}, fmt.Errorf("want YYYY-MM-DD or M/D/YYYY")
		}
		n[i] = int(v)
	}
	return NewDate(n[0], time.Month(n[1]), n[2])
}

// Sentinels (reference pms.md §8): databases write these where a person would leave a blank.
// Everything up to 1900 covers 0001-01-01, 1753-01-01, 1899-12-30 and 1900-01-01; everything from
// 2099 on covers 2099-12-31 and 9999-12-31.
const (
	sentinelUpTo = 1900
	sentinelFrom = 2099
)

func dropSentinel(d Date) Date {
	switch {
	case d.Year <= sentinelUpTo, d.Year >= sentinelFrom:
		return Date{}
	case d == Date{1970, time.January, 1}, d == Date{2079, time.June, 6}:
		return Date{} // the Unix epoch; the last day of a small SQL date
	}
	return d
}
