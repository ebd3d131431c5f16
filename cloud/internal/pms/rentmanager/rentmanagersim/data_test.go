package rentmanagersim

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDay(t *testing.T) {
	t.Parallel()
	base := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"3": "2026-03-02", "-27": "2026-01-31", "0": "2026-02-27", `"2099-12-31"`: "2099-12-31", `"0001-01-01"`: "0001-01-01", "null": "",
	} {
		var d Day
		if err := json.Unmarshal([]byte(in), &d); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		at, ok := d.On(base)
		if got := at.Format(isoDay); ok != (want != "") || ok && got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
		if out, err := json.Marshal(d); err != nil || string(out) != in {
			t.Errorf("%s is written %s: %v", in, out, err)
		}
	}
	for _, in := range []string{`"soon"`, `1.5`, `true`, `"2026-02-30"`, `{}`} {
		var d Day
		if err := json.Unmarshal([]byte(in), &d); err == nil || !strings.Contains(err.Error(), "2026-12-31") {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestDataComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	in := small()
	in.Properties[0].Households[0].Members[0].Last = `O"Dell \ {x} & <y>`
	var b bytes.Buffer
	if err := WriteData(&b, in); err != nil {
		t.Fatal(err)
	}
	out, err := ReadData(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out, cmp.AllowUnexported(Day{}, Household{}, Member{}, Lease{})); diff != "" {
		t.Errorf("(-in +out):\n%s", diff)
	}
	if n := strings.Count(b.String(), "\n"); n != 8 { // property, 3 units, 3 households, the end
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

func TestWrongDataIsNamed(t *testing.T) {
	t.Parallel()
	for words, spoil := range map[string]func(d *Data){
		"no property":                    func(d *Data) { d.Properties = nil },
		`"Mars/Olympus"`:                 func(d *Data) { d.Properties[0].Zone = "Mars/Olympus" },
		`zone ""`:                        func(d *Data) { d.Properties[0].Zone = "" },
		"property 0":                     func(d *Data) { d.Properties[0].ID = 0 },
		"unit 1":                         func(d *Data) { d.Properties[0].Units[1].ID = 1 },
		`unit name "101"`:                func(d *Data) { d.Properties[0].Units[1].Name = "101" },
		"household 11":                   func(d *Data) { d.Properties[0].Households[1].ID = 11 },
		"contact 21":                     func(d *Data) { d.Properties[0].Households[1].Members[0].ID = 21 },
		"contact -1":                     func(d *Data) { d.Vendors = []*Member{{ID: -1}} },
		"lease 31: the id":               func(d *Data) { d.Properties[0].Households[1].Leases[0].ID = 31 },
		"lease 31: unit 9 is not":        func(d *Data) { d.Properties[0].Households[0].Leases[0].Unit = 9 },
		"work order 1: household 99":     func(d *Data) { d.Properties[0].WorkOrders = []*WorkOrder{{ID: 1, Household: 99}} },
		"lease 33: unit 9 is not of its": func(d *Data) { d.Properties[0].Households[2].Leases[0].Unit = 9 },
	} {
		d := small()
		spoil(d)
		if _, err := New(Options{Data: d}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want words with %s", err, words)
		}
	}
	for _, text := range []string{"", "{", `{"company":"x","properties":[],"more":1}`, `[]`} {
		if _, err := ReadData(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "testdata/pms/sample") {
			t.Errorf("%s: %v", text, err)
		}
	}
	var b bytes.Buffer
	if err := WriteData(&b, small()); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadData(strings.NewReader(b.String() + "{}")); err == nil || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("two values: %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for words, o := range map[string]Options{
		"user and a password": {User: "x"}, "password": {Password: "x"}, "base day": {Base: "soon"},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTheBooksAreCopied(t *testing.T) {
	t.Parallel()
	d := small()
	r := newRig(t, Options{Data: d})
	r.post("/edit", `{"contact":21,"first":"Zed"}`)
	if d.Properties[0].Households[0].Members[0].First != "Ada" {
		t.Error("a change reaches the caller's data")
	}
}

func TestTheBaseDay(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"": "2026-08-12T00:00:00", "2026-01-01": "2025-09-23T00:00:00"} {
		r := newRig(t, Options{Data: small(), Base: base})
		if got := r.rows("/Leases", 200)[0]["MoveInDate"]; got != want {
			t.Errorf("base %q: move-in %v, want %s", base, got, want)
		}
	}
}

// Late in the evening in New York it is tomorrow in UTC: the property's day counts.
func TestTodayIsThePropertys(t *testing.T) {
	t.Parallel()
	late := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) // 22:00 on the 20th
	r := newRig(t, Options{Data: small(), Base: "2026-11-20", Now: func() time.Time { return late }})
	r.post("/move_out", `{"tenant":11,"date":"2026-11-20"}`)
	if s := r.tenant(11)["Status"]; s != "Current" {
		t.Errorf("at 22:00 of the last day: %v", s)
	}
	r.post("/clock", `{"now":"2026-11-21T05:00:00Z"}`) // midnight
	if r.login(); r.tenant(11)["Status"] != "Past" {
		t.Error("at midnight still current")
	}
}

// What the builder fills in is what the schema says, for every row of the sample.
func TestRowsFitTheSchema(t *testing.T) {
	t.Parallel()
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range s.rows() {
		for _, n := range rows {
			fits(t, name, n)
		}
	}
	for path, name := range collections() {
		if s.schema[name] == nil || len(s.rows()[name]) == 0 {
			t.Errorf("%s: there is no such table, or no row in the sample", path)
		}
	}
}

func fits(t *testing.T, name string, n *node) {
	t.Helper()
	if len(n.values) != len(n.table.columns) {
		t.Fatalf("%s: %d values for %d columns: %v", name, len(n.values), len(n.table.columns), n.values)
	}
	for _, c := range n.table.columns {
		v, there := n.values[c.name]
		ok := v == nil
		switch v.(type) {
		case int:
			ok = c.kind == number
		case float64:
			ok = c.kind == decimal
		case string:
			ok = c.kind == text
		case bool:
			ok = c.kind == flag
		case time.Time:
			ok = c.kind == date
		}
		if !there || !ok {
			t.Fatalf("%s.%s is %T", name, c.name, v)
		}
	}
	for e := range n.many {
		if r, ok := n.table.relation(e); !ok || !r.many {
			t.Fatalf("%s has no list %s", name, e)
		}
	}
	for e := range n.one {
		if r, ok := n.table.relation(e); !ok || r.many {
			t.Fatalf("%s has no %s", name, e)
		}
	}
}
