package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// The gateway's own brake. What a revision takes away from many at once, or what a cloud that was
// restored from a backup takes away, waits until somebody at the cloud agrees (State.Meant). It
// waits a person at a time: the revision is stored and everything else in it acts.

// blobRestored keeps the epoch of a restored cloud that nobody has agreed to yet.
const blobRestored = "restored"

// restored is a cloud restored from a backup: until somebody agrees, what it takes away waits.
type restored struct {
	Epoch uint64 `json:"epoch"`
}

// hold is store.ApplyOptions.Hold: it writes down who is kept before the state that would take
// their access is stored. After a crash in between, nobody's removal waits who has not lost access.
func (a *Agent) hold(l store.Loss) error {
	if !l.Meant.Before(l.At) {
		return nil
	}
	r, err := a.restoredEpoch(l)
	if err != nil {
		return err
	}
	cause, why := access.HoldBrake, "more than may lose access at once without somebody's word"
	switch allowed := a.settings.brake().Allows(l.Open); {
	case r.Epoch == l.At.Epoch:
		cause, why = access.HoldEpoch, "a cloud restored from a backup says so"
	case len(l.Lost) <= allowed:
		return nil
	}
	now, _ := a.box.clock.Now()
	var holds []access.Hold
	for _, p := range l.Lost {
		holds = append(holds, access.Hold{Person: p, Cause: cause, At: l.At, Since: now})
	}
	words := fmt.Sprintf("revision %d of epoch %d takes all access from %d of %d people: %s; they keep it until somebody agrees at the cloud",
		l.At.Revision, l.At.Epoch, len(l.Lost), l.Open, why)
	e := a.box.event(access.EventHeld, words)
	e.Epoch, e.Revision, e.Fault = l.At.Epoch, l.At.Revision, fault.Conflict.String()
	a.log.Error("access is kept although the cloud takes it away", "people", len(l.Lost), "of", l.Open, "cause", string(cause),
		"epoch", l.At.Epoch, "revision", l.At.Revision, "remedy", "look at the cloud why so many lose access, and agree there or mend it")
	if err := a.box.site.PutHolds(holds, noteHolds(e, l.Lost, access.HoldNote{Cause: cause, At: l.At})...); err != nil {
		return err
	}
	a.holdsChanged() // before the state is stored: a loop may look at somebody at any moment
	return nil
}

// restoredEpoch notes that a later epoch began which nobody agreed to.
func (a *Agent) restoredEpoch(l store.Loss) (restored, error) {
	r := a.restored()
	if !l.Epoch || r.Epoch == l.At.Epoch {
		return r, nil
	}
	r.Epoch = l.At.Epoch
	a.log.Warn("the cloud was restored from a backup: what it takes away waits until somebody agrees there", "epoch", r.Epoch)
	return r, saveJSON(a.box.site, blobRestored, r)
}

// restored is what nobody has agreed to yet. What cannot be read is taken as nothing: the brake holds
// all the same.
func (a *Agent) restored() (r restored) {
	raw, err := a.box.site.Blob(blobRestored)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		a.log.Error("whether the cloud was restored cannot be read", "err", err)
	}
	return r
}

// meant lets act what somebody at the cloud agreed to.
func (a *Agent) meant(at access.Position) error {
	if at == (access.Position{}) {
		return nil
	}
	if r := a.restored(); r.Epoch != 0 && r.Epoch <= at.Epoch {
		if err := saveJSON(a.box.site, blobRestored, restored{}); err != nil {
			return err
		}
	}
	holds, err := walker{box: a.box}.Holds()
	if err != nil {
		return err
	}
	return a.release(func(h access.Hold) bool { return !at.Before(h.At) }, holds, "somebody at the cloud agreed")
}

// regained forgets the holds of people who have access again: what takes it from them later is another matter.
func (a *Agent) regained(done store.Applied) error {
	holds, err := walker{box: a.box}.Holds()
	if err != nil || len(holds) == 0 {
		return err
	}
	now, _ := a.box.clock.Now()
	again, people := map[access.PersonID]bool{}, done.People
	if done.Everybody {
		people = slices.Collect(maps.Keys(holds))
	}
	for _, p := range people {
		if _, held := holds[p]; !held {
			continue
		}
		h, ok, err := a.box.Holder(p)
		again[p] = err == nil && ok && slices.ContainsFunc(h.Grants, func(g access.Grant) bool { return g.Contains(now) })
	}
	return a.release(func(h access.Hold) bool { return again[h.Person] }, holds, "the cloud gives the access again")
}

func (a *Agent) release(which func(access.Hold) bool, holds map[access.PersonID]access.Hold, why string) error {
	var people []access.PersonID
	for _, p := range slices.Sorted(maps.Keys(holds)) {
		if which(holds[p]) {
			people = append(people, p)
		}
	}
	if len(people) == 0 {
		return nil
	}
	e := a.box.event(access.EventState, fmt.Sprintf("the removal of %d people waits no longer: %s", len(people), why))
	if err := a.box.site.DropHolds(people, noteHolds(e, people, access.HoldNote{Gone: true})...); err != nil {
		return err
	}
	a.log.Info("removals wait no longer", "people", len(people), "why", why)
	a.holdsChanged()
	return nil
}

// noteHolds is an event as often as it takes to name everybody whom it is about.
func noteHolds(e access.Event, people []access.PersonID, n access.HoldNote) (evs []access.Event) {
	for some := range slices.Chunk(people, access.MostHeld) {
		part := n
		part.People = some
		e.Hold = &part
		evs = append(evs, e)
	}
	return evs
}

func (a *Agent) holdsChanged() {
	for _, p := range a.driven {
		if p.loop != nil {
			p.loop.HoldsChanged()
		}
	}
}
