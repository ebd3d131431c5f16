package store

import (
	"context"

	"gatehouse/protocol/access"
)

// State is how far a person's record has come on one device (row G5). Planned and Stored follow from
// revisions and acks; the others are the last thing the gateway said.
type State string

// The states.
const (
	Planned   State = "planned"   // in a published revision that the gateway has not stored yet
	Stored    State = "stored"    // the gateway has it and acts on it by itself, not done yet
	Written   State = "written"   // the device accepted it
	Confirmed State = "confirmed" // and it was read back, see Grade
	Failed    State = "failed"    // the last attempt failed; Fault, Message, NextTry
	Refused   State = "refused"   // it cannot work as it is; Fault, Message
	Held      State = "held"      // kept back until a person agrees
	Removed   State = "removed"   // read back: it is gone
)

// project keeps the last word about each person on each device, and which devices answer.
func (t *Tx) project(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	switch e.Kind {
	case access.EventReachable, access.EventUnreachable:
		return t.reach(ctx, gateway, e)
	case access.EventOverlay:
		return t.noteOverlay(ctx, gateway, e)
	case access.EventDrift:
		return t.noteDrift(ctx, gateway, e)
	case access.EventCommand:
		return t.noteCommand(ctx, gateway, e)
	case access.EventHeld, access.EventState:
		if err := t.noteHolds(ctx, gateway, e); err != nil {
			return err
		}
	}
	state, times, known := outcome(e)
	if !known || e.Person == "" || e.Device == "" {
		return nil
	}
	return t.exec(ctx, `INSERT INTO device_people (gateway, device, person, op, state, grade, written, confirmed, epoch, revision,
			fault, message, next_try, attempts, event, asked, stored)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (gateway, device, person) DO UPDATE SET op = CASE WHEN excluded.op = '' THEN device_people.op ELSE excluded.op END,
			state = excluded.state, `+times+`, epoch = excluded.epoch, revision = excluded.revision,
			fault = excluded.fault, message = excluded.message, next_try = excluded.next_try, attempts = excluded.attempts, event = excluded.event,
			asked = `+kept("asked")+`, stored = `+kept("stored"),
		gateway, e.Device, e.Person, e.Op, state, e.Grade, at(e, access.EventWritten), at(e, access.EventConfirmed), e.Epoch, e.Revision,
		e.Fault, e.Message, e.NextTry, e.Attempt, e.Number, e.Asked, e.Stored)
}

// kept is a time of a removal: as told, else as known of the same removal; of anything else there is none.
func kept(column string) string {
	return `CASE WHEN excluded.` + column + ` <> 0 THEN excluded.` + column + `
		WHEN excluded.op = 'remove' AND device_people.op = 'remove' OR excluded.op = '' THEN device_people.` + column + ` ELSE 0 END`
}

// outcome says what an event makes of a person's state, and which of the row's times it sets. A new
// write is not confirmed by an old confirmation; a failure leaves what was achieved before.
func outcome(e access.Event) (state State, times string, known bool) {
	switch e.Kind {
	case access.EventWritten:
		return Written, `written = excluded.written, confirmed = 0, grade = ''`, true
	case access.EventConfirmed:
		if e.Op == access.OpRemove {
			// Found gone without our doing: the time of an earlier write is not that of a removal.
			return Removed, `confirmed = excluded.confirmed, grade = excluded.grade,
				written = CASE WHEN device_people.op = 'remove' THEN device_people.written ELSE 0 END`, true
		}
		return Confirmed, `confirmed = excluded.confirmed, grade = excluded.grade`, true
	case access.EventFailed:
		state = Failed
	case access.EventRefused:
		state = Refused
	case access.EventHeld:
		state = Held
	default:
		return "", "", false
	}
	return state, `written = device_people.written, confirmed = device_people.confirmed, grade = device_people.grade`, true
}

// at is the event's time, when it is of the kind; else none.
func at(e access.Event, kind access.EventKind) int64 {
	if e.Kind != kind {
		return 0
	}
	return millis(e.At)
}

func (t *Tx) reach(ctx context.Context, gateway access.GatewayID, e access.Event) error {
	if e.Device == "" {
		return nil
	}
	return t.exec(ctx, `INSERT INTO device_reach (gateway, device, reachable, since, message) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (gateway, device) DO UPDATE SET message = excluded.message, reachable = excluded.reachable,
			since = CASE WHEN device_reach.reachable = excluded.reachable THEN device_reach.since ELSE excluded.since END`,
		gateway, e.Device, e.Kind == access.EventReachable, e.At, e.Message)
}
