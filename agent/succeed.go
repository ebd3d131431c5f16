package agent

import (
	"errors"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// succeed takes the place of a box that died: events go on after the last one that the cloud has, no older state is taken,
// and whom the old box had written counts as perhaps written, which each panel is asked about. So nobody is paired anew,
// and who left while nobody was there is removed. Doing it again before the first event changes nothing; a box that has
// events of its own is refused (fault conflict).
func (b *box) succeed(p protocol.Predecessor) error {
	var changes []store.Change
	for dev, people := range p.Ledger {
		for _, person := range people {
			_, found, err := b.site.Entry(dev, person)
			if err != nil {
				return err
			}
			if !found {
				e := &access.LedgerEntry{Person: person, Ref: string(model.RefOf(person)), State: access.Intended}
				changes = append(changes, store.Change{Device: dev, Person: person, Entry: e})
			}
		}
	}
	units := newUnitMaps(b.site, b.log)
	for _, d := range p.Devices {
		if err := units.takeOver(d); err != nil {
			return err
		}
	}
	err := errors.Join(b.site.RecordAll(changes), b.site.SetFloor(p.Floor, access.Digest{}))
	if err != nil {
		return err
	}
	return b.outbox.Continue(p.Event, p.Link) // last: until then all of it is done again
}
