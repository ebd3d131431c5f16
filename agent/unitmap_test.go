package agent

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/unitmap"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// tower is a house whose one device is a Comelit gateway of 120 apartments, #0 to #119, called 101 upwards.
type tower struct {
	*house
	bells *comelitsim.Panel
}

func newTower(t *testing.T) *tower {
	t.Helper()
	h := newHouse(t)
	sim, err := comelitsim.New(comelitsim.Options{Units: 120, Password: panelPassword})
	must(t, err)
	web := httptest.NewServer(sim.Web())
	t.Cleanup(web.Close)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "panel.txt"), []byte(panelPassword+"\n"), 0o600))
	h.cfg, err = LoadConfigText(fmt.Sprintf(`
state_dir = "state"
force_state_dir = true
listen = "127.0.0.1:0"
reconnect_max = "100ms"
[[device]]
id = "gate-1"
kind = "comelit"
url = %q
password_file = "panel.txt"
pace = "0s"
doors = { lobby = "A" }
`, web.URL), dir)
	must(t, err)
	return &tower{h, sim}
}

// label renames a wall monitor.
func (w *tower) label(unit int, name string) {
	w.t.Helper()
	_, err := w.bells.Edit("set", comelitsim.Slot{Unit: unit, Slot: 0, Enabled: true, Kind: "internal", Name: name})
	must(w.t, err)
}

// unitsOf120 are the property's units as its system names them: most as on the monitors.
func unitsOf120(odd map[int]string) (out []access.Noun) {
	out = append(out, access.Building{ID: "a", Name: "Building A"}, access.Building{ID: "b", Name: "Building B"})
	for i := range 120 {
		u := access.Unit{ID: access.UnitID(fmt.Sprint("u", i)), Building: "a", Name: fmt.Sprint((i/10+1)*100 + i%10 + 1)}
		if name, is := odd[i]; is {
			u.Name = name
		}
		if building, name, ok := strings.Cut(u.Name, "/"); ok {
			u.Building, u.Name = access.BuildingID(building), name
		}
		out = append(out, u)
	}
	return out
}

// callsUnits lives in the nth unit and has mobile access.
func callsUnits(n int) []access.Noun {
	id, w := fmt.Sprint("p", n), since(time.Hour)
	return []access.Noun{
		access.Person{ID: access.PersonID(id), Kind: access.Resident, First: "Tom", Last: fmt.Sprint("Jones", n), Phones: []string{phoneOf(n)}},
		access.Residency{ID: access.ResidencyID("r" + id), Person: access.PersonID(id), Unit: access.UnitID(fmt.Sprint("u", n)), Window: w},
		access.Credential{ID: access.CredentialID("c" + id), Person: access.PersonID(id), Kind: access.Mobile},
		access.Grant{ID: access.GrantID("g" + id), Person: access.PersonID(id), Group: "entrance", Window: w, Reason: "lives there"},
	}
}

func phoneOf(n int) string { return fmt.Sprintf("+1555%07d", n) }

// rings says by which apartment each number is called, waiting until it is as wanted.
func (w *tower) rings(want map[int]int) {
	w.t.Helper()
	var got map[int]int
	for range 1500 {
		got = map[int]int{}
		for _, s := range w.bells.Users(false) {
			var n int
			if _, err := fmt.Sscanf(s.Phone, "+1555%07d", &n); err == nil && s.Kind == "phone" && s.Enabled {
				if _, twice := got[n]; twice {
					n += 1000
				}
				got[n] = s.Unit
			}
		}
		if maps.Equal(got, want) {
			return
		}
		receive(w.t, tick(), "the slots")
	}
	w.t.Fatalf("people are called at %v, want %v\n%s", got, want, w.logs.text())
}

func (w *tower) mapped() (r MapReport) {
	w.t.Helper()
	must(w.t, json.Unmarshal([]byte(w.ask(AskMap, "device", "gate-1")), &r))
	return r
}

