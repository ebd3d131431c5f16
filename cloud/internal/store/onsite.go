package store

import (
	"context"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// Found is one record on a device that is not as its gateway wrote it (row G4), as long as the gateway
// says so.
type Found struct {
	Gateway access.GatewayID
	Device  access.DeviceID
	Entry   string // the gateway's name for the record; "": Count more that it does not tell one by one
	Count   int    // 1, or how many more
	Kind    access.DriftKind
	Person  access.PersonID // of whom it is, or claims to be; "" nobody's
	Name    string          // of the person; "": not in the roster
	Native  string          // the device's own number of it
	Words   string
	First   time.Time       // when the gateway first saw it
	Act     access.DriftAct // decided on site: keep, or what is not done yet; "" nothing
	To      access.PersonID // of an adoption
	Reason  string          // of Act, in the words of who decided
	Failed  string          // why the last decision could not be carried out; "" it could, or none was made
}

// Waiting is somebody whose access stays although it is over, until somebody says a word, or until the
// cloud is heard.
type Waiting struct {
	Gateway access.GatewayID
	Device  access.DeviceID // "": at all of the gateway's
	Person  access.PersonID
	Name    string           // "": not in the roster
	Cause   access.HoldCause // "": Words say it
	access.Position
	Since time.Time // when the gateway, or of a word of its own the cloud, knew; zero: not known
	Words string    // the gateway's; "" for a Cause
}

// CommandReply is what became of a command.
type CommandReply struct {
	Gateway access.GatewayID
	ID      string
	What    string // open_door; "": only the reply came so far
	Device  access.DeviceID
	Door    access.DoorID
	Result  string // done, refused, unknown
	Fault   string
	Message string // why it was refused, or what it found
	At      time.Time
}

// OnSite is what the gateways of a property told of their site.
type OnSite struct {
	Found   []Found   // open ones first, the oldest first
	Waiting []Waiting // the oldest first
	Replies []CommandReply
}

// maxReplies bounds what is kept of a gateway's replies.
const maxReplies = 100

// maxDiagnostics bounds a kept message: a report of diagnostics is JSON of some size.
const maxDiagnostics = 16 << 10

// OnSite reads it from one consistent picture; "" reads that of all properties.
func (s *Store) OnSite(ctx context.Context, property access.PropertyID) (out OnSite, err error) {
	err = s.view(ctx, func(r reader) error {
		if out.Found, err = r.found(ctx, property); err != nil {
			return err
		}
		if out.Waiting, err = r.waiting(ctx, property); err != nil {
			return err
		}
		out.Replies, err = list(ctx, r, func(c *CommandReply) []any {
			return []any{&c.Gateway, &c.ID, &c.What, &c.Device, &c.Door, &c.Result, &c.Fault, &c.Message, inTime(&c.At)}
		}, `SELECT c.gateway, c.id, c.what, c.device, c.door, c.result, c.fault, c.message, c.at
			FROM replies c JOIN gateways g ON g.id = c.gateway WHERE $1 = '' OR g.property = $1 ORDER BY c.at DESC, c.gateway, c.id`, property)
		return err
	})
	return out, explain("read what gateways told of their site", string(property), err)
}

const named = `COALESCE(p.first_name || ' ' || p.last_name, '')`

func (r reader) found(ctx context.Context, property access.PropertyID) ([]Found, error) {
	out, err := list(ctx, r, func(f *Found) []any {
		f.Count = 1
		return []any{&f.Gateway, &f.Device, &f.Entry, &f.Kind, &f.Person, &f.Native, &f.Words, inTime(&f.First), &f.Act, &f.To, &f.Reason, &f.Failed, &f.Name}
	}, `SELECT d.gateway, d.device, d.entry, d.kind, d.person, d.native, d.words, d.first, d.act, d.recipient, d.reason, d.failed, `+named+`
		FROM drift d JOIN gateways g ON g.id = d.gateway LEFT JOIN people p ON p.property = g.property AND p.id = d.person
		WHERE $1 = '' OR g.property = $1 ORDER BY CASE WHEN d.act = 'keep' THEN 1 ELSE 0 END, d.first, d.gateway, d.device, d.entry`, property)
	if err != nil {
		return nil, err
	}
	more, err := list(ctx, r, func(f *Found) []any { return []any{&f.Gateway, &f.Device, &f.Count} },
		`SELECT m.gateway, m.device, m.n FROM drift_more m JOIN gateways g ON g.id = m.gateway
		WHERE ($1 = '' OR g.property = $1) AND m.n > 0 ORDER BY m.gateway, m.device`, property)
	return append(out, more...), err
}

func (r reader) waiting(ctx context.Context, property access.PropertyID) ([]Waiting, error) {
	return list(ctx, r, func(w *Waiting) []any {
		return []any{&w.Gateway, &w.Device, &w.Person, &w.Name, &w.Cause, &w.Epoch, &w.Revision, inTime(&w.Since), &w.Words}
	}, `SELECT h.gateway, '' AS device, h.person, `+named+` AS name, h.cause, h.epoch, h.revision, h.since AS since, '' AS words
		FROM holds h JOIN gateways g ON g.id = h.gateway LEFT JOIN people p ON p.property = g.property AND p.id = h.person
		WHERE $1 = '' OR g.property = $1
		UNION ALL SELECT d.gateway, d.device, d.person, `+named+`, '', d.epoch, d.revision, COALESCE(e.received, 0), d.message
		FROM device_people d JOIN gateways g ON g.id = d.gateway LEFT JOIN people p ON p.property = g.property AND p.id = d.person
		LEFT JOIN events e ON e.gateway = d.gateway AND e.n = d.event
		WHERE ($1 = '' OR g.property = $1) AND d.state = 'held' AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.gateway = d.gateway AND h.person = d.person)
		ORDER BY since, gateway, device, person`, property)
}

// noteDrift takes in what a drift event says of one row. One without a row is of an older gateway.
func (t *Tx) noteDrift(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	n := e.Row
	switch {
	case n == nil || e.Device == "":
		return nil
	case n.Entry == "":
		return t.exec(ctx, `INSERT INTO drift_more (gateway, device, n) VALUES ($1, $2, $3) ON CONFLICT (gateway, device) DO UPDATE SET n = excluded.n`, gateway, e.Device, n.More)
	case n.Gone:
		return t.exec(ctx, `DELETE FROM drift WHERE gateway = $1 AND device = $2 AND entry = $3`, gateway, e.Device, n.Entry)
	}
	words, failed := e.Message, ""
	if e.Fault != "" {
		words, failed = "", e.Message
	}
	return t.exec(ctx, `INSERT INTO drift (gateway, device, entry, kind, person, native, words, first, act, recipient, reason, failed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (gateway, device, entry) DO UPDATE SET kind = excluded.kind, person = excluded.person, act = excluded.act,
			words = CASE WHEN excluded.words = '' THEN drift.words ELSE excluded.words END,
			recipient = excluded.recipient, reason = excluded.reason, failed = excluded.failed`,
		gateway, e.Device, clip(n.Entry), e.Drift, e.Person, clip(n.Native), clip(words), n.First, n.Act, n.To, clip(n.Reason), clip(failed))
}

// clip bounds what is shown of a gateway's words.
func clip(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), maxWords)])
}

