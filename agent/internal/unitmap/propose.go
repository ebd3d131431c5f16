package unitmap

import (
	"slices"
	"strings"

	"gatehouse/protocol/access"
)

// State says how a unit stands.
type State string

// The states of a unit.
const (
	Confirmed State = "confirmed"    // by an installer
	ByName    State = "by name"      // entered by itself: one unit and one apartment have this name
	Proposed  State = "proposed"     // Sure says how
	LeftOut   State = "left out"     // by an installer: the device does not call it
	Gap       State = "no apartment" // none fits
	Double    State = "in doubt"     // more than one fits, or more than one unit does
)

// Sure says what a proposal rests on.
type Sure string

// What a proposal may rest on. The first alone is entered without asking anybody.
const (
	SameName   Sure = "same name"
	SameNumber Sure = "same number"
	OnlyLeft   Sure = "only one left"
)

// Line is one unit.
type Line struct {
	Unit      access.UnitID `json:"unit"`
	Name      string        `json:"name"`
	Building  string        `json:"building,omitempty"`
	State     State         `json:"state"`
	Apartment string        `json:"apartment,omitempty"` // as in Refs
	Shown     string        `json:"shown,omitempty"`     // the name that the device shows for it
	Sure      Sure          `json:"sure,omitempty"`
	Why       string        `json:"why,omitempty"` // in words: what is missing, or odd
	lost      bool          // it is entered with an apartment that the device does not have
}

// Lost says that the unit is entered with an apartment that the device does not have now.
func (l Line) Lost() bool { return l.lost }

// Spare is an apartment of the device that is no unit's.
type Spare struct {
	Apartment string `json:"apartment"` // as in Refs
	Index     int    `json:"index"`
	Shown     string `json:"shown,omitempty"`
}

// Proposal is a device's map as it stands and as it could be.
type Proposal struct {
	Lines []Line  // every unit, by building and name
	Spare []Spare // in the device's order
}

// Propose pairs units with apartments: first those that are entered, then by names. No apartment and no unit is given
// twice, whatever is entered; a number is never matched across buildings, nor where two could be meant. Doing it again
// with what it proposed entered changes nothing, and no order of what comes in does.
func Propose(units map[access.UnitID]access.Unit, buildings map[access.BuildingID]access.Building, all []Apartment, m Map) Proposal {
	p := &pairing{m: m, all: all, refs: Refs(all), ids: inOrder(units, buildings), held: make([]int, len(all))}
	p.index(units, buildings)
	p.entered(true)
	p.entered(false)
	p.byName()
	p.byNumber(housed)
	p.byNumber(p.lone)
	p.onlyLeft()
	p.explain()
	return p.proposal()
}

// pairing is one proposal in the making. Units and apartments are known by their place in ids and all.
type pairing struct {
	m     Map
	all   []Apartment
	refs  []string
	ids   []access.UnitID
	lines []Line
	units []side
	flats []side
	held  []int // by apartment: the unit that has it, counted from 1; 0 none

	// Who has a name or number, those left out aside.
	unitsBare, flatsBare, unitsNumber, flatsNumber map[string][]int
}

func (p *pairing) index(units map[access.UnitID]access.Unit, buildings map[access.BuildingID]access.Building) {
	p.unitsBare, p.flatsBare, p.unitsNumber, p.flatsNumber = map[string][]int{}, map[string][]int{}, map[string][]int{}, map[string][]int{}
	for i, id := range p.ids {
		u, s := units[id], unitSide(units[id], buildings)
		p.lines = append(p.lines, Line{Unit: id, Name: u.Name, Building: buildings[u.Building].Name})
		p.units = append(p.units, s)
		if e, ok := p.m[id]; ok && e.Apartment == "" {
			p.lines[i].State = LeftOut
			continue
		}
		note(p.unitsBare, s.bare, i)
		note(p.unitsNumber, s.number, i)
	}
	for j, a := range p.all {
		s := side{mark: parse(a.Name), bare: bare(a.Name)}
		p.flats = append(p.flats, s)
		note(p.flatsBare, s.bare, j)
		note(p.flatsNumber, s.number, j)
		if address := bare(a.Address); address != s.bare {
			note(p.flatsBare, address, j)
		}
	}
}

