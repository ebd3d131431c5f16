package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/reconcile"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// panel is one configured device with its loop.
type panel struct {
	cfg   config.Device
	panel driver.Panel
	loop  *reconcile.Loop // set by Run
}

// openPanels makes the drivers of the configuration; nothing is connected yet. Every device that
// cannot be made is named.
func openPanels(cfg config.Config, kinds []driver.Kind, deps driver.Deps) ([]*panel, error) {
	var out []*panel
	var bad []error
	for _, d := range cfg.Devices {
		p, err := openPanel(d, kinds, deps)
		if err != nil {
			bad = append(bad, fault.Wrap(fault.Invalid, "set up device", string(d.ID), err))
			continue
		}
		out = append(out, &panel{cfg: d, panel: p})
	}
	return out, errors.Join(bad...)
}

func openPanel(d config.Device, kinds []driver.Kind, deps driver.Deps) (driver.Panel, error) {
	i := slices.IndexFunc(kinds, func(k driver.Kind) bool { return k.Name == d.Kind })
	if i < 0 {
		var known []string
		for _, k := range kinds {
			known = append(known, k.Name)
		}
		return nil, fault.New(fault.Invalid, "look up", "kind", "%q is not a kind of device; known are %s", d.Kind, strings.Join(known, ", "))
	}
	password, err := config.Secret(d.PasswordFile)
	if err != nil {
		return nil, err
	}
	token, err := config.Secret(d.TokenFile)
	if err != nil {
		return nil, err
	}
	return kinds[i].New(driver.Config{
		ID: d.ID, Kind: d.Kind, URL: d.URL, Host: d.Host, User: d.User, Password: password, Token: token,
		InsecureTLS: d.InsecureTLS, TLSPin: d.TLSPin, Pace: d.Pace, Timeout: d.Timeout, Model: d.Model,
	}, deps)
}

// loopOf makes the loop that owns a panel.
func (a *Agent) loopOf(ctx context.Context, p *panel) *reconcile.Loop {
	w := walker{a.box, ctx}
	return reconcile.New(reconcile.Config{
		Device: reconcile.Device{ID: p.cfg.ID, Doors: p.cfg.Doors, Report: p.cfg.Report},
		Panel:  p.panel, Wanted: w, Ledger: w, Clock: a.box.clock, Log: a.log, Rand: a.deps.Rand, Audit: a.cfg.Audit,
		Probed: a.inventory.look, Limits: a.inventory.said[p.cfg.ID].Limits,
	})
}

// inventory is what the gateway reports of its devices, numbered by content. What a device said of
// itself is kept, so that it is known before the device answers again.
type inventory struct {
	site *store.Site
	log  *slog.Logger
	wake chan struct{} // to the link: the inventory changed
	news chan struct{} // to tend: a device said what it is

	mu      sync.Mutex
	number  uint64
	devices []access.Device
	said    map[access.DeviceID]said
}

// said is what a device said of itself when it was last probed.
type said struct {
	Identity model.Identity `json:"identity"`
	Limits   model.Limits   `json:"limits"`
}

func newInventory(site *store.Site, panels []*panel, log *slog.Logger) (*inventory, error) {
	inv := &inventory{site: site, log: log, wake: make(chan struct{}, 1), news: make(chan struct{}, 1), said: map[access.DeviceID]said{}}
	for _, p := range panels {
		s, err := whatItSaid(site, p.cfg.ID)
		if err != nil {
			return nil, err
		}
		inv.said[p.cfg.ID] = s
	}
	return inv, inv.update(panels)
}

func whatItSaid(site *store.Site, id access.DeviceID) (s said, err error) {
	raw, err := site.Blob("device/" + string(id))
	if err != nil || raw == nil {
		return s, err
	}
	return s, json.Unmarshal(raw, &s)
}

// update takes in what the loops learned. It numbers the inventory anew when anything changed.
func (inv *inventory) update(panels []*panel) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	var devices []access.Device
	for _, p := range panels {
		if p.loop != nil {
			if err := inv.learn(p); err != nil {
				return err
			}
		}
		s := inv.said[p.cfg.ID]
		devices = append(devices, access.Device{
			ID: p.cfg.ID, Kind: p.cfg.Kind, Name: p.cfg.Name, Model: s.Identity.Model, Firmware: s.Identity.Firmware,
			Doors: p.cfg.Doors, People: s.Limits.People,
		})
	}
	raw, err := json.Marshal(devices)
	if err != nil {
		return err
	}
	n, err := inv.site.InventoryNumber(raw)
	if err == nil && n != inv.number {
		inv.number, inv.devices = n, devices
		select {
		case inv.wake <- struct{}{}:
		default:
		}
	}
	return err
}

func (inv *inventory) learn(p *panel) error {
	st := p.loop.Status()
	if st.Identity.Model == "" || fmt.Sprint(inv.said[p.cfg.ID]) == fmt.Sprint(said{st.Identity, st.Limits}) {
		return nil
	}
	inv.said[p.cfg.ID] = said{st.Identity, st.Limits}
	return saveJSON(inv.site, "device/"+string(p.cfg.ID), inv.said[p.cfg.ID])
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

// CheckDevices makes every driver of the configuration and lets go of it again, so that a wrong
// device is found before the agent starts. It touches no network.
func CheckDevices(cfg Config, log *slog.Logger) error {
	panels, err := openPanels(cfg, Kinds(), driver.Deps{Log: log, Now: time.Now})
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range panels {
		errs = append(errs, p.panel.Close())
	}
	return errors.Join(errs...)
}
