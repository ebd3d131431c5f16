package agent

import (
	"context"
	"maps"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// ModeReport is how it stands then.
type ModeReport struct {
	OK     bool          `json:"ok"`
	Device *DeviceReport `json:"device,omitempty"` // absent: it is forgotten
	People int           `json:"people,omitempty"` // of ours that are left on it
}

// setMode decides what becomes of a paired device.
func (a *Agent) setMode(ctx context.Context, r DeviceOrder) (ModeReport, error) {
	done, err := a.changing(r.ID, r.Do)
	if err != nil {
		return ModeReport{}, err
	}
	defer done()
	p, ok, err := pairedOf(a.box.site, r.ID)
	switch {
	case r.Do == "forget":
		return a.forgetPaired(ctx, r, p)
	case err != nil:
		return ModeReport{}, err
	case !ok:
		return ModeReport{}, noDevice(r.ID)
	case r.Do == "manage" && len(p.Doors) == 0:
		return ModeReport{}, fault.New(fault.Conflict, "manage", "device "+string(p.ID), "it is not known which of its relays opens which door, so nobody could be written to it").
			WithRemedy("gatehouse-agent device pair --id %s --door DOOR=A", p.ID)
	case r.Do != "manage" && r.Do != "report":
		return ModeReport{}, fault.New(fault.Invalid, "read", "do", "%.20q: want manage, report or forget", r.Do)
	}
	if want := r.Do == "report"; p.Report != want {
		p.Report = want
		p.Mode, _ = a.box.clock.Now()
		e := a.box.event(access.EventState, "managed from now on: people are written to it")
		if want {
			e.Message = "reported on only from now on: nothing is written to it"
		}
		e.Device = p.ID
		if err := a.changePaired(p, e); err != nil {
			return ModeReport{}, err
		}
	}
	line, err := a.deviceReport(ctx, a.panel(p.ID))
	return ModeReport{OK: true, Device: &line}, err
}

// setDoors changes which relay of a paired device opens which door.
func (a *Agent) setDoors(r MapRequest) error {
	done, err := a.changing(r.Device, "map")
	if err != nil {
		return err
	}
	defer done()
	p, ok, err := pairedOf(a.box.site, r.Device)
	if err != nil {
		return err
	}
	if !ok {
		return noDevice(r.Device)
	}
	doors := map[access.DoorID]string{}
	maps.Copy(doors, p.Doors)
	for _, door := range r.NoDoors {
		delete(doors, access.DoorID(door))
	}
	for door, relay := range r.Doors {
		doors[access.DoorID(door)] = relay
	}
	if p.Doors = doors; len(doors) == 0 && !p.Report {
		return fault.New(fault.Conflict, "map", "device "+string(p.ID), "without any door everybody would be taken off it").
			WithRemedy("Stop managing it first: gatehouse-agent device report %s", p.ID)
	}
	if err := a.canPair(p); err != nil {
		return err
	}
	e := a.box.event(access.EventState, "which of its relays opens which door was changed on site")
	e.Device = p.ID
	return a.changePaired(p, e)
}

// changePaired stores what was decided about a paired device, and drives it by that.
func (a *Agent) changePaired(p paired, e access.Event) error {
	if err := savePaired(a.box.site, p, e); err != nil {
		return err
	}
	if err := a.letRest(p.ID); err != nil {
		return err // its loop takes what was stored when it ended (again)
	}
	a.replace(p.ID, a.openPanel(p.config()))
	return nil
}

// letRest ends the loop of a device, if it has one.
func (a *Agent) letRest(id access.DeviceID) error {
	if p := a.panel(id); p != nil && p.rest != nil {
		return p.rest()
	}
	return nil
}

// forgetPaired stops looking after a device. What stands on it stays known: paired again under its id, it goes on.
func (a *Agent) forgetPaired(ctx context.Context, r DeviceOrder, p paired) (ModeReport, error) {
	if a.panel(r.ID) == nil {
		return ModeReport{}, noDevice(r.ID)
	}
	e, err := a.evidence(ctx, r.ID)
	if err != nil {
		return ModeReport{}, err
	}
	if e.people > 0 && !r.Leave {
		return ModeReport{}, fault.New(fault.Conflict, "forget", "device "+string(r.ID), "it still holds %d people of ours, whom nobody would remove any more", e.people).
			WithRemedy("Take their access away first, or leave them there on purpose: gatehouse-agent device forget %s --leave-people", r.ID)
	}
	told := a.box.event(access.EventState, "forgotten on site: nobody looks after it any more")
	told.Device = r.ID
	if err := a.letRest(r.ID); err != nil {
		return ModeReport{}, err
	}
	if err := a.box.site.SavePaired(r.ID, nil, told); err != nil {
		a.replace(r.ID, a.openPanel(a.panel(r.ID).cfg)) // it is not forgotten, so it is driven
		return ModeReport{}, err
	}
	a.replace(r.ID, nil)
	a.log.Info("a paired device is forgotten", "device", string(r.ID), "people_left", e.people)
	return ModeReport{OK: true, People: e.people}, a.lookForForgotten(ctx)
}
