package akuvox

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
)

// A row of the door log gives an entry of known words alone, and its code goes to who asks for it and nowhere else.
func FuzzEntry(f *testing.F) {
	for _, s := range []string{
		`{"ID":"7","Date":"2026-01-15","Time":"10:11:12","Name":"T. Jones","Code":"4821","Type":"PIN","Relay":"A","Status":"Succ"}`,
		`{"ID":7,"Date":"20241230","Time":"23:59:60","Code":"04a1b2c3","Type":"1","Relay":"RelayD","Status":"Failed"}`,
		`{"Date":[],"Time":{},"Relay":"11","Type":"Unknow","Status":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r row
		if json.Unmarshal(b, &r) != nil {
			return
		}
		asked := ""
		e := entryOf(r, driver.DoorLogAsk{Zone: time.UTC, Whose: func(code access.Secret) access.PersonID {
			asked = code.Reveal()
			return "p7"
		}})
		if !slices.Contains([]string{"", "pin", "card", "public", "face", "api"}, e.How) || len(e.Relay) > 1 || e.Relay != "" && (e.Relay < "A" || e.Relay > "I") {
			t.Errorf("%s: %+v", b, e)
		}
		if (e.By == "p7") != (asked != "") {
			t.Errorf("%s: asked for %q, found %q", b, asked, e.By)
		}
		told := told{}
		if !told.add(r) || told.add(r) {
			t.Errorf("%s: an entry is new once", b)
		}
	})
}

// What is read of a schedule's row is, written again, read as the same; a name of ours is of one form.
func FuzzSpan(f *testing.F) {
	for _, s := range []string{
		`{"ID":"1003","Name":"GH-s1-2","Type":"1","Mode":"1","TimeStart":"08:00","TimeEnd":"17:59","Sun":"0","Mon":"1","Tue":"1","Wed":"0","Thur":"1","Fri":"1","Sat":"0"}`,
		`{"Type":"2","Daily":"00:00-23:59","Name":"GH--1"}`, `{"Type":"0","DateStart":"20260101","DateEnd":"20260101","Name":"GH-a-b-01"}`,
		`{"Type":"1","Week":"0123456","TimeStart":"24:00","TimeEnd":"7:5"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r row
		if json.Unmarshal(b, &r) != nil {
			return
		}
		if id, n, ok := slotOf(r.get(fieldName)); ok && slotName(id, n) != r.get(fieldName) {
			t.Errorf("%q is slot %d of %q", r.get(fieldName), n, id)
		}
		s, ok := r.span()
		if !ok {
			return
		}
		again := row{}
		for k, v := range s.item() {
			again[k], _ = json.Marshal(v) //nolint:errchkjson // a string
		}
		if got, ok := again.span(); !ok || got != s {
			t.Errorf("%s: %+v, written again %+v (%t)", b, s, got, ok)
		}
	})
}

// The pairs of a row name each relay once and in order; what is no pair of ours stands as it is.
func FuzzPairs(f *testing.F) {
	for _, s := range []string{"1001-12;1003-2;", "1001-1,1002-2", "1001", ";;,", "1001-0", "1001-2SA", "1003-1;1003-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pairs string) {
		relays, _ := accessOf(pairs, hours{})
		if !slices.IsSorted(relays) || len(slices.Compact(slices.Clone(relays))) != len(relays) {
			t.Errorf("%q opens %v", pairs, relays)
		}
		for _, r := range relays {
			if strings.ContainsAny(r, ";,") || r == "" {
				t.Errorf("%q opens %q", pairs, r)
			}
		}
		if tail := tailOf(pairs); tail != "" && tail != ";" && tail != "," {
			t.Errorf("%q ends with %q", pairs, tail)
		}
	})
}

// However a unit pages, a list that is said to be whole has no row twice and as many as the unit counts.
func FuzzWalk(f *testing.F) {
	f.Add([]byte{10, 10, 10, 10, 3, 0}, 23)
	f.Add([]byte{10, 0, 10, 0}, -1)
	f.Add([]byte{5, 5, 5}, 5)
	f.Fuzz(func(t *testing.T, sizes []byte, total int) {
		w := walk{seen: map[string]bool{}, total: -1}
		id := 0
		for n, size := range sizes {
			pg := page{num: max(total, -1)}
			if size >= 128 {
				id = 0 // it begins anew
			}
			for range size % 16 {
				id++
				b, err := json.Marshal(id)
				if err != nil {
					t.Fatal(err)
				}
				pg.rows = append(pg.rows, row{fieldID: b})
			}
			switch w.take(n+1, pg) {
			case walkTorn:
				return
			case walkDone:
				if len(distinct(w.rows)) != len(w.rows) || !w.counts && w.total >= 0 && len(w.rows) != w.total {
					t.Errorf("%v of %d: %d rows, total %d", sizes, total, len(w.rows), w.total)
				}
				return
			}
		}
	})
}
