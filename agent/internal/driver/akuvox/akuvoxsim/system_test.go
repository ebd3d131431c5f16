package akuvoxsim_test

import (
	"strconv"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestSystemInfo(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		a := r.get("/api/system/info")
		st, ok := a.Data["Status"].(map[string]any)
		if !ok || a.Retcode != 0 {
			t.Fatalf("answer %s", a.raw)
		}
		m := r.panel.Model()
		if st["Model"] != m.Name || st["FirmwareVersion"] != m.Firmware || st["HardwareVersion"] != m.Hardware {
			t.Errorf("status %v", st)
		}
		if mac, _ := st["MAC"].(string); len(mac) != 17 || mac[2] != ':' {
			t.Errorf("MAC %q is not in colon form", mac)
		}
	})
}

func TestSystemStatusGivesTheOwnClock(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		r.clock.add(90 * time.Second)
		data := r.get("/api/system/status").Data
		read := func(key string) int64 {
			if s, ok := data[key].(string); ok {
				n, err := strconv.ParseInt(s, 10, 64)
				if err != nil || !r.panel.Model().TextStatus {
					t.Errorf("%s is %q", key, s)
				}
				return n
			}
			f, ok := data[key].(float64)
			if !ok || r.panel.Model().TextStatus {
				t.Errorf("%s is %v", key, data[key])
			}
			return int64(f)
		}
		if got, want := read("SystemTime"), monday().Unix()+90; got != want {
			t.Errorf("time %d, want %d", got, want)
		}
		if got := read("UpTime"); got != 90 {
			t.Errorf("uptime %d, want 90", got)
		}
	})
}

func TestUnknownEndpointsHaveTheMisspeltWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, path := range []string{
		"/api/user/list", "/api/nothing/get", "/api/system/dance", "/api/relay/trigger", "/api/doorlog/export",
		"/api/user", "/api/", "/api/schedule/clear", "/api/group/list", "/api/contact/add", "/api/config/list", "/api/calllog/x",
	} {
		a := r.get(path)
		if a.Retcode >= 0 || a.Message != "No hanlders for this request" || a.status != 200 {
			t.Errorf("%s answered %d %s", path, a.status, a.raw)
		}
	}
}

func TestPathsOutsideTheAPIAreAbsent(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, path := range []string{"/", "/fcgi/do", "/web/status/get", "/apis/user/get"} {
		if a := r.get(path); a.status != 404 {
			t.Errorf("%s answered %d", path, a.status)
		}
	}
}

func TestOtherMethodsAreUnsupported(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		if a := r.do(method, "/api/user/get", ""); a.Retcode >= 0 || a.Message != "unsupport action" {
			t.Errorf("%s answered %s", method, a.raw)
		}
	}
}

func TestBodiesThatAreNoEnvelope(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, body := range []string{`{`, `[]`, `null`, `"x"`, `{"target":1}`, `{"action":[]}`, `{} trailing`} {
		if a := r.do("POST", "/api/user/set", body); a.status != 400 || a.Retcode != -100 {
			t.Errorf("body %q answered %d %s", body, a.status, a.raw)
		}
	}
	if n := len(r.panel.Users()); n != 0 {
		t.Errorf("%d users came out of broken bodies", n)
	}
}

func TestAnyContentTypeIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for i, ct := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded", "image/png"} {
		body := envelope("user", "add", person("u"+digits(i), "Ada", "1234"))
		if a := r.do("POST", "/api/user/set", body, "Content-Type", ct); a.Retcode < 0 {
			t.Errorf("%s refused: %s", ct, a.raw)
		}
	}
}

func TestAnOversizedBodyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	big := make([]byte, 1<<20+1)
	for i := range big {
		big[i] = ' '
	}
	a, err := r.try("POST", "/api/user/set", string(big))
	if err == nil && a.status != 413 {
		t.Fatalf("answered %d", a.status)
	}
	if got := r.panel.Mutating(); len(got) != 0 {
		t.Fatalf("it reached the API: %+v", got)
	}
}
