package store

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/protocol/access"
)

// keepEnds is how long the end of somebody's access is remembered after it, for proofs of revocation.
const keepEnds = 400 * 24 * time.Hour

// ends is when each person's access ends for good by a wanted state, in milliseconds; 0: no end.
func ends(wanted []access.Item) map[access.PersonID]int64 {
	out := map[access.PersonID]int64{}
	for _, it := range wanted {
		if it.Kind != access.KindGrant {
			continue
		}
		var g struct {
			Person access.PersonID `json:"person"`
			Until  time.Time       `json:"until"`
		}
		if json.Unmarshal(it.Value, &g) != nil {
			continue // it gives nobody anything
		}
		until, known := out[g.Person]
		switch at := millis(g.Until); {
		case !known, at == 0, until != 0 && at > until:
			out[g.Person] = at
		}
	}
	return out
}

type personEnd struct {
	person access.PersonID
	until  int64
}

// saveEnds keeps access_ends true for a new wanted state, and counts the people who had access now or
// to come and have none any more.
func (t *Tx) saveEnds(ctx context.Context, gateway access.GatewayID, wanted []access.Item, now time.Time) (lost int, err error) {
	had, err := list(ctx, t.reader, func(e *personEnd) []any { return []any{&e.person, &e.until} },
		`SELECT person, until FROM access_ends WHERE gateway = $1`, gateway)
	if err != nil {
		return 0, err
	}
	at, have := millis(now), ends(wanted)
	open := func(until int64) bool { return until == 0 || until > at }
	var rows [][]any
	for _, e := range had {
		until, stays := have[e.person]
		delete(have, e.person)
		if !stays && open(e.until) {
			until, stays = at, true
		}
		if open(e.until) && !open(until) {
			lost++
		}
		if stays && until != e.until {
			rows = append(rows, []any{gateway, e.person, until})
		}
	}
	for person, until := range have {
		rows = append(rows, []any{gateway, person, until})
	}
	err = t.bulk(ctx, `INSERT INTO access_ends (gateway, person, until)`, `ON CONFLICT (gateway, person) DO UPDATE SET until = excluded.until`, rows)
	if err != nil {
		return 0, err
	}
	return lost, t.exec(ctx, `DELETE FROM access_ends WHERE gateway = $1 AND until <> 0 AND until < $2`, gateway, now.Add(-keepEnds))
}
