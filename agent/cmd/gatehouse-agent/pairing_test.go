package main

import (
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/agent"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol"
	"gatehouse/protocol/cli"
)

// installer stands in a building with a running gateway, whose file has no device.
type installer struct {
	t     *testing.T
	cfg   string
	cloud cloudSide
	d     *daemon
	said  []string // everything that the program printed
}

func newInstaller(t *testing.T) *installer {
	t.Helper()
	cfg, _, c := enrolledSite(t)
	raw, err := os.ReadFile(cfg)
	must(t, err)
	text, _, _ := strings.Cut(string(raw), "[[device]]")
	must(t, os.WriteFile(cfg, []byte(text), 0o600))
	i := &installer{t: t, cfg: cfg, cloud: c}
	i.start()
	return i
}

func (i *installer) start() {
	i.t.Helper()
	i.d = startDaemon(i.t, i.cfg)
	i.d.log.Read().Find(i.t, "the daemon to run", func(s string) bool { return strings.Contains(s, "gateway runs") })
	i.until("its socket answers", func() bool {
		conn, err := net.Dial("unix", i.socket())
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (i *installer) socket() string { return filepath.Join(filepath.Dir(i.cfg), "state", "agent.sock") }

func (i *installer) until(what string, so func() bool) {
	i.t.Helper()
	(&onSite{t: i.t}).within(what, so)
}

// device runs `gatehouse-agent device …` on the gateway's socket.
func (i *installer) device(args ...string) outcome {
	i.t.Helper()
	o := cmdline(i.t, slices.Concat([]string{"device"}, args, []string{"--socket", i.socket()})...)
	i.said = append(i.said, o.stdout, o.stderr)
	return o
}

// pair pairs a simulated panel that wants testPassword.
func (i *installer) pair(id, url string, more ...string) outcome {
	i.t.Helper()
	return i.device(slices.Concat([]string{"pair", "--id", id}, at(i.t, url), more)...)
}

// report is one device of device list.
func (i *installer) report(id string) (d agent.DeviceReport) {
	i.t.Helper()
	var l agent.DeviceList
	o := i.device("list", "--json")
	if err := json.Unmarshal([]byte(o.stdout), &l); err != nil || !l.OK {
		i.t.Fatalf("list: %v %+v", err, o)
	}
	for _, d := range l.Devices {
		if string(d.ID) == id {
			return d
		}
	}
	return d
}

// lacks is the first state that a device has not, with its remedy.
func lacks(d agent.DeviceReport) agent.DeviceState {
	for _, s := range d.States {
		if !s.OK {
			return s
		}
	}
	return agent.DeviceState{}
}

func simOf(t *testing.T, mac string, faults ...string) (*akuvoxsim.Panel, string) {
	t.Helper()
	return newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, MAC: mac, Faults: on(faults...)})
}

// TestG8_E5_A11_PairedInOneGo: found, paired, managed, audited, reported, forgotten and paired again, by the real program and a
// gateway that runs all the while and is killed in between.
func TestG8_E5_A11_PairedInOneGo(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	i.cloud.publishes(hears(i.cloud, protocol.TypeHello, anyOf[protocol.Hello]), property()...)
	hears(i.cloud, protocol.TypeAck, func(a protocol.Ack) bool { return a.Revision == 1 })
	sim, url := simOf(t, "0C:11:05:00:00:0A")
	if _, err := sim.Edit("add", akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711471"}); err != nil {
		t.Fatal(err)
	}
	if o := i.device("discover", "--range", "127.0.0.1/32", "--port", "akuvox="+portOf(t, url), "--port", "comelit=1", "--port", "comelit-udp=1"); o.code != cli.Done ||
		!strings.Contains(o.stdout, url+"  akuvox") || !strings.Contains(o.stdout, "device pair --id ID --kind akuvox --url "+url) || !strings.Contains(o.stderr, "asked ") {
		t.Fatalf("discover: %+v", o)
	}
	o := i.pair("lobby", url, "--name", "Lobby panel")
	for _, want := range []string{"ok      reach", "ok      add", "ok      read after remove", "ok      device as found", "no   doors mapped", "no   managed"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("pairing does not say %q: %+v", want, o)
		}
	}
	if d := i.report("lobby"); o.code != cli.Done || d.Mode != "report" || len(sim.Users()) != 1 {
		t.Fatalf("paired as %+v; %d rows", d, len(sim.Users()))
	}
	i.until("its loop has it", func() bool { return i.report("lobby").State == "read-back proven" })
	i.device("manage", "lobby").one(t, cli.Refused, "which of its relays", "--door DOOR=A")
	if o := i.device("pair", "--id", "lobby", "--door", "lobby=a", "--json"); o.code != cli.Done || o.object(t)["device"].(map[string]any)["mode"] != "report" {
		t.Fatalf("paired again with a door: %+v", o)
	}
	if sim.Present(akuvoxsim.Credential{PIN: residentPIN}).Granted {
		t.Error("a device that is only reported on was written")
	}
	if o := i.device("manage", "lobby"); o.code != cli.Done || !strings.Contains(o.stdout, "yes  managed") {
		t.Fatalf("manage: %+v", o)
	}
	opens := func() bool { return sim.Present(akuvoxsim.Credential{PIN: residentPIN}).Granted }
	i.until("the resident comes in", opens)
	hears(i.cloud, protocol.TypeInventory, func(v protocol.Inventory) bool {
		return len(v.Devices) == 1 && v.Devices[0].URL == url && v.Devices[0].User == "gate" && !v.Devices[0].Report
	})
	o = i.device("audit", "lobby")
	if o.code != cli.Done || !strings.Contains(o.stdout, "Caretaker") || !strings.Contains(o.stdout, "gatehouse-agent drift adopt lobby ENTRY") || !strings.Contains(o.stdout, "as of 20") {
		t.Errorf("audit: %+v", o)
	}
	out := filepath.Join(t.TempDir(), "report.txt")
	if o := i.device("export-report", "lobby", "--out", out); o.code != cli.Done {
		t.Fatalf("report: %+v", o)
	}
	text, err := os.ReadFile(out)
	must(t, err)
	for _, want := range []string{"Devices of gateway gw-1", "lobby  managed  akuvox X916  " + url, "0C:11:05:00:00:0A", "doors: lobby = relay A", "ok      read after change", "not ours, astray: [", "holds"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for _, name := range []string{"Okonkwo", "Caretaker", testPassword} {
		if strings.Contains(string(text), name) {
			t.Errorf("the report names %s", name)
		}
	}
	if page := i.d.page(); !strings.Contains(page, "doors mapped, managed") || !strings.Contains(page, `gatehouse_device_up{device="lobby"} 1`) {
		t.Errorf("page and metrics: %s", page)
	}
	i.d.end(os.Kill)
	if o := cmdline(t, "plan", "--device", "lobby", "--json", "--config", i.cfg); o.code != cli.Done {
		t.Errorf("a plan from the files: %+v", o)
	}
	i.start()
	i.until("it is driven after a power cut", func() bool { return i.report("lobby").State == "managed" })
	i.leaves(sim, url)
	i.holdsNoSecret()
}

// leaves: forget, and pair again.
func (i *installer) leaves(sim *akuvoxsim.Panel, url string) {
	i.t.Helper()
	i.device("forget", "lobby").one(i.t, cli.Refused, "still holds 1 people of ours", "--leave-people")
	if o := i.device("forget", "lobby", "--leave-people"); o.code != cli.Done || i.report("lobby").ID != "" {
		i.t.Errorf("forget: %+v", o)
	}
	if o := i.device("list"); !strings.Contains(o.stdout, "still holds 1 people of ours") || !strings.Contains(i.d.page(), `gatehouse_forgotten_device_records{device="lobby"} 1`) {
		i.t.Errorf("a forgotten device is not told: %+v", o)
	}
	i.device("forget", "lobby").one(i.t, cli.WrongUsage, "none of this gateway's", "device list")
	before := len(sim.Users())
	if o := i.pair("lobby", url, "--door", "lobby=A", "--no-selftest"); o.code != cli.Done || len(sim.Users()) != before {
		i.t.Errorf("paired again: %+v", o)
	}
	if d := i.report("lobby"); d.People != 1 || d.Mode != "report" {
		i.t.Errorf("paired again it is %+v", d)
	}
	if o := i.device("manage", "lobby"); o.code != cli.Done {
		i.t.Errorf("manage: %+v", o)
	}
	if o := i.device("report", "lobby", "--json"); o.code != cli.Done || o.object(i.t)["device"].(map[string]any)["mode"] != "report" {
		i.t.Errorf("report: %+v", o)
	}
}

// holdsNoSecret looks for the panel's password in all that was printed, logged and stored.
func (i *installer) holdsNoSecret() {
	i.t.Helper()
	all := strings.Join(i.said, "") + strings.Join(i.d.log.All(), "")
	list, err := os.ReadDir(filepath.Dir(i.socket()))
	must(i.t, err)
	for _, f := range list {
		if f.Type().IsRegular() {
			b, err := os.ReadFile(filepath.Join(filepath.Dir(i.socket()), f.Name()))
			must(i.t, err)
			all += string(b)
		}
	}
	if strings.Contains(all, testPassword) {
		i.t.Error("the panel's password stands in an answer, a log or a file")
	}
}

func portOf(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	must(t, err)
	return port
}

// TestG8_EachFailureOfAPairingNamesItsRemedy: and nothing is kept.
func TestG8_EachFailureOfAPairingNamesItsRemedy(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	_, first := simOf(t, "0C:11:05:00:00:01")
	if o := i.pair("lobby", first, "--door", "lobby=A"); o.code != cli.Done {
		t.Fatalf("%+v", o)
	}
	dead := httptest.NewServer(nil)
	dead.Close()
	_, refusing := simOf(t, "0C:11:05:00:00:02", akuvoxsim.FaultLoginChanged)
	_, off := simOf(t, "0C:11:05:00:00:03", akuvoxsim.FaultAPIOff)
	_, same := simOf(t, "0C:11:05:00:00:01")
	_, deaf := simOf(t, "0C:11:05:00:00:04", akuvoxsim.FaultDropBefore)
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"nobody there", append([]string{"--id", "x"}, at(t, dead.URL)...), cli.Unreachable, []string{"refused", "power, cable"}},
		{"a wrong password", append([]string{"--id", "x"}, at(t, refusing)...), cli.Refused, []string{"refuses the user", "HTTP API"}},
		{"the API off", append([]string{"--id", "x"}, at(t, off)...), cli.Refused, []string{"allowlist"}},
		{"the same panel at another address", append([]string{"--id", "x"}, at(t, same)...), cli.Refused, []string{"device lobby has the same hardware address", "--id lobby"}},
		{"the same address", append([]string{"--id", "x"}, at(t, first)...), cli.Refused, []string{"device lobby stands at the same address"}},
		{"what is written is lost", append([]string{"--id", "x"}, at(t, deaf)...), cli.Unreachable, []string{"outcome is unknown"}},
		{"no address", []string{"--id", "x"}, cli.WrongUsage, []string{"--kind, --url", "device discover"}},
		{"no id", at(t, first), cli.WrongUsage, []string{"--id is missing"}},
		{"an id that is none", append([]string{"--id", "the lobby"}, at(t, first)...), cli.WrongUsage, []string{"no id"}},
		{"no such relay", append([]string{"--id", "x", "--door", "lobby=Z"}, at(t, dead.URL)...), cli.WrongUsage, []string{"it has A, B, C, D"}},
		{"a door without relay", append([]string{"--id", "x", "--door", "lobby"}, at(t, dead.URL)...), cli.WrongUsage, []string{"DOOR=RELAY"}},
	} {
		o := i.device(append([]string{"pair", "--json"}, tt.args...)...)
		o.one(t, tt.code, tt.says...)
		if m := o.object(t); m["ok"] != false || m["error"].(map[string]any)["remedy"] == "" && tt.code != cli.WrongUsage {
			t.Errorf("%s: %s", tt.name, o.stdout)
		}
		if d := i.report("x"); d.ID != "" {
			t.Errorf("%s: it is kept as %+v", tt.name, d)
		}
	}
	i.device("pair", "--id", "lobby", "--password-file", passwordFile(t, "wrong")).one(t, cli.Refused, "refuses the user", "HTTP API")
	i.until("it goes on with the password of before", func() bool { return i.report("lobby").State == "doors mapped" })
	i.device("audit", "nowhere").one(t, cli.WrongUsage, "device list")
	i.device("audit").one(t, cli.WrongUsage, "--all")
	i.device("manage", "nowhere").one(t, cli.WrongUsage, "device list")
	i.device("discover", "--range", "8.8.8.0/24").one(t, cli.WrongUsage, "private")
	i.device("discover", "--range", "10.0.0.0/20").one(t, cli.WrongUsage, "at most 1024")
	i.device("discover", "--range", "10.0.0.0/24", "--port", "fax=1").one(t, cli.WrongUsage, "there are akuvox")
	i.device("discover", "--range", "all").one(t, cli.WrongUsage, "10.0.0.0/24")
	i.d.end(os.Kill)
	i.device("list").one(t, cli.Unreachable, "no gateway runs here")
	i.holdsNoSecret()
}

