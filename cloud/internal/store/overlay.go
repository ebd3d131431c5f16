package store

import (
	"context"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// OverlayState is what became of what somebody did at a gateway by hand (row G11).
type OverlayState string

// The states. Only an open one waits for a person; an adopted one acts in the wanted state.
const (
	OverlayOpen     OverlayState = "open"
	OverlayAdopted  OverlayState = "adopted"
	OverlayRejected OverlayState = "rejected"
	OverlayLifted   OverlayState = "lifted"
)

// Overlay is what somebody did at a gateway by hand.
type Overlay struct {
	Gateway access.GatewayID
	ID      string
	Kind    access.OverlayKind
	Person  access.PersonID
	Name    string        // of the person; "": not in the roster
	Door    access.DoorID // of a grant
	access.Window
	By      string
	ByName  string // of who did it; "": not in the roster
	Reason  string
	Made    time.Time
	Gone    bool // the gateway no longer has it
	State   OverlayState
	Settled time.Time
}

// maxWords bounds what a gateway's staff wrote.
const maxWords = 300

// noteOverlay takes in what an event says about an overlay. One that cannot be named in a settlement is
// left to the event log.
func (t *Tx) noteOverlay(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	o := e.Overlay
	if o == nil || !access.ValidID(o.ID) || !access.ValidID(string(e.Person)) {
		return nil
	}
	if o.Gone { // lifted there, or settled by us
		return t.exec(ctx, `UPDATE overlays SET gone = 1, settled = CASE WHEN state = 'open' THEN $3 ELSE settled END,
			state = CASE WHEN state = 'open' THEN 'lifted' ELSE state END WHERE gateway = $1 AND id = $2`, gateway, o.ID, e.At)
	}
	reason := []rune(o.Reason)
	return t.exec(ctx, `INSERT INTO overlays (gateway, id, kind, person, door, begins, ends, made_by, reason, made, gone, state, settled)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 'open', 0) ON CONFLICT (gateway, id) DO NOTHING`,
		gateway, o.ID, o.Kind, e.Person, o.Door, o.From, o.Until, o.By, string(reason[:min(len(reason), maxWords)]), e.At)
}

const overlayColumns = `SELECT o.gateway, o.id, o.kind, o.person, o.door, o.begins, o.ends, o.made_by, o.reason, o.made, o.gone, o.state, o.settled,
	TRIM(COALESCE(p.first_name || ' ' || p.last_name, '')), TRIM(COALESCE(b.first_name || ' ' || b.last_name, '')) FROM overlays o JOIN gateways g ON g.id = o.gateway
	LEFT JOIN people p ON p.property = g.property AND p.id = o.person LEFT JOIN people b ON b.property = g.property AND b.id = o.made_by `

func overlayFields(o *Overlay) []any {
	return []any{&o.Gateway, &o.ID, &o.Kind, &o.Person, &o.Door, inTime(&o.From), inTime(&o.Until), &o.By, &o.Reason,
		inTime(&o.Made), &o.Gone, &o.State, inTime(&o.Settled), &o.Name, &o.ByName}
}

// Overlays lists what was done by hand at the gateways of a property, "" for all, the newest first.
func (s *Store) Overlays(ctx context.Context, property access.PropertyID) (out []Overlay, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.overlays(ctx, property)
		return err
	})
	return out, err
}

// OverlaysOf lists them within a transaction.
func (t *Tx) OverlaysOf(ctx context.Context, property access.PropertyID) ([]Overlay, error) {
	out, err := t.overlays(ctx, property)
	return out, explain("list overlays", string(property), err)
}

func (r reader) overlays(ctx context.Context, property access.PropertyID) ([]Overlay, error) {
	return list(ctx, r, overlayFields, overlayColumns+`WHERE $1 = '' OR g.property = $1 ORDER BY o.made DESC, o.gateway, o.id`, property)
}

// Settle says what becomes of an overlay: an open one is adopted, rejected or lifted, an adopted one
// lifted. Anything else is a Conflict; an unknown one is Invalid.
func (t *Tx) Settle(ctx context.Context, gateway access.GatewayID, id string, to OverlayState, now time.Time) (Overlay, error) {
	all, err := list(ctx, t.reader, overlayFields, overlayColumns+`WHERE o.gateway = $1 AND o.id = $2`, gateway, id)
	if err != nil || len(all) == 0 {
		return Overlay{}, missing(firstOf(err, errNone), "overlay", string(gateway)+" "+id)
	}
	o := all[0]
	switch {
	case o.State == to:
		return o, nil
	case o.State == OverlayOpen, o.State == OverlayAdopted && to == OverlayLifted:
	default:
		return o, fault.New(fault.Conflict, "settle overlay", string(gateway)+" "+id, "it is %s already", o.State).
			WithRemedy("Look at it with: gatehouse-cloud overlay list.")
	}
	o.State, o.Settled = to, now
	return o, explain("settle overlay", id, t.exec(ctx, `UPDATE overlays SET state = $3, settled = $4 WHERE gateway = $1 AND id = $2`, gateway, id, to, now))
}
