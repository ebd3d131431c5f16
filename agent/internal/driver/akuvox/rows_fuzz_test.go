package akuvox

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
)

// FuzzLogRow: whatever a door log holds, an entry comes of it that shows no code, and a row is new once.
func FuzzLogRow(f *testing.F) {
	f.Add(`{"ID":"1","Date":"2026-01-15","Time":"08:09:10","Name":"Ada","Code":"4821","Type":"PIN","Relay":"A","Status":"Succ"}`)
	f.Add(`{"ID":1,"Date":20241230,"Time":"23:59:59","Code":"0a1b","Type":2,"Relay":"RelayB","Status":"Failed","AccessMode":0}`)
	f.Add(`{"Date":[1],"Type":{"a":"PIN"},"Relay":"\u0000","Code":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		var r row
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		var code string
		e := entryOf(r, driver.DoorLogAsk{Zone: time.UTC, Whose: func(s access.Secret) access.PersonID { code = s.Reveal(); return "p7" }})
		if len(e.Relay) > 1 || e.Relay != "" && (e.Relay < "A" || e.Relay > "D") || (e.By != "") != (code != "") {
			t.Errorf("%+v", e)
		}
		switch e.How {
		case "", "pin", "card", "public", "face", "api":
		default:
			t.Errorf("how %q", e.How)
		}
		var seen told
		if !seen.add(r) || seen.add(r) {
			t.Error("a row is not new just once")
		}
	})
}

// FuzzHours: what is read of a schedule and is written back means the same, and the names of others are never ours.
func FuzzHours(f *testing.F) {
	f.Add(`{"ID":"1003","Name":"GH-gym-1","Type":"1","Week":"12345","TimeStart":"08:00","TimeEnd":"16:59"}`, "1003-1;1001-2;")
	f.Add(`{"ID":"1004","DisplayID":"1004","Name":"GH-gym-2","Mode":1,"Fri":"1","Thur":"0","TimeStart":"22:00","TimeEnd":"23:59","SourceType":"2"}`, "1004-12")
	f.Add(`{"ID":"1005","Name":"GH-gym-3","Type":"0","DateStart":"20000101","DateEnd":"20000101"}`, "1005-,-1,;")
	f.Fuzz(func(t *testing.T, body, pairs string) {
		var r row
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		s, ok := r.span()
		if ok {
			again, err := json.Marshal(slot{row: r}.changed(s))
			var back row
			if err != nil || json.Unmarshal(again, &back) != nil {
				t.Fatal(err)
			}
			if got, ok := back.span(); !ok || got != s {
				t.Errorf("%s written as %s", body, again)
			}
		}
		id, n, ours := slotOf(r.get(fieldName))
		if ours && (n < 1 || slotName(id, n) != r.get(fieldName) || !strings.HasPrefix(r.get(fieldName), slotPrefix)) {
			t.Errorf("%q is slot %d of %q", r.get(fieldName), n, id)
		}
		h := hours{slots: []slot{{row: r, number: "1003", id: id, n: n, span: s, read: ok}}}
		relays, ids := accessOf(pairs, h)
		if len(ids) > 0 && (len(relays) == 0 || ids[0] != id) {
			t.Errorf("%q gives %v %v", pairs, relays, ids)
		}
	})
}

// FuzzSettings: of a dump of settings nothing is kept but what was asked for, and an address is ours only to the letter.
func FuzzSettings(f *testing.F) {
	f.Add(`{"Config.Features.ACTIONURL.Enable":"1","Config.Features.ACTIONURL.MakeCall":"http://192.0.2.5/x/MakeCall?remote=$remote","Config.Account1.SIP.Password":"x"}`)
	f.Add(`{"Config.Features.ACTIONURL.ValidCodeEntered":"http://192.0.2.5/x/ValidCodeEntered?userid=$userid","Config.Features.ACTIONURL.":null}`)
	f.Add(`{"Config.Features.ACTIONURL.ValidCodeEntered":["http://192.0.2.5/x"],"Config.Features.ACTIONURL.Enable":1}`)
	f.Fuzz(func(t *testing.T, body string) {
		set, ok := settingsIn(json.RawMessage(body), actionKeys)
		if !ok {
			return
		}
		for _, a := range actions() {
			vars, stands := a.standing("http://192.0.2.5/x", set[a.event])
			if stands && set[a.event] != a.address("http://192.0.2.5/x", vars) {
				t.Errorf("%q passes for ours", set[a.event])
			}
		}
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &all) != nil {
			t.Fatal("settings of what is no object")
		}
		for k := range set {
			if _, there := all[actionKeys+k]; !there {
				t.Errorf("setting %q is none of the answer", k)
			}
		}
	})
}
