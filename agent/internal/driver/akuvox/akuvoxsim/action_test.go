package akuvoxsim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

const actionURL = "Config.Features.ACTIONURL."

// callAt sets Action URLs, pairs of event and address, and switches them on.
func (r *rig) callAt(pairs ...string) {
	r.t.Helper()
	data := `"` + actionURL + `Enable":"1"`
	for i := 0; i+1 < len(pairs); i += 2 {
		data += `,"` + actionURL + pairs[i] + `":"` + pairs[i+1] + `"`
	}
	if a := r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":{`+data+`}}`); a.Retcode != 0 {
		r.t.Fatalf("answered %s", a.raw)
	}
}

// due lists the calls that became due, without what they begin with.
func (r *rig) due() (out []string) {
	for _, c := range r.panel.Calls() {
		out = append(out, strings.TrimPrefix(c.URL, "http://127.0.0.1/"))
	}
	return out
}

func TestActionURLsOfEveryEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for event := range r.get("/api/config/get").Data {
		if name, ok := strings.CutPrefix(event, actionURL); ok && name != "Enable" && name != "Method" {
			r.callAt(name, "http://127.0.0.1/"+name+"?c=$code&s=$card_sn&r=$remote&u=$userid&n=$active_user&i=$relay_id&a=$relay1status&t=$unlocktype")
		}
	}
	r.must("user", "add", person("u1", "Ada B", "1234", "CardCode", "0A1B", "ScheduleRelay", "1001-12"))
	r.panel.Present(pin("1234"))
	r.panel.Present(akuvoxsim.Credential{Card: "0a1b"})
	r.panel.Present(pin("9999"))
	r.panel.Present(akuvoxsim.Credential{Card: "FF"})
	for _, h := range []akuvoxsim.Happening{
		{What: "ring", To: "sip:101@192.0.2.9"}, {What: "hang_up", To: "101"}, {What: "break_in", At: "D"}, {What: "held_open", At: "B"},
		{What: "input"}, {What: "face", UserID: "u1"}, {What: "face", UserID: "u9"},
	} {
		if _, err := r.panel.Happen(h); err != nil {
			t.Error(err)
		}
	}
	r.do("POST", "/api/relay/trig", trig(`{"num":3,"mode":0,"level":0,"delay":5}`))
	who := "&u=u1&n=Ada+B&i=1&a="
	want := []string{
		"ValidCodeEntered?c=1234&s=&r=" + who + "0&t=pin", "RelayATriggered?c=&s=&r=&u=&n=&i=&a=1&t=", "RelayBTriggered?c=&s=&r=&u=&n=&i=&a=1&t=",
		"ValidCardEntered?c=&s=0a1b&r=" + who + "1&t=card", "RelayATriggered?c=&s=&r=&u=&n=&i=&a=1&t=", "RelayBTriggered?c=&s=&r=&u=&n=&i=&a=1&t=",
		"InvalidCodeEntered?c=9999&s=&r=&u=&n=&i=&a=1&t=", "InvalidCardEntered?c=&s=FF&r=&u=&n=&i=&a=1&t=",
		"MakeCall?c=&s=&r=sip%3A101%40192.0.2.9&u=&n=&i=&a=1&t=", "HangUp?c=&s=&r=101&u=&n=&i=&a=1&t=",
		"BreakInAlarmD?c=&s=&r=&u=&n=&i=&a=1&t=", "AlarmDoorOpenedTimeoutB?c=&s=&r=&u=&n=&i=&a=1&t=", "InputATriggered?c=&s=&r=&u=&n=&i=&a=1&t=",
		"ValidFaceRecognition?c=&s=&r=" + who + "1&t=face", "RelayATriggered?c=&s=&r=&u=&n=&i=&a=1&t=", "RelayBTriggered?c=&s=&r=&u=&n=&i=&a=1&t=",
		"InvalidFaceRecognition?c=&s=&r=&u=&n=&i=&a=1&t=", "RelayCTriggered?c=&s=&r=&u=&n=&i=&a=1&t=",
	}
	if d := cmp.Diff(want, r.due()); d != "" {
		t.Error(d)
	}
	if a := r.get("/api/calllog/get?NameOrNumber=101").items(t); len(a) != 1 || a[0]["Num"] != "sip:101@192.0.2.9" || a[0]["Type"] != "Dialed" {
		t.Errorf("call log %v", a)
	}
	if log := r.get("/api/doorlog/get").items(t); log[1]["Type"] != "Face" {
		t.Errorf("door log %v", log)
	}
}