func note(in map[string][]int, key string, i int) {
	if key != "" {
		in[key] = append(in[key], i)
	}
}

// entered takes what the map holds: what was confirmed before what entered itself.
func (p *pairing) entered(confirmed bool) {
	for i := range p.lines {
		l, e := &p.lines[i], p.m[p.ids[i]]
		if l.State != "" || e.Apartment == "" || e.Confirmed != confirmed {
			continue
		}
		l.State, l.Apartment = ByName, e.Apartment
		if confirmed {
			l.State = Confirmed
		}
		switch j := p.find(e.Apartment); {
		case j < 0:
			l.lost, l.Why = true, "the device has no "+e.Apartment+" now"
		case p.held[j] > 0:
			l.State, l.Apartment, l.Why = Double, "", e.Apartment+" is "+p.holder(j)+"'s"
		default:
			p.held[j], l.Apartment, l.Shown = i+1, p.refs[j], p.all[j].Name
			l.Why = p.odd(i, j, e)
		}
	}
}

// odd says in words what has changed since a unit was entered; "" nothing.
func (p *pairing) odd(i, j int, e Entry) string {
	var out []string
	if e.Name != p.lines[i].Name {
		out = append(out, "it was called "+e.Name+" when it was entered")
	}
	if s := p.flats[j].bare; s != p.units[i].bare && len(p.unitsBare[s]) > 0 {
		out = append(out, "the device calls that apartment "+p.all[j].Name)
	}
	return strings.Join(out, "; ")
}

func (p *pairing) find(ref string) int {
	if j := slices.Index(p.refs, ref); j >= 0 {
		return j
	}
	return slices.IndexFunc(p.all, func(a Apartment) bool { return ref == byIndex(a.Index) })
}

func (p *pairing) holder(j int) string { return "unit " + p.called(p.held[j]-1) }

// called is a unit's name for people to read.
func (p *pairing) called(i int) string {
	l := p.lines[i]
	if l.Building == "" {
		return l.Name
	}
	return l.Name + " (" + l.Building + ")"
}

// give pairs a unit with an apartment, unless either has somebody.
func (p *pairing) give(i, j int, how Sure) {
	if l := &p.lines[i]; l.State == "" && p.held[j] == 0 {
		p.held[j] = i + 1
		l.State, l.Sure, l.Apartment, l.Shown = Proposed, how, p.refs[j], p.all[j].Name
	}
}

func (p *pairing) byName() {
	for i, u := range p.units {
		if flats := p.flatsBare[u.bare]; len(flats) == 1 && len(p.unitsBare[u.bare]) == 1 {
			p.give(i, flats[0], SameName)
		}
	}
}

// byNumber pairs a unit and an apartment that fit each other and nobody else.
func (p *pairing) byNumber(fit func(u, a side) bool) {
	for i, u := range p.units {
		var flats, rivals []int
		for _, j := range p.flatsNumber[u.number] {
			if fit(u, p.flats[j]) {
				flats = append(flats, j)
			}
		}
		if len(flats) != 1 {
			continue
		}
		for _, k := range p.unitsNumber[u.number] {
			if fit(p.units[k], p.flats[flats[0]]) {
				rivals = append(rivals, k)
			}
		}
		if len(rivals) == 1 {
			p.give(i, flats[0], SameNumber)
		}
	}
}

// lone is a fit where one of both names no building: only if nobody else, in any building, has the number.
func (p *pairing) lone(u, a side) bool {
	return unhoused(u, a) && len(p.unitsNumber[u.number]) == 1 && len(p.flatsNumber[u.number]) == 1
}

