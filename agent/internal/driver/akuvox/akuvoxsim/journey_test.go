package akuvoxsim_test

import (
	"encoding/base64"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// caller speaks to a panel under one login mode.
type caller struct {
	*rig
	auth akuvoxsim.Auth
}

func (c caller) post(path, body string) answer {
	c.t.Helper()
	switch c.auth {
	case akuvoxsim.AuthBasic, akuvoxsim.AuthBoth:
		token := base64.StdEncoding.EncodeToString([]byte(apiUser + ":" + apiPass))
		return c.do("POST", path, body, "Authorization", "Basic "+token)
	case akuvoxsim.AuthDigest:
		l := challenged(c.t, c.do("POST", path, body))
		l.uri, l.body, l.qop = path, body, "auth-int"
		return c.do("POST", path, body, "Authorization", l.header("POST"))
	}
	return c.do("POST", path, body)
}

// A resident moves in, is changed and moves out, on every model and under every login mode; the door tells.
func TestAMoveInAndOutUnderEveryLogin(t *testing.T) {
	t.Parallel()
	for _, m := range akuvoxsim.Models() {
		for _, auth := range akuvoxsim.AuthModes() {
			if auth == akuvoxsim.AuthServer {
				continue // nobody gets in: TestServerDigestRefusesEverybody
			}
			t.Run(m.Name+"/"+string(auth), func(t *testing.T) {
				t.Parallel()
				c := caller{newRig(t, akuvoxsim.Options{
					Model: m.Name, Auth: auth, User: apiUser, Password: apiPass, Allow: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
				}), auth}
				opens := func(when string, want bool) {
					t.Helper()
					if got := c.panel.Present(pin("1234")).Granted; got != want {
						t.Errorf("%s the PIN opens: %v, want %v", when, got, want)
					}
				}
				opens("before", false)
				c.post("/api/user/set", envelope("user", "add", person("gh-1", "Ada", "1234")))
				opens("moved in", true)
				never := person("gh-1", "Ada", "1234", "ID", "1", "ScheduleRelay", "1002-1", "Schedule-Relay", "1002-1")
				c.post("/api/user/set", envelope("user", "set", never))
				opens("suspended", false)
				c.post("/api/user/set", envelope("user", "set", person("gh-1", "Ada", "1234", "ID", "1")))
				opens("back", true)
				if a := c.post("/api/user/get", `{"target":"user","action":"get","data":{"page":1}}`); len(a.items(t)) != 1 {
					t.Errorf("listed %s", a.raw)
				}
				c.post("/api/user/del", envelope("user", "del", map[string]string{"ID": "1"}))
				opens("moved out", false)
				if got := len(c.panel.Mutating()); got != 4 {
					t.Errorf("%d changing requests reached the API, want 4", got)
				}
			})
		}
	}
}

// The calls a careful client makes to learn what a unit is (reference §3) work on every model and change nothing.
func TestTheProbeCallsAnswerAndChangeNothing(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		for _, path := range []string{
			"/api/system/info", "/api/system/status", "/api/user/get?page=1", "/api/contact/get?page=1", "/api/schedule/get",
			"/api/group/get", "/api/doorlog/get?page=1", "/api/calllog/get?page=1", "/api/relay/status", "/api/config/get",
			"/api/relay/get", "/api/rfkey/get",
		} {
			target := strings.Split(path, "/")[2]
			if slices.Contains(r.panel.Model().Without, target) {
				if a := r.get(path); a.Retcode >= 0 || a.Message != "No hanlders for this request" {
					t.Errorf("%s answered %s", path, a.raw)
				}
				continue
			}
			if a := r.get(path); a.status != 200 || a.Retcode != 0 || a.Data == nil {
				t.Errorf("%s answered %d %s", path, a.status, a.raw)
			}
		}
		if got := r.panel.Mutating(); len(got) != 0 {
			t.Errorf("counted as changes: %+v", got)
		}
	})
}

