package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/driver/wrap"
	"gatehouse/agent/internal/plan"
	"gatehouse/agent/internal/reconcile"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// panel is one configured device with its loop.
type panel struct {
	cfg   config.Device
	maker *maker
	wrong error           // why it cannot be set up
	loop  *reconcile.Loop // set by Run, or before the panel joins; nil when it cannot be set up
	rest  func() error    // ends the loop and waits for that; nil: it does not run
	calls *calls          // nil when it cannot be set up
}

// name is what the supervisor calls its loop.
func (p *panel) name() string { return "panel " + string(p.cfg.ID) }

// status is what the loop knows, or why there is none.
func (p *panel) status() reconcile.Status {
	switch {
	case p.wrong != nil:
		return reconcile.Status{Device: p.cfg.ID, Fault: fault.KindOf(p.wrong).String(), Message: "cannot be set up: " + p.wrong.Error()}
	case p.loop == nil:
		return reconcile.Status{Device: p.cfg.ID}
	}
	return p.loop.Status()
}

// openPanel makes the driver of a device once; nothing is connected yet. A device that cannot be made does not stop the
// others: it says why.
func (a *Agent) openPanel(d config.Device) *panel {
	m := &maker{device: d, kinds: a.deps.Kinds, deps: a.yard.deps, site: a.box.site}
	p, err := m.open()
	if err == nil {
		err = p.Close() // the loop opens its own
	}
	if err != nil {
		err = fault.Wrap(fault.Invalid, "set up device", string(d.ID), err)
	}
	out := &panel{cfg: d, maker: m, wrong: err}
	if err == nil {
		out.calls = a.openCalls(out)
	}
	return out
}

// maker makes the driver of one device, again and again: each instance is behind a fence of its own.
// One goroutine calls it at a time.
type maker struct {
	device config.Device
	kinds  []driver.Kind
	deps   driver.Deps
	site   *store.Site // where the drivers keep what they must remember; nil: nowhere
	fence  *wrap.Fence // of the newest instance
}

// driverMemory is driver.Memory in the site's store, sealed with everything else there.
type driverMemory struct {
	site *store.Site
	name string
}

func (m driverMemory) blob(part string) string {
	if part == "" {
		return m.name
	}
	return m.name + "/" + part
}

func (m driverMemory) Load(part string) ([]byte, error) { return m.site.Blob(m.blob(part)) }

func (m driverMemory) Save(parts map[string][]byte) error {
	blobs := make(map[string][]byte, len(parts))
	for part, b := range parts {
		blobs[m.blob(part)] = b
	}
	return m.site.SaveBlobs(blobs)
}

// memoryOf is the name under which a device's driver keeps what it must remember.
func memoryOf(id access.DeviceID) string { return "device memory " + string(id) }

// open is reconcile.Config.Open.
func (m *maker) open() (driver.Panel, error) {
	if m.fence != nil {
		m.fence.Shut()
	}
	m.fence = wrap.NewFence(m.deps.Dial)
	deps := m.deps
	deps.Dial = m.fence.Dial
	if m.site != nil {
		deps.Memory = driverMemory{m.site, memoryOf(m.device.ID)}
	}
	return openPanel(m.device, m.kinds, deps)
}

func openPanel(d config.Device, kinds []driver.Kind, deps driver.Deps) (driver.Panel, error) {
	if d.Locked != "" {
		return nil, fault.New(fault.Denied, "log in to", "device "+string(d.ID), "%s", d.Locked).
			WithRemedy("Pair it again; what is known of it is kept: gatehouse-agent device pair --id %s --password-file FILE", d.ID)
	}
	i := slices.IndexFunc(kinds, func(k driver.Kind) bool { return k.Name == d.Kind })
	if i < 0 {
		var known []string
		for _, k := range kinds {
			known = append(known, k.Name)
		}
		return nil, fault.New(fault.Invalid, "look up", "kind", "%q is not a kind of device; known are %s", d.Kind, strings.Join(known, ", "))
	}
	password, err := secretOf(d.Password, d.PasswordFile)
	if err != nil {
		return nil, err
	}
	token, err := secretOf(d.Token, d.TokenFile)
	if err != nil {
		return nil, err
	}
	return kinds[i].New(driver.Config{
		ID: d.ID, Kind: d.Kind, URL: d.URL, Host: d.Host, User: d.User, Password: password, Token: token,
		InsecureTLS: d.InsecureTLS, TLSPin: d.TLSPin, Pace: d.Pace, Timeout: d.Timeout, Model: d.Model, Buttons: d.Buttons,
		WebPort: d.WebPort, IconaPort: d.IconaPort,
	}, deps)
}

// secretOf is a secret that is known, or else the one in a file.
func secretOf(known access.Secret, file string) (access.Secret, error) {
	if !known.IsZero() {
		return known, nil
	}
	return config.Secret(file)
}

