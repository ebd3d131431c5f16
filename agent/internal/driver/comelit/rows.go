package comelit

import (
	"strings"

	"gatehouse/agent/internal/driver/model"
)

// rowsOf is one person's slots as one row; none when nothing of theirs is or may be there.
func (p *Panel) rowsOf(ref model.Ref) []model.Record {
	rec := model.Record{Ref: ref, Relays: p.book.relays(ref)}
	var places []string
	for _, at := range p.book.of(ref) {
		n := p.book.Notes[at.String()]
		if !n.row() {
			continue
		}
		places = append(places, at.String())
		p.include(&rec, at, n)
		where := p.base.where(at.Map, n)
		if len(places) > 1 && (rec.Unit != n.Unit || rec.Apartment != where) {
			rec.Relays = nil // a move that was not finished
		}
		rec.Unit, rec.Apartment = n.Unit, where
	}
	if len(places) == 0 {
		return nil
	}
	rec.Native = strings.Join(places, "+")
	rec.Unproven = rec.Unproven || p.stale
	return []model.Record{rec}
}

// include adds what one slot shows. A slot that is not whole gives its row no relay, so that it never passes for what is
// wanted.
func (p *Panel) include(rec *model.Record, at Place, n note) {
	s := n.slot(at)
	if n.State == seen {
		s, _ = p.base.at(at)
	} else {
		rec.Unproven = true
	}
	if s.Name == n.Name {
		s.Name = n.Wanted
	}
	if rec.Name == "" || s.Name != n.Wanted {
		rec.Name = s.Name
	}
	whole := s.Enabled && s.Kind == n.Kind && (n.State == seen || n.State == accepted)
	if n.Kind == KindPhone {
		rec.Phone, whole = s.Phone, whole && s.Email == ""
	} else {
		rec.Email, whole = s.Email, whole && s.Phone == ""
	}
	if !whole {
		rec.Relays = nil
	}
}

// strangers are the slots that somebody has and the driver did not write, one row each. The wall monitor is none: it
// belongs to the unit.
func (p *Panel) strangers() (out []model.Record) {
	for _, s := range p.base.Slots {
		if _, ours := p.book.Notes[s.String()]; ours || s.Slot == 0 || s.Free() {
			continue
		}
		r := model.Record{
			Native: s.String(), Name: strings.ToValidUTF8(s.Name, "\uFFFD"), Unit: p.base.unitName(s.Map),
			Email: s.Email, Phone: s.Phone, Unproven: p.stale,
		}
		if s.Enabled {
			r.Relays = []string{entrance}
		}
		out = append(out, r)
	}
	return out
}
