package akuvoxsim_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// faultCheck puts one fault to the proof on an X916 that has Ada (1234) on it.
type faultCheck struct {
	name, value string
	check       func(t *testing.T, r *rig)
}

func ben() map[string]string { return person("b", "Ben", "2345") }

// faultChecks has one line for every fault; TestEveryFaultDoesWhatItsLineSays sees to that.
func faultChecks() []faultCheck {
	return slices.Concat(wireChecks(), storeChecks(), listChecks(), actionChecks(), dialectChecks(), fcgiChecks(), rowChecks())
}

func TestEveryFaultDoesWhatItsLineSays(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{}
	for _, c := range faultChecks() {
		checked[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, akuvoxsim.Options{})
			r.must("user", "add", person("a", "Ada", "1234"))
			r.clock.add(time.Minute)
			r.fault(c.name, c.value)
			c.check(t, r)
		})
	}
	for _, f := range akuvoxsim.FaultList().Faults {
		if !checked[f.Name] {
			t.Errorf("no test shows what %s does", f.Name)
		}
		if f.Line == "" || strings.Contains(f.Line, "\n") {
			t.Errorf("%s has not one line of meaning: %q", f.Name, f.Line)
		}
		delete(checked, f.Name)
	}
	if len(checked) > 0 {
		t.Errorf("tested and not listed: %v", checked)
	}
}

// dies wants the connection reset.
func dies(t *testing.T, r *rig, method, path, body string) {
	t.Helper()
	if a, err := r.try(method, path, body); err == nil {
		t.Errorf("%s %s answered %d %q, want a reset", method, path, a.status, a.raw)
	}
}

func wireChecks() []faultCheck {
	addBen := envelope("user", "add", ben())
	return []faultCheck{
		{"trailing-bytes", "", func(t *testing.T, r *rig) {
			a := r.get("/api/user/get")
			if len(a.items(t)) != 1 || !strings.Contains(string(a.raw), "}\r\nHTTP/1.1 ") {
				t.Errorf("body %q", a.raw)
			}
		}},
		{"bad-utf8", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/user/get"); utf8.Valid(a.raw) || len(a.items(t)) != 1 {
				t.Errorf("body %q", a.raw)
			}
			if a := r.write("user", "add", ben()); utf8.Valid(a.raw) || a.Retcode < 0 {
				t.Errorf("body %q", a.raw)
			}
		}},
		{"empty-200", "", func(t *testing.T, r *rig) {
			if a := r.write("user", "add", ben()); a.status != 200 || len(a.raw) != 0 || len(r.panel.Users()) != 1 {
				t.Errorf("answered %d %q, %d users", a.status, a.raw, len(r.panel.Users()))
			}
		}},
		{"http-500", "", func(t *testing.T, r *rig) {
			if a := r.write("user", "add", ben()); a.status != 500 || len(r.panel.Users()) != 1 {
				t.Errorf("answered %d, %d users", a.status, len(r.panel.Users()))
			}
		}},
		{"slow", "1ms", func(t *testing.T, r *rig) { // how slow: TestSlowTakesItsTime
			r.must("user", "add", ben())
		}},
		{"drop-connection", "", func(t *testing.T, r *rig) {
			dies(t, r, "POST", "/api/user/set", addBen)
			if n := len(r.panel.Users()); n != 2 {
				t.Errorf("%d users, want 2: the write took effect", n)
			}
			r.get("/api/user/get")
		}},
		{"drop-connection-early", "", func(t *testing.T, r *rig) {
			dies(t, r, "POST", "/api/user/set", addBen)
			if n := len(r.panel.Users()); n != 1 {
				t.Errorf("%d users, want 1: the write took no effect", n)
			}
			r.get("/api/user/get")
		}},
		{"drop-read", "", func(t *testing.T, r *rig) {
			dies(t, r, "GET", "/api/user/get", "")
			r.must("user", "add", ben())
		}},
		{"lockup", "30s", checkLockup},
		{"stale-nonce", "", checkStaleNonce},
		{"reboot", "10s", func(t *testing.T, r *rig) { checkOutage(t, r) }},
		{"power-cut", "10s", func(t *testing.T, r *rig) { checkOutage(t, r) }},
		{"api-off", "", func(t *testing.T, r *rig) {
			if a := r.get("/api/system/info"); a.status != 403 || a.header.Get("WWW-Authenticate") != "" {
				t.Errorf("answered %d %v", a.status, a.header)
			}
		}},
		{"login-changed", "", checkLoginChanged},
	}
}