// A daily window that lies in the hour a zone skips never opens that day; one in the hour it repeats opens twice.
func TestWindowsFollowTheWallClockOverDST(t *testing.T) {
	t.Parallel()
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, akuvoxsim.Options{Zone: ny})
	r.must("schedule", "add", map[string]string{"Name": "Skipped", "Type": "2", "Daily": "02:00-02:59"})
	r.must("schedule", "add", map[string]string{"Name": "Repeated", "Type": "2", "Daily": "01:00-01:59"})
	r.must("user", "add", person("s", "Skipped", "1111", "ScheduleRelay", "1003-1"))
	r.must("user", "add", person("r", "Repeated", "2222", "ScheduleRelay", "1004-1"))
	minutesOpen := func(code string, from time.Time) int {
		n := 0
		for m := range 6 * 60 {
			r.clock.set(from.Add(time.Duration(m) * time.Minute))
			if r.panel.Present(pin(code)).Granted {
				n++
			}
		}
		return n
	}
	for name, tc := range map[string]struct {
		midnight          time.Time
		skipped, repeated int
	}{
		"spring":   {time.Date(2026, 3, 8, 0, 0, 0, 0, ny), 0, 60},
		"autumn":   {time.Date(2026, 11, 1, 0, 0, 0, 0, ny), 60, 120},
		"ordinary": {time.Date(2026, 6, 1, 0, 0, 0, 0, ny), 60, 60},
	} {
		if got := minutesOpen("1111", tc.midnight); got != tc.skipped {
			t.Errorf("%s: 02:00-02:59 was open %d minutes, want %d", name, got, tc.skipped)
		}
		if got := minutesOpen("2222", tc.midnight); got != tc.repeated {
			t.Errorf("%s: 01:00-01:59 was open %d minutes, want %d", name, got, tc.repeated)
		}
	}
}

// A panel whose clock is wrong lets people in at the wrong time, as a real one would.
func TestASkewedClockMovesTheWindow(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("schedule", "add", map[string]string{"Name": "Morning", "Type": "2", "Daily": "08:00-11:59"})
	r.must("user", "add", person("a", "Ada", "1234", "ScheduleRelay", "1003-1"))
	if r.panel.Present(pin("1234")).Granted {
		t.Fatal("open at noon")
	}
	r.fault(akuvoxsim.FaultClockSkew, "-1m")
	if !r.panel.Present(pin("1234")).Granted {
		t.Error("shut at 11:59 by its own clock")
	}
	r.faultOff(akuvoxsim.FaultClockSkew)
	if r.panel.Present(pin("1234")).Granted {
		t.Error("open at noon again")
	}
}

func TestFaultsCombine(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fill(11)
	for _, name := range []string{
		akuvoxsim.FaultTrailingBytes, akuvoxsim.FaultBadUTF8, akuvoxsim.FaultPagedOnly, akuvoxsim.FaultNoFilter, akuvoxsim.FaultUserIDSpelling,
	} {
		r.fault(name, "")
	}
	rows := r.get("/api/user/get?NameOrPerID=nobody").items(t)
	if len(rows) != 10 || rows[9]["UserId"] != "u00009" {
		t.Errorf("%d rows, the last %v", len(rows), rows[len(rows)-1])
	}
}

// A fault that chooses between two unknown behaviours is named beside the assumption it turns round.
func TestAssumptionsNameEveryAlternative(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		akuvoxsim.FaultStaleNonce, akuvoxsim.FaultPagedOnly, akuvoxsim.FaultBlankKeeps, akuvoxsim.FaultStrictSeparator,
		akuvoxsim.FaultRefuseDuplicates, akuvoxsim.FaultNoFilter, akuvoxsim.FaultScheduleInUse, akuvoxsim.FaultDisplayID,
		akuvoxsim.FaultLogOldestFirst, akuvoxsim.FaultCompactDates, akuvoxsim.FaultLogIDsWrap, akuvoxsim.FaultAbsent404,
		akuvoxsim.FaultVendorWords, akuvoxsim.FaultUnknownVariable, akuvoxsim.FaultCallsLost, akuvoxsim.FaultCodeWithoutRelay,
		akuvoxsim.FaultConfigDrop, akuvoxsim.FaultLogTypeDigits, akuvoxsim.FaultFCGIEmpty, akuvoxsim.FaultFCGIWords,
	} {
		if !strings.Contains(string(b), "→ `"+name+"`") {
			t.Errorf("assumptions.md does not say that %s turns an assumption round", name)
		}
	}
	for _, f := range akuvoxsim.FaultList().Faults {
		if strings.Contains(f.Line, "otherwise") && !strings.Contains(string(b), "`"+f.Name+"`") {
			t.Errorf("%s chooses a behaviour that assumptions.md does not speak of", f.Name)
		}
	}
}
