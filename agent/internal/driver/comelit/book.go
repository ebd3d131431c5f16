package comelit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
)

// state is how far a slot of ours has come.
type state string

const (
	intended state = "intended" // being written: any part of it may be there
	accepted state = "accepted" // the device took it and has not shown it since
	seen     state = "seen"     // a backup made after the write shows something of ours there
	clearing state = "clearing" // being cleared: any part of it may be gone
	cleared  state = "cleared"  // the device took the clear and has not shown it since
	stuck    state = "stuck"    // cleared, and a backup shows a token or a code there still
)

// note is what the driver knows of one slot that it wrote.
type note struct {
	Ref     model.Ref `json:"ref"`
	Kind    Kind      `json:"kind"`
	Unit    string    `json:"unit"`
	Where   string    `json:"where,omitempty"` // the apartment that was asked for; "": the unit by its name
	Wanted  string    `json:"wanted"`          // the name that was asked for
	Name    string    `json:"name"`            // and the one that was written, which differs where two share it
	Contact string    `json:"contact"`
	State   state     `json:"state"`
	// Relays are those that were asked for. The device narrows nobody to some of them.
	Relays []string `json:"relays,omitempty"` // none: A
}

// slot is what the note says should stand there.
func (n note) slot(at Place) Slot {
	s := Slot{Place: at, Enabled: true, Kind: n.Kind, Name: n.Name}
	if n.Kind == KindPhone {
		s.Phone = n.Contact
	} else {
		s.Email = n.Contact
	}
	return s
}

// row says whether the note stands for something that may be on the device.
func (n note) row() bool { return n.State != cleared }

// book is the driver's memory of one device: the backup it goes by, and its own slots. Whatever stands in no note is a
// stranger's. It is kept in parts: the notes of each apartment by themselves, and the rest under "".
type book struct {
	Base  string          `json:"base,omitempty"`
	Units []int           `json:"units,omitempty"` // apartments that have a part
	Notes map[string]note `json:"notes,omitempty"` // by Place
	whole bool            // everything is to be kept anew
}

// partOf is where the notes of an apartment are kept.
func partOf(unit int) string { return "unit " + strconv.Itoa(unit) }

// recall reads all parts.
func recall(m driver.Memory) (book, error) {
	b, err := m.Load("")
	if err != nil {
		return book{}, err
	}
	k, err := readBook(b)
	k.whole = len(k.Notes) > 0 // it was kept in one piece
	for _, unit := range k.Units {
		if err != nil {
			break
		}
		var part book
		if b, err = m.Load(partOf(unit)); err == nil {
			part, err = readBook(b)
		}
		maps.Copy(k.Notes, part.Notes)
	}
	return k, err
}

// parts are what is to be kept after places have changed; without places everything.
func (k *book) parts(places []Place) (map[string][]byte, error) {
	if k.whole {
		places = nil
	}
	units := map[int]bool{}
	for _, p := range places {
		units[p.Map] = true
	}
	if len(places) == 0 {
		for _, unit := range k.Units {
			units[unit] = true
		}
		for at := range k.Notes {
			p, _ := parsePlace(at)
			units[p.Map] = true
		}
	}
	out := map[string][]byte{}
	known := len(k.Units)
	for unit := range units {
		part := book{Notes: map[string]note{}}
		for n := range SlotsPerUnit + 1 {
			at := Place{unit, n}.String()
			if note, ok := k.Notes[at]; ok {
				part.Notes[at] = note
			}
		}
		b, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		if out[partOf(unit)] = b; !slices.Contains(k.Units, unit) {
			k.Units = append(k.Units, unit)
		}
	}
	if len(places) > 0 && len(k.Units) == known {
		return out, nil
	}
	head, err := json.Marshal(book{Base: k.Base, Units: k.Units})
	out[""] = head
	return out, err
}

// maxBook bounds what is read back.
const maxBook = 16 << 20

// readBook reads what was kept; nothing gives an empty book.
func readBook(b []byte) (book, error) {
	k := book{}
	if len(b) > 0 && len(b) <= maxBook {
		if err := json.Unmarshal(b, &k); err != nil {
			return book{Notes: map[string]note{}}, err
		}
	}
	if k.Notes == nil {
		k.Notes = map[string]note{}
	}
	maps.DeleteFunc(k.Notes, func(at string, _ note) bool {
		p, ok := parsePlace(at)
		return !ok || !p.writable()
	})
	return k, nil
}

// of lists the places noted for a reference, in order.
func (k *book) of(ref model.Ref) (out []Place) {
	for at, n := range k.Notes {
		if p, ok := parsePlace(at); ok && n.Ref == ref {
			out = append(out, p)
		}
	}
	inOrder(len(out), func(i, j int) bool { return out[i].before(out[j]) }, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (p Place) before(o Place) bool {
	return p.Map < o.Map || p.Map == o.Map && p.Slot < o.Slot
}

// relays are the doors that were asked for with all of somebody's slots; none where slots were written for different ones.
func (k *book) relays(ref model.Ref) []string {
	out := []string{entrance}
	for i, at := range k.of(ref) {
		asked := k.Notes[at.String()].Relays
		switch {
		case i == 0 && len(asked) > 0:
			out = asked
		case i > 0 && !slices.Equal(asked, out) && len(asked) > 0:
			return nil
		}
	}
	return out
}

// inOrder sorts a handful: package slices would bring a sort of its own for each type into the agent, which has little
// room.
func inOrder(n int, less func(i, j int) bool, swap func(i, j int)) {
	for i := range n {
		for j := i; j > 0 && less(j, j-1); j-- {
			swap(j, j-1)
		}
	}
}

// refs lists everybody with a note, in order.
func (k *book) refs() []model.Ref {
	all := map[model.Ref]bool{}
	for _, n := range k.Notes {
		all[n.Ref] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// open says whether some note waits to be read back.
func (k *book) open() bool {
	for _, n := range k.Notes {
		if n.State != seen && n.State != stuck {
			return true
		}
	}
	return false
}

// judge holds every note against a backup that was made after all of them. A note of what is gone, or of what somebody
// else has put there since, goes: the slot is free, or a stranger's.
func (k *book) judge(snap *Snapshot) {
	table := make(map[Place]Slot, len(snap.Slots))
	for _, s := range snap.Slots {
		table[s.Place] = s
	}
	for at, n := range k.Notes {
		p, _ := parsePlace(at)
		if now := n.judged(table[p]); now != "" {
			n.State = now
			k.Notes[at] = n
		} else {
			delete(k.Notes, at)
		}
	}
}

// judged is the note's state after a backup showed s; "" when s is not ours.
func (n note) judged(s Slot) state {
	ours := n.Name != "" && s.Name == n.Name || n.Contact != "" && (s.Email == n.Contact || s.Phone == n.Contact)
	bare := s.Name == "" && s.Email == "" && s.Phone == ""
	switch {
	case s.Free():
		return ""
	case ours:
		return seen
	case bare && n.State == intended && s.Kind == n.Kind && !s.Token && !s.Code:
		return seen // its first field came through
	case bare && (n.State == clearing || n.State == cleared || n.State == stuck):
		return stuck
	}
	return ""
}
