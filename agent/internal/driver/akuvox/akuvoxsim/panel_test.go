package akuvoxsim_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestNewRefusesWhatItCannotBe(t *testing.T) {
	t.Parallel()
	six := make([]netip.Addr, 6)
	for name, tc := range map[string]struct {
		o    akuvoxsim.Options
		want string
	}{
		"unknown model":       {akuvoxsim.Options{Model: "X1"}, "X1"},
		"unknown login":       {akuvoxsim.Options{Auth: "magic"}, "magic"},
		"basic without user":  {akuvoxsim.Options{Auth: akuvoxsim.AuthBasic, Password: "p"}, "needs a user"},
		"digest without pass": {akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, User: "u"}, "needs a user"},
		"half a door login":   {akuvoxsim.Options{DoorUser: "door"}, "or neither"},
		"six callers":         {akuvoxsim.Options{Auth: akuvoxsim.AuthAllowlist, Allow: six}, "at most five"},
		"unknown fault":       {akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: "rain", On: true}}}, "rain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := akuvoxsim.New(tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestModelsCarryTheReferenceFacts(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		firmware, readKey string
		twin, apartment   bool
		relays            int
	}{
		"X916":  {"916.30.10.114", "ScheduleRelay", false, false, 4},
		"E18":   {"18.30.10.118", "ScheduleRelay", true, false, 2},
		"E18C":  {"18.30.11.21", "ScheduleRelay", true, false, 2},
		"X915S": {"2915.30.10.114", "Schedule", false, true, 3},
		"R20K":  {"320.30.3.122", "ScheduleRelay", false, false, 2},
		"A08S":  {"108.30.10.144", "ScheduleRelay", false, false, 1},
	}
	if len(akuvoxsim.Models()) != len(want) {
		t.Fatalf("models are %v", akuvoxsim.ModelNames())
	}
	for name, w := range want {
		m, ok := akuvoxsim.ModelByName(strings.ToLower(name))
		if !ok {
			t.Fatalf("no model %s", name)
		}
		if m.Firmware != w.firmware || m.ReadKey != w.readKey || m.Twin != w.twin || m.ApartmentBook != w.apartment || m.Relays != w.relays {
			t.Errorf("%s is %+v", name, m)
		}
	}
	for name, relays := range map[string]int{"R20A": 2, "IT83": 1} {
		if m, ok := akuvoxsim.ModelByName(name); !ok || m.Relays != relays || !slices.Contains(akuvoxsim.ModelNames(), name) {
			t.Errorf("%s is %+v, %v", name, m, ok)
		}
	}
	if _, ok := akuvoxsim.ModelByName("A99"); ok {
		t.Error("a model without profile was found")
	}
}

func TestBothSuccessCodesAreMet(t *testing.T) {
	t.Parallel()
	codes := map[int]bool{}
	for _, m := range akuvoxsim.Models() {
		codes[m.Success] = true
	}
	if !codes[0] || !codes[1] || len(codes) != 2 {
		t.Fatalf("success codes over the models: %v", codes)
	}
}

func TestCapacityOverrides(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Capacity: 1})
	if got := r.panel.Model().Capacity; got != 1 {
		t.Fatalf("capacity %d", got)
	}
	r.must("user", "add", person("a", "Ada", "1234"))
	if a := r.write("user", "add", person("b", "Ben", "2345")); a.Retcode >= 0 {
		t.Fatalf("a second user fitted: %s", a.raw)
	}
	if n := len(r.panel.Users()); n != 1 {
		t.Fatalf("%d users", n)
	}
}

func TestPowerCutKeepsUsersAndLosesUnsavedSettings(t *testing.T) {
	t.Parallel()
	const key = "Config.DoorSetting.DEVICENODE.Location"
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234"))
	r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":{"`+key+`":"Lobby"}}`)
	if got := r.get("/api/config/get").Data[key]; got != "Lobby" {
		t.Fatalf("location is %v before the cut", got)
	}
	r.panel.PowerCut()
	if _, err := r.try("GET", "/api/system/info", ""); err == nil {
		t.Fatal("the panel answers while it starts")
	}
	r.clock.add(20 * time.Second)
	if got := r.get("/api/config/get").Data[key]; got == "Lobby" {
		t.Error("an unsaved setting outlived the power cut")
	}
	if n := len(r.panel.Users()); n != 1 {
		t.Errorf("%d users after the power cut, want 1", n)
	}
}

func TestRebootSavesSettings(t *testing.T) {
	t.Parallel()
	const key = "Config.DoorSetting.DEVICENODE.Location"
	r := newRig(t, akuvoxsim.Options{})
	r.do("POST", "/api/config/set", `{"target":"config","action":"set","data":{"`+key+`":"Lobby"}}`)
	if a := r.do("POST", "/api/system/reboot", `{"target":"system","action":"reboot"}`); a.Retcode != 0 || a.status != 200 {
		t.Fatalf("reboot answered %d %s", a.status, a.raw)
	}
	if _, err := r.try("GET", "/api/system/info", ""); err == nil {
		t.Fatal("the panel answers while it restarts")
	}
	r.clock.add(19 * time.Second)
	if _, err := r.try("GET", "/api/system/info", ""); err == nil {
		t.Fatal("the panel is back a second early")
	}
	r.clock.add(time.Second)
	r.panel.PowerCut()
	r.clock.add(20 * time.Second)
	if got := r.get("/api/config/get").Data[key]; got != "Lobby" {
		t.Errorf("location is %v after a restart and a power cut, want Lobby", got)
	}
}

func TestRebootNeedsItsEnvelope(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, body := range []string{"", `{"target":"system"}`} {
		if a := r.do("POST", "/api/system/reboot", body); a.Retcode >= 0 {
			t.Errorf("reboot with body %q answered %s", body, a.raw)
		}
	}
	r.get("/api/system/info")
}

func TestRebootFromTheGoSideIsAnOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.panel.Reboot()
	if _, err := r.try("GET", "/api/system/info", ""); err == nil {
		t.Fatal("the panel answers while it restarts")
	}
	r.clock.add(21 * time.Second)
	if up := r.get("/api/system/status").Data["UpTime"]; up != float64(1) {
		t.Errorf("uptime %v a second after the start", up)
	}
}
