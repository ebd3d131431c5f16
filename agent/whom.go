package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// one finds the one person that words name: by id, or by the exact name of a person or unit, capitals
// aside. More than one, or none, is Invalid and says so.
func (b *box) one(ctx context.Context, words string) (access.Holder, error) {
	if access.ValidID(words) {
		h, ok, err := b.Holder(access.PersonID(words))
		if err != nil || ok {
			return h, err
		}
	}
	found, err := b.named(ctx, words)
	switch {
	case err != nil:
		return access.Holder{}, err
	case len(found) == 0:
		return access.Holder{}, fault.New(fault.Invalid, "look up", "person", "%q is nobody's id or exact name, and no unit where somebody lives", words).
			WithRemedy("gatehouse-agent state dump lists everybody.")
	case len(found) > 1:
		var who []string
		for _, h := range found {
			who = append(who, string(h.Person.ID)+" ("+nameOf(h.Person)+")")
		}
		slices.Sort(who)
		return access.Holder{}, fault.New(fault.Invalid, "look up", "person", "%q may be any of %s", words, strings.Join(who, ", ")).
			WithRemedy("Give the id of the one you mean.")
	}
	return found[0], nil
}

// mostNamed bounds who is listed of those that words may mean.
const mostNamed = 10

// named lists whom words may mean. Who cannot be read is nobody.
func (b *box) named(ctx context.Context, words string) (out []access.Holder, err error) {
	if b.unknown() {
		return nil, fault.New(fault.Conflict, "look up", "person", "no wanted state is stored, or it cannot be read").
			WithRemedy("Connect the gateway to its cloud once.")
	}
	places, err := b.Places()
	if err != nil {
		return nil, err
	}
	units := map[access.UnitID]bool{}
	for id, u := range places.Units {
		units[id] = strings.EqualFold(u.Name, words)
	}
	now, _ := b.clock.Now()
	err = b.wanted.People(ctx, func(id access.PersonID) error {
		h, ok, err := b.Holder(id)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		lives := slices.ContainsFunc(h.Residencies, func(r access.Residency) bool { return units[r.Unit] && r.Contains(now) })
		if ok && err == nil && len(out) < mostNamed && (lives || strings.EqualFold(nameOf(h.Person), words)) {
			out = append(out, h)
		}
		return nil
	})
	return out, err
}

// nameOf is a person's name in full.
func nameOf(p access.Person) string {
	return cmp.Or(strings.TrimSpace(p.First+" "+p.Last), p.Company)
}

// door finds a door by id or exact name; a panel here must open it.
func (o *onsite) door(words string) (access.DoorID, error) {
	places, err := o.Places()
	if err != nil {
		return "", err
	}
	var found, all []string
	served := o.served()
	for id, d := range places.Doors {
		if !served[id] {
			continue
		}
		all = append(all, string(id))
		if string(id) == words || strings.EqualFold(d.Name, words) {
			found = append(found, string(id))
		}
	}
	slices.Sort(all)
	if i := slices.Index(found, words); i >= 0 {
		return access.DoorID(words), nil
	}
	if len(found) != 1 {
		return "", fault.New(fault.Invalid, "look up", "door", "%q names %d doors that this gateway opens", words, len(found)).
			WithRemedy("Give one of these ids: %s", strings.Join(all, ", "))
	}
	return access.DoorID(found[0]), nil
}