// A variable that a model does not know keeps the whole address from being stored, and nothing is said.
func TestVariablesOfTheModels(t *testing.T) {
	t.Parallel()
	knows := map[string]string{"X916": "$userid", "E18": "$code", "E18C": "$alarmstatus", "X915S": "$relay_id", "R20K": "$card_sn", "A08S": "$active_user"}
	lacks := map[string]string{"X916": "$alarmstatus", "E18": "$alarmstatus", "E18C": "$userid", "X915S": "$userid", "R20K": "$remote", "A08S": "$relay2status"}
	every(t, func(t *testing.T, r *rig) {
		name := r.panel.Model().Name
		const first = "http://127.0.0.1/a"
		r.callAt("InvalidCodeEntered", first, "ValidCodeEntered", first+"?v="+knows[name])
		r.callAt("InvalidCodeEntered", first+"?v="+lacks[name])
		set := r.get("/api/config/get").Data
		if set[actionURL+"InvalidCodeEntered"] != first || set[actionURL+"ValidCodeEntered"] != first+"?v="+knows[name] {
			t.Errorf("kept %v and %v", set[actionURL+"InvalidCodeEntered"], set[actionURL+"ValidCodeEntered"])
		}
		_, tampers := set[actionURL+"AlarmTriggered"]
		if _, err := r.panel.Happen(akuvoxsim.Happening{What: "tamper"}); (err == nil) != tampers || tampers != r.panel.Model().Tamper {
			t.Errorf("tamper: %v, shown %v", err, tampers)
		}
	})
}

func TestNothingIsCalledWhileActionURLsAreOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.callAt("InvalidCodeEntered", "http://127.0.0.1/x")
	r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":{"`+actionURL+`Enable":"0"}}`)
	r.panel.Present(pin("1"))
	if got := r.due(); got != nil {
		t.Errorf("due: %v", got)
	}
	if out, err := r.panel.Happen(akuvoxsim.Happening{What: "dance"}); err == nil {
		t.Errorf("it danced: %+v", out)
	}
	r.panel.Reboot()
	if out, err := r.panel.Happen(akuvoxsim.Happening{What: "ring"}); err != nil || out.Down == "" {
		t.Errorf("ringing while it restarts: %+v, %v", out, err)
	}
}

// receiver is where a panel calls; it hands on what came.
func receiver(t *testing.T) (url string, came chan string) {
	t.Helper()
	came = make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.Method + " " + r.RequestURI }))
	t.Cleanup(s.Close)
	return s.URL, came
}

// deliver runs the panel's caller to the end of the test.
func (r *rig) deliver() {
	ctx, stop := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.panel.Deliver(ctx)
	}()
	r.t.Cleanup(func() { stop(); <-done })
}

func TestActionURLsAreSentOnceAndInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	url, came := receiver(t)
	r.callAt("InvalidCodeEntered", url+"/secret/code?m=$mac", "InvalidCardEntered", "http://192.0.2.1/elsewhere", "MakeCall", url+"/ring?to=$remote")
	r.deliver()
	r.panel.Present(pin("1"))
	r.panel.Present(akuvoxsim.Credential{Card: "AA"})
	if _, err := r.panel.Happen(akuvoxsim.Happening{What: "ring", To: "a&b c"}); err != nil {
		t.Fatal(err)
	}
	if got := <-came; got != "GET /secret/code?m=0C%3A11%3A05%3A00%3A00%3A01" {
		t.Error(got)
	}
	if got := <-came; got != "GET /ring?to=a%26b+c" {
		t.Error(got)
	}
	calls := r.panel.Calls()
	if len(calls) != 3 || calls[0].Result != "200 OK" || !strings.HasPrefix(calls[1].Result, "not called") || calls[0].Event != "InvalidCodeEntered" {
		t.Errorf("%+v", calls)
	}
}