// onlyLeft pairs the last unit with the last apartment, when the device shows nothing for it that says otherwise.
func (p *pairing) onlyLeft() {
	unit, flat, units, flats := 0, 0, 0, 0
	for i, l := range p.lines {
		if l.State == "" {
			unit, units = i, units+1
		}
	}
	for j, h := range p.held {
		if h == 0 {
			flat, flats = j, flats+1
		}
	}
	if units == 1 && flats == 1 && p.flats[flat].number == "" {
		p.give(unit, flat, OnlyLeft)
	}
}

// explain says of everybody who is left why.
func (p *pairing) explain() {
	for i := range p.lines {
		l, u := &p.lines[i], p.units[i]
		if l.State != "" {
			continue
		}
		var free, held []string
		for j := range p.all {
			switch {
			case !slices.Contains(p.flatsBare[u.bare], j) && !slices.Contains(p.flatsNumber[u.number], j):
			case p.held[j] > 0:
				held = append(held, p.refs[j]+" is "+p.holder(j)+"'s")
			default:
				free = append(free, p.refs[j])
			}
		}
		switch {
		case len(free) > 0:
			l.State, l.Why = Double, "it may be "+list(free)+p.rivals(i)
		case len(held) > 0:
			l.State, l.Why = Gap, list(held)
		default:
			l.State, l.Why = Gap, "no apartment of the device is called so"
		}
	}
}

// rivals names the units that have the same name or number.
func (p *pairing) rivals(i int) string {
	var out []string
	for k, v := range p.units {
		if k != i && p.lines[k].State != LeftOut && (v.bare == p.units[i].bare || v.number != "" && v.number == p.units[i].number) {
			out = append(out, p.called(k))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ", and so may unit " + list(out)
}

// list strings a few together.
func list(s []string) string {
	const most = 4
	if len(s) > most {
		s = append(slices.Clone(s[:most-1]), "others")
	}
	return strings.Join(s, " or ")
}

func (p *pairing) proposal() Proposal {
	out := Proposal{Lines: p.lines}
	for j, h := range p.held {
		if h == 0 {
			out.Spare = append(out.Spare, Spare{p.refs[j], p.all[j].Index, p.all[j].Name})
		}
	}
	return out
}

// Enter puts into a copy of the map what leaves no doubt, the same name, and nothing else; false: there is nothing new.
func (p Proposal) Enter(m Map) (Map, bool) { return p.enter(m, false) }

// Confirm is the map with everything in it that is proposed, as confirmed by an installer. Anything in doubt, and any
// unit without an apartment that is not left out, is refused (Conflict), all of it at once.
func (p Proposal) Confirm(m Map) (Map, error) {
	var wrong []string
	for _, l := range p.Lines {
		if l.State == Gap || l.State == Double || l.lost {
			wrong = append(wrong, "unit "+l.Name+": "+l.Why)
		}
	}
	out, _ := p.enter(m, true)
	return out, refused(wrong)
}

func (p Proposal) enter(m Map, confirm bool) (Map, bool) {
	out, there, news := Map{}, map[access.UnitID]bool{}, map[string]bool{}
	for _, l := range p.Lines {
		there[l.Unit] = true
		if l.State == Proposed && (confirm || l.Sure == SameName) {
			news[l.Apartment] = true
		}
	}
	for id, e := range m { // a unit that is gone makes room
		if there[id] || !news[e.Apartment] {
			out[id] = e
		}
	}
	for _, l := range p.Lines {
		switch {
		case l.State == Proposed && news[l.Apartment], confirm && (l.State == ByName || l.State == Confirmed):
			out[l.Unit] = Entry{l.Apartment, l.Name, confirm}
		case confirm && l.State == LeftOut:
			out[l.Unit] = Entry{Name: l.Name, Confirmed: true}
		}
	}
	return out, len(news) > 0
}
