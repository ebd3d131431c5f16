package agent

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/reconcile"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// ordered orders something of the running agent and reads the answer.
func ordered[T any](h *house, o DeviceOrder) (v T, err error) {
	h.t.Helper()
	raw, err := Order(h.t.Context(), h.cfg, o, nil)
	if raw != nil {
		must(h.t, json.Unmarshal(raw, &v))
	}
	return v, err
}

// TestG15_ABoxThatTakesOverKnowsTheDevicesAndLacksTheirPasswords: address, doors and mode come from the cloud's mirror; the
// installer gives the password and nothing else.
func TestG15_ABoxThatTakesOverKnowsTheDevicesAndLacksTheirPasswords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	front := h.cfg.Devices[0]
	h.cfg.Devices = h.cfg.Devices[:0]
	mirrored := []access.Device{
		{ID: "front", Kind: front.Kind, Name: "Front", URL: front.URL, User: front.User, Doors: front.Doors},
		{ID: "open", Kind: "akuvox", URL: "http://" + deadAddress(t), Report: true},
		{ID: "no id at all", Kind: "akuvox"},
		{ID: "filed", Kind: "akuvox", URL: "http://192.0.2.9"},
	}
	must(t, withBox(h.cfg, h.logs.logger(), func(b *box) error {
		cfg := h.cfg
		cfg.Devices = []config.Device{{ID: "filed"}}
		return errors.Join(b.inherit(cfg, protocol.Predecessor{Devices: mirrored}), b.inherit(cfg, protocol.Predecessor{Devices: mirrored}))
	}))
	h.start()
	l, err := ordered[DeviceList](h, DeviceOrder{Do: OrderList})
	if err != nil || len(l.Devices) != 2 {
		t.Fatalf("%v %+v", err, l)
	}
	s := l.Devices[0].States[0]
	if l.Devices[0].ID != "front" || s.OK || !strings.Contains(s.Why, "its password did not come along") || !strings.Contains(s.Remedy, "device pair --id front --password-file") {
		t.Errorf("%+v", l.Devices[0])
	}
	if d := l.Devices[1]; d.ID != "open" || d.Mode != "report" || strings.Contains(d.States[0].Why, "password") {
		t.Errorf("%+v", d)
	}
	if _, err := ordered[PairReport](h, DeviceOrder{Do: OrderPair, ID: "front"}); fault.KindOf(err) != fault.Denied || !strings.Contains(fault.RemedyOf(err), "--password-file") {
		t.Errorf("without its password: %v", err)
	}
	r, err := ordered[PairReport](h, DeviceOrder{Do: OrderPair, ID: "front", Pair: PairRequest{Password: panelPassword, Pace: -1}})
	if err != nil || r.Device == nil || r.Device.Mode != "manage" || len(r.Device.Doors) != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.confirmed("p1")
}

// TestG8_OneChangeOfTheDevicesAtATime: and none before the agent runs, or when it ends.
func TestG8_OneChangeOfTheDevicesAtATime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.agent.yard.turn.Lock()
	for _, o := range []DeviceOrder{{Do: OrderPair, ID: "x"}, {Do: OrderManage, ID: "x"}, {Do: OrderForget, ID: "x"}} {
		if _, err := ordered[any](h, o); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another device is being paired") {
			t.Errorf("%s: %v", o.Do, err)
		}
	}
	h.agent.yard.turn.Unlock()
	for _, o := range []DeviceOrder{{Do: OrderReport, ID: "x"}, {Do: OrderForget, ID: "x"}, {Do: OrderAudit, ID: "x"}, {Do: OrderList, ID: "x"}} {
		if _, err := ordered[any](h, o); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.RemedyOf(err), "device list") {
			t.Errorf("%s: %v", o.Do, err)
		}
	}
	if _, err := ordered[any](h, DeviceOrder{Do: "marry", ID: "x"}); err == nil {
		t.Error("an order that is none is taken")
	}
	a := h.agent
	h.stop()
	if _, err := a.yard.enter(); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("after the end: %v", err)
	}
	if _, err := (&yard{}).enter(); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("before the start: %v", err)
	}
	if _, err := ordered[any](h, DeviceOrder{Do: OrderList}); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("while it rests: %v", err)
	}
}

