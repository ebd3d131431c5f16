package comelitsim

import (
	"errors"
	"fmt"
	"gatehouse/protocol/simkit"
	"time"
)

// phoneWait is how long Android apps ring alone before the phones do; the real time is unknown.
const phoneWait = 30 * time.Second

// RingReport says who hears a visitor (mission row C18).
type RingReport struct {
	Call   string       `json:"call"` // the call's id on the wire, in hex
	Steps  []RingStep   `json:"steps"`
	Silent []SilentSlot `json:"silent"`
}

// RingStep is one slot that rings.
type RingStep struct {
	Slot  int    `json:"slot"`
	Name  string `json:"name"`
	How   string `json:"how"`   // monitor, app-lan (it holds a registration here), app-push, phone
	After string `json:"after"` // "0s", or later for phones that wait for an Android app
}

// SilentSlot is one slot that does not ring and why.
type SilentSlot struct {
	Slot int    `json:"slot"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// errBusy is a second visitor while the first still rings.
const errBusy = simkit.Conflict("it rings already; POST /release ends the ring, an unanswered one ends after a minute")

// Ring lets a visitor press a unit at an entrance; an empty door means the first entrance. Every reachable slot of
// the unit hears it: monitors and apps at once, phones at once beside iOS apps or where no app rings, and after
// 30 s beside Android apps alone. It fails on an unknown unit or door, while it rings, and while the panel restarts.
func (p *Panel) Ring(unit int, address string) (RingReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if unit < 0 || unit >= len(p.slots) {
		return RingReport{}, fmt.Errorf("there is no unit %d; the last is %d", unit, len(p.slots)-1)
	}
	d, err := p.entrance(address)
	switch {
	case err != nil:
		return RingReport{}, err
	case p.down():
		return RingReport{}, errors.New("the panel restarts; try again later")
	case p.ringing():
		return RingReport{}, errBusy
	}
	p.stir()
	r := p.startRing(unit, d)
	out := RingReport{Call: fmt.Sprintf("%x", r.id), Steps: []RingStep{}, Silent: []SilentSlot{}}
	wait := p.phonesWait(unit)
	for s := range slotsPerUnit {
		p.judge(&out, place{unit, s}, wait)
	}
	return out, nil
}

func (p *Panel) entrance(address string) (Door, error) {
	for _, d := range p.opt.Doors {
		if d.Module < 0 && (address == "" || d.Address == address) {
			return d, nil
		}
	}
	return Door{}, fmt.Errorf("there is no entrance %q", address)
}

// judge puts a slot where it belongs in the report; a slot nobody has is left out.
func (p *Panel) judge(out *RingReport, a place, wait time.Duration) {
	r := p.slot(a)
	how, why := p.reach(a)
	switch {
	case r.free():
	case why != "":
		out.Silent = append(out.Silent, SilentSlot{a.slot, r[fieldName], why})
	default:
		after := time.Duration(0)
		if how == "phone" {
			after = wait
		}
		out.Steps = append(out.Steps, RingStep{a.slot, r[fieldName], how, after.String()})
	}
}

// reach says how a slot would hear a ring, or why it would not.
func (p *Panel) reach(a place) (how, why string) {
	r := p.slot(a)
	s := p.sessions[a]
	switch {
	case r[fieldEnabled] != enabled:
		return "", "disabled"
	case r[fieldKind] == kindInternal:
		return "monitor", ""
	case r[fieldKind] == kindPhone && r[fieldPhone] != "":
		return "phone", ""
	case r[fieldKind] == kindPhone:
		return "", "no number"
	case r[fieldKind] != kindApp:
		return "", "no kind"
	case s != nil && s.conn != nil && p.now().Before(s.until):
		return "app-lan", ""
	case r[fieldToken] == "" && r[fieldCode] != "":
		return "", "invited, not activated"
	case r[fieldToken] == "":
		return "", "not invited"
	case p.os[a] == "":
		return "", "activated, door entry not set up"
	}
	return "app-push", ""
}

// phonesWait is how long phones wait: only where apps ring and every one of them is Android.
func (p *Panel) phonesWait(unit int) time.Duration {
	wait := time.Duration(0)
	for s := range slotsPerUnit {
		a := place{unit, s}
		if _, why := p.reach(a); why != "" {
			continue
		}
		switch p.os[a] {
		case "ios":
			return 0
		case "android":
			wait = phoneWait
		}
	}
	return wait
}

// EndRing releases the call with a cause, 0 to 255, as when the visitor leaves. It fails when nobody rings.
func (p *Panel) EndRing(cause int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case cause < 0 || cause > 255:
		return fmt.Errorf("cause is %d; give 0 to 255", cause)
	case !p.ringing():
		return errors.New("nobody rings")
	}
	for c, l := range p.ring.legs {
		p.endLeg(c, l, byte(cause))
	}
	p.ring = nil
	return nil
}

// Credential is what a visitor could hold to a reader; exactly one field.
type Credential struct {
	PIN  string `json:"pin,omitempty"`
	Card string `json:"card,omitempty"`
}

// Present holds a PIN or a card to the first entrance. Nothing known of the device takes either (§5), so it is never
// granted; the attempt is logged.
func (p *Panel) Present(c Credential) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how := "pin"
	if c.Card != "" {
		how = "card"
	}
	e := Entry{How: how}
	if d, err := p.entrance(""); err == nil {
		e.Door, e.Name = d.key(), d.Name
	}
	p.note(e)
}
