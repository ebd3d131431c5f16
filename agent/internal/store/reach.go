package store

import (
	"bytes"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// target is what a grant leads to: a door, a group or the doors of a unit.
type target struct {
	kind byte // 'd', 'g', 'u'
	id   string
}

func leadsTo(g access.Grant) target {
	switch {
	case g.Door != "":
		return target{'d', string(g.Door)}
	case g.Group != "":
		return target{'g', string(g.Group)}
	}
	return target{'u', string(g.Unit)}
}

// reach is which targets lead to a door at all, be it by the hours of a schedule. What a panel can
// hold is the plan's matter.
type reach struct {
	open  map[target]bool
	blind bool // some place cannot be read: it may be any
}

func (r reach) leads(c claim) bool { return r.blind || !c.known || r.open[c.to] }

func reachOf(p access.Places, blind bool) reach {
	r := reach{open: map[target]bool{}, blind: blind}
	for id, d := range p.Doors {
		r.open[target{'d', string(id)}] = true
		if d.Unit != "" {
			r.open[target{'u', string(d.Unit)}] = true
		}
	}
	for id, g := range p.Groups {
		timely := g.Schedule == "" || slices.ContainsFunc(p.Schedules[g.Schedule].Weekly, func(w access.Weekly) bool { return len(w.Days) > 0 })
		if timely && slices.ContainsFunc(g.Doors, func(d access.DoorID) bool { return r.open[target{'d', string(d)}] }) {
			r.open[target{'g', string(id)}] = true
		}
	}
	return r
}

// reachKinds decide what a grant leads to.
var reachKinds = [...]access.Kind{access.KindDoor, access.KindGroup, access.KindSchedule}

// reachPlaces reads what they hold.
func (w *Wanted) reachPlaces(tx *bolt.Tx) (p access.Places, blind bool) {
	p = access.Places{Doors: map[access.DoorID]access.Door{}, Groups: map[access.GroupID]access.Group{}, Schedules: map[access.ScheduleID]access.Schedule{}}
	for _, kind := range reachKinds {
		blind = w.readPlaces(tx, kind, &p) != nil || blind
	}
	return p, blind
}

// was notes what an item that grants may lead through was before the change; nil: it was not there.
func (c *change) was(k access.Key, value []byte, err error) {
	if !slices.Contains(reachKinds[:], k.Kind) {
		return
	}
	if _, noted := c.moved[k]; noted {
		return
	}
	if c.moved == nil {
		c.moved = map[access.Key][]byte{}
	}
	c.moved[k], c.hurt = bytes.Clone(value), c.hurt || err != nil
}

// reaches is where grants led before the change, and where they lead after it. It reads all places,
// and only when it is asked.
func (c *change) reaches() (before, after reach) {
	if c.led != nil {
		return c.led[0], c.led[1]
	}
	p, blind := c.w.reachPlaces(c.tx)
	after = reachOf(p, blind)
	if before = after; len(c.moved) > 0 {
		was := c.placesBefore(p)
		before = reachOf(was, blind || c.hurt)
	}
	c.led = &[2]reach{before, after}
	return before, after
}

func (c *change) placesBefore(p access.Places) access.Places {
	p.Doors, p.Groups, p.Schedules = maps.Clone(p.Doors), maps.Clone(p.Groups), maps.Clone(p.Schedules)
	for k, value := range c.moved {
		switch k.Kind {
		case access.KindDoor:
			delete(p.Doors, access.DoorID(k.ID))
		case access.KindGroup:
			delete(p.Groups, access.GroupID(k.ID))
		default:
			delete(p.Schedules, access.ScheduleID(k.ID))
		}
		if value == nil {
			continue
		}
		if n, err := access.Decode(access.Item{Key: k, Value: value}); err == nil {
			addPlace(&p, n)
		} else {
			c.hurt = true
		}
	}
	return p
}

// shut are the targets that led to a door before the change and lead to none after it; all: every
// one may have.
func (c *change) shut() (gone map[target]bool, all bool) {
	if len(c.moved) == 0 {
		return nil, false
	}
	before, after := c.reaches()
	for t := range before.open {
		if !after.open[t] && !after.blind {
			if gone == nil {
				gone = map[target]bool{}
			}
			gone[t] = true
		}
	}
	return gone, before.blind && !after.blind
}

// shake finds those whose grants led where nothing leads any more. A change reads every grant for
// it; a snapshot has them in hand.
func (c *change) shake() error {
	gone, all := c.shut()
	if len(gone) == 0 && !all {
		return nil
	}
	shaken := func(g claim) bool { return g.rank == rankNone && (all || gone[g.to]) }
	if c.u.Snapshot() {
		for _, h := range c.people {
			h.shaken = all || slices.ContainsFunc(h.old, shaken)
		}
		return nil
	}
	d, err := c.items(access.KindGrant)
	if err != nil {
		return err
	}
	return d.b.ForEach(func(k, v []byte) error {
		var p access.PersonID
		if plain, err := d.open(d.name, string(k), v); c.w.note(err) == nil { // what is damaged counts as open before and after
			who, g := view(access.Item{Key: access.Key{Kind: access.KindGrant, ID: string(k)}, Value: plain})
			if shaken(g) {
				p = who
			}
		}
		if p != "" {
			c.holding(p).shaken = true
		}
		return c.list(p, func(keys []access.Key) []access.Key { return keys })
	})
}

// Able gives those of people who can open at least one door at an instant, sorted: by a grant that
// leads to a door, with a PIN or a card. Of whom something cannot be read is left out.
func (w *Wanted) Able(people []access.PersonID, at time.Time) (able []access.PersonID, err error) {
	err = w.View(func(tx *bolt.Tx) error {
		p, _ := w.reachPlaces(tx)
		r := reachOf(p, false)
		for _, who := range people {
			keys, err := w.list(tx, who)
			if err == nil && hasKey(keys, access.Key{Kind: access.KindPerson, ID: string(who)}) && r.enters(w.claimsOf(tx, keys), at) {
				able = append(able, who)
			}
		}
		return nil
	})
	slices.Sort(able)
	return able, err
}

func (r reach) enters(list []claim, at time.Time) bool {
	return best(list) == rankKey && slices.ContainsFunc(list, func(c claim) bool { return c.known && c.open(at) && r.leads(c) })
}

// claimsOf reads the claims in somebody's list.
func (w *Wanted) claimsOf(tx *bolt.Tx, keys []access.Key) (out []claim) {
	for _, k := range keys {
		if claims(k.Kind) {
			out = append(out, w.claim(w.drawer(tx, bucketItems, string(k.Kind)), k))
		}
	}
	return out
}

// claim reads one; what is damaged is noted.
func (w *Wanted) claim(d drawer, k access.Key) claim {
	c := unread(k)
	if v, err := d.get(k.ID); w.note(err) == nil && v != nil {
		_, c = view(access.Item{Key: k, Value: v})
	}
	return c
}
