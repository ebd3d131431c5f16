package agent

import (
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// paired is what is kept of a device that was paired on site. It stands in site.db, sealed, and nowhere else: it holds
// the device's password.
type paired struct {
	access.Device // with what the cloud's mirror has of it, so that another box can take over

	IconaPort int           `json:"icona_port,omitempty"`
	Insecure  bool          `json:"insecure_tls,omitempty"`
	Profile   string        `json:"profile,omitempty"` // model to assume; "": it is asked
	Timeout   time.Duration `json:"timeout,omitempty"`
	Password  string        `json:"password,omitempty"`
	Token     string        `json:"token,omitempty"`
	Locked    string        `json:"locked,omitempty"` // why its password is missing; "": it is not

	Identity model.Identity `json:"identity"`
	At       time.Time      `json:"at"`              // when it was paired last
	Mode     time.Time      `json:"mode"`            // since when it is managed, or reported on
	Proven   time.Time      `json:"proven,omitzero"` // when it last passed the self-test; zero: never
	Read     time.Time      `json:"read,omitzero"`   // when all of that was read back; zero: never, or it cannot show it
	Steps    []Step         `json:"steps,omitempty"` // of the last pairing
}

// String keeps the secrets out of whatever prints it.
func (p paired) String() string { return "paired device " + string(p.ID) }

// GoString is String.
func (p paired) GoString() string { return p.String() }

func (p paired) config() config.Device {
	return config.Device{
		ID: p.ID, Kind: p.Kind, Name: p.Name, URL: p.URL, Host: p.Host, User: p.User, InsecureTLS: p.Insecure, TLSPin: p.TLSPin,
		Pace: time.Duration(p.Pace), Timeout: p.Timeout, Model: p.Profile, Report: p.Report, Doors: p.Doors, IconaPort: p.IconaPort,
		Paired: true, Locked: p.Locked, Password: access.NewSecret(p.Password), Token: access.NewSecret(p.Token),
	}
}

// pairedOf reads one; false when there is none.
func pairedOf(s *store.Site, id access.DeviceID) (p paired, ok bool, err error) {
	all, err := s.Paired()
	raw, ok := all[id]
	if raw == nil { // absent, or unreadable, and then the error may be about it
		if !ok {
			err = nil
		}
		return p, false, err
	}
	return p, true, json.Unmarshal(raw, &p)
}

func savePaired(s *store.Site, p paired, evs ...access.Event) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.SavePaired(p.ID, raw, evs...)
}

// devices are those of the file, and then those that were paired.
func (b *box) devices(cfg config.Config) ([]config.Device, error) {
	return devicesOf(b.site, cfg, b.log)
}

// devicesOf joins the file's devices and the paired ones. Of an id in both the file's counts. A paired one that
// cannot be read is there all the same, and says why it cannot be driven.
func devicesOf(s *store.Site, cfg config.Config, log *slog.Logger) ([]config.Device, error) {
	all, err := s.Paired()
	if bad, rest := split(err); rest != nil {
		return nil, rest
	} else if len(bad) > 0 {
		log.Error("a paired device cannot be read", "err", err, "remedy", "Pair it again under its id.")
	}
	out := append([]config.Device(nil), cfg.Devices...)
	var ids []access.DeviceID
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if slices.ContainsFunc(cfg.Devices, func(d config.Device) bool { return d.ID == id }) {
			continue
		}
		p := paired{Device: access.Device{ID: id}}
		if err := json.Unmarshal(all[id], &p); err != nil {
			p = paired{Device: access.Device{ID: id}, Locked: "what was kept of it cannot be read"}
		}
		out = append(out, p.config())
	}
	return out, nil
}

// inherit keeps the devices of the box whose place this one takes: where they are, not their passwords, which the
// cloud never had. Those that need none are driven at once.
func (b *box) inherit(cfg config.Config, p protocol.Predecessor) error {
	have, err := b.devices(cfg)
	if err != nil {
		return err
	}
	now, _ := b.clock.Now()
	for _, d := range p.Devices {
		if !access.ValidID(string(d.ID)) || slices.ContainsFunc(have, func(c config.Device) bool { return c.ID == d.ID }) {
			continue
		}
		n := paired{Device: d, At: now, Mode: now}
		if d.User != "" || d.Kind == "comelit" {
			n.Locked = "another box paired it, and its password did not come along"
		}
		if err := savePaired(b.site, n); err != nil {
			return err
		}
	}
	return nil
}

// inFile is the answer to who would change a device that the file has.
func inFile(id access.DeviceID, what string) error {
	return fault.New(fault.Conflict, what, "device "+string(id), "it stands in the gateway's file").
		WithRemedy("Its settings are changed there: edit the file, check it with gatehouse-agent check-config, and restart the gateway.")
}
