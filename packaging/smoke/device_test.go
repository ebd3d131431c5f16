package smoke

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTowardsG8_DeviceCommandsOnEveryModelAndLogin: the installer's commands against the simulator as a
// program, for each profile and each login; the panel is left as it was found.
func TestTowardsG8_DeviceCommandsOnEveryModelAndLogin(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"X916", "E18", "X915S"} {
		for _, auth := range []string{"none", "basic", "digest"} {
			t.Run(model+"/"+auth, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.write("password", "correct-horse\n")
				s.write("wrong", "battery-staple\n")
				p := s.panel("--model", model, "--auth", auth, "--user", "gate", "--password-file", s.path("password"))
				for i := range 3 {
					p.edit(map[string]any{"name": fmt.Sprintf("Stranger %d", i), "pin": fmt.Sprint(5500 + i)})
				}
				before := p.users()
				s.commands(p, model)
				if auth != "none" {
					s.refusedLogin(p)
				}
				if d := cmp.Diff(before, p.users()); d != "" {
					t.Errorf("the panel is not as it was found (-before +after):\n%s", d)
				}
			})
		}
	}
}

// edit is a hand edit at the panel: one more user.
func (p panel) edit(user map[string]any) {
	p.t.Helper()
	if err := call(p.t, p.control+"/edit", map[string]any{"op": "add", "user": user}, nil); err != nil {
		p.t.Fatal(err)
	}
}

func (p panel) flags(password string) []string {
	return []string{"--kind", "akuvox", "--url", p.url, "--user", "gate", "--password-file", password, "--pace", "0s", "--json"}
}

func (s site) commands(p panel, model string) {
	t := s.t
	t.Helper()
	var probe struct {
		OK           bool
		Identity     struct{ Model, Firmware, MAC string }
		Dialect      string
		Capabilities []string
		Limits       map[string]any
	}
	a := s.must("gatehouse-agent", append([]string{"device", "probe"}, p.flags("@password")...)...)
	a.oneObject(t, &probe)
	if !probe.OK || probe.Identity.Model != model || probe.Identity.Firmware == "" || probe.Identity.MAC == "" || len(probe.Capabilities) == 0 || len(probe.Limits) == 0 {
		t.Errorf("probe: %s", a.stdout)
	}
	var test struct {
		OK    bool
		Steps []struct {
			Name, Detail string
			OK           bool
		}
	}
	a = s.must("gatehouse-agent", append([]string{"device", "selftest"}, p.flags("@password")...)...)
	a.oneObject(t, &test)
	if !test.OK || len(test.Steps) < 8 {
		t.Errorf("selftest: %s", a.stdout)
	}
	for _, step := range test.Steps {
		if !step.OK {
			t.Errorf("selftest step %s: %s", step.Name, step.Detail)
		}
	}
	var list struct {
		OK    bool
		Users []struct {
			Ref, Name string
			Managed   bool
			HasPIN    bool `json:"has_pin"`
			Cards     int
		}
	}
	a = s.must("gatehouse-agent", append([]string{"device", "users"}, p.flags("@password")...)...)
	a.oneObject(t, &list)
	if !list.OK || len(list.Users) != 3 || list.Users[0].Managed || !list.Users[0].HasPIN || list.Users[0].Name != "Stranger 0" {
		t.Errorf("users: %s", a.stdout)
	}
}

func (s site) refusedLogin(p panel) {
	t := s.t
	t.Helper()
	for _, command := range []string{"probe", "selftest", "users"} {
		var o struct {
			OK    bool
			Error struct{ Kind, Message, Remedy string }
		}
		a := s.do("gatehouse-agent", append([]string{"device", command}, p.flags("@wrong")...)...)
		a.oneObject(t, &o)
		if a.code != 3 || o.OK || o.Error.Kind != "denied" || o.Error.Remedy == "" {
			t.Errorf("%s with a wrong password: exit %d, %s", command, a.code, a.stdout)
		}
	}
}
