package akuvox

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
)

// Rows as different units show them (akuvox.md §2.7).
func TestLogRows(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 15, 8, 9, 10, 0, time.UTC)
	for row, want := range map[string]driver.DoorEntry{
		`{"Date":"2026-01-15","Time":"08:09:10","Type":"PIN","Relay":"A","Status":"Succ"}`:     {At: at, Relay: "A", Granted: true, How: "pin"},
		`{"Date":"20260115","Time":"08:09:10","Type":"1","Relay":"RelayB","Status":"Failed"}`:  {At: at, Relay: "B", How: "card"},
		`{"Date":20260115,"Time":"08:09:10","Type":4,"Relay":3,"Status":"succ","Code":"0a1b"}`: {At: at, Relay: "C", Granted: true, How: "face", By: "p0A1B"},
		`{"Date":"15.01.2026","Time":"","Type":"Unknow","Relay":"A;B","Status":"1"}`:           {},
		`{"Date":{},"Time":[1],"Type":"3","Relay":"9","Status":"Succ"}`:                        {Granted: true, How: "public"},
		`{"Date":"2026-01-15","Time":"8:09:10","Type":"0","Relay":"","Status":"Success"}`:      {At: at, Granted: true},
	} {
		got := entryOf(rowOf(t, row), driver.DoorLogAsk{Whose: func(s access.Secret) access.PersonID { return access.PersonID("p" + s.Reveal()) }})
		if !got.At.Equal(want.At) || got.Relay != want.Relay || got.How != want.How || got.Granted != want.Granted || got.By != want.By {
			t.Errorf("%s: %+v, want %+v", row, got, want)
		}
	}
}

func TestToldIsBounded(t *testing.T) {
	t.Parallel()
	var m told
	name := func(i int) row { return rowOf(t, `{"ID":`+time.Unix(int64(i), 0).UTC().Format("20060102150405")+`}`) }
	for i := range 3 * mostTold {
		if !m.add(name(i)) {
			t.Fatalf("entry %d passes for known", i)
		}
		if i%1000 == 0 && m.add(name(0)) {
			t.Fatalf("an entry that is seen again and again was forgotten at %d", i)
		}
		if len(m.now)+len(m.before) > 2*mostTold {
			t.Fatalf("%d are kept", len(m.now)+len(m.before))
		}
	}
}
