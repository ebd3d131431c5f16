package agent

import (
	"time"

	"gatehouse/agent/internal/reconcile"
	"gatehouse/protocol/access"
)

// maxReported is how many devices a diagnosis lists.
const maxReported = 50

// diagnosis is how the gateway stands. It holds ids, numbers and words of this program only: what a
// device or a person wrote may name somebody.
type diagnosis struct {
	Version  string            `json:"version"`
	Boot     string            `json:"boot"`
	At       time.Time         `json:"at"`
	Trusted  bool              `json:"clock_trusted"`
	Source   string            `json:"clock_source"`
	Position access.Position   `json:"state"`
	Digest   access.Digest     `json:"digest"`
	Damaged  bool              `json:"damaged,omitempty"`
	People   int               `json:"people"`
	Events   eventDiagnosis    `json:"events"`
	Devices  []deviceDiagnosis `json:"devices"`
	More     int               `json:"devices_not_listed,omitempty"`
}

type eventDiagnosis struct {
	Waiting uint64 `json:"waiting"`
	Last    uint64 `json:"last"`
	Bytes   int64  `json:"bytes"`
	Lost    uint64 `json:"lost"`
}

type deviceDiagnosis struct {
	ID        access.DeviceID `json:"id"`
	Kind      string          `json:"kind"`
	Reachable bool            `json:"reachable"`
	Since     time.Time       `json:"since,omitzero"`
	Fault     string          `json:"fault,omitempty"`
	Waiting   int             `json:"waiting"`
	Removals  int             `json:"removals"`
	Rows      int             `json:"rows"`
	Strangers int             `json:"strangers"`
	Audited   time.Time       `json:"audited,omitzero"`
	NextTry   time.Time       `json:"next_try,omitzero"`
	Opened    int             `json:"doors_opened,omitempty"`
	Refusals  int             `json:"doors_refused,omitempty"`
	Gaps      int             `json:"door_log_gaps,omitempty"`
}

// diagnosis gathers it. It asks no device.
func (a *Agent) diagnosis() any {
	h := a.box.clock.Health()
	d := diagnosis{
		Version: a.deps.Version, At: h.Now, Trusted: h.Trusted, Source: h.Source,
		Position: a.box.Position(), Digest: a.box.Digest(), Damaged: a.box.wanted.Damaged(), People: a.people(),
	}
	d.Boot, _ = a.deps.Source.Boot()
	if s, err := a.box.outbox.Stats(); err == nil {
		d.Events = eventDiagnosis{s.Waiting, s.Last, s.Bytes, s.Lost}
	}
	for i, p := range a.panels() {
		if i == maxReported {
			d.More = len(a.panels()) - i
			break
		}
		d.Devices = append(d.Devices, diagnoseDevice(p.cfg.Kind, p.status()))
	}
	return d
}

func diagnoseDevice(kind string, s reconcile.Status) deviceDiagnosis {
	return deviceDiagnosis{
		ID: s.Device, Kind: kind, Reachable: s.Reachable, Since: s.Since, Fault: s.Fault, Waiting: s.Waiting, Removals: s.Removals,
		Rows: s.Rows, Strangers: s.Strangers, Audited: s.Audited, NextTry: s.NextTry,
		Opened: s.Opened, Refusals: s.Refusals, Gaps: s.Gaps,
	}
}

// commands makes what carries out commands.
func (a *Agent) commands() *commands {
	return &commands{
		journal: a.box.site, now: a.box.clock.Now, event: a.box.event, stations: a.stations, report: a.diagnosis, log: a.log,
		busy: map[string]chan struct{}{},
	}
}

// stations are the devices as commands see them.
func (a *Agent) stations() (out []station) {
	for _, p := range a.driven() {
		s := station{id: p.cfg.ID, doors: p.cfg.Doors, reachable: p.status().Reachable}
		if p.loop != nil {
			s.hands = p.loop
		}
		out = append(out, s)
	}
	return out
}
