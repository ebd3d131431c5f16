package agent

import (
	"cmp"
	"context"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/reconcile"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// The states on a device's way, in order.
const (
	stateFound      = "found"            // something answers at its address
	stateTalking    = "talking"          // in the language of its kind
	stateAuthorised = "authorised"       // and lets us in
	stateWritten    = "write proven"     // it took a record of ours
	stateRead       = "read-back proven" // and showed it
	stateMapped     = "doors mapped"     // it is known which relay opens which door
	stateManaged    = "managed"          // people are written to it
)

// DeviceState is one of them.
type DeviceState struct {
	Name   string    `json:"name"`
	OK     bool      `json:"ok"`
	At     time.Time `json:"at,omitzero"` // since when, or when it was proven; absent: not known
	Why    string    `json:"why,omitempty"`
	Remedy string    `json:"remedy,omitempty"` // what to do about it, where it is not so
}

// DeviceReport is how one device stands. It names no resident and holds no secret.
type DeviceReport struct {
	ID      access.DeviceID `json:"id"`
	Kind    string          `json:"kind"`
	Name    string          `json:"name,omitempty"`
	Address string          `json:"address"`
	Source  string          `json:"source"`         // "file" or "paired"
	Mode    string          `json:"mode"`           // "manage" or "report"
	Since   time.Time       `json:"since,omitzero"` // of Mode; absent: the file says it
	Paired  time.Time       `json:"paired,omitzero"`
	model.Identity
	State     string                   `json:"state"`  // the last of States up to which all are so; "" none
	States    []DeviceState            `json:"states"` // in order
	Doors     map[access.DoorID]string `json:"doors"`
	People    int                      `json:"people"` // of ours on it, by the ledger
	Waiting   int                      `json:"waiting"`
	Rows      int                      `json:"rows"` // at the last full read-back
	Strangers int                      `json:"strangers"`
	Drift     map[access.DriftKind]int `json:"drift,omitempty"`
	Audited   time.Time                `json:"audited,omitzero"`
	Limits    model.Limits             `json:"limits"`
	Steps     []Step                   `json:"steps,omitempty"` // of its pairing
}

// DeviceList is every device.
type DeviceList struct {
	OK        bool           `json:"ok"`
	At        time.Time      `json:"at"`
	Gateway   string         `json:"gateway,omitempty"`
	Devices   []DeviceReport `json:"devices"`
	Left      []string       `json:"left,omitempty"`      // test persons that an interrupted pairing may have left, in words
	Forgotten []string       `json:"forgotten,omitempty"` // devices that nobody looks after and that hold people of ours, in words
}

// evidence is what the ledger says of a device.
type evidence struct {
	people        int
	written, read time.Time // the latest; zero: none
}

func (a *Agent) evidence(ctx context.Context, id access.DeviceID) (e evidence, err error) {
	err = walker{a.box, ctx}.Entries(id, func(l access.LedgerEntry) error {
		e.people++
		if l.State == access.Written || l.State == access.Settled {
			e.written = later(e.written, l.At)
		}
		e.read = later(e.read, l.Seen)
		return nil
	})
	return e, err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// deviceReport says how one device stands.
func (a *Agent) deviceReport(ctx context.Context, p *panel) (DeviceReport, error) {
	p.tried(ctx)
	e, err := a.evidence(ctx, p.cfg.ID)
	if err != nil {
		return DeviceReport{}, err
	}
	s, said := p.status(), whatItSaid(a.box.site, p.cfg.ID, a.log)
	d := DeviceReport{
		ID: p.cfg.ID, Kind: p.cfg.Kind, Name: p.cfg.Name, Address: cmp.Or(p.cfg.URL, addressOf(p.cfg)), Source: "file", Mode: "manage",
		Identity: said.Identity, Limits: said.Limits, Doors: p.cfg.Doors, People: e.people, Waiting: s.Waiting, Rows: s.Rows,
		Strangers: s.Strangers, Drift: s.Drift, Audited: s.Audited,
	}
	if s.Identity != (model.Identity{}) {
		d.Identity, d.Limits = s.Identity, s.Limits
	}
	if d.Doors == nil {
		d.Doors = map[access.DoorID]string{}
	}
	var kept paired
	if p.cfg.Paired {
		if kept, _, err = pairedOf(a.box.site, p.cfg.ID); err != nil {
			kept = paired{}
		}
		d.Source, d.Since, d.Paired, d.Steps = "paired", kept.Mode, kept.At, kept.Steps
		if kept.Identity.MAC == d.MAC { // else another unit was proven
			e.written, e.read = later(e.written, kept.Proven), later(e.read, kept.Read)
		}
	}
	d.States = a.states(p, s, e)
	if !d.States[len(d.States)-1].OK {
		d.Mode = "report"
	}
	for _, st := range d.States {
		if !st.OK {
			break
		}
		d.State = st.Name
	}
	return d, nil
}

// states judges every one of them.
func (a *Agent) states(p *panel, s reconcile.Status, e evidence) []DeviceState {
	out := reached(p, s)
	id := string(p.cfg.ID)
	again := "Pair it again: gatehouse-agent device pair --id " + id
	if !p.cfg.Paired {
		again = "Try it with gatehouse-agent device selftest, or let it be managed: the first person written proves it."
	}
	out = append(out, DeviceState{Name: stateWritten, OK: !e.written.IsZero(), At: e.written, Why: "nothing was written to it yet, and no self-test was made", Remedy: again},
		DeviceState{Name: stateRead, OK: !e.read.IsZero(), At: e.read, Why: "nothing written to it was read back yet, or it cannot show it", Remedy: again})
	mapped := DeviceState{Name: stateMapped, OK: len(p.cfg.Doors) > 0, Why: "it is not known which of its relays opens which door",
		Remedy: "gatehouse-agent device pair --id " + id + " --door DOOR=A"}
	managed := DeviceState{Name: stateManaged, OK: !p.cfg.Report, Why: "it is reported on only: nothing is written to it", Remedy: "Look at gatehouse-agent plan --device " + id + ", then decide: gatehouse-agent device manage " + id}
	if !p.cfg.Paired {
		mapped.Remedy, managed.Remedy = "Give it doors in the gateway's file.", `Set mode = "manage" in the gateway's file.`
	}
	if !p.cfg.Report && a.settings.policy(p.cfg.ID) == access.DriftReport {
		managed.OK, managed.Why, managed.Remedy = false, "the cloud's settings let it be reported on only", "Change the drift setting of this device at the cloud."
	}
	out = append(out, mapped, managed)
	for i := range out {
		if out[i].OK {
			out[i].Why, out[i].Remedy = "", ""
		}
	}
	return out
}

// firstTry is how long a device whose loop has just begun is waited for, so that nobody reads "not found" of one that was
// proven a second ago.
const firstTry = 3 * time.Second

// tried waits until the device was asked once.
func (p *panel) tried(ctx context.Context) {
	if p.loop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for p.loop.Status().Since.IsZero() {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// reached is how far its loop got with the device.
func reached(p *panel, s reconcile.Status) []DeviceState {
	n, why, remedy := 3, s.Message, s.Remedy // how many are so
	switch kind := fault.Parse(s.Fault); {
	case p.wrong != nil:
		n, why, remedy = 0, p.wrong.Error(), fault.RemedyOf(p.wrong)
	case s.Reachable:
	case s.Since.IsZero():
		n, why, remedy = 0, "it was not tried yet", "Ask again in a few seconds."
	case kind == fault.Denied:
		n = 2
	case kind == fault.Unreachable || kind == fault.Timeout:
		n = 0
	default:
		n = 1
	}
	var out []DeviceState
	for i, name := range []string{stateFound, stateTalking, stateAuthorised} {
		if i < n {
			out = append(out, DeviceState{Name: name, OK: true, At: s.Since})
			continue
		}
		out = append(out, DeviceState{Name: name, Why: cmp.Or(why, "not so far yet"), Remedy: cmp.Or(remedy, "Check power, cable and address of the device.")})
	}
	return out
}

// deviceList is every device, or the one that is asked for.
func (a *Agent) deviceList(ctx context.Context, only access.DeviceID) (DeviceList, error) {
	now, _ := a.box.clock.Now()
	out := DeviceList{OK: true, At: now, Devices: []DeviceReport{}}
	if a.box.id != nil {
		out.Gateway = string(a.box.id.bundle.Gateway)
	}
	for _, p := range a.panels() {
		if only != "" && p.cfg.ID != only {
			continue
		}
		d, err := a.deviceReport(ctx, p)
		if err != nil {
			return out, err
		}
		out.Devices = append(out.Devices, d)
	}
	if only != "" && len(out.Devices) == 0 {
		return out, noDevice(only)
	}
	for ref, at := range a.marks() {
		out.Left = append(out.Left, "the test person "+string(ref)+" may be left on "+at+", where a pairing was interrupted: pair that again")
	}
	for _, f := range a.forgottenNow() {
		out.Forgotten = append(out.Forgotten, f.words()+": "+forgottenRemedy)
	}
	return out, nil
}

func noDevice(id access.DeviceID) error {
	return fault.New(fault.Invalid, "look up", "device", "%.40q is none of this gateway's", id).WithRemedy("gatehouse-agent device list names them.")
}

// way is a device's states on one line, for the page: how far it is, and what is missing.
func (a *Agent) way(p *panel, s reconcile.Status) string {
	e := evidence{}
	if p.cfg.Paired {
		if kept, _, err := pairedOf(a.box.site, p.cfg.ID); err == nil {
			e.written, e.read = kept.Proven, kept.Read
		}
	}
	if s.Rows > s.Strangers { // rows of ours were read back
		e.written, e.read = later(e.written, s.Audited), later(e.read, s.Audited)
	}
	out := ""
	for _, st := range a.states(p, s, e) {
		if out += ", "; !st.OK {
			out += "not "
		}
		out += st.Name
	}
	return out[2:]
}
