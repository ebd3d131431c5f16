package agent

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/plan"
	"gatehouse/agent/internal/store"
	"gatehouse/agent/internal/unitmap"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// unitMaps keeps, for each device that calls units, what it calls and which unit is where. What leaves no doubt enters
// by itself and stays; the rest waits for an installer (row G14). It is safe for concurrent use.
type unitMaps struct {
	site *store.Site
	log  *slog.Logger
	news func() // a map changed; may be nil

	mu   sync.Mutex
	of   map[access.DeviceID]unitsOf
	said map[access.DeviceID]int // how many units were in doubt, as the log has it
}

// unitsOf is what is kept of one device; it is never changed in place.
type unitsOf struct {
	Apartments []unitmap.Apartment `json:"apartments,omitempty"` // as the device last told; none: never yet
	Map        unitmap.Map         `json:"map,omitempty"`
}

func newUnitMaps(site *store.Site, log *slog.Logger) *unitMaps {
	return &unitMaps{site: site, log: log, of: map[access.DeviceID]unitsOf{}, said: map[access.DeviceID]int{}}
}

func unitsBlob(dev access.DeviceID) string { return "units/" + string(dev) }

// get reads what is kept; the lock must be held. What cannot be read is asked of the device again, and of an installer
// where names leave doubt.
func (u *unitMaps) get(dev access.DeviceID) unitsOf {
	k, ok := u.of[dev]
	if ok {
		return k
	}
	raw, err := u.site.Blob(unitsBlob(dev))
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &k)
	}
	if err != nil {
		u.log.Error("which apartment of a device is which unit cannot be read", "device", string(dev), "err", err, "remedy", "gatehouse-agent device map "+string(dev)+" --confirm")
		k = unitsOf{}
	}
	u.of[dev] = k
	return k
}

// keep stores a device's map; the lock must be held.
func (u *unitMaps) keep(dev access.DeviceID, k unitsOf) error {
	err := saveJSON(u.site, unitsBlob(dev), k)
	if err == nil && u.news != nil {
		u.news()
	}
	return err
}

// learned takes in what a device says that it calls; true: it is news.
func (u *unitMaps) learned(dev access.DeviceID, all []driver.Apartment) bool {
	flats := make([]unitmap.Apartment, len(all))
	for i, a := range all {
		flats[i] = unitmap.Apartment(a)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	k := u.get(dev)
	if slices.Equal(k.Apartments, flats) {
		return false
	}
	k.Apartments = flats
	u.of[dev] = k
	if err := u.keep(dev, k); err != nil { // it tells them again after the next start
		u.log.Error("the apartments of a device cannot be kept", "device", string(dev), "err", err)
	}
	return true
}

// bells says where a device calls each unit; nil: nothing is known of that, it finds them by name. With whole, the
// state's units are all there are, and names that leave no doubt enter the map.
func (u *unitMaps) bells(dev access.DeviceID, places access.Places, whole bool) map[access.UnitID]plan.Bell {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := u.get(dev)
	if len(k.Apartments) == 0 && len(k.Map) == 0 {
		return nil
	}
	p := unitmap.Propose(places.Units, places.Buildings, k.Apartments, k.Map)
	if m, news := p.Enter(k.Map); news && whole {
		k.Map = m
		u.of[dev] = k
		if err := u.keep(dev, k); err != nil { // it enters again after the next start
			u.log.Error("units that were found by name cannot be kept", "device", string(dev), "err", err)
		}
	}
	out := make(map[access.UnitID]plan.Bell, len(p.Lines))
	doubts := 0
	for _, l := range p.Lines {
		b := bellOf(dev, l)
		if out[l.Unit] = b; b.Doubt {
			doubts++
		}
	}
	if was := u.said[dev]; whole && doubts != was {
		u.said[dev] = doubts
		u.log.Warn("it is not clear where the device calls some units", "device", string(dev), "units", doubts, "remedy", "gatehouse-agent device map "+string(dev))
	}
	return out
}

// bellOf is where a line of a proposal rings. What rests on more than a name waits for an installer.
func bellOf(dev access.DeviceID, l unitmap.Line) plan.Bell {
	how := "gatehouse-agent device map " + string(dev)
	switch {
	case l.State == unitmap.LeftOut:
		return plan.Bell{Why: "unit " + l.Name + " is left out on this panel; where it should be called: " + how + " --clear " + string(l.Unit)}
	case l.State == unitmap.Proposed && l.Sure != unitmap.SameName:
		return plan.Bell{Doubt: true, Why: "unit " + l.Name + " may be " + l.Apartment + " on this panel, by the " + string(l.Sure) + "; confirm it: " + how + " --confirm"}
	case l.Apartment == "":
		return plan.Bell{Doubt: true, Why: "unit " + l.Name + " has no apartment on this panel: " + l.Why + "; say which it is: " + how + " --set " + string(l.Unit) + "=APARTMENT, one of those that the map lists as spare, or --leave-out " + string(l.Unit)}
	}
	return plan.Bell{Apartment: l.Apartment}
}

// mostReported bounds what the inventory says of units: it goes up as one message.
const mostReported = 48 << 10

// reported is what the inventory says of a device's map; nil when there is none, or it is too long to be told.
func (u *unitMaps) reported(dev access.DeviceID) map[access.UnitID]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	k, size := u.get(dev), 0
	var out map[access.UnitID]string
	for id, e := range k.Map {
		if out == nil {
			out = make(map[access.UnitID]string, len(k.Map))
		}
		out[id] = e.Apartment
		size += len(id) + len(e.Apartment) + len(`"":"",`)
	}
	if size > mostReported {
		u.log.Warn("the unit map is too long to be told to the cloud: a box that takes this one's place asks for it again", "device", string(dev))
		return nil
	}
	return out
}

// takeOver puts in what the box before this one had told of a device, unless there is a map already.
func (u *unitMaps) takeOver(d access.Device) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := u.get(d.ID)
	if len(d.Units) == 0 || len(k.Map) > 0 {
		return nil
	}
	k.Map = unitmap.Map{}
	for id, ref := range d.Units {
		k.Map[id] = unitmap.Entry{Apartment: ref, Confirmed: true}
	}
	u.of[d.ID] = k
	return u.keep(d.ID, k)
}

// change makes a device's map another one; the error is told to whoever asked for it and nothing changed.
func (u *unitMaps) change(dev access.DeviceID, by func(unitsOf) (unitmap.Map, error)) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := u.get(dev)
	k.Map = maps.Clone(k.Map)
	if k.Map == nil {
		k.Map = unitmap.Map{}
	}
	m, err := by(k)
	if err != nil {
		return err
	}
	k.Map = m
	if err := u.keep(dev, k); err != nil {
		return fault.Wrap(fault.Internal, "keep", "unit map of "+string(dev), err)
	}
	u.of[dev] = k
	return nil
}

// called is the unit of an apartment as the device names it; "" when its map has none there.
func (u *unitMaps) called(dev access.DeviceID, name string) (found access.UnitID) {
	k := u.look(dev)
	ref, err := unitmap.Find(k.Apartments, name)
	for id, e := range k.Map {
		if err == nil && e.Apartment == ref && (found == "" || id < found) {
			found = id
		}
	}
	return found
}

// look is what is kept of a device.
func (u *unitMaps) look(dev access.DeviceID) unitsOf {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.get(dev)
}
