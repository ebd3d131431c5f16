package reconcile

import (
	"context"
	"strconv"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What happened at the doors is read from the device's own log, between rounds: after removals that
// wait and before all else, so that neither a bulk load nor an audit hides it for long. A removal that
// becomes due ends a reading, which then begins anew.

const (
	hintRest   = 250 * time.Millisecond // from a hint to the reading: a device locks up on calls too close together
	hintEvery  = time.Second            // and from one reading to the next
	hintAgain  = 2 * time.Second        // a log that shows nothing new yet is read once more
	clockSlack = 2 * time.Minute        // how far a device's clock may be out and still be believed
	mostSeen   = 4096                   // entries of one instance whose doubles are told apart
	mostFormer = 1000                   // PINs and cards of people who are gone
	logBatch   = 500                    // events in one transaction
)

// doors is what the loop knows of its device's door log.
type doors struct {
	keeps bool      // the device has one, and it is read
	begun bool      // this instance of the driver was asked
	at    time.Time // when it is asked next
	asked time.Time // and was asked last
	again bool      // a hint asked for it, and it may be late

	from  time.Time // what is older counts as told; zero: not known yet
	good  time.Time // up to when everything was read, by the gateway's clock; zero: not known
	fails int       // in a row

	seen   map[string]int             // how many of each were read from this instance
	owed   []access.Event             // read, and not recorded yet
	former map[string]access.PersonID // fingerprints of PINs and cards that were somebody's
}

// begin forgets what a former instance of the driver was asked.
func (d *doors) begin() { d.begun, d.seen, d.at = false, map[string]int{}, time.Time{} }

// hinted has the log read soon.
func (d *doors) hinted(now time.Time) {
	at := now.Add(hintRest)
	if next := d.asked.Add(hintEvery); next.After(at) {
		at = next
	}
	if at.Before(d.at) {
		d.at = at
	}
	d.again = true
}

// was notes whose a PIN or card was that is no longer on the device: what they did a moment before is
// read a moment after.
func (d *doors) was(print string, p access.PersonID) {
	if d.former == nil || len(d.former) >= mostFormer {
		d.former = map[string]access.PersonID{}
	}
	d.former[print] = p
}

// readsLog says whether the log is read at all. Without the property's zone its dates mean nothing.
func (l *Loop) readsLog() bool {
	return l.doors.keeps && l.probed && l.store.err == nil && l.places.Property.Zone != ""
}

func (l *Loop) logDue() bool { return l.readsLog() && !l.mono().Before(l.doors.at) }

// readLog reads what is new and records it. An error is the store's, or means that the device does not
// answer.
func (l *Loop) readLog(ctx context.Context) error {
	d := &l.doors
	if err := l.payLog(); err != nil { // what was read goes first, else it could be lost
		return err
	}
	ask, err := l.logAsk()
	if err != nil {
		return err
	}
	now, _ := l.cfg.Clock.Now()
	d.asked = l.mono()
	var got driver.DoorLog
	finished, err := l.heed(ctx, shortCall, func(ctx context.Context, p driver.Panel) (err error) {
		got, err = p.(driver.DoorLogger).DoorLog(ctx, ask) //nolint:forcetypeassert // asked for when the device was probed
		return err
	})
	switch {
	case !finished:
		return err // something goes first; it is read after that
	case ctx.Err() != nil:
		return err
	case err != nil:
		return l.logFails(err)
	}
	d.owed = l.logEvents(got, now)
	d.begun, d.fails, d.good = true, 0, now
	d.at = l.mono().Add(driver.DoorLogEvery)
	if d.again && len(got.Entries) == 0 {
		d.at = l.mono().Add(hintAgain)
	}
	d.again = false
	return l.payLog()
}

// logAsk is what the driver is asked. Whose it was is looked up by the loop: the driver gets, and gives
// back, the fingerprint in the place of a person.
func (l *Loop) logAsk() (driver.DoorLogAsk, error) {
	zone, err := l.places.Property.Location()
	if err != nil {
		zone = time.UTC
	}
	if l.doors.from.IsZero() {
		now, _ := l.cfg.Clock.Now()
		from, err := l.cfg.Doors.LogFrom(l.cfg.Device.ID, zone.String(), now)
		if err != nil {
			return driver.DoorLogAsk{}, &storeError{err, true}
		}
		l.doors.from = from
	}
	return driver.DoorLogAsk{Since: l.doors.from, Zone: zone, Whose: func(code access.Secret) access.PersonID {
		return access.PersonID(plan.PrintSecret(l.cfg.Ledger, code))
	}}, nil
}

// logFails puts the log off. One that cannot be read for long makes no device unreachable.
func (l *Loop) logFails(err error) error {
	d := &l.doors
	d.fails++
	d.at = l.mono().Add(delay(d.fails+auditPatience, l.cfg.Rand))
	switch {
	case isFallen(err):
		d.at = l.mono().Add(fallenAudit)
		return err
	case deviceDown(err) && d.fails <= hoursPatience:
		return err // when it answers again it is read at once
	case d.fails == hoursPatience+1 || d.fails == 1:
		l.log.Warn("the door log cannot be read", "err", err, "remedy", fault.RemedyOf(err))
	}
	l.failed(err)
	if d.fails != hoursPatience+1 {
		return nil
	}
	e := l.event(access.EventFailed, "", "")
	e.Fault, e.Message = fault.KindOf(err).String(), "the door log cannot be read, what happens at the doors is told when it can: "+err.Error()
	return l.append(e)
}

// logEvents makes events of what was read.
func (l *Loop) logEvents(got driver.DoorLog, now time.Time) (out []access.Event) {
	if len(l.doors.seen) > mostSeen {
		clear(l.doors.seen)
	}
	if got.Gap {
		e := l.event(access.EventFailed, "", "")
		e.Message = "more happened at the doors of this device than was read: some of it is not told"
		out = append(out, e)
		l.log.Warn(e.Message)
		l.status.Lock()
		l.status.Gaps++
		l.status.Unlock()
	}
	for _, in := range got.Entries {
		print := string(in.By)
		e := l.event(access.EventDoor, l.whose(print), "")
		e.Granted, e.How, e.Door, e.Log = in.Granted, in.How, l.doorOf(in), l.doors.identity(l.cfg.Ledger, in)
		e.At, e.Message = when(in.At, l.doors.good, now)
		if !in.At.IsZero() {
			e.DeviceTime = in.At.UTC()
		}
		if e.Door == "" && in.Relay != "" {
			e.Message = joined(e.Message, "relay "+in.Relay+" is no door of this property")
		}
		out = append(out, e)
	}
	return out
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// whose is the person of a fingerprint: who has the PIN or card now, else who had it last.
func (l *Loop) whose(print string) access.PersonID {
	if who, here := l.secrets[print]; here {
		return who
	}
	return l.doors.former[print]
}

// doorOf is the door of an entry. Where nothing opened it is the only one there is, or not known.
func (l *Loop) doorOf(in driver.DoorEntry) (found access.DoorID) {
	for door, relay := range l.cfg.Device.Doors {
		if in.Relay == relay || in.Relay == "" && !in.Granted && len(l.cfg.Device.Doors) == 1 {
			if found == "" || door < found {
				found = door
			}
		}
	}
	return found
}

// identity names an entry so that it is told once, also over restarts: by all that it shows. Which of
// several alike in the same second it is, is counted from the first reading of an instance on. "" for
// one without a date: nothing tells those apart.
func (d *doors) identity(pr plan.Printer, in driver.DoorEntry) string {
	if in.At.IsZero() {
		return ""
	}
	key := in.At.UTC().Format(logSecond) + "-" + pr.Print("door log\x00"+in.Relay+"\x00"+strconv.FormatBool(in.Granted)+"\x00"+in.How+"\x00"+string(in.By))
	d.seen[key]++
	return key + "-" + strconv.Itoa(d.seen[key])
}

// logSecond is how the identity of an entry begins: its second by the device's clock, so that
// identities sort by time.
const logSecond = "20060102T150405Z"

// when tells the time of an entry by the gateway's clock, and in words what is odd about it. Everything
// before good was read before, so what is new now and dated before it, or after now, shows a clock that
// is wrong.
func when(told, good, now time.Time) (at time.Time, words string) {
	switch {
	case told.IsZero():
		return now, "the device did not say when"
	case told.After(now.Add(clockSlack)) || !good.IsZero() && told.Before(good.Add(-clockSlack)):
		return now, "the device's clock is wrong"
	case told.After(now):
		return now, ""
	}
	return told.UTC(), ""
}

// payLog records what was read.
func (l *Loop) payLog() error {
	d := &l.doors
	for len(d.owed) > 0 {
		n := min(len(d.owed), logBatch)
		var told []access.Event
		err := l.write(func() (err error) { told, err = l.cfg.Doors.TellLog(l.cfg.Device.ID, d.owed[:n]); return err })
		if err != nil {
			return err
		}
		d.owed = d.owed[n:]
		l.countDoors(told)
	}
	d.owed = nil
	return nil
}

func (l *Loop) countDoors(told []access.Event) {
	l.status.Lock()
	defer l.status.Unlock()
	for _, e := range told {
		switch {
		case e.Kind != access.EventDoor:
		case e.Granted:
			l.status.Opened++
		default:
			l.status.Refusals++
		}
	}
}
