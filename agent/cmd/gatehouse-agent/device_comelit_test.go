package main

import (
	"net"
	"net/http/httptest"
	"net/url"
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
