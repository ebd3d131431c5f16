package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// blobSettings keeps the last good settings of the cloud, which outlive bad ones and restarts.
const blobSettings = "settings"

// inForce is what blobSettings holds.
type inForce struct {
	Settings access.Settings `json:"settings"`
	protocol.InForce
}

// settings are the cloud's wishes as they hold here (row E6). The gateway's own file goes before
// them where it says that nothing may be written to a device; its intervals and its log level are
// what holds where the cloud says nothing.
type settings struct {
	site *store.Site
	file config.Config
	log  *slog.Logger

	saving sync.Mutex // held while settings are judged and kept
	now    atomic.Pointer[inForce]
}

// openSettings reads what held before. What cannot be read is fetched again with the state.
func openSettings(site *store.Site, file config.Config, log *slog.Logger) *settings {
	s := &settings{site: site, file: file, log: log}
	var kept inForce
	raw, err := site.Blob(blobSettings)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err == nil && raw != nil && kept.Settings.ID != "" {
		err = kept.Settings.Validate()
	}
	if err != nil {
		log.Error("the settings of the cloud cannot be read: the file's hold until they come again", "err", err)
		kept = inForce{}
	}
	s.now.Store(&kept)
	return s
}

func (s *settings) get() access.Settings { return s.now.Load().Settings }

func (s *settings) brake() access.Brake { return s.get().Brake }

// pick is the cloud's word, else the file's.
func pick(cloud access.Span, file time.Duration) time.Duration {
	if cloud != 0 {
		return time.Duration(cloud)
	}
	return file
}

func (s *settings) hello() time.Duration     { return pick(s.get().Hello, s.file.Hello) }
func (s *settings) audit() time.Duration     { return pick(s.get().Audit, s.file.Audit) }
func (s *settings) reconnect() time.Duration { return pick(s.get().Reconnect, s.file.Reconnect) }

// level is how much is logged.
func (s *settings) level() slog.Level {
	level := s.file.LogLevel
	if word := s.get().Log; word != "" {
		_ = level.UnmarshalText([]byte(word)) // Validate let it pass
	}
	return level
}

// staleAfter is how long without the cloud a lease end still acts at a door; 0: without limit.
func (s *settings) staleAfter(d access.DoorID) time.Duration {
	now := s.get()
	if at, ok := now.StaleAt[d]; ok {
		return time.Duration(at)
	}
	return time.Duration(now.Stale)
}

// retain is how long closed proofs are kept.
func (s *settings) retain() time.Duration { return pick(s.get().Retain, defaultRetain) }

// defaultRetain is what holds where the cloud says nothing.
const defaultRetain = 400 * 24 * time.Hour

// policy is what the cloud wants of a device. The loop puts the file's report mode before it.
func (s *settings) policy(d access.DeviceID) access.DriftPolicy { return s.get().Drift[d] }

// told is what a hello says of the settings; nil while only the file holds.
func (s *settings) told() *protocol.InForce {
	if in := s.now.Load().InForce; in != (protocol.InForce{}) {
		return &in
	}
	return nil
}

// take judges the settings in the stored state as a whole and keeps them, or says why not and keeps
// those before. It reports whether anything is news.
func (s *settings) take(own store.Own, at access.Position, doors map[access.DoorID]access.Door, event func(access.EventKind, string) access.Event) (bool, error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	was := *s.now.Load()
	next, wrong := was, own.Bad[access.KindSettings]
	switch {
	case wrong == nil && own.Settings == nil:
		next = inForce{} // taken back
	case wrong == nil:
		if wrong = s.fits(*own.Settings, doors); wrong == nil {
			next = inForce{Settings: *own.Settings, InForce: protocol.InForce{Revision: at.Revision}}
		}
	}
	e := event(access.EventSettings, "the settings of the cloud hold")
	if next.Settings.ID == "" {
		e.Message = "the cloud has no settings: the gateway's own file holds"
	}
	switch {
	case wrong != nil && wrong.Error() == was.Message:
		return false, nil // told already
	case wrong != nil:
		next.Refused, next.Message = at.Revision, wrong.Error()
		e.Fault, e.Message = fault.Invalid.String(), "refused, those before stay: "+wrong.Error()
	case sameSettings(next.Settings, was.Settings) && was.Refused == 0:
		return false, nil
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return false, err
	}
	if err := s.site.SaveBlob(blobSettings, raw, e); err != nil {
		return false, err
	}
	s.now.Store(&next)
	if wrong != nil {
		s.log.Warn("settings of the cloud were refused, those before stay", "err", wrong, "revision", at.Revision)
	} else {
		s.log.Info("the settings of the cloud hold", "revision", at.Revision)
	}
	return true, nil
}

func sameSettings(a, b access.Settings) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// fits looks for devices and doors that are not there: settings about them were meant for another
// gateway, or are misspelt.
func (s *settings) fits(in access.Settings, doors map[access.DoorID]access.Door) error {
	devices, err := devicesOf(s.site, s.file, s.log)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(in.Drift)) {
		if !slices.ContainsFunc(devices, func(d config.Device) bool { return d.ID == id }) {
			return fault.New(fault.Invalid, "check", "settings", "drift.%s: this gateway has no such device", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(in.StaleAt)) {
		_, known := doors[id]
		here := slices.ContainsFunc(devices, func(d config.Device) bool { _, has := d.Doors[id]; return has })
		if !known && !here {
			return fault.New(fault.Invalid, "check", "settings", "stale_after_at.%s: there is no such door", id)
		}
	}
	return nil
}

// takeSettings looks at what the stored state says of the gateway itself, and acts by it.
func (a *Agent) takeSettings(own store.Own) error {
	var doors map[access.DoorID]access.Door
	if places, err := a.box.Places(); err == nil {
		doors = places.Doors
	}
	news, err := a.settings.take(own, a.box.Position(), doors, a.box.event)
	if news {
		a.applySettings()
		if a.link != nil {
			a.link.Greet()
		}
	}
	if err != nil {
		return fmt.Errorf("the settings of the cloud: %w", err)
	}
	return nil
}

// applySettings makes everything run by the settings in force. It may be called at any time.
func (a *Agent) applySettings() {
	s := a.settings
	if a.deps.Level != nil {
		a.deps.Level.Set(s.level())
	}
	if a.link != nil {
		a.link.SetIntervals(s.hello(), s.reconnect())
	}
	for _, p := range a.driven() {
		if p.loop != nil {
			a.steer(p)
		}
	}
}

// forget drops what was kept for as long as it is wanted.
func (a *Agent) forget() {
	now, trusted := a.box.clock.Now()
	if !trusted {
		return
	}
	if _, err := a.box.site.ForgetProofs(now.Add(-a.settings.retain())); err != nil {
		a.log.Error("old proofs cannot be dropped", "err", err)
	}
	if _, err := a.box.site.ForgetRevoked(now.Add(-keepRevoked), mostRevoked); err != nil {
		a.log.Error("old revocations cannot be forgotten", "err", err)
	}
}

// steer makes one panel's loop run by the settings in force.
func (a *Agent) steer(p *panel) {
	p.loop.SetPolicy(a.settings.policy(p.cfg.ID))
	p.loop.SetAudit(a.settings.audit())
	p.calls.look()
	p.loop.Changed(true) // limits of staleness are looked at again
}
