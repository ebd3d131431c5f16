package akuvox

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body string
		code int
		msg  string
		err  error
	}{
		{`{"retcode":0,"message":"OK"}`, 0, "OK", nil},
		{` {"retcode":"-100","message":7} trailing`, -100, "7", nil},
		{`{"retcode":1,"message":null,"data":null}{"retcode":-1}`, 1, "", nil},
		{`{"RetCode":0}`, 0, "", nil},
		{"", 0, "", errEmpty},
		{"\xef\xbb\xbf", 0, "", errEmpty},
		{"[]", 0, "", errNoJSON},
		{"null", 0, "", errNoJSON},
		{`{"retcode":1.5}`, 0, "", errNoJSON},
		{`{"retcode":{}}`, 0, "", errNoJSON},
		{`{"retcode":0`, 0, "", errNoJSON},
	}
	for _, tt := range tests {
		r, err := decode([]byte(tt.body))
		if !errors.Is(err, tt.err) || r.code != tt.code || r.message != tt.msg || r.data != nil {
			t.Errorf("%q: %+v, %v", tt.body, r, err)
		}
	}
}

func TestDecodePage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		data string
		rows int
		num  int
		ok   bool
	}{
		{`{"num":2,"item":[{"ID":"1"},{"ID":2}]}`, 2, 2, true},
		{`{"NUM":"2","Item":[{"ID":"1"},{"ID":2}]}`, 2, 2, true},
		{`{}`, 0, -1, true},
		{`{"num":0,"item":{}}`, 0, 0, true}, // no list counts as empty (§2)
		{`{"num":0,"item":""}`, 0, 0, true},
		{`{"num":3,"item":null}`, 0, 3, true}, // and is caught by its total
		{`{"num":-1,"item":[]}`, 0, -1, true},
		{`{"num":"many","item":[]}`, 0, -1, true},
		{`{"item":[null]}`, 0, 0, false},
		{`{"item":[1]}`, 0, 0, false},
		{`[]`, 0, 0, false},
		{`null`, 0, 0, false},
		{``, 0, 0, false},
	}
	for _, tt := range tests {
		pg, err := decodePage(json.RawMessage(tt.data))
		if tt.ok != (err == nil) || tt.ok && (len(pg.rows) != tt.rows || pg.num != tt.num) {
			t.Errorf("%s: %d rows of %d, %v", tt.data, len(pg.rows), pg.num, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	want := model.Identity{Model: "X916", Firmware: "916.30.10.114", MAC: "0C:11:05:00:00:03"}
	const status = `{"Model":"X916","MAC":"0C:11:05:00:00:03","FirmwareVersion":"916.30.10.114"}`
	for name, body := range map[string]string{
		"under data":   `{"retcode":0,"data":{"Status":` + status + `}}`,
		"beside":       `{"retcode":0,"Status":` + status + `}`,
		"beside, data": `{"retcode":0,"data":{"Lan":{}},"Status":` + status + `}`,
		"flat":         `{"retcode":0,"data":` + status + `}`,
	} {
		r, err := decode([]byte(body))
		if id, ok := identity(r); err != nil || !ok || id != want {
			t.Errorf("%s: %+v %v %v", name, id, ok, err)
		}
	}
	r, _ := decode([]byte(`{"retcode":0,"data":{"Status":{"Model":" ` + strings.Repeat("x", 200) + `\u001b[2J"}}}`))
	if id, _ := identity(r); strings.Contains(id.Model, "\x1b") || len([]rune(id.Model)) != 81 {
		t.Errorf("hostile text came through: %q", id.Model)
	}
	if _, ok := identity(reply{}); ok {
		t.Error("an answer without a model has an identity")
	}
}

func rowOf(t *testing.T, s string) row {
	t.Helper()
	var r row
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecord(t *testing.T) {
	t.Parallel()
	secrets := func(ss ...string) (out []access.Secret) {
		for _, s := range ss {
			out = append(out, access.NewSecret(s))
		}
		return out
	}
	tests := map[string]struct {
		row  string
		want model.Record
	}{
		"plain": {`{"ID":"7","UserID":"GHp7","Name":"T. Jones","PrivatePIN":"0482","CardCode":"04a1;0b,0C;","ScheduleRelay":"1001-21","SourceType":"1"}`,
			model.Record{Ref: "GHp7", Native: "7", Name: "T. Jones", PIN: access.NewSecret("0482"), Cards: secrets("04A1", "0B", "0C"), Relays: []string{"A", "B"}}},
		"numbers and other spellings": {`{"id":7,"UserId":4711,"name":"x","privatepin":482,"Schedule":"1001-3;","SourceType":2}`,
			model.Record{Ref: "4711", Native: "7", Name: "x", PIN: access.NewSecret("482"), Relays: []string{"C"}, ReadOnly: true}},
		"hyphenated":       {`{"ScheduleRelay":"","Schedule-Relay":"1001-1,"}`, model.Record{Relays: []string{"A"}}},
		"another schedule": {`{"ScheduleRelay":"1001-1;1003-2"}`, model.Record{Relays: []string{"1003-2", "A"}}},
		"no relay digits":  {`{"Schedule":"1001"}`, model.Record{Relays: []string{"1001"}}},
		"relay zero":       {`{"Schedule":"1001-10"}`, model.Record{Relays: []string{"1001-10"}}},
		"twice":            {`{"Schedule":"1001-1;1001-12"}`, model.Record{Relays: []string{"A", "B"}}},
		"text origin":      {`{"SourceType":"Local"}`, model.Record{}},
		"managed by SDMC":  {`{"SourceType":"4"}`, model.Record{ReadOnly: true}},
		"managed by ACMS":  {`{"SourceType":3}`, model.Record{ReadOnly: true}},
		"nothing":          {`{"UserID":null,"Name":[1],"PrivatePIN":{}}`, model.Record{}},
	}
	for name, tt := range tests {
		got := rowOf(t, tt.row).record(hours{})
		if !got.Same(tt.want) || got.Native != tt.want.Native || got.ReadOnly != tt.want.ReadOnly {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// A row with any other schedule never passes for one that we wrote.
func TestOtherSchedulesAreNeverTheSame(t *testing.T) {
	t.Parallel()
	want := model.Record{Relays: []string{"A"}}
	for _, pairs := range []string{"1002-1", "1001-1;1003-1", "1001", "", "1001-1;x", "11001-1"} {
		if got := (model.Record{Relays: relaysAlways(pairs)}); got.Same(want) {
			t.Errorf("%q passes for an ordinary resident's", pairs)
		}
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	if got := pairsFor([]string{always}, []string{"D", "A", "A"}, ",", ";"); got != "1001-14;" {
		t.Errorf("got %q", got)
	}
	for _, relays := range [][]string{{"A"}, {"A", "B"}, {"B", "D"}} {
		if got := relaysAlways(pairsFor([]string{always}, relays, ",", ",")); !slices.Equal(got, relays) {
			t.Errorf("%v became %v", relays, got)
		}
	}
	for _, bad := range []string{"", "E", "a", "AB", "1", "@"} {
		if d, ok := relayDigit(bad); ok {
			t.Errorf("%q is relay %s", bad, d)
		}
	}
}

// Every code and message of §5.3.
func TestJudgement(t *testing.T) {
	t.Parallel()
	l := &link{subject: "panel lobby-1", login: &login{}}
	tests := []struct {
		body string
		want fault.Kind // -1: success
	}{
		{`{"retcode":0,"message":"OK"}`, -1},
		{`{"retcode":0,"message":"get successfully!"}`, -1},
		{`{"retcode":0,"message":"set successfully!"}`, -1},
		{`{"retcode":1,"message":"OK"}`, -1},
		{`{"retcode":2,"message":"Failed"}`, -1}, // only negatives are errors
		{`{"retcode":-1,"message":"Failed"}`, fault.Invalid},
		{`{"retcode":-1,"message":"Error"}`, fault.Invalid},
		{`{"retcode":-100,"message":"error param"}`, fault.Invalid},
		{`{"retcode":-100}`, fault.Invalid},
		{`{"retcode":-200,"message":"Error param"}`, fault.Invalid},
		{`{"retcode":-200,"message":"Api unsupported"}`, fault.Unsupported},
		{`{"retcode":-1,"message":"unsupport action"}`, fault.Unsupported},
		{`{"retcode":-1,"message":"unsupported action"}`, fault.Unsupported},
		{`{"retcode":-1,"message":"No handlers for this request"}`, fault.Unsupported},
		{`{"retcode":-1,"message":"NO HANLDERS for this request"}`, fault.Unsupported},
		{`{"retcode":-1,"message":"UserID already exists"}`, fault.Conflict},
		{`{"retcode":-1,"message":"memory full"}`, fault.Full},
		{`{"retcode":0,"message":"OK","data":{"item":[{"Ret":0}]}}`, -1},
		{`{"retcode":1,"message":"OK","data":{"item":[{"Ret":"1"}]}}`, -1},
		{`{"retcode":-1,"message":"Error","data":{"item":[{"Ret":14}]}}`, fault.Invalid},
		{`{"retcode":0,"message":"OK","data":{"item":[{"Ret":0},{"Ret":14}]}}`, fault.Invalid},
		{`{"retcode":-1,"message":"Error","data":{"item":[{"Ret":-4}]}}`, fault.Conflict},
		{`{"retcode":0,"message":"OK","data":{"item":[{"Ret":"-7"}]}}`, fault.Conflict},
		{`{"retcode":-1,"data":{"item":[{"Ret":0}]}}`, fault.Invalid},
	}
	for _, tt := range tests {
		r, err := decode([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		err = l.refusedByCode("test", r)
		if tt.want < 0 {
			if err != nil {
				t.Errorf("%s: %v", tt.body, err)
			}
			continue
		}
		if err == nil || fault.KindOf(err) != tt.want || fault.RemedyOf(err) == "" {
			t.Errorf("%s: %v (%v), want %v and a remedy", tt.body, err, fault.KindOf(err), tt.want)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"X916": 4, "x916S": 4, "X915S": 3, "E18": 2, "E18C": 2, "R20K": 2, "R20A": 2, "R29C": 3, "A08S": 1, "A094": 4, "X912": 2, "IT83": 0, "": 0,
	} {
		l := profileOf(name).limits(true)
		if len(l.Relays) != want || l.PINs != 1 || l.Cards != 5 || l.PINDigitMin != 2 || l.PINDigitMax != 8 || l.PINNoFirst != "9" || l.Grade != access.Exact || !l.Lookup {
			t.Errorf("%q: %+v", name, l)
		}
	}
	if d := cmp.Diff([]string{"A", "B", "C"}, profileOf("X915V2").limits(false).Relays); d != "" {
		t.Error(d)
	}
	if profileOf("X916").people != 20000 || profileOf("IT83").people != 0 {
		t.Error("an unknown model is given a capacity, or a known one none")
	}
	seen := map[string]bool{}
	for _, p := range profiles() {
		if seen[p.prefix] || p.prefix != strings.ToUpper(p.prefix) || p.relays > mostRelays {
			t.Errorf("profile %+v", p)
		}
		seen[p.prefix] = true
	}
}

// Whatever a panel sends, decoding ends, keeps its promises, and what goes back is made of strings.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"retcode":0,"message":"OK","data":{"num":1,"curPageNum":1,"item":[{"ID":"1","UserID":"GHp7","Name":"T. Jones","PrivatePIN":"4821","CardCode":"0A;0B","ScheduleRelay":"1001-12;"}]}}HTTP/1.1 200`,
		`{"retcode":-1,"message":"No hanlders","data":{"item":[{"Ret":-7}]}}`,
		`{"retcode":"1","data":{"Item":[{"UserId":7,"Schedule":"1001","Schedule-Relay":"1003-2,","SourceType":2,"x":[1]}]}}`,
		`{"retcode":0,"Status":{"Model":"X916","MAC":null}}`, "", "\xef\xbb\xbf{}", `{"retcode":0,"data":[]}`, "{\"retcode\":0,\"message\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	l := &link{subject: "panel", login: &login{}}
	rec := model.Record{Ref: "GHp7", Name: "T. Jones", PIN: access.NewSecret("4821"), Relays: []string{"A"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decode(body)
		if err != nil {
			return
		}
		if e := l.refusedByCode("fuzz", r); e != nil && strings.ContainsAny(e.Error(), "\r\n\x1b") {
			t.Errorf("control characters in %q", e)
		}
		if id, ok := identity(r); ok && strings.ContainsAny(id.Model+id.MAC+id.Firmware, "\r\n\x1b") {
			t.Errorf("control characters in %+v", id)
		}
		pg, err := decodePage(r.data)
		if err != nil {
			return
		}
		if pg.num < -1 {
			t.Errorf("num %d", pg.num)
		}
		for _, row := range pg.rows {
			_ = row.key()
			got := row.record(hours{})
			if !slices.IsSorted(got.Relays) {
				t.Errorf("relays %v", got.Relays)
			}
			it := changed(row, rec, known{})
			if it[fieldRef] != "GHp7" || it[fieldSchedule] != it[fieldTwin] || !strings.HasPrefix(it[fieldSchedule], "1001-1") {
				t.Errorf("item %v", it)
			}
			if _, err := json.Marshal(request{"user", verbSet, items{[]map[string]string{it}}}); err != nil {
				t.Error(err)
			}
		}
	})
}

// relaysAlways reads pairs on a unit without schedules of ours.
func relaysAlways(pairs string) []string {
	relays, _ := accessOf(pairs, hours{})
	return relays
}