func (w *tower) tell(r MapRequest) error {
	w.t.Helper()
	r.Device = "gate-1"
	_, err := Tell(w.t.Context(), w.cfg, TellMap, r)
	return err
}

// refused is the words with which a person was refused last.
func (w *tower) refused(p access.PersonID) (words string) {
	for _, e := range eventsOf(w.t, w.agent.box, access.EventRefused) {
		if e.Person == p && e.Fault == fault.Invalid.String() {
			words = e.Message
		}
	}
	return words
}

func refusal(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), words) || fault.RemedyOf(err) == "" {
		t.Errorf("%v (%v), want %v with %q and a remedy", err, fault.KindOf(err), kind, words)
	}
}

// TestTowardsG14_AMapOf120Units by the running program: names without doubt act by themselves, all else is refused in
// words until an installer has said what it is; what is confirmed outlives a restart and a new name. Lock rooms belong
// to another issue.
func TestTowardsG14_AMapOf120Units(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	w.label(10, "Apt. 0201") // 201
	w.label(20, "")          // 301: nothing but its address
	w.label(31, "401")       // two monitors of one name
	w.run()
	nouns := slices.Concat(places()[:1], places()[2:], unitsOf120(map[int]string{40: "North 5", 50: "a/601", 51: "b/601", 52: "b/603"}),
		callsUnits(0), callsUnits(10), callsUnits(20), callsUnits(30), callsUnits(40), callsUnits(50), callsUnits(51), callsUnits(52))
	w.store(1, nouns...)
	w.rings(map[int]int{0: 0, 52: 52})
	words := map[access.PersonID]string{
		"p10": "unit 201 may be SB000011 on this panel, by the same number; confirm it: gatehouse-agent device map gate-1 --confirm",
		"p20": "unit 301 has no apartment on this panel: no apartment of the device is called so; say which it is: gatehouse-agent device map gate-1 --set u20=APARTMENT, one of those that the map lists as spare, or --leave-out u20",
		"p30": "unit 401 has no apartment on this panel: it may be SB000031 or SB000032",
		"p40": "unit North 5 has no apartment on this panel: no apartment",
		"p51": "it may be SB000051, and so may unit 601 (Building A)",
	}
	for p, want := range words {
		if got := w.refused(p); !strings.Contains(got, want) {
			t.Errorf("%s is refused with %q, want %q", p, got, want)
		}
	}
	r := w.mapped()
	if r.Open != 7 || len(r.Units) != 120 || len(r.Spare) != 6 { // what is proposed for 201 is not spare
		t.Errorf("%d open, %d spare of %d: %+v", r.Open, len(r.Spare), len(r.Units), r.Spare)
	}

	refusal(t, w.tell(MapRequest{Confirm: true}), fault.Conflict, "unit 301: no apartment of the device is called so; unit 401: it may be SB000031 or SB000032; unit 402: ")
	refusal(t, w.tell(MapRequest{Set: map[string]string{"301": "SB000001"}}), fault.Conflict, "unit 101: SB000001 is unit 301 (Building A)'s")
	refusal(t, w.tell(MapRequest{Set: map[string]string{"301": "#200"}}), fault.Invalid, "no such apartment")
	refusal(t, w.tell(MapRequest{Set: map[string]string{"301": "401"}}), fault.Invalid, "2 apartments of that name")
	refusal(t, w.tell(MapRequest{LeaveOut: []string{"601"}}), fault.Invalid, "may be any of u50, u51")
	refusal(t, w.tell(MapRequest{Clear: []string{"nowhere"}}), fault.Invalid, "no unit's id or exact name")
	refusal(t, w.tell(MapRequest{Doors: map[string]string{"lobby": "A"}}), fault.Invalid, "the device is in the gateway's file, and so are its doors")
	_, err := Tell(t.Context(), w.cfg, TellMap, MapRequest{Device: "front", Confirm: true})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("a device that is not there: %v", err)
	}
	must(t, w.tell(MapRequest{
		Set:     map[string]string{"301": "#20", "u30": "SB000031", "402": "#31", "north 5": "501", "Building A/601": "601", "u51": "#51"},
		Confirm: true, LeaveOut: []string{"u119"},
	}))
	want := map[int]int{0: 0, 10: 10, 20: 20, 30: 30, 40: 40, 50: 50, 51: 51, 52: 52}
	w.rings(want)
	if r := w.mapped(); r.Open != 0 || slices.ContainsFunc(r.Units, func(l unitmap.Line) bool { return l.State != unitmap.Confirmed && l.State != unitmap.LeftOut }) {
		t.Errorf("after the word of an installer: %+v", r)
	}
	w.survives(t, nouns, want)
}

