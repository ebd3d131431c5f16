package store

import (
	"context"
	"fmt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// keepRevisions is how many revisions back a delta can still be made; older gateways get a snapshot.
const keepRevisions = 10_000

// head is where a gateway's wanted state stands.
type head struct {
	access.Position
	Meant  access.Position // up to where what it takes away is meant
	floor  uint64
	key    []byte
	digest access.Digest
}

const headColumns = `epoch, revision, meant_epoch, meant_revision, base_floor, digest_key, digest`

func (r reader) scanHead(row interface{ Scan(...any) error }, id access.GatewayID) (h head, err error) {
	var sealed []byte
	if err := row.Scan(&h.Epoch, &h.Revision, &h.Meant.Epoch, &h.Meant.Revision, &h.floor, &sealed, inDigest(&h.digest)); err != nil {
		return h, missing(err, "gateway", string(id))
	}
	h.key, err = r.sealer.open(sealed, "gateways", string(id), "digest_key")
	return h, err
}

// SetState makes wanted the whole wanted state of a gateway. Only items whose bytes differ are
// written; when there are any, they get the next revision and changed is true. The position is the
// newest one either way. An item that is named twice is Invalid.
//
// The new revision is meant when by its terms somebody agrees with it, or it takes access from nobody,
// nor a door, a group, hours or a last credential by which somebody may have it;
// but never while an older one waits for agreement.
func (t *Tx) SetState(ctx context.Context, gateway access.GatewayID, wanted []access.Item, terms Terms) (pos access.Position, changed bool, err error) {
	h, err := t.scanHead(t.row(ctx, `UPDATE gateways SET revision = revision WHERE id = $1 RETURNING `+headColumns, gateway), gateway)
	if err != nil {
		return pos, false, err
	}
	have, err := t.marks(ctx, gateway)
	if err != nil {
		return pos, false, explain("read state of gateway", string(gateway), err)
	}
	step, err := h.step(have, wanted)
	if err != nil || step.empty() {
		return h.Position, false, err
	}
	lost, err := t.saveEnds(ctx, gateway, wanted, terms.Now)
	if err != nil {
		return pos, false, explain("save ends of access at gateway", string(gateway), err)
	}
	takes := lost > 0
	if !takes && !terms.Agreed {
		if takes, err = t.takes(ctx, gateway, step, wanted); err != nil {
			return pos, false, explain("read state of gateway", string(gateway), err)
		}
	}
	follows := h.Meant == h.Position
	h.Revision++
	if follows && (terms.Agreed || !takes) {
		h.Meant = h.Position
	}
	h.digest = step.digest
	if err := t.saveStep(ctx, gateway, h, step); err != nil {
		return pos, false, explain("save state of gateway", string(gateway), err)
	}
	t.revisions = true
	return h.Position, true, nil
}

// mark is what is known of a stored item without opening it.
type mark struct {
	access.Key
	person access.PersonID
	sum    access.Digest
}

func (r reader) marks(ctx context.Context, gateway access.GatewayID) (map[access.Key]mark, error) {
	rows, err := list(ctx, r, func(m *mark) []any { return []any{&m.Kind, &m.ID, &m.person, inDigest(&m.sum)} },
		`SELECT kind, id, person, sum FROM gateway_items WHERE gateway = $1`, gateway)
	out := make(map[access.Key]mark, len(rows))
	for _, m := range rows {
		out[m.Key] = m
	}
	return out, err
}

// step is the difference between two states.
type step struct {
	put    []access.Item
	sums   []access.Digest // of put
	gone   []mark
	digest access.Digest // of the new state
}

func (s step) empty() bool { return len(s.put)+len(s.gone) == 0 }

// step compares by keyed sums, so that no stored item has to be unsealed. It empties have of what
// stays.
func (h head) step(have map[access.Key]mark, wanted []access.Item) (step, error) {
	s := step{digest: h.digest}
	named := make(map[access.Key]bool, len(wanted))
	for _, it := range wanted {
		if named[it.Key] {
			return s, fault.New(fault.Invalid, "set state", fmt.Sprintf("%s %s", it.Kind, it.ID), "the item is named twice")
		}
		named[it.Key] = true
		var sum access.Digest
		sum.Toggle(h.key, it)
		old, known := have[it.Key]
		delete(have, it.Key)
		if known && old.sum == sum {
			continue
		}
		if known {
			xor(&s.digest, old.sum)
		}
		xor(&s.digest, sum)
		s.put, s.sums = append(s.put, it), append(s.sums, sum)
	}
	for _, m := range have {
		xor(&s.digest, m.sum)
		s.gone = append(s.gone, m)
	}
	return s, nil
}

// xor toggles an item by its sum: access.Digest is the XOR of its items' sums.
func xor(d *access.Digest, sum access.Digest) {
	for i, b := range sum {
		d[i] ^= b
	}
}

func (t *Tx) saveStep(ctx context.Context, gateway access.GatewayID, h head, s step) error {
	if err := t.saveGone(ctx, gateway, h.Revision, s.gone); err != nil {
		return err
	}
	if err := t.savePut(ctx, gateway, h.Revision, s); err != nil {
		return err
	}
	if h.Revision > h.floor+2*keepRevisions { // rarely, and then many at once
		h.floor = h.Revision - keepRevisions
		if err := t.exec(ctx, `DELETE FROM gateway_gone WHERE gateway = $1 AND revision <= $2`, gateway, h.floor); err != nil {
			return err
		}
	}
	return t.exec(ctx, `UPDATE gateways SET revision = $1, digest = $2, base_floor = $3, meant_epoch = $4, meant_revision = $5 WHERE id = $6`,
		h.Revision, h.digest, h.floor, h.Meant.Epoch, h.Meant.Revision, gateway)
}

func (t *Tx) saveGone(ctx context.Context, gateway access.GatewayID, revision uint64, gone []mark) error {
	rows := make([][]any, len(gone))
	for i, m := range gone {
		rows[i] = []any{gateway, m.Kind, m.ID, m.person, revision}
	}
	err := t.bulk(ctx, `INSERT INTO gateway_gone (gateway, kind, id, person, revision)`,
		`ON CONFLICT (gateway, kind, id) DO UPDATE SET person = excluded.person, revision = excluded.revision`, rows)
	if err != nil || len(gone) == 0 {
		return err
	}
	return t.exec(ctx, `DELETE FROM gateway_items WHERE gateway = $1 AND (kind, id) IN
		(SELECT kind, id FROM gateway_gone WHERE gateway = $1 AND revision = $2)`, gateway, revision)
}

func (t *Tx) savePut(ctx context.Context, gateway access.GatewayID, revision uint64, s step) error {
	rows := make([][]any, len(s.put))
	for i, it := range s.put {
		rows[i] = []any{gateway, it.Kind, it.ID, access.Owner(it), revision, s.sums[i],
			t.sealer.seal(it.Value, "gateway_items", string(gateway), string(it.Kind), it.ID)}
	}
	err := t.bulk(ctx, `INSERT INTO gateway_items (gateway, kind, id, person, revision, sum, value)`,
		`ON CONFLICT (gateway, kind, id) DO UPDATE SET person = excluded.person, revision = excluded.revision, sum = excluded.sum, value = excluded.value`, rows)
	if err != nil || len(s.put) == 0 {
		return err
	}
	return t.exec(ctx, `DELETE FROM gateway_gone WHERE gateway = $1 AND (kind, id) IN
		(SELECT kind, id FROM gateway_items WHERE gateway = $1 AND revision = $2)`, gateway, revision)
}
