package rentmanagersim

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// object is a JSON object that keeps its order.
type object []entry

type entry struct {
	name  string
	value any // object, []any, string, int, float64, bool or nil
}

// style is how values are written.
type style struct {
	offsets   bool // dates with offset and seven decimals, as the vendor's help shows them
	sentinels bool // no date is 0001-01-01
}

func (st style) value(k kind, v any) any {
	t, isDate := v.(time.Time)
	switch {
	case k == date && v == nil && st.sentinels:
		return "0001-01-01T00:00:00"
	case isDate && st.offsets:
		return t.Format("2006-01-02T15:04:05.0000000") + "-04:00"
	case isDate:
		return t.UTC().Format("2006-01-02T15:04:05")
	}
	return v
}

// encode writes a value as JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	write(&b, v)
	return b.Bytes()
}

func write(b *bytes.Buffer, v any) {
	switch x := v.(type) {
	case object:
		b.WriteByte('{')
		for i, m := range x {
			comma(b, i)
			write(b, m.name)
			b.WriteByte(':')
			write(b, m.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range x {
			comma(b, i)
			write(b, e)
		}
		b.WriteByte(']')
	default:
		plain, err := json.Marshal(x)
		if err != nil { // a value no column has
			plain = []byte("null")
		}
		b.Write(plain)
	}
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// rewrite changes every value below v, innermost first.
func rewrite(v any, change func(any) any) any {
	switch x := v.(type) {
	case object:
		out := make(object, len(x))
		for i, m := range x {
			out[i] = entry{m.name, rewrite(m.value, change)}
		}
		return change(out)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = rewrite(e, change)
		}
		return change(out)
	}
	return change(v)
}

// asStrings is a number or truth value as text.
func asStrings(v any) any {
	switch x := v.(type) {
	case int:
		return strconv.Itoa(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(x)
	}
	return v
}

// alone turns a list of one into the one.
func alone(v any) any {
	if l, ok := v.([]any); ok && len(l) == 1 {
		return l[0]
	}
	return v
}

// absent turns an empty list into nothing.
func absent(v any) any {
	if l, ok := v.([]any); ok && len(l) == 0 {
		return nil
	}
	return v
}