// TestG8_OtherPanelsGoOnWhileOneComesAndGoes: under the eyes of the page, the metrics and new revisions.
func TestG8_OtherPanelsGoOnWhileOneComesAndGoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.confirmed("p1")
	front := h.agent.panel("front").loop
	at := "http://" + deadAddress(t)
	e := h.agent.box.event(access.EventState, "paired")
	must(t, savePaired(h.agent.box.site, paired{Device: access.Device{ID: "side", Kind: "akuvox", URL: at, Report: true, Doors: map[access.DoorID]string{"side": "B"}}}, e))
	for n := range 5 {
		h.agent.replace("side", h.agent.openPanel(config.Device{ID: "side", Kind: "akuvox", URL: at, Report: true, Paired: true, Doors: map[access.DoorID]string{"side": "B"}}))
		if got := h.metric(`gatehouse_device_up{device="side"}`); got != "0" || !h.agent.served()["side"] || !strings.Contains(h.get("/"), "not managed") {
			t.Errorf("round %d: the page or the metrics do not have it: %q", n, got)
		}
		h.store(uint64(n+2), slices.Concat(places(), resident(1, since(time.Hour)), resident(n+2, since(time.Hour)))...)
		must(t, h.agent.letRest("side"))
		h.agent.replace("side", nil)
		if got := h.metric(`gatehouse_device_up{device="side"}`); got != "absent" || h.agent.served()["side"] {
			t.Errorf("round %d: it is still there: %q", n, got)
		}
	}
	h.confirmed("p6")
	if h.agent.panel("front").loop != front || h.agent.keeper.Falls("panel front") != 0 || h.agent.keeper.Alive() != nil {
		t.Error("the other panel's loop was touched")
	}
}

// TestG8_AUnitThatCameBackEmptyIsFilled: paired again under its id it is read back at once, and not with the next audit.
func TestG8_AUnitThatCameBackEmptyIsFilled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.confirmed("p1")
	for _, u := range h.sim.Users() {
		_, err := h.sim.Edit("del", u)
		must(t, err)
	}
	opens := func() bool { return h.sim.Present(akuvoxsim.Credential{PIN: "10001"}).Granted }
	if opens() {
		t.Fatal("the panel is not empty")
	}
	must(t, h.agent.letRest("front"))
	h.agent.replace("front", h.agent.openPanel(h.agent.panel("front").cfg))
	for !opens() {
		receive(t, tick(), "the resident to be written again")
	}
}

// TestADoorThatIsNoneIsRefused, where the property's doors are known.
func TestADoorThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	with := func(door access.DoorID) error {
		return h.agent.canPair(paired{Device: access.Device{ID: "side", Kind: "akuvox", URL: "http://192.0.2.9", Doors: map[access.DoorID]string{door: "A"}}})
	}
	must(t, with("Lobby")) // nothing is known of the property yet
	h.store(1, places()...)
	if err := with("Lobby"); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "no door Lobby; it has lobby") {
		t.Error(err)
	}
	must(t, with("lobby"))
}

// TestTowardsG8_APairingThatFailsTakesNothingAway: what a forgotten device's driver remembers says who still stands there.
func TestTowardsG8_APairingThatFailsTakesNothingAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.confirmed("p1")
	site := h.agent.box.site
	must(t, saveJSON(site, "device/front", said{Identity: h.agent.panel("front").status().Identity}))
	must(t, site.SaveBlob(memoryOf("side"), []byte(`{"bases":["http://192.0.2.1/e/x"]}`)))
	_, err := ordered[PairReport](h, DeviceOrder{Do: OrderPair, ID: "side", Pair: PairRequest{
		Kind: "akuvox", URL: strings.Replace(h.panel.URL, "127.0.0.1", "localhost", 1), User: "gate", Password: panelPassword, Pace: -1,
	}})
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "same hardware address") {
		t.Fatalf("the same panel twice: %v", err)
	}
	if b, err := site.Blob(memoryOf("side")); err != nil || !strings.Contains(string(b), "192.0.2.1") {
		t.Errorf("kept %q %v", b, err)
	}
}

