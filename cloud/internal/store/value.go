package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// values brings arguments into the few forms that both databases take alike: int64, string, []byte.
// It is the one place that knows how times, dates, flags and lists are stored.
func values(in []any) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = value(v)
	}
	return out
}

func value(v any) any {
	switch v := v.(type) {
	case []byte:
		if v == nil {
			return []byte{} // nil would be NULL
		}
		return v
	case string:
		return text(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return millis(v)
	case pms.Date:
		return v.String()
	case access.Digest:
		return v[:]
	case int:
		return int64(v)
	case int64:
		return v
	case uint64:
		return int64(min(v, math.MaxInt64))
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return text(r.String())
	case reflect.Slice:
		if r.Len() == 0 {
			return "[]"
		}
	}
	return encode(v)
}

// text drops what PostgreSQL refuses in a text: invalid UTF-8 and NUL.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// encode is the JSON of plain data of ours, which cannot fail.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T does not encode: %v", v, err)) // a defect that the first test shows
	}
	return string(b)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// scanFunc makes a sql.Scanner of a function.
type scanFunc func(src any) error

// Scan calls f.
func (f scanFunc) Scan(src any) error { return f(src) }

// inTime reads a time; 0 is the zero time.
func inTime(to *time.Time) sql.Scanner {
	return scanFunc(func(src any) error {
		ms, ok := src.(int64)
		if !ok {
			return fmt.Errorf("a time is stored as %T", src)
		}
		*to = time.Time{}
		if ms != 0 {
			*to = time.UnixMilli(ms).UTC()
		}
		return nil
	})
}

// inDate reads a date exactly as it was stored: sentinels were dropped when the PMS was read.
func inDate(to *pms.Date) sql.Scanner {
	return scanFunc(func(src any) error {
		s, _ := src.(string)
		*to = pms.Date{}
		if s == "" {
			return nil
		}
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return err
		}
		to.Year, to.Month, to.Day = t.Date()
		return nil
	})
}

// inJSON reads a list or a struct; an empty list becomes nil.
func inJSON(to any) sql.Scanner {
	return scanFunc(func(src any) error {
		s, ok := src.(string)
		if !ok {
			return fmt.Errorf("JSON is stored as %T", src)
		}
		if s == "[]" {
			return nil
		}
		return json.Unmarshal([]byte(s), to)
	})
}

// inDigest reads a hash of fixed length.
func inDigest(to *access.Digest) sql.Scanner {
	return scanFunc(func(src any) error {
		b, _ := src.([]byte)
		if len(b) != len(to) {
			return fmt.Errorf("a digest is stored with %d bytes", len(b))
		}
		copy(to[:], b)
		return nil
	})
}
