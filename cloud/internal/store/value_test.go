package store

import (
	"math"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

func TestValues_FewForms(t *testing.T) {
	t.Parallel()
	var none []byte
	for name, c := range map[string]struct{ in, want any }{
		"zero time":       {time.Time{}, int64(0)},
		"time":            {time.UnixMilli(1_700_000_000_123), int64(1_700_000_000_123)},
		"true":            {true, int64(1)},
		"false":           {false, int64(0)},
		"named string":    {access.PersonID("p1"), "p1"},
		"NUL":             {"a\x00b", "ab"},
		"invalid UTF-8":   {"a\xffb", "a\uFFFDb"},
		"date":            {pms.Date{Year: 2027, Month: 3, Day: 1}, "2027-03-01"},
		"no date":         {pms.Date{}, ""},
		"no list":         {[]string(nil), "[]"},
		"empty list":      {[]access.DoorID{}, "[]"},
		"list":            {[]access.DoorID{"d1", "d2"}, `["d1","d2"]`},
		"counter":         {uint64(7), int64(7)},
		"counter too big": {uint64(math.MaxUint64), int64(math.MaxInt64)},
	} {
		t.Run(name, func(t *testing.T) { wantSame(t, "value", value(c.in), c.want) })
	}
	if b, ok := value(none).([]byte); !ok || b == nil {
		t.Error("no bytes are stored as NULL")
	}
}

func TestScanners_ReadWhatValuesWrite(t *testing.T) {
	t.Parallel()
	var at time.Time
	var day pms.Date
	var doors []access.DoorID
	var sum access.Digest
	when := time.Date(2027, 3, 1, 12, 0, 0, 123_000_000, time.FixedZone("", -6*3600))
	for _, c := range []struct {
		to interface{ Scan(any) error }
		in any
	}{
		{inTime(&at), value(when)},
		{inDate(&day), value(pms.Date{Year: 2099, Month: 12, Day: 31})}, // a sentinel elsewhere, but what was stored is read
		{inJSON(&doors), value([]access.DoorID{"d1"})},
		{inDigest(&sum), value(access.Digest{1, 2})},
	} {
		if err := c.to.Scan(c.in); err != nil {
			t.Fatal(err)
		}
	}
	if !at.Equal(when) || at.Location() != time.UTC {
		t.Errorf("time %v, want %v in UTC", at, when)
	}
	wantSame(t, "date", day, pms.Date{Year: 2099, Month: 12, Day: 31})
	wantSame(t, "list", doors, []access.DoorID{"d1"})
	wantSame(t, "digest", sum, access.Digest{1, 2})
}

func TestScanners_RefuseOtherForms(t *testing.T) {
	t.Parallel()
	var at time.Time
	var day pms.Date
	var doors []access.DoorID
	var sum access.Digest
	for name, err := range map[string]error{
		"time":   inTime(&at).Scan("yesterday"),
		"date":   inDate(&day).Scan("2027-02-30"),
		"JSON":   inJSON(&doors).Scan("{"),
		"NULL":   inJSON(&doors).Scan(nil),
		"digest": inDigest(&sum).Scan([]byte{1}),
	} {
		if err == nil {
			t.Errorf("a bad %s is read without an error", name)
		}
	}
}

func TestTuples(t *testing.T) {
	t.Parallel()
	wantSame(t, "tuples", tuples(2, 3), "($1, $2, $3), ($4, $5, $6)")
	wantSame(t, "tuples", tuples(1, 1), "($1)")
}