// TestG8_ALoopThatEndsTooLateIsDrivenAgain: a device must not stay alone because somebody's change of it came to nothing.
func TestG8_ALoopThatEndsTooLateIsDrivenAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.confirmed("p1")
	old := h.agent.panel("front")
	must(t, old.rest())
	h.agent.again(old)
	now := h.agent.panel("front")
	if now == old || now.rest == nil {
		t.Error("nobody drives it")
	}
	h.agent.again(old)
	if h.agent.panel("front") != now {
		t.Error("a device that is driven was driven again")
	}
	h.store(2, slices.Concat(places(), resident(1, since(time.Hour)), resident(2, since(time.Hour)))...)
	h.confirmed("p2")
}

// TestG8_APairedDeviceThatCannotBeReadSaysSo: and the others are driven.
func TestG8_APairedDeviceThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(t, withBox(h.cfg, h.logs.logger(), func(b *box) error {
		return savePaired(b.site, paired{Device: access.Device{ID: "side", Kind: "akuvox", URL: "http://192.0.2.1"}, Password: "swordfish"})
	}))
	raw, err := os.ReadFile(h.cfg.StateDir + "/site.db")
	must(t, err)
	holdsNone(t, "site.db", string(raw), "swordfish")
	spoil(t, h.cfg.StateDir+"/site.db", "side", "paired")
	h.start()
	l, err := ordered[DeviceList](h, DeviceOrder{Do: OrderList})
	if err != nil || len(l.Devices) != 2 || !strings.Contains(l.Devices[1].States[0].Why, "cannot be read") || !strings.Contains(l.Devices[1].States[0].Remedy, "device pair --id side") {
		t.Fatalf("%v %+v", err, l)
	}
	if _, err := ordered[ModeReport](h, DeviceOrder{Do: OrderForget, ID: "side"}); err != nil {
		t.Errorf("it cannot be forgotten: %v", err)
	}
	p := paired{Device: access.Device{ID: "side"}, Password: "swordfish"}
	if p.String() != "paired device side" || p.GoString() != p.String() {
		t.Errorf("it prints as %v", p)
	}
}