// noteHolds takes in whose removals wait, or wait no longer.
func (t *Tx) noteHolds(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	if e.Hold == nil {
		return nil
	}
	for _, p := range e.Hold.People {
		var err error
		if e.Hold.Gone {
			err = t.exec(ctx, `DELETE FROM holds WHERE gateway = $1 AND person = $2`, gateway, p)
		} else {
			err = t.exec(ctx, `INSERT INTO holds (gateway, person, cause, epoch, revision, since) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (gateway, person) DO UPDATE SET cause = excluded.cause, epoch = excluded.epoch, revision = excluded.revision, since = excluded.since`,
				gateway, p, e.Hold.Cause, e.Hold.At.Epoch, e.Hold.At.Revision, e.At)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noteCommand takes in that a command ended. Its reply, which may be lost, says more.
func (t *Tx) noteCommand(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	if e.Command == "" {
		return nil
	}
	what, result, _ := strings.Cut(e.Message, ": ")
	return t.keepReply(ctx, CommandReply{gateway, e.Command, what, e.Device, e.Door, result, e.Fault, "", e.At})
}

// SaveReply stores what became of a command.
func (s *Store) SaveReply(ctx context.Context, under Fence, r CommandReply) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		if err := t.told(ctx, r.Gateway, r.At, ``); err != nil {
			return err
		}
		return explain("save reply of gateway", string(r.Gateway), t.keepReply(ctx, r))
	})
}

// keepReply joins the two things that are said of a command, in either order.
func (t *Tx) keepReply(ctx context.Context, r CommandReply) error {
	message := r.Message[:min(len(r.Message), maxDiagnostics)]
	err := t.exec(ctx, `INSERT INTO replies (gateway, id, what, device, door, result, fault, message, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (gateway, id) DO UPDATE SET `+either("what")+`, `+either("device")+`, `+either("door")+`, `+either("message")+`, result = excluded.result, fault = excluded.fault`,
		r.Gateway, clip(r.ID), clip(r.What), r.Device, r.Door, clip(r.Result), clip(r.Fault), message, r.At)
	if err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM replies WHERE gateway = $1 AND id NOT IN (SELECT id FROM replies WHERE gateway = $1 ORDER BY at DESC, id LIMIT $2)`, r.Gateway, maxReplies)
}

func either(column string) string {
	return column + ` = CASE WHEN excluded.` + column + ` = '' THEN replies.` + column + ` ELSE excluded.` + column + ` END`
}

// forgetSite drops what an old box said of its site: the one that takes its place looks for itself.
func (t *Tx) forgetSite(ctx context.Context, gateway access.GatewayID) error {
	var errs []error
	for _, table := range []string{"drift", "drift_more", "holds"} {
		errs = append(errs, t.exec(ctx, `DELETE FROM `+table+` WHERE gateway = $1`, gateway))
	}
	return firstOf(errs...)
}

// forgetDevices drops what was found on devices that a gateway has no longer.
func (t *Tx) forgetDevices(ctx context.Context, gateway access.GatewayID) error {
	const gone = ` WHERE gateway = $1 AND device NOT IN (SELECT id FROM devices WHERE gateway = $1)`
	return firstOf(t.exec(ctx, `DELETE FROM drift`+gone, gateway), t.exec(ctx, `DELETE FROM drift_more`+gone, gateway))
}
