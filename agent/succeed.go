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
// and who left while nobody was there is removed. Doing it again changes nothing; a box that has told events of its own
// as somebody else is refused (fault conflict).
func (b *box) succeed(p protocol.Predecessor) error {
	told, err := b.outbox.Stats()
	if err != nil || told.Last >= p.Event && told.Last > 0 {
		return err // it did before, and went on
	}
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
	err = errors.Join(b.site.RecordAll(changes), b.site.SetFloor(p.Floor, access.Digest{}))
	if err != nil {
		return err
	}
	return b.outbox.Continue(p.Event, p.Link) // last: until then all of it is done again
}
