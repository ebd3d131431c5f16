package comelitsim

import "fmt"

// Users lists the slots that somebody has, by unit and slot; all adds the free ones.
func (p *Panel) Users(all bool) []Slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Slot{}
	for u := range p.slots {
		for s := range p.slots[u] {
			if all || !p.slots[u][s].free() {
				out = append(out, p.show(place{u, s}))
			}
		}
	}
	return out
}

func (p *Panel) show(a place) Slot {
	r := p.slot(a)
	s := p.sessions[a]
	return Slot{
		Unit: a.unit, Slot: a.slot, UnitName: unitName(a.unit), Enabled: r[fieldEnabled] == enabled,
		Kind: kindNames()[r[fieldKind][0]-'0'], Name: r[fieldName], Email: r[fieldEmail], Phone: r[fieldPhone],
		Token: r[fieldToken], Code: r[fieldCode], OS: p.os[a],
		Registered: s != nil && s.conn != nil && p.now().Before(s.until),
	}
}

// Edit changes a slot by hand, as somebody at the panel's own pages would, with none of their checks. op is set
// (the whole slot; OS, when given, is ios or android), clear (free again) or reset (the user's token and code go, as
// "reset user" does; irreversible). It returns the slot after it.
func (p *Panel) Edit(op string, in Slot) (Slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := place{in.Unit, in.Slot}
	if at.unit < 0 || at.slot < 0 || p.slot(at) == nil {
		return Slot{}, fmt.Errorf("there is no slot %s; units are 0 to %d, slots 0 to %d", at, len(p.slots)-1, slotsPerUnit-1)
	}
	r := p.slot(at)
	switch op {
	case "set":
		now, err := in.record()
		if err == nil && in.OS != "" && in.OS != "ios" && in.OS != "android" {
			err = fmt.Errorf("os is %q; it must be ios or android, or left out", in.OS)
		}
		if err != nil {
			return Slot{}, err
		}
		p.replace(at, now)
		delete(p.os, at)
		if in.OS != "" {
			p.os[at] = in.OS
		}
	case "clear":
		p.replace(at, emptyRecord())
	case "reset":
		now := *r
		now[fieldToken], now[fieldCode] = "", ""
		p.replace(at, now)
	default:
		return Slot{}, fmt.Errorf("op is %q; it must be set, clear or reset", op)
	}
	return p.show(at), nil
}

// replace puts a record in place; whoever used another token there is thrown out.
func (p *Panel) replace(at place, r record) {
	old := p.slot(at)[fieldToken]
	*p.slot(at) = r
	if old != r[fieldToken] || r[fieldEnabled] != enabled {
		p.expel(at)
	}
}