// survives goes on where everything is confirmed: a restart, another name, another apartment.
func (w *tower) survives(t *testing.T, nouns []access.Noun, want map[int]int) {
	t.Helper()
	w.stop()
	w.run()
	_, devices := w.agent.inventory.Devices()
	if u := devices[0].Units; len(u) != 120 || u["u20"] != "SB000021" || u["u40"] != "SB000041" {
		t.Errorf("the inventory says %v", devices[0].Units)
	}
	for i, n := range nouns {
		if u, ok := n.(access.Unit); ok && u.ID == "u0" {
			u.Name = "A-101"
			nouns[i] = u
		}
	}
	w.store(2, nouns...)
	must(t, w.tell(MapRequest{Set: map[string]string{"u10": "#20", "u20": "#10"}}))
	want[10], want[20] = 20, 10
	w.rings(want)
	for _, l := range w.mapped().Units {
		if l.Unit == "u0" && (l.Apartment != "SB000001" || !strings.Contains(l.Why, "it was called 101")) {
			t.Errorf("the renamed unit is %+v", l)
		}
	}
	// Whoever is left out is called no more, and it is said why.
	must(t, w.tell(MapRequest{LeaveOut: []string{"u52"}}))
	delete(want, 52)
	w.rings(want)
	if got := w.refused("p52"); !strings.Contains(got, "unit 603 is left out on this panel; where it should be called: gatehouse-agent device map gate-1 --clear u52") {
		t.Errorf("refused with %q", got)
	}
}

// A box that takes another's place has its map before its devices have answered (row G15), and does not lose its own.
func TestTowardsG15_TheMapGoesToTheNextBox(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	d := access.Device{ID: "gate-1", Units: map[access.UnitID]string{"u1": "SB000007", "u2": ""}}
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	bundle := w.bundle(w.request("gw-1"), key, func(b *protocol.EnrollBundle) { b.Replaces = &protocol.Predecessor{Devices: []access.Device{d}} })
	_, err = EnrollAccept(w.cfg, bundle, w.logs.logger())
	must(t, err)
	a, err := New(t.Context(), w.cfg, Deps{Log: w.logs.logger(), Source: trusted()})
	must(t, err)
	defer func() { must(t, a.Close()) }()
	if _, devices := a.inventory.Devices(); !maps.Equal(devices[0].Units, d.Units) {
		t.Errorf("the inventory says %v", devices[0].Units)
	}
	must(t, a.units.takeOver(access.Device{ID: "gate-1", Units: map[access.UnitID]string{"u1": "SB000001"}}))
	places := access.Places{Units: map[access.UnitID]access.Unit{"u1": {ID: "u1", Name: "101"}, "u2": {ID: "u2", Name: "102"}, "u3": {ID: "u3", Name: "103"}}}
	bells := newUnitMaps(a.box.site, a.log).bells("gate-1", places, true)
	if b := bells["u1"]; b.Apartment != "SB000007" {
		t.Errorf("u1 is %+v", b)
	}
	if b := bells["u2"]; b.Apartment != "" || b.Doubt || !strings.Contains(b.Why, "left out") {
		t.Errorf("u2 is %+v", b)
	}
	if b := bells["u3"]; !b.Doubt {
		t.Errorf("u3 is %+v", b)
	}
	if bells := a.units.bells("front", places, true); bells != nil {
		t.Errorf("a device that never told of apartments: %v", bells)
	}
}

