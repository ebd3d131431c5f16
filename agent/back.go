package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// A cloud restored from an older backup does not know whom somebody revoked since. The gateway
// remembers that, and lets nobody in again by such a cloud's word until somebody agrees there, or lifts
// it here.

// How long a revocation by name is remembered, and of how many people. The newest stay.
const (
	keepRevoked = 400 * 24 * time.Hour
	mostRevoked = 10_000
)

// back is a hold on what is given back, and when the person was revoked.
type back struct {
	access.Hold
	revoked time.Time
}

// byName is store.ApplyOptions.ByName: it remembers who is revoked, and holds or forgets who is given
// access again.
func (a *Agent) byName(n store.ByName) error {
	now, _ := a.box.clock.Now()
	people := slices.Collect(maps.Keys(n.Back))
	for _, r := range n.Revoked {
		people = append(people, r.Person)
	}
	known, err := a.box.site.Revoked(people)
	if err != nil {
		return err
	}
	var remember []store.Revoked
	for _, r := range n.Revoked {
		r.Since = now
		for _, g := range known[r.Person].Grants {
			if !slices.Contains(r.Grants, g) {
				r.Grants = append(r.Grants, g)
			}
		}
		remember = append(remember, r)
	}
	if err := a.box.site.PutRevoked(remember); err != nil || len(n.Back) == 0 {
		return err
	}
	if n.Meant.Before(n.At) && a.restored().Epoch == n.At.Epoch {
		return a.holdBack(n, known, now)
	}
	return a.pardon(n, known)
}

// holdBack keeps people out to whom a restored cloud gives back what was taken from them.
func (a *Agent) holdBack(n store.ByName, known map[access.PersonID]store.Revoked, now time.Time) error {
	waiting := *a.box.backs.Load()
	var holds []access.Hold
	var evs []access.Event
	for _, p := range slices.Sorted(maps.Keys(n.Back)) {
		h := access.Hold{Person: p, Cause: access.HoldBack, At: n.At, Since: now}
		was, waits := waiting[p]
		if r := known[p]; !r.All {
			h.Grants = both(n.Back[p], r.Grants)
			if len(h.Grants) == 0 {
				continue // what comes is not what was taken
			}
			for _, g := range was.Grants {
				if !slices.Contains(h.Grants, g) {
					h.Grants = append(h.Grants, g)
				}
			}
		}
		holds = append(holds, h)
		if waits && (len(was.Grants) == 0) == (len(h.Grants) == 0) {
			continue // told already
		}
		e := a.box.event(access.EventHeld, fmt.Sprintf("revision %d of epoch %d gives access back that was revoked by name: a cloud restored from a backup says so; "+
			"they stay out until somebody agrees at the cloud, or lifts it at the gateway", n.At.Revision, n.At.Epoch))
		e.Epoch, e.Revision, e.Person, e.Fault = n.At.Epoch, n.At.Revision, p, fault.Conflict.String()
		evs = append(evs, e)
	}
	if len(holds) == 0 {
		return nil
	}
	a.log.Error("people stay out although the cloud lets them in again", "people", len(holds), "epoch", n.At.Epoch, "revision", n.At.Revision,
		"remedy", "look at the cloud whether they were revoked after its backup was made, and revoke them there again or agree; gatehouse-agent hold list names them")
	if err := a.box.site.PutBacks(holds, evs...); err != nil {
		return err
	}
	return a.box.readBacks() // before the state is stored: a loop may look at somebody at any moment
}

func both(a, b []access.GrantID) []access.GrantID {
	return slices.DeleteFunc(slices.Clone(a), func(g access.GrantID) bool { return !slices.Contains(b, g) })
}

// pardon forgets what the gateway's own cloud, or somebody's word, gave back.
func (a *Agent) pardon(n store.ByName, known map[access.PersonID]store.Revoked) error {
	var forget []access.PersonID
	var left []store.Revoked
	for p, grants := range n.Back {
		r := known[p]
		r.Grants = slices.DeleteFunc(r.Grants, func(g access.GrantID) bool { return slices.Contains(grants, g) })
		if r.All || len(r.Grants) == 0 {
			forget = append(forget, p)
		} else {
			left = append(left, r)
		}
	}
	if err := a.box.site.DropRevoked(forget); err != nil {
		return err
	}
	return a.box.site.PutRevoked(left)
}