func actionChecks() []faultCheck {
	return []faultCheck{
		{"code-without-relay", "", func(t *testing.T, r *rig) {
			r.callAt("ValidCodeEntered", "http://127.0.0.1/code", "RelayATriggered", "http://127.0.0.1/relay")
			r.panel.Present(pin("1234"))
			r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":5}`))
			if d := cmp.Diff([]string{"code", "relay"}, r.due()); d != "" {
				t.Error(d)
			}
		}},
		{"unknown-variable", "card_sn", func(t *testing.T, r *rig) {
			r.callAt("ValidCardEntered", "http://127.0.0.1/?c=$card_sn", "ValidCodeEntered", "http://127.0.0.1/?c=$code")
			set := r.get("/api/config/get").Data
			if set[actionURL+"ValidCardEntered"] != "" || set[actionURL+"ValidCodeEntered"] == "" {
				t.Errorf("kept %v", set)
			}
		}},
		{"calls-lost", "", func(t *testing.T, r *rig) {
			url, came := receiver(t)
			r.callAt("InvalidCodeEntered", url+"/lost", "InvalidCardEntered", url+"/card")
			if err := r.panel.SetFault(akuvoxsim.FaultSetting{Name: "calls-lost", On: true, Times: 1}); err != nil {
				t.Fatal(err)
			}
			r.panel.Present(pin("1"))
			r.deliver()
			r.panel.Present(akuvoxsim.Credential{Card: "AA"})
			if got := <-came; got != "GET /card" {
				t.Error(got)
			}
		}},
		{"config-drop", "", func(t *testing.T, r *rig) {
			r.callAt("InvalidCodeEntered", "http://127.0.0.1/x")
			if got := r.get("/api/config/get").Data[actionURL+"InvalidCodeEntered"]; got != "" {
				t.Errorf("stored %v", got)
			}
		}},
		{"absent-404", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/camera/snapshot"); a.status != 404 {
				t.Errorf("answered %d", a.status)
			}
			r.get("/api/user/get").items(t)
		}},
		{"vendor-words", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/camera/snapshot"); a.Retcode != -200 || a.Message != "Api unsupported" {
				t.Errorf("answered %s", a.raw)
			}
			if a := r.write("user", "add", person("b", "Ben", "1")); a.Retcode != -200 || a.Message != "Error param" {
				t.Errorf("answered %s", a.raw)
			}
		}},
		{"auth-int-only", "", checkAuthIntOnly},
		{"status-words", "", func(t *testing.T, r *rig) {
			r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":5}`))
			want := map[string]any{"RelayA": "open"}
			for _, name := range []string{"RelayB", "RelayC", "RelayD"} {
				want[name] = map[string]any{"state": "closed"}
			}
			if d := cmp.Diff(want, r.get("/api/relay/status").Data); d != "" {
				t.Error(d)
			}
		}},
	}
}

func checkAuthIntOnly(t *testing.T, _ *rig) {
	d := digestRig(t)
	d.fault(akuvoxsim.FaultAuthIntOnly, "")
	h := d.get("/api/user/get?page=1").header.Get("WWW-Authenticate")
	if !strings.Contains(h, `qop="auth-int"`) {
		t.Fatalf("challenge %q", h)
	}
	l := challenged(t, answer{status: 401, header: http.Header{"Www-Authenticate": {strings.Replace(h, `"auth-int"`, `"auth,auth-int"`, 1)}}})
	if a := d.as(l); a.status != 401 {
		t.Errorf("auth answered %d", a.status)
	}
	l.nc, l.qop = "00000002", "auth-int"
	if a := d.as(l); a.status != 200 {
		t.Errorf("auth-int answered %d", a.status)
	}
}