// A ring is told of the unit that the map has there, whatever the device calls it; what the map leaves open goes by name.
func TestTowardsG14_ARingIsTheUnitsOfTheMap(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	a, err := New(t.Context(), w.cfg, Deps{Log: w.logs.logger(), Source: trusted()})
	must(t, err)
	defer func() { must(t, a.Close()) }()
	a.units.learned("gate-1", []driver.Apartment{{Index: 0, Address: "SB000001", Name: "Garden"}, {Index: 1, Address: "SB000002", Name: "Attic"}})
	must(t, a.units.takeOver(access.Device{ID: "gate-1", Units: map[access.UnitID]string{"u9": "SB000001", "u8": ""}}))
	for name, want := range map[string]access.UnitID{"garden": "u9", "SB000001": "u9", "#0": "u9", "Attic": "", "cellar": "", "": ""} {
		if got := a.units.called("gate-1", name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if unit, words := a.unitCalled("gate-1", "Garden"); unit != "u9" || words != "" {
		t.Errorf("a ring for the garden: %q %q", unit, words)
	}
	if unit, words := a.unitCalled("front", "Garden"); unit != "" || words == "" {
		t.Errorf("at a device that has no map: %q %q", unit, words)
	}
}

// What is too long for one message is not told, and nobody's inventory is lost for it.
func TestALongMapIsNotReported(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	a, err := New(t.Context(), w.cfg, Deps{Log: w.logs.logger(), Source: trusted()})
	must(t, err)
	defer func() { must(t, a.Close()) }()
	d := access.Device{ID: "gate-1", Units: map[access.UnitID]string{}}
	for i := range 3000 {
		d.Units[access.UnitID(fmt.Sprintf("unit-%05d", i))] = fmt.Sprintf("SB%06d", i)
	}
	must(t, a.units.takeOver(d))
	if u := a.units.reported("gate-1"); u != nil {
		t.Errorf("%d units are reported", len(u))
	}
}

// TestTowardsC3_TheFirstLoadIsRehearsed: everybody of 120 units at once. A device that is only reported on says what it
// would get and whom it would not, and nothing is written; then exactly that is done.
func TestTowardsC3_TheFirstLoadIsRehearsed(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	nouns := slices.Concat(places()[:1], places()[2:], unitsOf120(map[int]string{7: "The Loft"}))
	want := map[int]int{}
	for i := range 120 {
		nouns = append(nouns, callsUnits(i)...)
		if i != 7 {
			want[i] = i
		}
	}
	w.cfg.Devices[0].Report = true
	w.run()
	w.store(1, nouns...)
	var r PlanReport
	for len(r.Devices) == 0 || len(r.Devices[0].Refusals) != 1 { // until the apartments are known
		receive(t, tick(), "the plan")
		must(t, json.Unmarshal([]byte(w.ask(AskPlan)), &r))
	}
	if p := r.Devices[0]; len(p.Steps) != 119 || p.Refusals[0].Person != "p7" || !strings.Contains(p.Refusals[0].Why, "unit The Loft has no apartment on this panel") {
		t.Errorf("%d steps, refused %+v", len(p.Steps), p.Refusals)
	}
	if n := len(w.bells.Stats().Writes); n > 0 {
		t.Errorf("%d writes while it was rehearsed", n)
	}
	w.stop()
	w.cfg.Devices[0].Report = false
	w.run()
	w.rings(want)
	must(t, w.tell(MapRequest{Set: map[string]string{"the loft": "108"}}))
	want[7] = 7
	w.rings(want)
}