// TestG8_StatesAndRemediesOfDevicesThatDoNotWork: each one says how far it is and what to do.
func TestG8_StatesAndRemediesOfDevicesThatDoNotWork(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	sim, url := simOf(t, "0C:11:05:00:00:01")
	if o := i.pair("lobby", url, "--no-selftest", "--door", "lobby=A"); o.code != cli.Done || !strings.Contains(o.stdout, "no   write proven") {
		t.Fatalf("%+v", o)
	}
	i.until("it is let in", func() bool { return i.report("lobby").State == "authorised" })
	if s := lacks(i.report("lobby")); s.Name != "write proven" || !strings.Contains(s.Remedy, "device pair --id lobby") {
		t.Errorf("unproven: %+v", s)
	}
	must(t, sim.SetFault(on(akuvoxsim.FaultLoginChanged)[0]))
	i.until("it is refused", func() bool {
		i.device("audit", "lobby", "--wait", "1s")
		return i.report("lobby").State == "talking"
	})
	if s := lacks(i.report("lobby")); s.Name != "authorised" || !strings.Contains(s.Remedy, "HTTP API") {
		t.Errorf("refused: %+v", s)
	}
	i.device("audit", "--all", "--json").one(t, cli.Refused, "refuses the user")
}

// TestG8_APairingThatIsKilledLeavesNothingOrAPairedDevice: at every request it sends. Pairing again removes the test person that
// was left on the panel.
func TestG8_APairingThatIsKilledLeavesNothingOrAPairedDevice(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	sim, url := simOf(t, "0C:11:05:00:00:01")
	for n := range 4 {
		before := len(sim.Mutating())
		done := make(chan outcome, 1)
		go func() {
			done <- cmdline(t, slices.Concat([]string{"device", "pair", "--id", "lobby"}, at(t, url), []string{"--socket", i.socket(), "--pace", "50ms"})...)
		}()
		i.until("it writes", func() bool { return len(sim.Mutating()) > before+n%3 })
		i.d.end(os.Kill)
		o := <-done
		i.start()
		if d := i.report("lobby"); (o.code == cli.Done) != (d.ID == "lobby") && d.ID != "" {
			t.Errorf("kill %d: exit %d, and it is %+v", n, o.code, d)
		}
	}
	if len(sim.Users()) > 0 && !strings.Contains(i.device("list").stdout, "may be left on 127.0.0.1") {
		t.Errorf("%d test persons are left, and nobody says so", len(sim.Users()))
	}
	if o := i.pair("lobby", url); o.code != cli.Done || len(sim.Users()) != 0 {
		t.Errorf("paired after all: %+v; %d rows are left", o, len(sim.Users()))
	}
	if o := i.device("list"); strings.Contains(o.stdout, "may be left") {
		t.Errorf("%s", o.stdout)
	}
}

