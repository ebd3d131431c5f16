package store

import (
	"context"
	"time"

	"gatehouse/protocol/access"
)

// ActKind is something that was done about a gateway.
type ActKind string

// The kinds of act.
const (
	ActEnrolled  ActKind = "enrolled"
	ActBundle    ActKind = "bundle"    // another bundle was made for it
	ActReplaced  ActKind = "replaced"  // another box has its place
	ActRevoked   ActKind = "revoked"   // with why
	ActCertified ActKind = "certified" // it asked for next keys and has a certificate for them
	ActChanged   ActKind = "changed"   // it was heard by the next keys
	ActRefused   ActKind = "refused"   // next keys that it asked for were refused, with why
)

// Act is a line of a gateway's history.
type Act struct {
	At    time.Time // the last time
	What  ActKind
	Words string
	Times int // in a row
}

const (
	keepActs  = 1000 // a gateway
	actsShown = 20
)

// Note writes an act into a gateway's history. The same as the one before is counted there.
func (t *Tx) Note(ctx context.Context, gateway access.GatewayID, at time.Time, what ActKind, words string) error {
	w := []rune(words)
	words = string(w[:min(len(w), maxWords)])
	rows, err := list(ctx, t.reader, func(n *int64) []any { return []any{n} }, `UPDATE gateway_acts SET times = times + 1, at = $2
		WHERE gateway = $1 AND what = $3 AND words = $4 AND n = (SELECT MAX(o.n) FROM gateway_acts o WHERE o.gateway = $1) RETURNING n`, gateway, at, what, words)
	if err != nil || len(rows) > 0 {
		return explain("note at gateway", string(gateway), err)
	}
	err = t.exec(ctx, `INSERT INTO gateway_acts (gateway, n, at, what, words, times)
		VALUES ($1, 1 + COALESCE((SELECT MAX(o.n) FROM gateway_acts o WHERE o.gateway = $1), 0), $2, $3, $4, 1)`, gateway, at, what, words)
	if err == nil {
		err = t.exec(ctx, `DELETE FROM gateway_acts WHERE gateway = $1 AND n <= (SELECT MAX(o.n) FROM gateway_acts o WHERE o.gateway = $1) - $2`, gateway, keepActs)
	}
	return explain("note at gateway", string(gateway), err)
}

// Acts lists what was done about a gateway, the newest first, as many as are worth showing.
func (s *Store) Acts(ctx context.Context, gateway access.GatewayID) (out []Act, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.acts(ctx, gateway)
		return err
	})
	return out, err
}

// PropertyAct is something that was done by hand about a property's own records.
type PropertyAct struct {
	At    time.Time
	Who   string
	Words string
}

// NoteAt writes an act into a property's history. The property must be taken (Roster): acts are numbered.
func (t *Tx) NoteAt(ctx context.Context, property access.PropertyID, a PropertyAct) error {
	w := []rune(a.Words)
	return explain("note at property", string(property), t.exec(ctx, `INSERT INTO property_acts (property, n, at, who, words)
		VALUES ($1, 1 + COALESCE((SELECT MAX(o.n) FROM property_acts o WHERE o.property = $1), 0), $2, $3, $4)`,
		property, a.At, a.Who, string(w[:min(len(w), maxWords)])))
}

// PropertyActs lists what was done by hand about a property, the newest first, at most n.
func (s *Store) PropertyActs(ctx context.Context, property access.PropertyID, n int) (out []PropertyAct, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, func(a *PropertyAct) []any { return []any{inTime(&a.At), &a.Who, &a.Words} },
			`SELECT at, who, words FROM property_acts WHERE property = $1 ORDER BY n DESC LIMIT $2`, property, n)
		return err
	})
	return out, err
}

func (r reader) acts(ctx context.Context, gateway access.GatewayID) ([]Act, error) {
	return list(ctx, r, func(a *Act) []any { return []any{inTime(&a.At), &a.What, &a.Words, &a.Times} },
		`SELECT at, what, words, times FROM gateway_acts WHERE gateway = $1 ORDER BY n DESC LIMIT $2`, gateway, actsShown)
}