// TestStatesOfADevice: each trouble stops the way where it belongs, in its own words.
func TestStatesOfADevice(t *testing.T) {
	t.Parallel()
	now := time.Now()
	away := func(k fault.Kind) reconcile.Status {
		return reconcile.Status{Since: now, Fault: k.String(), Message: "what happened", Remedy: "do this"}
	}
	for name, tt := range map[string]struct {
		s     reconcile.Status
		wrong error
		n     int
		why   string
	}{
		"reachable":      {s: reconcile.Status{Since: now, Reachable: true}, n: 3},
		"not tried":      {n: 0, why: "not tried yet"},
		"off":            {s: away(fault.Unreachable), n: 0, why: "what happened"},
		"slow":           {s: away(fault.Timeout), n: 0, why: "what happened"},
		"another device": {s: away(fault.Invalid), n: 1, why: "what happened"},
		"another API":    {s: away(fault.Unsupported), n: 1, why: "what happened"},
		"a wrong login":  {s: away(fault.Denied), n: 2, why: "what happened"},
		"no such kind":   {wrong: fault.New(fault.Invalid, "x", "y", "no kind").WithRemedy("choose"), n: 0, why: "no kind"},
	} {
		got := reached(&panel{wrong: tt.wrong}, tt.s)
		for i, s := range got {
			if s.OK != (i < tt.n) || !s.OK && (!strings.Contains(s.Why, tt.why) || s.Remedy == "") {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

func TestSeeksStayInTheRange(t *testing.T) {
	t.Parallel()
	kinds := []driver.Kind{{Name: "a", Finds: []driver.Find{{Name: "a", Ports: "80 443"}, {Name: "a-udp", Ports: "9"}}}, {Name: "b"}}
	for _, tt := range []struct {
		at    string
		ports []string
		n     int
		first string
	}{
		{"10.0.0.0/24", nil, 254 * 3, "10.0.0.1"}, {"10.0.4.7/22", nil, 1022 * 3, "10.0.4.1"}, {"192.168.1.4/30", []string{"a=1"}, 4, "192.168.1.5"},
		{"172.16.0.4/31", []string{"a=1", "a=2", "a-udp=3"}, 6, "172.16.0.4"}, {"127.0.0.1", nil, 3, "127.0.0.1"}, {"fd00::/126", []string{"a=1", "a-udp=1"}, 8, "fd00::"},
	} {
		got, err := DeviceOrder{Range: tt.at, Ports: tt.ports}.seeks(kinds)
		if err != nil || len(got) != tt.n || got[0].host != tt.first {
			t.Errorf("%s: %v, %d of them, from %+v", tt.at, err, len(got), got[:min(1, len(got))])
		}
	}
	for _, o := range []DeviceOrder{
		{}, {Range: "10.0.0.0/21"}, {Range: "8.8.8.8"}, {Range: "192.0.2.0/24"}, {Range: "224.0.0.0/24"}, {Range: "255.255.255.255/32"}, {Range: "10.0.0.0/33"},
		{Range: "fd00::/100"}, {Range: "10.0.0.1", Ports: []string{"a"}}, {Range: "10.0.0.1", Ports: []string{"a=0"}}, {Range: "10.0.0.1", Ports: []string{"c=1"}},
	} {
		if got, err := o.seeks(kinds); fault.KindOf(err) != fault.Invalid || got != nil {
			t.Errorf("%+v: %v %v", o, got, err)
		}
	}
}

// TestFoundTwiceIsOne: by its pages and by datagram.
func TestFoundTwiceIsOne(t *testing.T) {
	t.Parallel()
	var r DiscoverReport
	find := func(kind, at, what, mac string) {
		r.join(&Discovered{Found: driver.Found{Kind: kind, Address: at, What: what, Sure: mac != "", Identity: model.Identity{Model: mac, MAC: mac}}})
	}
	find("c", "10.0.0.5", "datagram", "00:01")
	find("a", "http://10.0.0.5:80", "page", "")
	find("c", "http://10.0.0.5:81", "page", "")
	find("a", "http://10.0.0.5:81", "page", "")
	find("c", "10.0.0.6", "page", "")
	find("c", "10.0.0.6", "datagram", "00:02")
	if len(r.Found) != 4 || r.Found[0].Address != "http://10.0.0.5:81" || r.Found[0].What != "datagram; page" || r.Found[0].MAC != "00:01" || r.Found[3].MAC != "00:02" || !r.Found[3].Sure {
		for _, f := range r.Found {
			t.Errorf("%+v", *f)
		}
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]config.Device{
		"10.0.0.1:80": {URL: "http://10.0.0.1"}, "10.0.0.1:443": {URL: "https://10.0.0.1"}, "10.0.0.1:81": {URL: "http://10.0.0.1:81", Host: "10.0.0.1"},
		"10.0.0.1:8080": {Host: "10.0.0.1"}, "[fd00::1]:80": {URL: "http://[fd00::1]"},
		"10.0.0.1:8081": {Host: "10.0.0.1", WebPort: 8081}, "file:///gates/north.tar.gz": {URL: "file:///gates/north.tar.gz"},
	} {
		if got := addressOf(d); got != want {
			t.Errorf("%+v is at %s, want %s", d, got, want)
		}
	}
}