// TestG8_DiscoverTellsWhatStandsThere: two kinds at several addresses, one looked after already, and one that is none of ours.
func TestG8_DiscoverTellsWhatStandsThere(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	_, known := simOf(t, "0C:11:05:00:00:01")
	_, open := newSim(t, akuvoxsim.Options{MAC: "0C:11:05:00:00:02", Model: "E18"})
	_, off := simOf(t, "0C:11:05:00:00:03", akuvoxsim.FaultAPIOff)
	other := httptest.NewServer(nil)
	t.Cleanup(other.Close)
	if o := i.pair("lobby", known); o.code != cli.Done {
		t.Fatalf("%+v", o)
	}
	sim := comelitSim(t)
	web := httptest.NewServer(sim.Web())
	t.Cleanup(web.Close)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- sim.ServeDiscovery(t.Context(), udp) }()
	t.Cleanup(func() { must(t, <-ended) })
	args := []string{"discover", "--json", "--range", "127.0.0.1", "--port", "comelit=" + portOf(t, web.URL), "--port", "comelit-udp=" + strconv.Itoa(udp.LocalAddr().(*net.UDPAddr).Port)}
	for _, u := range []string{known, open, off, other.URL} {
		args = append(args, "--port", "akuvox="+portOf(t, u))
	}
	o := i.device(args...)
	var r agent.DiscoverReport
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || o.code != cli.Done || r.Asked != 6 || len(r.Found) != 4 {
		t.Fatalf("%v %+v", err, o)
	}
	for _, f := range r.Found {
		switch {
		case f.Paired == "lobby" && strings.HasSuffix(known, f.Address) && f.MAC == "0C:11:05:00:00:01":
		case f.Address == open && f.Sure && f.Model == "E18" && f.Dialect == "http-api" && f.Paired == "":
		case f.Address == off && !f.Sure && strings.Contains(f.Remedy, "allowlist"):
		case f.Kind == "comelit" && f.Address == web.URL && f.Sure && strings.Contains(f.What, "Simulated building") && f.MAC != "" && strings.Contains(f.Remedy, "installer's password"):
		default:
			t.Errorf("found %+v", f)
		}
	}
}