func checkLockup(t *testing.T, r *rig) {
	r.get("/api/user/get")
	r.clock.add(250 * time.Millisecond)
	r.get("/api/user/get")
	r.clock.add(249 * time.Millisecond)
	dies(t, r, "GET", "/api/user/get", "")
	r.clock.add(29 * time.Second)
	dies(t, r, "GET", "/api/user/get", "")
	r.clock.add(time.Second)
	r.get("/api/user/get")
}

// checkOutage wants ten seconds without the panel and everybody still on it.
func checkOutage(t *testing.T, r *rig) {
	dies(t, r, "GET", "/api/user/get", "")
	if out := r.panel.Present(pin("1234")); out.Down == "" {
		t.Errorf("the door works: %+v", out)
	}
	r.clock.add(10 * time.Second)
	if n := len(r.get("/api/user/get").items(t)); n != 1 {
		t.Errorf("%d users after it", n)
	}
}

func checkLoginChanged(t *testing.T, r *rig) {
	if a := r.get("/api/system/info"); a.status != 401 {
		t.Errorf("open panel answered %d", a.status)
	}
	b := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthBasic, User: "api", Password: "secret"})
	d := digestRig(t)
	b.fault(akuvoxsim.FaultLoginChanged, "")
	d.fault(akuvoxsim.FaultLoginChanged, "")
	if a := b.do("GET", "/api/system/info", "", "Authorization", "Basic YXBpOnNlY3JldA=="); a.status != 401 {
		t.Errorf("basic answered %d", a.status)
	}
	if a := d.as(challenged(t, d.get("/api/user/get?page=1"))); a.status != 401 || strings.Contains(a.header.Get("WWW-Authenticate"), "stale") {
		t.Errorf("digest answered %d %v", a.status, a.header)
	}
}

func checkStaleNonce(t *testing.T, _ *rig) {
	d := digestRig(t)
	d.fault(akuvoxsim.FaultStaleNonce, "")
	l := challenged(t, d.get("/api/user/get?page=1"))
	if a := d.as(l); a.status != 200 {
		t.Fatalf("the first use answered %d", a.status)
	}
	l.nc = "00000002"
	a := d.as(l)
	if !strings.Contains(a.header.Get("WWW-Authenticate"), "stale=true") {
		t.Fatalf("the second use answered %d %v", a.status, a.header)
	}
	if a := d.as(challenged(t, a)); a.status != 200 {
		t.Errorf("the fresh nonce answered %d", a.status)
	}
}

func storeChecks() []faultCheck {
	return []faultCheck{
		{"silent-drop", "", func(t *testing.T, r *rig) {
			r.must("user", "add", ben())
			r.must("user", "set", person("a", "Other", "9999", "ID", "1"))
			r.must("user", "del", map[string]string{"ID": "1"})
			r.must("schedule", "add", weekly("Office"))
			if u := r.panel.Users(); len(u) != 1 || u[0].Name != "Ada" || len(r.panel.Schedules()) != 2 {
				t.Errorf("stored after all: %+v, %d schedules", u, len(r.panel.Schedules()))
			}
		}},
		{"partial-drop", "", func(t *testing.T, r *rig) {
			r.must("user", "add", ben())
			r.must("user", "set", person("a", "Ada B", "9999", "ID", "1"))
			u := r.panel.Users()
			if len(u) != 2 || u[1].PIN != "" || u[1].Name != "Ben" || u[0].PIN != "1234" || u[0].Name != "Ada B" {
				t.Errorf("users %+v", u)
			}
		}},
		{"full", "", func(t *testing.T, r *rig) {
			if a := r.write("user", "add", ben()); a.Retcode != -1 {
				t.Errorf("add answered %s", a.raw)
			}
			r.must("user", "set", person("a", "Ada B", "1234", "ID", "1"))
		}},
		{"write-limit", "2", func(t *testing.T, r *rig) {
			r.must("user", "add", ben())
			r.must("user", "del", map[string]string{"ID": "2"})
			if a := r.write("user", "del", map[string]string{"ID": "1"}); a.Retcode != -1 {
				t.Errorf("write 3 answered %s", a.raw)
			}
			r.get("/api/user/get").items(t)
		}},
		{"refuse-duplicates", "", func(t *testing.T, r *rig) {
			if a := r.write("user", "add", person("b", "Ben", "1234")); a.Retcode != -1 {
				t.Errorf("a PIN twice answered %s", a.raw)
			}
			r.must("user", "add", ben())
		}},
		{"blank-keeps", "", func(t *testing.T, r *rig) {
			r.must("user", "set", person("a", "Ada", "1234", "ID", "1", "CardCode", "AB"))
			r.must("user", "set", person("a", "Ada B", "", "ID", "1"))
			if u := r.panel.Users()[0]; u.PIN != "1234" || len(u.Cards) != 1 || u.Name != "Ada B" {
				t.Errorf("user %+v", u)
			}
		}},
		{"strict-separator", "", func(t *testing.T, r *rig) {
			if a := r.write("user", "add", person("b", "Ben", "", "ScheduleRelay", "1001-1;1002-2")); a.Retcode != -100 {
				t.Errorf("the other separator answered %s", a.raw)
			}
			r.must("user", "add", person("b", "Ben", "", "ScheduleRelay", "1001-1,1002-2"))
		}},
		{"schedule-in-use", "", func(t *testing.T, r *rig) {
			r.must("schedule", "add", weekly("Office"))
			r.must("user", "add", person("b", "Ben", "", "ScheduleRelay", "1001-1,1003-2"))
			if a := r.write("schedule", "del", map[string]string{"ID": "1003"}); a.Retcode != -1 {
				t.Errorf("del answered %s", a.raw)
			}
			r.must("user", "del", map[string]string{"ID": "2"})
			r.must("schedule", "del", map[string]string{"ID": "1003"})
		}},
	}
}

