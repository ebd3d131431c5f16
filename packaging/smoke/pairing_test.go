package smoke

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// listed is what device list says, as far as it matters here.
type listed struct {
	Devices []struct {
		ID, State, Mode, MAC string
		States               []struct {
			Name, Why, Remedy string
			OK                bool
		}
	}
}

// TestG8_E5_PairingWithTheProgramsThemselves: gateway, panels and a Comelit device are programs of their own. They are found,
// paired while the gateway runs, and still there after it was killed.
func TestG8_E5_PairingWithTheProgramsThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("password", "correct-horse\n")
	s.write("agent.toml", "state_dir = \"agent\"\nforce_state_dir = true\nlisten = \"\"\n")
	login := []string{"--auth", "digest", "--user", "gate", "--password-file", s.path("password"), "--mac"}
	lobby, garage := s.panel(append(login, "0C:11:05:00:00:0A")...), s.panel(append(login, "0C:11:05:00:00:0B")...)
	bell := s.comelit()
	agent := s.start("agent.log", nil, "gatehouse-agent", "run", "--config", "@agent.toml")
	device := func(args ...string) answer {
		return s.do("gatehouse-agent", append(append([]string{"device"}, args...), "--json", "--socket", "@agent/agent.sock")...)
	}
	list := func() (l listed) {
		a := device("list")
		if a.code == 0 {
			a.oneObject(t, &l)
		}
		return l
	}
	eventually(t, "the gateway's socket", patience, func() error { return exit(device("list")) })

	var found struct {
		Found []struct{ Kind, Address string }
	}
	port := func(url string) string { return url[strings.LastIndex(url, ":")+1:] }
	search := func() answer {
		return device("discover", "--range", "127.0.0.0/30", "--port", "akuvox="+port(lobby.url), "--port", "akuvox="+port(garage.url), "--port", "comelit="+port(bell["web"]), "--port", "comelit-udp="+port(bell["udp"]))
	}
	eventually(t, "all three devices in the range", patience, func() error { // who does not answer at once is found by the next search
		a := search()
		if a.oneObject(t, &found); len(found.Found) != 3 || a.code != 0 {
			return fmt.Errorf("found: %+v", a)
		}
		return nil
	})
	for id, p := range map[string]panel{"lobby": lobby, "garage": garage} {
		if a := device(append([]string{"pair", "--id", id, "--door", id + "=A"}, p.flags("@password")[:10]...)...); a.code != 0 {
			t.Fatalf("%s: %+v", id, a)
		}
		if n := len(p.users()); n != 0 {
			t.Errorf("%s: %d rows are left", id, n)
		}
	}
	if a := device(append([]string{"pair", "--id", "other"}, lobby.flags("@password")[:10]...)...); a.code != 3 || !strings.Contains(a.stdout, "device lobby stands at the same address") {
		t.Errorf("the same panel under another id: %+v", a)
	}
	if a := device("pair", "--id", "bell", "--kind", "comelit", "--host", "127.0.0.1", "--web-port", port(bell["web"]), "--password-file", s.path("password"), "--unit", "#0", "--pace", "0s"); a.code != 0 {
		t.Fatalf("bell: %+v", a)
	}
	if a := device("manage", "lobby"); a.code != 0 {
		t.Errorf("manage: %+v", a)
	}
	agent.kill()
	s.start("again.log", nil, "gatehouse-agent", "run", "--config", "@agent.toml")
	want := map[string]string{"lobby": "managed", "garage": "doors mapped", "bell": "read-back proven"}
	eventually(t, "all three are driven again", patience, func() error {
		for _, d := range list().Devices {
			if d.State == want[d.ID] {
				delete(want, d.ID)
			}
		}
		if len(want) > 0 {
			return fmt.Errorf("missing %v", want)
		}
		return nil
	})
	report := s.must("gatehouse-agent", "device", "export-report", "--socket", "@agent/agent.sock").stdout
	for _, part := range []string{"lobby  managed", "garage  doors mapped", "bell  read-back proven", "0C:11:05:00:00:0B"} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %q:\n%s", part, report)
		}
	}
}

func exit(a answer) error {
	if a.code != 0 {
		return errors.New(a.stderr)
	}
	return nil
}

// comelit starts a simulated Comelit device; the addresses of its sides, by name.
func (s site) comelit() (said map[string]string) {
	s.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	s.start("comelit.log", w, "gatehouse-sim", "comelit", "--icona", "127.0.0.1:0", "--web", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--password-file", "@password")
	_ = w.Close()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &said) != nil {
		s.t.Fatalf("the device said %q: %v", line, err)
	}
	return said
}
