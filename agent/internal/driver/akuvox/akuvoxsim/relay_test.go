package akuvoxsim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func trig(data string) string { return `{"target":"relay","action":"trig","data":` + data + `}` }

func TestRelayTriggerOpensForItsDelay(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		n := r.panel.Model().Relays
		last := string(rune('A' + n - 1))
		a := r.do("POST", "/api/relay/trig", trig(`{"num":`+digits(n)[4:]+`,"mode":0,"level":0,"delay":3}`))
		if a.Retcode != 0 || r.get("/api/relay/status").Data["Relay"+last] != 1.0 {
			t.Fatalf("trigger answered %s", a.raw)
		}
		r.clock.add(3 * time.Second)
		st := r.get("/api/relay/status").Data
		if st["Relay"+last] != 0.0 || len(st) != r.panel.Model().Relays {
			t.Errorf("status after the delay: %v", st)
		}
		log := r.panel.DoorLog()
		if len(log) != 1 || log[0].How != "api" || log[0].Door != last || !log[0].Granted || log[0].By != "" {
			t.Errorf("log %+v", log)
		}
	})
}

func TestRelayHeldByHandAndDefaultDelay(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":1,"level":0,"delay":3}`))
	r.do("POST", "/api/relay/trig", trig(`{"num":3,"mode":0,"level":0,"delay":0}`))
	r.clock.add(4 * time.Second)
	if st := r.get("/api/relay/status").Data; st["RelayA"] != 1.0 || st["RelayC"] != 1.0 {
		t.Errorf("after 4 s: %v", st)
	}
	r.clock.add(time.Hour)
	if st := r.get("/api/relay/status").Data; st["RelayA"] != 1.0 || st["RelayC"] != 0.0 {
		t.Errorf("after an hour: %v", st)
	}
}

func TestRelayTriggerRules(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Model: "E18"})
	for _, data := range []string{
		`{"num":3,"mode":0,"level":0,"delay":3}`, `{"num":0,"mode":0,"level":0,"delay":3}`,
		`{"num":11,"mode":0,"level":0,"delay":3}`, `{"num":1,"mode":2,"level":0,"delay":3}`,
		`{"num":1,"mode":0,"level":2,"delay":3}`, `{"num":1,"mode":0,"level":0,"delay":65536}`,
		`{"num":1,"mode":0,"level":0,"delay":-1}`, `{"num":"1","mode":0,"level":0,"delay":3}`,
		`{"num":1,"mode":0,"level":0}`, `{"Num":1,"mode":0,"level":0,"delay":3}`, `{}`, `[]`, `null`,
	} {
		if a := r.do("POST", "/api/relay/trig", trig(data)); a.Retcode != -100 {
			t.Errorf("%s answered %s", data, a.raw)
		}
	}
	if a := r.do("POST", "/api/relay/trig", `{"target":"relay","action":"set","data":{}}`); a.Message != "unsupport action" {
		t.Errorf("action set answered %s", a.raw)
	}
	if a := r.get("/api/relay/trig"); a.Retcode >= 0 {
		t.Errorf("GET answered %s", a.raw)
	}
	if n := len(r.panel.DoorLog()); n != 0 {
		t.Errorf("%d log entries", n)
	}
}

func TestANormallyClosedRelayReadsInverted(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	a := r.do("POST", "/api/relay/set", `{"target":"relay","action":"set","data":{"Config.DoorSetting.RELAY.RelayAType":"1"}}`)
	if a.Message != "set successfully!" || a.Action != "relay" {
		t.Errorf("relay/set answered %s", a.raw)
	}
	if got := r.get("/api/relay/status").Data["RelayA"]; got != 1.0 {
		t.Errorf("shut reads %v", got)
	}
	r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":3}`))
	if got := r.get("/api/relay/status").Data["RelayA"]; got != 1.0 || len(r.panel.DoorLog()) != 0 {
		t.Errorf("the contact that no lock hangs on opened it: %v", got)
	}
	r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":1,"delay":3}`))
	if got := r.get("/api/relay/status").Data["RelayA"]; got != 0.0 {
		t.Errorf("open reads %v", got)
	}
}