func listChecks() []faultCheck {
	return []faultCheck{
		{"no-filter", "", func(t *testing.T, r *rig) {
			if n := len(r.get("/api/user/get?NameOrPerID=nobody").items(t)); n != 1 {
				t.Errorf("%d rows", n)
			}
		}},
		{"clock-skew", "2h", func(t *testing.T, r *rig) {
			want := float64(r.clock.now().Add(2 * time.Hour).Unix())
			if got := r.get("/api/system/status").Data["SystemTime"]; got != want {
				t.Errorf("time %v, want %v", got, want)
			}
			r.panel.Present(pin("1234"))
			if got := r.panel.DoorLog()[0].At.Hour(); got != 14 {
				t.Errorf("the log says %d o'clock", got)
			}
			r.fault(akuvoxsim.FaultClockSkew, "-90s")
			if got := r.get("/api/system/status").Data["SystemTime"]; got != want-7290 {
				t.Errorf("behind: %v", got)
			}
		}},
		{"paged-only", "", func(t *testing.T, r *rig) {
			r.fill(20)
			a := r.get("/api/user/get")
			if len(a.items(t)) != 10 || a.Data["num"] != 21.0 || a.Data["curPageNum"] != 10.0 {
				t.Errorf("num %v, curPageNum %v", a.Data["num"], a.Data["curPageNum"])
			}
		}},
		{"bare-info", "", func(t *testing.T, r *rig) {
			a := r.get("/api/system/info")
			if a.Data != nil || !strings.Contains(string(a.raw), `,"Status":{`) && !strings.Contains(string(a.raw), `{"Status":{`) {
				t.Errorf("answered %s", a.raw)
			}
		}},
		{"item-not-list", "", func(t *testing.T, r *rig) {
			if _, ok := r.get("/api/user/get?page=9").Data["item"].(map[string]any); !ok {
				t.Error("an empty page is still a list")
			}
			r.get("/api/user/get").items(t)
		}},
		{"userid-spelling", "", func(t *testing.T, r *rig) {
			row := r.get("/api/user/get").items(t)[0]
			if _, ok := row["UserID"]; ok || row["UserId"] != "a" {
				t.Errorf("row %v", row)
			}
		}},
		{"display-id", "", func(t *testing.T, r *rig) {
			r.must("schedule", "add", weekly("Office"))
			row := r.get("/api/schedule/get").items(t)[2]
			if row["ID"] != "3" || row["DisplayID"] != "1003" {
				t.Errorf("row %v", row)
			}
			r.must("user", "add", person("b", "Ben", "", "ScheduleRelay", "1003-1"))
			if a := r.write("schedule", "del", map[string]string{"ID": "1003"}); a.Retcode >= 0 {
				t.Error("deleted by the displayed number")
			}
			r.must("schedule", "del", map[string]string{"ID": "3"})
		}},
		{"log-ids-wrap", "", func(t *testing.T, r *rig) {
			for range 1001 {
				r.panel.Present(pin("1234"))
			}
			if got := r.get("/api/doorlog/get?page=1").items(t)[0]["ID"]; got != "1" {
				t.Errorf("the newest of a full ring has ID %v", got)
			}
		}},
		{"log-oldest-first", "", func(t *testing.T, r *rig) {
			r.panel.Present(pin("1234"))
			r.panel.Present(pin("0000"))
			if got := r.get("/api/doorlog/get").items(t)[0]["ID"]; got != "1" {
				t.Errorf("first is %v", got)
			}
		}},
		{"compact-dates", "", func(t *testing.T, r *rig) {
			r.panel.Present(pin("1234"))
			if got := r.get("/api/doorlog/get").items(t)[0]["Date"]; got != "20260601" {
				t.Errorf("date %v", got)
			}
		}},
	}
}

