package store

import "gatehouse/protocol/access"

// Own is what the wanted state says about the gateway itself. Nil: nothing.
type Own struct {
	Settings    *access.Settings
	CloudKeys   *access.CloudKeys
	Certificate *access.Certificate
	// Bad has, by kind, what is there and cannot be read or makes no sense. It concerns nothing else.
	Bad map[access.Kind]error
}

// Own reads the items about the gateway itself. They are never part of Places, so that one that
// makes no sense stops nobody from coming or going.
func (w *Wanted) Own() (own Own, err error) {
	for _, kind := range access.OwnKinds {
		it, err := w.item(access.Key{Kind: kind, ID: access.GatewayItem})
		if err != nil && !isDamage(err) {
			return own, err
		}
		if bad := own.take(it, w.note(err)); bad != nil {
			if own.Bad == nil {
				own.Bad = map[access.Kind]error{}
			}
			own.Bad[kind] = bad
		}
	}
	return own, nil
}

func (own *Own) take(it access.Item, err error) error {
	if err != nil || it.Value == nil {
		return err
	}
	n, err := access.Decode(it)
	switch n := n.(type) {
	case access.Settings:
		own.Settings = &n
	case access.CloudKeys:
		own.CloudKeys = &n
	case access.Certificate:
		own.Certificate = &n
	}
	return err
}

// Settlement reads what the cloud made of an overlay; false when it has not said, or cannot be
// understood. Apply tells of settlements as they come; this is for what a crash kept from being
// heard.
func (w *Wanted) Settlement(overlay string) (s access.Settlement, found bool, err error) {
	it, err := w.item(access.Key{Kind: access.KindSettlement, ID: overlay})
	if err != nil || it.Value == nil {
		return s, false, w.note(err)
	}
	n, err := access.Decode(it)
	if err != nil {
		return s, false, &Unreadable{base(w.path), string(it.Kind) + " " + it.ID, err}
	}
	return n.(access.Settlement), true, nil
}
