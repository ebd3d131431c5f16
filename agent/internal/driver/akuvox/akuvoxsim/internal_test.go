package akuvoxsim

import (
	"testing"
	"time"
)

func TestTheRequestLogIsBounded(t *testing.T) {
	t.Parallel()
	c := newRecorder()
	for range maxRecorded + 1 {
		c.finish(c.arrive(time.Time{}, "GET", "/api/system/status", ""), time.Time{}, 200)
	}
	if len(c.requests) != maxRecorded/2+1 || c.total != maxRecorded+1 || c.inFlight != 0 {
		t.Errorf("%d kept of %d, %d in flight", len(c.requests), c.total, c.inFlight)
	}
	if first := c.requests[0].N; first != maxRecorded/2 {
		t.Errorf("the oldest kept is %d", first)
	}
	if n := c.byPath["GET /api/system/status"]; n != maxRecorded+1 {
		t.Errorf("counted %d", n)
	}
}

func TestParseDigestQuoting(t *testing.T) {
	t.Parallel()
	const rest = `, realm="r", nonce="n", uri="/", response="x", cnonce="c", opaque="o", nc=00000001, qop=auth`
	for in, want := range map[string]string{
		`username="a"` + rest:            "a",
		`username="a\"b\\c"` + rest:      `a"b\c`,
		`username="a, realm=\"z"` + rest: `a, realm="z`,
		`username=""` + rest:             "",
		` USERNAME = "a" ` + rest:        "",
		`username="a" ` + rest:           "a",
	} {
		d, err := parseDigest(in)
		if in[0] == ' ' {
			if err == nil {
				t.Errorf("%s: a blank before the quote was taken", in)
			}
			continue
		}
		if err != nil || d.username != want || d.qop != "auth" || d.nc != "00000001" {
			t.Errorf("%s: %+v, %v", in, d, err)
		}
	}
}

func TestNumberReadsDigitsOnly(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{"0": 0, "7": 7, "0042": 42, "999999999": 999999999} {
		if n, ok := number(in); !ok || n != want {
			t.Errorf("%q is %d, %v", in, n, ok)
		}
	}
	for _, in := range []string{"", "-1", "+1", "1.0", " 1", "1234567890", "x", "٣"} {
		if n, ok := number(in); ok {
			t.Errorf("%q was read as %d", in, n)
		}
	}
}

func TestPageBounds(t *testing.T) {
	t.Parallel()
	p := &Panel{}
	for _, tc := range []struct {
		page     string
		n        int
		from, to int
		ok       bool
	}{
		{"1", 0, 0, 0, true},
		{"1", 1, 0, 1, true},
		{"1", 10, 0, 10, true},
		{"2", 10, 10, 10, true},
		{"2", 11, 10, 11, true},
		{"999999999", 11, 11, 11, true},
		{"", 11, 0, 11, true},
		{"-1", 11, 0, 11, true},
		{"0", 11, 0, 0, false},
		{"-2", 11, 0, 0, false},
	} {
		from, to, ok := p.window(tc.page, tc.n)
		if from != tc.from || to != tc.to || ok != tc.ok {
			t.Errorf("page %q of %d: %d to %d, %v", tc.page, tc.n, from, to, ok)
		}
	}
}