// loopOf makes the loop that owns a panel.
func (a *Agent) loopOf(ctx context.Context, p *panel) *reconcile.Loop {
	w := walker{a.box, ctx}
	return reconcile.New(reconcile.Config{
		Device: reconcile.Device{ID: p.cfg.ID, Doors: p.cfg.Doors, Report: p.cfg.Report},
		Open:   p.maker.open, Wanted: w, Ledger: w, Clock: a.box.clock, Log: a.log, Audit: a.settings.audit(),
		Contact: func() time.Time { return *a.contacted.Load() }, StaleAfter: a.settings.staleAfter,
		Rand:   rand.New(rand.NewPCG(a.deps.Rand.Uint64(), a.deps.Rand.Uint64())), // a source serves one goroutine
		Probed: func() { a.inventory.look(); p.calls.look() }, Doors: a.box.site, Limits: whatItSaid(a.box.site, p.cfg.ID, a.log).Limits,
		Apartments: func(all []driver.Apartment) bool { return a.units.learned(p.cfg.ID, all) },
		Units: func(places access.Places) map[access.UnitID]plan.Bell {
			return a.units.bells(p.cfg.ID, places, !places.Partial && !a.box.unknown())
		},
	})
}

// inventory is what the gateway reports of its devices, numbered by content. What a device said of
// itself is kept, so that it is known before the device answers again.
type inventory struct {
	site *store.Site
	log  *slog.Logger
	wake chan struct{} // to the link: the inventory changed
	news chan struct{} // to tend: a device said what it is

	said  map[access.DeviceID]said // of the goroutine that calls update
	units func(access.DeviceID) map[access.UnitID]string

	mu      sync.Mutex // never held over a write to the store
	number  uint64
	devices []access.Device
}

// said is what a device said of itself when it was last probed.
type said struct {
	Identity model.Identity `json:"identity"`
	Limits   model.Limits   `json:"limits"`
}

func newInventory(site *store.Site, panels []*panel, units func(access.DeviceID) map[access.UnitID]string, log *slog.Logger) *inventory {
	inv := &inventory{site: site, log: log, units: units, wake: make(chan struct{}, 1), news: make(chan struct{}, 1), said: map[access.DeviceID]said{}}
	for _, p := range panels {
		inv.said[p.cfg.ID] = whatItSaid(site, p.cfg.ID, log)
	}
	inv.update(panels)
	return inv
}

// whatItSaid is empty when it cannot be read: the device says it again when it is probed.
func whatItSaid(site *store.Site, id access.DeviceID, log *slog.Logger) (s said) {
	raw, err := site.Blob("device/" + string(id))
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		log.Error("what a device said of itself cannot be read; it will be asked again", "device", string(id), "err", err)
		return said{}
	}
	return s
}

// update takes in what the loops learned. It numbers the inventory anew when anything changed. What
// cannot be kept is logged: doors do not depend on the inventory. One goroutine calls it.
func (inv *inventory) update(panels []*panel) {
	var devices []access.Device
	for _, p := range panels {
		if p.loop != nil {
			inv.learn(p)
		}
		s := inv.said[p.cfg.ID]
		devices = append(devices, access.Device{
			ID: p.cfg.ID, Kind: p.cfg.Kind, Name: p.cfg.Name, Model: s.Identity.Model, Firmware: s.Identity.Firmware,
			Doors: p.cfg.Doors, People: s.Limits.People, Units: inv.units(p.cfg.ID),
			URL: webURL(p.cfg.URL, p.cfg.Host, p.cfg.WebPort), Host: p.cfg.Host, User: p.cfg.User, TLSPin: p.cfg.TLSPin, Pace: access.Span(p.cfg.Pace), Report: p.cfg.Report,
		})
	}
	last, was := inv.Devices()
	if n := inv.numberOf(devices, last, was); n != last {
		inv.mu.Lock()
		inv.number, inv.devices = n, devices
		inv.mu.Unlock()
		select {
		case inv.wake <- struct{}{}:
		default:
		}
	}
}

// numberOf numbers an inventory. When the last number cannot be read, the seconds since 1970 stand
// in for it: greater than any number that was ever counted.
func (inv *inventory) numberOf(devices []access.Device, last uint64, was []access.Device) uint64 {
	raw, err := json.Marshal(devices)
	if err == nil {
		var n uint64
		if n, err = inv.site.InventoryNumber(raw); err == nil {
			return n
		}
	}
	if last > 0 && reflect.DeepEqual(devices, was) {
		return last
	}
	inv.log.Error("the number of the inventory cannot be read or kept; the time stands in for it", "err", err)
	return max(last+1, uint64(max(time.Now().Unix(), 0)))
}

func (inv *inventory) learn(p *panel) {
	st := p.loop.Status()
	if st.Identity.Model == "" || fmt.Sprint(inv.said[p.cfg.ID]) == fmt.Sprint(said{st.Identity, st.Limits}) {
		return
	}
	inv.said[p.cfg.ID] = said{st.Identity, st.Limits}
	if err := saveJSON(inv.site, "device/"+string(p.cfg.ID), inv.said[p.cfg.ID]); err != nil {
		inv.log.Error("what a device said of itself cannot be kept", "device", string(p.cfg.ID), "err", err)
	}
}

// look makes tend take the inventory anew. It never blocks.
func (inv *inventory) look() {
	select {
	case inv.news <- struct{}{}:
	default:
	}
}

// Devices implements cloudlink.Inventory.
func (inv *inventory) Devices() (uint64, []access.Device) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.number, inv.devices
}

// Changed implements cloudlink.Inventory.
func (inv *inventory) Changed() <-chan struct{} { return inv.wake }
