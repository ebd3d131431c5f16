package store

import (
	"cmp"
	"context"
	"slices"

	"gatehouse/protocol/access"
)

// Snapshot reads a gateway's whole wanted state, in clear, with its digest and digest key. Base is 0;
// chunks and the time of issue are the publisher's. A revision of 0 means that there is nothing to
// publish yet.
func (s *Store) Snapshot(ctx context.Context, gateway access.GatewayID) (u access.Update, err error) {
	err = s.view(ctx, func(r reader) error {
		h, err := r.head(ctx, gateway)
		if err != nil {
			return err
		}
		u = h.update(0)
		u.Put, err = r.items(ctx, gateway, `gateway = $1`)
		return err
	})
	return u, err
}

// Since reads what changed after base. It answers ok=false when no delta leads from there: base is
// nothing, of another epoch, ahead of us, or older than what is kept; the gateway then needs a
// snapshot. A base that is the newest position gives an empty delta.
func (s *Store) Since(ctx context.Context, gateway access.GatewayID, base access.Position) (u access.Update, ok bool, err error) {
	err = s.view(ctx, func(r reader) error {
		h, err := r.head(ctx, gateway)
		if err != nil {
			return err
		}
		if base.Revision == 0 || base.Epoch != h.Epoch || base.Revision > h.Revision || base.Revision < h.floor {
			return nil
		}
		u, ok = h.update(base.Revision), true
		if u.Put, err = r.items(ctx, gateway, `gateway = $1 AND revision > $2`, base.Revision); err != nil {
			return err
		}
		u.Gone, err = list(ctx, r, func(k *access.Key) []any { return []any{&k.Kind, &k.ID} },
			`SELECT kind, id FROM gateway_gone WHERE gateway = $1 AND revision > $2`, gateway, base.Revision)
		slices.SortFunc(u.Gone, inOrder)
		return err
	})
	return u, ok, err
}

func (r reader) head(ctx context.Context, gateway access.GatewayID) (head, error) {
	return r.scanHead(r.row(ctx, `SELECT `+headColumns+` FROM gateways WHERE id = $1`, gateway), gateway)
}

func (h head) update(base uint64) access.Update {
	return access.Update{Position: h.Position, Base: base, DigestKey: h.key, Digest: h.digest, Meant: h.Meant}
}

// items reads and opens items of a gateway, in the order in which a snapshot lists them.
func (r reader) items(ctx context.Context, gateway access.GatewayID, where string, args ...any) ([]access.Item, error) {
	out, err := list(ctx, r, func(it *access.Item) []any { return []any{&it.Kind, &it.ID, (*[]byte)(&it.Value)} },
		`SELECT kind, id, value FROM gateway_items WHERE `+where, append([]any{gateway}, args...)...)
	if err != nil {
		return nil, err
	}
	for i := range out {
		it := &out[i]
		if it.Value, err = r.sealer.open(it.Value, "gateway_items", string(gateway), string(it.Kind), it.ID); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b access.Item) int { return inOrder(a.Key, b.Key) })
	return out, nil
}

// inOrder sorts by kind as access.Kinds lists them, unknown kinds last, then by id.
func inOrder(a, b access.Key) int {
	place := func(k access.Kind) int {
		if i := slices.Index(access.Kinds, k); i >= 0 {
			return i
		}
		return len(access.Kinds)
	}
	return cmp.Or(cmp.Compare(place(a.Kind), place(b.Kind)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}
