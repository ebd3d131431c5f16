package store

import (
	"errors"
	"slices"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Overlays lists what was done at the gateway by hand and is not reconciled yet, in order of ids.
// Unreadable records are passed over and joined into the error.
func (s *Site) Overlays() (out []access.Overlay, err error) {
	var bad error
	err = s.View(func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketOverlay)
		if d.b == nil {
			return nil
		}
		return d.b.ForEach(func(k, _ []byte) error {
			var o access.Overlay
			if err := getJSON(d, string(k), &o); err != nil {
				bad = errors.Join(bad, err)
				return nil
			}
			out = append(out, o)
			return nil
		})
	})
	return out, errors.Join(err, bad)
}

// OverlaysOf lists those of one person. Unreadable records, which may be anybody's, are passed over
// and joined into the error.
func (s *Site) OverlaysOf(p access.PersonID) ([]access.Overlay, error) {
	all, err := s.Overlays()
	return slices.DeleteFunc(all, func(o access.Overlay) bool { return o.Person != p }), err
}

// PutOverlay keeps an overlay with the events that tell of it; the same id replaces.
func (s *Site) PutOverlay(o access.Overlay, evs ...access.Event) error {
	if !access.ValidID(o.ID) {
		return fault.New(fault.Internal, "record", "overlay", "%q is not an id", o.ID)
	}
	return s.record(evs, func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketOverlay)
		if err != nil {
			return err
		}
		return putJSON(d, o.ID, o)
	})
}

// DeleteOverlay forgets an overlay; one that is absent is no error.
func (s *Site) DeleteOverlay(id string, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error { return s.drawer(tx, bucketOverlay).delete(id) })
}
