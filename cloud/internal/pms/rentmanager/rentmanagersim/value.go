package rentmanagersim

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// parse reads a filter's value as the type of its column.
func parse(k kind, s string) (any, *badQuery) {
	var v any
	var err error
	switch k {
	case number:
		v, err = strconv.Atoi(s)
	case decimal:
		v, err = strconv.ParseFloat(s, 64)
	case flag:
		v, err = strconv.ParseBool(strings.ToLower(s))
	case date:
		v, err = parseDate(s)
	case text:
		v = s
	}
	if err != nil {
		return nil, bad("filters", "%q is not a value of this field", s)
	}
	return v, nil
}

// parseDate takes a date alone, or with a time with or without zone; what has no zone is UTC.
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Parse(isoDay, s)
}

// compareValues orders two values of one column; no value comes first. Text does not mind case.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch x := a.(type) {
	case int:
		return cmp.Compare(x, b.(int))
	case float64:
		return cmp.Compare(x, b.(float64))
	case bool:
		return cmp.Compare(weight(x), weight(b.(bool)))
	case time.Time:
		return x.Compare(b.(time.Time))
	}
	return cmp.Compare(strings.ToLower(a.(string)), strings.ToLower(b.(string)))
}

func weight(b bool) int {
	if b {
		return 1
	}
	return 0
}