func TestPowerCutAndRebootDifferInWhatTheySave(t *testing.T) {
	t.Parallel()
	const key = "Config.DoorSetting.DEVICENODE.Location"
	for name, want := range map[string]string{akuvoxsim.FaultReboot: "Lobby", akuvoxsim.FaultPowerCut: "X916"} {
		r := newRig(t, akuvoxsim.Options{})
		r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":{"`+key+`":"Lobby"}}`)
		r.fault(name, "1h")
		dies(t, r, "GET", "/api/config/get", "")
		r.faultOff(name) // switching it off ends the outage early
		if got := r.get("/api/config/get").Data[key]; got != want {
			t.Errorf("after %s the location is %v, want %s", name, got, want)
		}
	}
}

func TestFaultsEndWhenSwitchedOffOrUsedUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: "http-500", On: true, Times: 2}}})
	for i, want := range []int{500, 500, 200} {
		if got := r.get("/api/system/info").status; got != want {
			t.Errorf("request %d answered %d, want %d", i, got, want)
		}
	}
	r.fault("http-500", "")
	r.faultOff("http-500")
	if got := r.get("/api/system/info").status; got != 200 {
		t.Errorf("switched off it answers %d", got)
	}
}

func TestLockupEndsWhenSwitchedOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fault(akuvoxsim.FaultLockup, "1h")
	r.get("/api/system/info")
	dies(t, r, "GET", "/api/system/info", "")
	r.faultOff(akuvoxsim.FaultLockup)
	r.get("/api/system/info")
}

// A login challenge is no good reply: the answer to it may follow at once.
func TestLockupForgivesTheDigestHandshake(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	r.fault(akuvoxsim.FaultLockup, "1h")
	if a := r.as(challenged(t, r.get("/api/user/get?page=1"))); a.status != 200 {
		t.Fatalf("answered %d", a.status)
	}
	dies(t, r, "GET", "/api/user/get?page=1", "")
}

func TestSetFaultRefusesNonsense(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, s := range []akuvoxsim.FaultSetting{
		{Name: "rain", On: true}, {Name: "", On: true}, {Name: "slow", On: true, Value: "soon"},
		{Name: "write-limit", On: true, Value: "many"}, {Name: "full", On: true, Value: "1"}, {Name: "full", On: true, Times: -1},
	} {
		if err := r.panel.SetFault(s); err == nil {
			t.Errorf("%+v accepted", s)
		}
	}
	r.must("user", "add", ben())
}

// In virtual time: the reply takes exactly as long as told, and the write is done before it.
func TestSlowTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := akuvoxsim.New(akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: "slow", On: true, Value: "7s"}}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan time.Duration)
		go func() {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest("POST", "/api/user/set", strings.NewReader(envelope("user", "add", ben()))))
			done <- time.Since(start)
		}()
		synctest.Wait()
		if n := len(p.Users()); n != 1 {
			t.Errorf("%d users while the reply is due", n)
		}
		if took := <-done; took != 7*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// In virtual time: two requests at once lock the panel up; the one in flight is still answered.
func TestLockupByOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := akuvoxsim.New(akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{
			{Name: "slow", On: true, Value: "1s"}, {Name: "lockup", On: true, Value: "5s"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan int)
		go func() {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest("GET", "/api/user/get", nil))
			first <- w.Code
		}()
		synctest.Wait()
		if !aborts(p) {
			t.Error("the second request was answered")
		}
		if code := <-first; code != 200 {
			t.Errorf("the first answered %d", code)
		}
		<-time.After(6 * time.Second)
		if aborts(p) {
			t.Error("still locked up after 6 s")
		}
		if s := p.Stats(); s.Overlaps != 1 || s.MinGap != 6*time.Second {
			t.Errorf("stats %+v", s)
		}
	})
}

// aborts says whether a request without a connection behind it ends in a broken handler.
func aborts(p *akuvoxsim.Panel) (broken bool) {
	defer func() { broken = recover() != nil }()
	p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/system/info", nil))
	return false
}