func TestABistableRelay(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.do("POST", "/api/relay/set", `{"target":"relay","action":"set","data":{"Config.DoorSetting.RELAY.RelayBMode":"1"}}`)
	for i, step := range []struct {
		mode string
		want float64
	}{{"1", 0}, {"0", 1}, {"0", 0}, {"0", 1}, {"1", 0}, {"1", 0}} {
		r.do("POST", "/api/relay/trig", trig(`{"num":2,"mode":`+step.mode+`,"level":0,"delay":5}`))
		r.clock.add(time.Hour)
		if got := r.get("/api/relay/status").Data["RelayB"]; got != step.want {
			t.Errorf("step %d: an hour after mode %s it reads %v, want %v", i, step.mode, got, step.want)
		}
	}
	if n := len(r.panel.DoorLog()); n != 2 {
		t.Errorf("%d log entries, want one for each opening", n)
	}
}

func TestRelayGetShowsItsSettingsOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Model: "E18"})
	a := r.get("/api/relay/get")
	if a.Message != "get successfully!" || len(a.Data) != 10 || a.Data["Config.DoorSetting.RELAY.HoldDelayB"] != "5" {
		t.Errorf("answered %s", a.raw)
	}
	r.do("POST", "/api/relay/set", `{"target":"relay","action":"set","data":{"Config.DoorSetting.DEVICENODE.Location":"x"}}`)
	if got := r.get("/api/config/get").Data["Config.DoorSetting.DEVICENODE.Location"]; got != "E18" {
		t.Errorf("relay/set wrote a foreign key: %v", got)
	}
}

func TestAnOpenedDoorHoldsForItsSetDelay(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234"))
	r.panel.Present(pin("1234"))
	r.clock.add(4 * time.Second)
	if got := r.get("/api/relay/status").Data["RelayA"]; got != 1.0 {
		t.Errorf("after 4 s: %v", got)
	}
	r.clock.add(time.Second)
	if got := r.get("/api/relay/status").Data["RelayA"]; got != 0.0 {
		t.Errorf("after 5 s: %v", got)
	}
}

func TestConfigSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthNone})
	const url = "Config.Features.ACTIONURL.ValidCodeEntered"
	set := func(data string) answer {
		return r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":`+data+`}`)
	}
	if a := set(`{"` + url + `":"http://127.0.0.1/x?m=$mac","Config.No.Such.Key":"1"}`); a.Retcode != 0 {
		t.Fatalf("answered %s", a.raw)
	}
	got := r.get("/api/config/get").Data
	if got[url] != "http://127.0.0.1/x?m=$mac" {
		t.Errorf("the URL is %v", got[url])
	}
	if _, ok := got["Config.No.Such.Key"]; ok {
		t.Error("an unknown key was stored")
	}
	if a := set(`{"` + url + `":"http://127.0.0.1/?a=$alarmstatus"}`); a.Retcode != 0 {
		t.Errorf("an unknown variable is refused aloud: %s", a.raw)
	}
	if now := r.get("/api/config/get").Data[url]; now != "http://127.0.0.1/x?m=$mac" {
		t.Errorf("an unknown variable was stored: %v", now)
	}
	for _, data := range []string{`{}`, `[]`, `{"` + url + `":1}`} {
		if a := set(data); a.Retcode != -100 {
			t.Errorf("%s answered %s", data, a.raw)
		}
	}
}

func TestConfigSetWithoutEnvelopeIsUnsupported(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		for _, body := range []string{"", `{"data":{"a":"b"}}`, `{"action":"set","data":{"a":"b"}}`, `{"target":"user","action":"set","data":{"a":"b"}}`} {
			if a := r.do("POST", "/api/config/set", body); a.Retcode >= 0 || a.Message != "unsupport action" {
				t.Errorf("%q answered %s", body, a.raw)
			}
		}
	})
}