// TestG8_AComelitDeviceIsPaired: with a unit for the test person; without one it says so and keeps nothing.
func TestG8_AComelitDeviceIsPaired(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	sim := comelitSim(t)
	args := append([]string{"pair", "--id", "bell"}, atComelit(t, sim, "--door", "lobby=A")...)
	i.device(args...).one(t, cli.WrongUsage, "--unit is missing", "--unit 101")
	o := i.device(append(args, "--unit", "102")...)
	if m := o.object(t); o.code != cli.Done || m["device"].(map[string]any)["kind"] != "comelit" {
		t.Fatalf("%+v", o)
	}
	i.until("its loop has it", func() bool { return i.report("bell").State == "doors mapped" })
	for _, s := range sim.Users(false) {
		if s.Slot != 0 && s.Name != "" {
			t.Errorf("slot %+v is left", s)
		}
	}
	if st := sim.Stats(); len(st.Invitations) != 0 {
		t.Errorf("%d invitations", len(st.Invitations))
	}
}

// TestG8_ADeviceOfTheFileStaysTheFiles: its mode, its address and its place in the gateway are changed there.
func TestG8_ADeviceOfTheFileStaysTheFiles(t *testing.T) {
	t.Parallel()
	cfg, _, _ := enrolledSite(t)
	i := &installer{t: t, cfg: cfg}
	i.start()
	_, url := simOf(t, "0C:11:05:00:00:09")
	for _, o := range []outcome{i.device("manage", "front"), i.device("report", "front"), i.device("forget", "front"), i.pair("front", url)} {
		o.one(t, cli.Refused, "stands in the gateway's file", "edit the file")
	}
	if d := i.report("front"); d.Source != "file" || d.Mode != "manage" || !d.Since.IsZero() {
		t.Errorf("%+v", d)
	}
	// Paired first, and written into the file later: the file counts.
	if o := i.pair("side", url, "--door", "side=B"); o.code != cli.Done {
		t.Fatalf("%+v", o)
	}
	i.d.end(os.Kill)
	f, err := os.OpenFile(cfg, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("[[device]]\nid = \"side\"\nkind = \"akuvox\"\nurl = \"" + url + "\"\nmode = \"report\"\n")
	must(t, err)
	must(t, f.Close())
	i.start()
	if d := i.report("side"); d.Source != "file" || len(d.Doors) != 0 {
		t.Errorf("%+v", d)
	}
	i.d.log.Read().Find(t, "word of the double", func(s string) bool { return strings.Contains(s, "the file counts") })
}

// TestG4_G8_AnAuditWithoutAGateway lists what is not plainly ours.
func TestG4_G8_AnAuditWithoutAGateway(t *testing.T) {
	t.Parallel()
	sim, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
	for _, u := range []akuvoxsim.User{
		{UserID: "GHp1", Name: "Rosa", PIN: "1111"}, {UserID: "GHp2", Name: "Tim", PIN: "2222"}, {UserID: "77", Name: "Caretaker", PIN: "3333"},
		{UserID: "78", Name: "Cloud", PIN: "4444", Cloud: true}, {UserID: "GHtest-00000001", Name: "Gatehouse Test"},
	} {
		if _, err := sim.Edit("add", u); err != nil {
			t.Fatal(err)
		}
	}
	o := device(t, "", append([]string{"audit", "--json"}, at(t, url)...)...)
	rows, _ := o.object(t)["rows"].([]any)
	got := map[string]string{}
	for _, r := range rows {
		m, _ := r.(map[string]any)
		raw, err := json.Marshal(m["why"])
		must(t, err)
		got[m["name"].(string)] = string(raw)
	}
	want := map[string]string{"Caretaker": `["stranger"]`, "Cloud": `["stranger","cloud"]`, "Gatehouse Test": `["test"]`}
	if len(got) != len(want) || o.object(t)["count"] != 5.0 {
		t.Errorf("%s", o.stdout)
	}
	for name, why := range want {
		if got[name] != why {
			t.Errorf("%s: %s, want %s", name, got[name], why)
		}
	}
	if o := device(t, "", append([]string{"audit"}, at(t, url)...)...); !strings.Contains(o.stdout, "3 of 5 rows") {
		t.Errorf("%+v", o)
	}
}