// stillRevoked lets wait no longer whom the restored cloud gives nothing any more. That they were
// revoked stays known.
func (a *Agent) stillRevoked(done store.Applied) error {
	now, _ := a.box.clock.Now()
	var over []access.PersonID
	var again []store.Revoked
	for p, b := range *a.box.backs.Load() {
		if _, changed := slices.BinarySearch(done.People, p); !changed && !done.Everybody {
			continue
		}
		h, _, err := a.box.wanted.Holder(p)
		if err == nil && !slices.ContainsFunc(h.Grants, func(g access.Grant) bool { return b.waits(g) && (g.Until.IsZero() || g.Until.After(now)) }) {
			over = append(over, p)
			again = append(again, store.Revoked{Person: p, Grants: b.Grants, All: len(b.Grants) == 0, Since: b.revoked})
		}
	}
	if len(over) == 0 {
		return nil
	}
	slices.Sort(over)
	if err := a.box.site.DropBacks(over, a.box.event(access.EventState, fmt.Sprintf("%d people wait no longer to be let in again: the cloud gives them nothing any more", len(over)))); err != nil {
		return err
	}
	if err := a.box.site.PutRevoked(again); err != nil {
		return err
	}
	return a.box.readBacks()
}

// waits says whether a grant is held back.
func (b back) waits(g access.Grant) bool {
	return len(b.Grants) == 0 || slices.Contains(b.Grants, g.ID)
}

// letBack gives access back to those who wait for it.
func (a *Agent) letBack(which func(access.Hold) bool, why string) error {
	var people []access.PersonID
	for p, b := range *a.box.backs.Load() {
		if which(b.Hold) {
			people = append(people, p)
		}
	}
	if len(people) == 0 {
		return nil
	}
	slices.Sort(people)
	if err := a.box.letBack(people, why, ""); err != nil {
		return err
	}
	for _, p := range a.driven() {
		if p.loop != nil {
			p.loop.Changed(false, people...)
		}
	}
	return nil
}

// letBack forgets that people were revoked, and tells of each.
func (b *box) letBack(people []access.PersonID, why string, by access.PersonID) error {
	var evs []access.Event
	for _, p := range people {
		e := b.event(access.EventState, "somebody who was revoked is let in again: "+why)
		e.Person = p
		evs = append(evs, e)
	}
	if err := b.site.DropBacks(people, evs...); err != nil {
		return err
	}
	b.log.Warn("people who were revoked are let in again", "people", len(people), "why", why, "by", string(by))
	return b.readBacks()
}

// readBacks reads who is held out.
func (b *box) readBacks() error {
	list, err := b.site.Backs()
	if _, err := b.passOver(err, "the person stays out all the same"); err != nil {
		return err
	}
	known, err := b.site.Revoked(slices.Collect(maps.Keys(list)))
	if err != nil {
		return err
	}
	backs := map[access.PersonID]back{}
	for p, h := range list {
		backs[p] = back{h, known[p].Since}
	}
	b.backs.Store(&backs)
	return nil
}

// without is a person for whom a revocation goes on that a restored cloud does not know of.
func (b *box) without(h access.Holder) access.Holder {
	w, held := (*b.backs.Load())[h.Person.ID]
	if !held {
		return h
	}
	h.Grants = slices.DeleteFunc(slices.Clone(h.Grants), func(g access.Grant) bool { return w.waits(g) && !g.From.Before(w.revoked) })
	for i, g := range h.Grants {
		if w.waits(g) && (g.Until.IsZero() || g.Until.After(w.revoked)) {
			h.Grants[i].Until, h.Grants[i].Ends = w.revoked, access.EndRevoked
			h.Grants[i].Reason = "revoked by name; that a cloud restored from a backup gives it back waits for somebody's word"
		}
	}
	return h
}
