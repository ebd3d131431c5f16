package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// The gateway's own brake. What a revision takes away from many at once, what many small ones take
// within a day, or what a cloud that was restored from a backup takes away, waits until somebody at
// the cloud agrees (State.Meant). It waits a person at a time: the revision is stored and everything
// else in it acts. What a restored cloud gives back to people who were revoked waits likewise (back.go).

// blobRestored keeps the epoch of a restored cloud that nobody has agreed to yet.
const blobRestored = "restored"

// restored is a cloud restored from a backup: until somebody agrees, what it takes away waits.
type restored struct {
	Epoch uint64 `json:"epoch"`
}

// options say by what an update is judged. What cannot be read is no reason to refuse what the cloud
// says: the stored state still has a position of its own, and the brake holds all the same.
func (a *Agent) options(now time.Time) store.ApplyOptions {
	site := a.box.site
	floor, err := site.Floor()
	if err != nil {
		a.log.Error("how far this gateway has ever been cannot be read", "err", err)
	}
	digest, err := site.FloorDigest()
	if err != nil {
		a.log.Error("the digest of the state before cannot be read", "err", err)
	}
	revoked, err := site.RevokedPeople()
	if err != nil {
		a.log.Error("who was revoked by name cannot be read", "err", err)
	}
	return store.ApplyOptions{Now: now, Floor: floor, FloorDigest: digest, Hold: a.hold, ByName: a.byName, Watch: revoked, Placed: site.Placed}
}

// hold is store.ApplyOptions.Hold: it writes down who is kept before the state that would take
// their access is stored. After a crash in between, nobody's removal waits who has not lost access.
func (a *Agent) hold(l store.Loss) error {
	if !l.Meant.Before(l.At) {
		return nil
	}
	r, err := a.restoredEpoch(l)
	if err != nil || len(l.Lost) == 0 {
		return err
	}
	now, trusted := a.box.clock.Now()
	taken, err := a.lately(now, trusted, l)
	if err != nil {
		return err
	}
	cause, why := access.HoldBrake, "more than may lose access at once without somebody's word"
	switch allowed := a.settings.brake().Allows(l.Open + taken); {
	case r.Epoch == l.At.Epoch:
		cause, why = access.HoldEpoch, "a cloud restored from a backup says so"
	case len(l.Lost)+taken <= allowed:
		return a.take(now, l)
	case len(l.Lost) <= allowed:
		why = fmt.Sprintf("with %d others in the last %dh more than may lose access without somebody's word", taken, brakeWindow/time.Hour)
	}
	var holds []access.Hold
	for _, p := range l.Lost {
		holds = append(holds, access.Hold{Person: p, Cause: cause, At: l.At, Since: now})
	}
	words := fmt.Sprintf("revision %d of epoch %d takes all access from %d of %d people: %s; they keep it until somebody agrees at the cloud",
		l.At.Revision, l.At.Epoch, len(l.Lost), l.Open, why)
	e := a.box.event(access.EventHeld, words)
	e.Epoch, e.Revision, e.Fault = l.At.Epoch, l.At.Revision, fault.Conflict.String()
	a.log.Error("access is kept although the cloud takes it away", "people", len(l.Lost), "of", l.Open, "lately", taken, "cause", string(cause),
		"epoch", l.At.Epoch, "revision", l.At.Revision, "remedy", "look at the cloud why so many lose access, and agree there or mend it")
	if err := a.box.site.PutHolds(holds, noteHolds(e, l.Lost, access.HoldNote{Cause: cause, At: l.At})...); err != nil {
		return err
	}
	a.holdsChanged() // before the state is stored: a loop may look at somebody at any moment
	return nil
}

// brakeWindow is how long a removal that nobody agreed to counts against the brake, so that many small
// ones do not pass it one by one.
const brakeWindow = 24 * time.Hour

// lately counts those who lost all access in the window without anybody's word, this loss left out:
// after a crash it may stand there already. Nothing leaves the window while the clock is not trusted,
// and what is dated ahead of a trusted clock was written by a wrong one: it counts from now.
func (a *Agent) lately(now time.Time, trusted bool, l store.Loss) (int, error) {
	all, err := a.taken()
	if err != nil {
		return 0, err
	}
	var gone []access.PersonID
	var ahead []store.Taken
	n := 0
	for p, t := range all {
		switch {
		case trusted && !t.Since.IsZero() && now.Sub(t.Since) >= brakeWindow:
			gone = append(gone, p)
			continue
		case trusted && (t.Since.IsZero() || t.Since.After(now)):
			ahead = append(ahead, store.Taken{Person: p, At: t.At, Since: now})
		}
		if !slices.Contains(l.Lost, p) {
			n++
		}
	}
	return n, errors.Join(a.box.site.PutTaken(ahead), a.box.site.DropTaken(gone))
}

// taken is what counts against the brake, also what of it cannot be read.
func (a *Agent) taken() (map[access.PersonID]store.Taken, error) {
	all, err := a.box.site.Taken()
	_, err = a.box.passOver(err, "it still counts as somebody who lost access lately")
	return all, err
}

// take notes who loses access by a revision that the brake lets pass.
func (a *Agent) take(now time.Time, l store.Loss) error {
	var list []store.Taken
	for _, p := range l.Lost {
		list = append(list, store.Taken{Person: p, At: l.At, Since: now})
	}
	return a.box.site.PutTaken(list)
}

// forgive drops from the window what counts no longer.
func (a *Agent) forgive(which func(store.Taken) bool) error {
	all, err := a.taken()
	if err != nil {
		return err
	}
	maps.DeleteFunc(all, func(_ access.PersonID, t store.Taken) bool { return !which(t) })
	return a.box.site.DropTaken(slices.Sorted(maps.Keys(all)))
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
	holds, err := a.box.Holds()
	if err != nil {
		return err
	}
	agreed := func(h access.Hold) bool { return !at.Before(h.At) }
	for _, h := range holds {
		// Where nobody waits the cloud moves its word on by itself: only an answer begins the window anew.
		if agreed(h) {
			err = a.forgive(func(t store.Taken) bool { return !at.Before(t.At) })
			break
		}
	}
	return errors.Join(err, a.release(agreed, holds, "somebody at the cloud agreed"), a.letBack(agreed, "somebody at the cloud agreed"))
}

// regained forgets the holds of people who have access again: what takes it from them later is another
// matter. Who has it again counts no longer as taken either.
func (a *Agent) regained(done store.Applied) error {
	holds, err := a.box.Holds()
	if err != nil {
		return err
	}
	taken, err := a.taken()
	if err != nil {
		return err
	}
	all := done.Everybody || done.Places
	var people []access.PersonID
	for p := range holds {
		if _, changed := slices.BinarySearch(done.People, p); all || changed {
			people = append(people, p)
		}
	}
	for p := range taken {
		if _, changed := slices.BinarySearch(done.People, p); all || changed {
			people = append(people, p)
		}
	}
	if err := a.stillRevoked(done); err != nil || len(people) == 0 {
		return err
	}
	now, _ := a.box.clock.Now()
	able, err := a.box.wanted.Able(people, now)
	if err != nil || len(able) == 0 {
		return err
	}
	again := func(p access.PersonID) bool { return slices.Contains(able, p) }
	return errors.Join(a.forgive(func(t store.Taken) bool { return again(t.Person) }),
		a.release(func(h access.Hold) bool { return again(h.Person) }, holds, "the cloud gives the access again"))
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
	for _, p := range a.driven() {
		if p.loop != nil {
			p.loop.HoldsChanged()
		}
	}
}