func dialectChecks() []faultCheck {
	return []faultCheck{
		{"web-spa", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/web/system/info"); a.Data["Model"] != "X916" {
				t.Errorf("answered %s", a.raw)
			}
			if a := r.leads("/api/system/info"); a != "308 https://127.0.0.1/api/system/info" {
				t.Error(a)
			}
		}},
		{"web-legacy", "", func(t *testing.T, r *rig) {
			if a := r.get("/web/status/get?session=&web=1"); a.Data["ProductName"] != "X916" {
				t.Errorf("answered %s", a.raw)
			}
			if a := r.get("/api/system/info"); a.status != 403 {
				t.Errorf("answered %d", a.status)
			}
		}},
		{"fcgi-only", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/system/info"); a.status != 200 || !strings.Contains(string(a.raw), "/fcgi/do") {
				t.Errorf("answered %d %s", a.status, a.raw)
			}
		}},
		{"redirect", "", func(t *testing.T, r *rig) {
			if a := r.leads("/api/user/get"); a != "302 http://192.0.2.1/api/user/get" {
				t.Error(a)
			}
		}},
		{"endless", "", checkNeverEnds},
		{"drip", "", checkNeverEnds},
	}
}

// checkNeverEnds reads a few blanks and leaves.
func checkNeverEnds(t *testing.T, r *rig) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/api/user/get", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 1)
	for range 2 {
		if n, err := resp.Body.Read(b); n != 1 || err != nil || b[0] != ' ' {
			t.Fatalf("read %q, %v", b[:n], err)
		}
	}
}

// leads says where a request is led.
func (r *rig) leads(path string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.http.Transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return strings.Fields(resp.Status)[0] + " " + resp.Header.Get("Location")
}

func TestServerDigestRefusesEverybody(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthServer, User: apiUser, Password: apiPass})
	if a := r.as(challenged(t, r.get("/api/user/get?page=1"))); a.status != 401 {
		t.Errorf("the right login answered %d", a.status)
	}
}

func TestBasicAndDigestTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthBoth, User: apiUser, Password: apiPass})
	a := r.get("/api/user/get?page=1")
	if all := a.header.Values("WWW-Authenticate"); len(all) != 2 || all[1] != `Basic realm="HTTP API"` {
		t.Errorf("challenges %q", all)
	}
	if a := r.as(challenged(t, a)); a.status != 200 {
		t.Errorf("digest answered %d", a.status)
	}
}

func TestTheOlderCardStore(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	add := func(items ...map[string]string) answer {
		return r.do("POST", "/api/rfkey/add", envelope("rfkey", "add", items...))
	}
	if a := add(map[string]string{"Code": "0A1B", "DoorNum": "1", "Mon": "1", "Thur": "1", "TimeStart": "00:00", "TimeEnd": "23:59", "Other": "x"}); a.Retcode < 0 {
		t.Fatalf("add answered %s", a.raw)
	}
	for _, code := range []string{"", "XYZ"} {
		if a := add(map[string]string{"Code": code}); a.Retcode != -100 {
			t.Errorf("card %q answered %s", code, a.raw)
		}
	}
	rows := r.get("/api/rfkey/get").items(t)
	if len(rows) != 1 || rows[0]["Code"] != "0A1B" || rows[0]["Thur"] != "1" || rows[0]["Sun"] != "" || rows[0]["Other"] != nil {
		t.Errorf("rows %v", rows)
	}
	if a := r.do("POST", "/api/rfkey/add", envelope("rfkey", "del", rowsOf("1")...)); a.Message != "unsupport action" {
		t.Errorf("del answered %s", a.raw)
	}
	if r.panel.Present(akuvoxsim.Credential{Card: "0A1B"}).Granted {
		t.Error("it opens")
	}
}

func rowsOf(id string) []map[string]string { return []map[string]string{{"ID": id}} }
