package main

import (
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/cli"
)

// atComelit is ADDR-FLAGS for a simulated gateway.
func atComelit(t *testing.T, sim *comelitsim.Panel, more ...string) []string {
	t.Helper()
	srv := httptest.NewServer(sim.Web())
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"--kind", "comelit", "--host", host, "--icona-port", "1", "--web-port", port, "--pace", "0s", "--json",
		"--password-file", passwordFile(t, "correct horse\n")}, more...)
}

func comelitSim(t *testing.T) *comelitsim.Panel {
	t.Helper()
	sim, err := comelitsim.New(comelitsim.Options{Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// A probe makes no backup; a selftest writes one phone slot, invites nobody and leaves the device as found.
func TestDeviceComelit(t *testing.T) {
	sim := comelitSim(t)
	o := device(t, "", append([]string{"probe"}, atComelit(t, sim)...)...)
	a := o.object(t)
	limits, _ := a["limits"].(map[string]any)
	if o.code != cli.Done || a["dialect"] != "webui" || limits["slots_per_unit"] != 15.0 || limits["pins_per_person"] != 0.0 {
		t.Errorf("probe: %d %v", o.code, a)
	}
	if n := sim.Stats().Web["POST /create-backup.html"]; n != 0 {
		t.Errorf("a probe made %d backups", n)
	}
	o = device(t, "", append([]string{"selftest", "--unit", "102"}, atComelit(t, sim)...)...)
	if o.code != cli.Done {
		t.Fatalf("selftest: %d %v", o.code, o.object(t))
	}
	st := sim.Stats()
	if len(st.Invitations) != 0 || st.SlotZero != 0 || len(st.Writes) == 0 {
		t.Errorf("%d invitations, %d writes to slot 0, %d in all", len(st.Invitations), st.SlotZero, len(st.Writes))
	}
	for _, s := range sim.Users(false) {
		if s.Slot != 0 {
			t.Errorf("left behind: %+v", s)
		}
	}
}

// Wrong usage, a wrong password and a device that is full have the exit codes that scripts rely on.
func TestDeviceComelitFails(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		fault string
		exit  int
	}{
		"no unit":       {[]string{"selftest"}, "", cli.WrongUsage},
		"no such unit":  {[]string{"selftest", "--unit", "999"}, "", cli.Failed},
		"lost rights":   {[]string{"probe"}, comelitsim.FaultAdminLost, cli.Refused},
		"wrong login":   {[]string{"users"}, comelitsim.FaultPasswordChanged, cli.Refused},
		"does not open": {[]string{"open", "--door", "A"}, "", cli.Unsupported},
	} {
		sim := comelitSim(t)
		if tt.fault != "" {
			if err := sim.SetFault(comelitsim.FaultSetting{Name: tt.fault, On: true}); err != nil {
				t.Fatal(err)
			}
		}
		if o := device(t, "", append(tt.args, atComelit(t, sim)...)...); o.code != tt.exit {
			t.Errorf("%s: exit %d, %s", name, o.code, o.stderr)
		}
	}
}

// An invitation goes through the running gateway; without one, or without a person, that is said.
func TestDeviceInviteNeedsTheGateway(t *testing.T) {
	cfg := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(cfg, []byte("state_dir = \"state\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		exit int
	}{
		"nobody named":   {[]string{"invite", "--config", cfg, "gate-1"}, cli.WrongUsage},
		"no such config": {[]string{"invite", "--config", cfg + "x", "gate-1", "p1"}, cli.WrongUsage},
		"nothing runs":   {[]string{"invite", "--config", cfg, "gate-1", "p1"}, cli.Unreachable},
	} {
		if o := device(t, "", tt.args...); o.code != tt.exit {
			t.Errorf("%s: exit %d, %s", name, o.code, o.stderr)
		}
	}
}

// The slots of a gateway go to a file that only its owner reads, from the device or from a backup of it; a file that is
// there is not written over.
func TestDeviceDirectory(t *testing.T) {
	sim := comelitSim(t)
	if _, err := sim.Edit("set", comelitsim.Slot{Unit: 1, Slot: 3, Enabled: true, Kind: "phone", Name: "T. Jones - Unit 102", Phone: "+15550101"}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "slots.csv")
	args := append([]string{"directory", "--out", out}, atComelit(t, sim)...)
	if o := device(t, "", args...); o.code != cli.Done {
		t.Fatalf("%d %s", o.code, o.stderr)
	}
	const want = "\"unit\",\"slot\",\"kind\",\"name\",\"e-mail\",\"phone\"\r\n\"102\",\"1.3\",\"phone\",\"T. Jones - Unit 102\",\"\",\"+15550101\"\r\n"
	got, err := os.ReadFile(out)
	info, err2 := os.Stat(out)
	if err != nil || err2 != nil || string(got) != want || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v, %v", got, info.Mode(), err)
	}
	for name, tt := range map[string]struct {
		args []string
		exit int
	}{
		"it is there already": {args, cli.WrongUsage},
		"no file named":       {args[:1], cli.WrongUsage},
		"no such backup":      {[]string{"directory", "--kind", "comelit", "--out", out + "2", "--backup", out + ".tar.gz"}, cli.Unreachable},
		"no backup":           {[]string{"directory", "--kind", "comelit", "--out", out + "2", "--backup", out}, cli.Failed},
	} {
		if o := device(t, "", tt.args...); o.code != tt.exit {
			t.Errorf("%s: exit %d, %s", name, o.code, o.stderr)
		}
	}
}