func TestConfigHasTheModelsSIPNamespace(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		if _, ok := r.get("/api/config/get").Data[r.panel.Model().SIPPrefix+"Server"]; !ok {
			t.Error("the SIP server key is missing")
		}
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	do := func(action string, items ...map[string]string) answer {
		return r.do("POST", "/api/group/"+action, envelope("group", action, items...))
	}
	a := do("add", map[string]string{"Name": "North"})
	if d := cmp.Diff([]map[string]any{{"ID": "1", "Name": "North", "Ret": 0.0}}, a.items(t)); d != "" || a.Retcode != 0 {
		t.Errorf("add answered %s: %s", a.raw, d)
	}
	if a := do("add", map[string]string{"Name": ""}); a.Retcode != -1 || a.Message != "Error" || a.items(t)[0]["Ret"] != 14.0 {
		t.Errorf("empty name answered %s", a.raw)
	}
	if a := do("set", map[string]string{"ID": "9", "Name": "x"}); a.Retcode != -1 || a.items(t)[0]["Ret"] != -4.0 {
		t.Errorf("unknown ID answered %s", a.raw)
	}
	if a := do("set", map[string]string{"ID": "1", "Name": "South"}); a.Retcode != 0 {
		t.Errorf("set answered %s", a.raw)
	}
	if d := cmp.Diff([]map[string]any{{"ID": "1", "Name": "South"}}, r.get("/api/group/get").items(t)); d != "" {
		t.Error(d)
	}
	for range 2 {
		if a := do("del", map[string]string{"ID": "1"}); a.Retcode != 0 || len(a.Data) != 0 {
			t.Errorf("del answered %s", a.raw)
		}
	}
	if a := r.do("POST", "/api/group/add", envelope("group", "del", map[string]string{"ID": "1"})); a.Message != "unsupport action" {
		t.Errorf("path against action answered %s", a.raw)
	}
	if a := r.do("POST", "/api/group/del", `{"target":"group","action":"del"}`); a.Retcode != -100 {
		t.Errorf("del of nothing answered %s", a.raw)
	}
}

func TestDoorPhoneContacts(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	if a := r.write("contact", "add", map[string]string{"Name": "Desk", "Group": "Nowhere"}); a.Retcode != 0 || a.items(t)[0]["ID"] != "1" {
		t.Fatalf("add answered %s", a.raw)
	}
	want := []map[string]any{{"ID": "1", "Name": "Desk", "Phone": "", "Group": "Default"}}
	if d := cmp.Diff(want, r.get("/api/contact/get").items(t)); d != "" {
		t.Error(d)
	}
	for _, tc := range []struct {
		action string
		item   map[string]string
		ret    float64
	}{
		{"add", map[string]string{"Name": ""}, 14},
		{"set", map[string]string{"ID": "1", "Name": ""}, 14},
		{"set", map[string]string{"ID": "7", "Name": "x"}, -7},
		{"del", map[string]string{"ID": "7"}, -7},
		{"set", map[string]string{"ID": "1", "Name": "Office", "Phone": "+15550100"}, 0},
		{"del", map[string]string{"ID": "1"}, 0},
	} {
		a := r.write("contact", tc.action, tc.item)
		if a.items(t)[0]["Ret"] != tc.ret || (a.Retcode < 0) != (tc.ret != 0) {
			t.Errorf("%s %v answered %s", tc.action, tc.item, a.raw)
		}
	}
	if a := r.write("contact", "clear", map[string]string{"ID": "1"}); a.Message != "unsupport action" {
		t.Errorf("clear answered %s", a.raw)
	}
}

func TestTheApartmentBookIsReadOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Model: "X915S"})
	row := r.get("/api/contact/get").items(t)[0]
	if _, has := row["ID"]; has || row["APTNum"] == nil || row["APTName"] == nil {
		t.Errorf("row %v", row)
	}
	if a := r.write("contact", "add", map[string]string{"Name": "Desk"}); a.Retcode >= 0 || a.Message != "unsupport action" {
		t.Errorf("add answered %s", a.raw)
	}
}
