package store

import (
	"context"
	"slices"

	"gatehouse/protocol/access"
)

// takes says whether a step may leave somebody without a door or a key though their grants stay: a
// door, a group or a schedule goes or leads to less, or somebody's last credential goes. Who loses by
// it, if anybody, the gateway finds out.
func (t *Tx) takes(ctx context.Context, gateway access.GatewayID, s step, wanted []access.Item) (bool, error) {
	var bare []access.PersonID
	for _, m := range s.gone {
		switch m.Kind {
		case access.KindDoor, access.KindGroup, access.KindSchedule:
			return true, nil
		case access.KindCredential:
			bare = append(bare, m.person)
		}
	}
	if slices.ContainsFunc(bare, func(p access.PersonID) bool { return !holdsAny(wanted, p) }) {
		return true, nil
	}
	for _, it := range s.put {
		if it.Kind != access.KindDoor && it.Kind != access.KindGroup && it.Kind != access.KindSchedule {
			continue
		}
		old, err := list(ctx, t.reader, func(v *access.Item) []any { return []any{&v.Value} },
			`SELECT value FROM gateway_items WHERE gateway = $1 AND kind = $2 AND id = $3`, gateway, it.Kind, it.ID)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(old, func(was access.Item) bool { return t.narrows(gateway, was.Value, it) }) {
			return true, nil
		}
	}
	return false, nil
}

// narrows says whether an item may lead to less than the sealed one before it; what cannot be read may
// have led anywhere.
func (t *Tx) narrows(gateway access.GatewayID, sealed []byte, it access.Item) bool {
	value, err := t.sealer.open(sealed, "gateway_items", string(gateway), string(it.Kind), it.ID)
	return err != nil || narrower(access.Item{Key: it.Key, Value: value}, it)
}

// holdsAny says whether a wanted state has a credential of somebody, or has nobody of that id: then their
// grants are judged.
func holdsAny(wanted []access.Item, p access.PersonID) bool {
	here := false
	for _, it := range wanted {
		switch it.Kind {
		case access.KindPerson:
			here = here || it.ID == string(p)
		case access.KindCredential:
			if access.Owner(it) == p {
				return true
			}
		}
	}
	return !here
}

// narrower says whether something may lead to less than it did.
func narrower(was, is access.Item) bool {
	a, errA := access.Decode(was)
	b, errB := access.Decode(is)
	if errA != nil || errB != nil {
		return true
	}
	switch a := a.(type) {
	case access.Door:
		return a.Unit != "" && a.Unit != b.(access.Door).Unit
	case access.Group:
		n := b.(access.Group)
		return n.Schedule != "" && n.Schedule != a.Schedule || slices.ContainsFunc(a.Doors, func(d access.DoorID) bool { return !slices.Contains(n.Doors, d) })
	case access.Schedule:
		return len(b.(access.Schedule).Weekly) < len(a.Weekly)
	}
	return false
}
