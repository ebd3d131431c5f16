package icona

import (
	"math/rand/v2"
	"time"
)

type jobKind int

const (
	opening jobKind = 1 + iota // a channel
	asking                     // JSON
	calling                    // a packet that opens a connection
)

// job is one thing to send and what answers it.
type job struct {
	kind    jobKind
	handle  uint16
	packets bool   // opening: the channel is CTPP
	message string // asking
	id      int
	body    []byte // opening, asking
	call    Packet // calling
	got     chan answer
}

// answer is what came.
type answer struct {
	body  []byte
	code  int
	cause byte
	err   error
}

const (
	writePatience = 10 * time.Second
	ringPatience  = 2 * time.Minute // after which an unanswered ring is over: devices never say so (§1.5) [R]
	maxRings      = 8
)

// owner is the goroutine that a session's connection and state belong to. A second one only reads.
type owner struct {
	s     *Session
	job   *job   // under way; nil: none
	ctpp  uint16 // handle; 0: not open
	rings map[uint16]*ringing

	lease Packet    // the registration as it was asked for; zero: none
	renew time.Time // when to ask again; zero: no registration
	until time.Time // when the answer to that is due; zero: none is
}

// ringing is a ring that has not ended.
type ringing struct {
	ring  Ring
	since time.Time
}

func newOwner(s *Session) *owner { return &owner{s: s, rings: map[uint16]*ringing{}} }

// run reads and decides until the session is over; then nobody uses the connection any more.
func (o *owner) run() {
	defer close(o.s.done)
	frames := make(chan Frame)
	read := make(chan struct{})
	go func() {
		defer close(read)
		o.read(frames)
	}()
	defer func() { <-read }()
	defer o.endRings()
	for {
		timer := time.NewTimer(o.tick())
		select {
		case f := <-frames:
			o.take(f)
		case j := <-o.s.jobs:
			o.start(j)
		case <-timer.C:
		case <-o.s.quit:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// read hands frames to the owner until the connection ends.
func (o *owner) read(frames chan<- Frame) {
	for {
		f, err := ReadFrame(o.s.conn)
		if err != nil {
			o.s.fail(err)
			return
		}
		select {
		case frames <- f:
		case <-o.s.quit:
			return
		}
	}
}

// write sends a frame.
func (o *owner) write(f Frame) {
	_ = o.s.conn.SetWriteDeadline(time.Now().Add(writePatience)) // one that cannot be set shows in Write
	if _, err := o.s.conn.Write(f.Bytes()); err != nil {
		o.s.fail(err)
	}
}

// start sends a job. The one before it is over: callers take turns.
func (o *owner) start(j *job) {
	o.job = j
	switch j.kind {
	case opening:
		o.write(Frame{Body: j.body})
	case asking:
		o.write(Frame{Handle: j.handle, Body: j.body})
	case calling:
		o.send(j.call)
	}
}

func (o *owner) send(k Packet) { o.write(Frame{Handle: o.ctpp, Body: k.Bytes()}) }

// finish answers the job under way.
func (o *owner) finish(a answer) {
	o.job.got <- a
	if o.job = nil; a.err != nil {
		o.s.fail(a.err)
	}
}

// take handles one frame. What fits nothing is passed over: devices tell more than was asked for.
func (o *owner) take(f Frame) {
	switch {
	case f.Handle == 0:
		o.manage(f.Body)
	case f.Handle == o.ctpp:
		if k, err := ParsePacket(f.Body); err == nil {
			o.packet(k)
		}
	case o.job != nil && o.job.kind == asking && f.Handle == o.job.handle:
		o.json(f.Body)
	}
}

// manage handles a message on handle 0.
func (o *owner) manage(body []byte) {
	m, err := ParseManage(body)
	if err != nil {
		return
	}
	switch m.Verb {
	case OpenAck:
		if o.job != nil && o.job.kind == opening && m.Handle == o.job.handle {
			if o.job.packets {
				o.ctpp = m.Handle
			}
			o.finish(answer{})
		}
	case Open: // a media channel, before a ring: acknowledged (§1.2) and never used
		o.write(Frame{Body: Manage{Verb: OpenAck, Handle: m.Handle}.Bytes()})
	case Close: // with handle 0 it says that what was sent was no frame (§1.2)
		o.write(Frame{Body: Manage{Verb: CloseAck, Handle: m.Handle}.Bytes()})
		if m.Handle == 0 || m.Handle == o.ctpp || o.job != nil && o.job.handle == m.Handle {
			o.s.fail(ErrClosed)
		}
	case CloseAck:
	}
}

// json handles what comes on the channel of the question under way; notifications and answers to others are passed over.
func (o *owner) json(body []byte) {
	var e envelope
	switch err := unpack(body, &e); {
	case err != nil:
		o.finish(answer{err: err})
	case e.Type == "response" && e.ID == o.job.id && e.Message == o.job.message:
		o.finish(answer{body: body, code: e.Code})
	}
}

// packet handles one packet. Whatever has a body is acknowledged by the packet itself, with its own addresses: an
// answer that is missing makes a device repeat it, or drop a registration in silence (§1.5).
func (o *owner) packet(k Packet) {
	if len(k.Body) == 0 {
		return
	}
	o.send(k.Reply(Ack))
	switch op := k.Opcode(); {
	case op == Registered:
		o.send(k.Reply(Fin))
		o.registered(k)
	case op == Release:
		o.send(k.Reply(Fin))
		o.released(k)
	case op == Invite && k.Flags == Syn:
		o.ring(k)
	}
}

// mine says whether a packet answers the call under way.
func (o *owner) mine(k Packet, op uint16) bool {
	return o.job != nil && o.job.kind == calling && k.Connection == o.job.call.Connection^PeerBit && (o.job.call.Opcode() == Register) == (op == Registered)
}

// registered handles the answer to a registration. The device repeats it as it likes, which needs no more than the
// answer that it got.
func (o *owner) registered(k Packet) {
	switch {
	case o.mine(k, Registered):
		o.lease = o.job.call
		o.finish(answer{})
	case o.until.IsZero() || k.Connection != o.lease.Connection^PeerBit:
		return
	}
	o.renew, o.until = time.Now().Add(o.s.opt.Renew), time.Time{}
}

// released handles the end of a call: the answer to an opening, or of a ring.
func (o *owner) released(k Packet) {
	cause, ok := k.Cause()
	switch {
	case !ok:
	case o.mine(k, Release):
		o.finish(answer{cause: cause})
	default:
		o.endRing(k.Connection, int(cause))
	}
}

// tick does what has fallen due and says how long nothing else will.
func (o *owner) tick() time.Duration {
	now := time.Now()
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if !o.until.IsZero() && !now.Before(o.until) {
		o.s.fail(ErrLapsed)
	}
	if o.until.IsZero() && !o.renew.IsZero() && !now.Before(o.renew) {
		o.again(now)
	}
	for at, r := range o.rings {
		if end := r.since.Add(ringPatience); now.Before(end) {
			sooner(end)
		} else {
			o.endRing(at, -1)
		}
	}
	sooner(o.renew)
	sooner(o.until)
	return max(next.Sub(now), 0)
}

// again asks for the registration anew, on a connection of its own.
func (o *owner) again(now time.Time) {
	o.lease.Connection, o.lease.Seq, o.lease.Ack = newConnection(), byte(rand.Uint32()), byte(rand.Uint32())
	o.renew, o.until = time.Time{}, now.Add(o.s.opt.Answer)
	o.send(o.lease)
}

// ring handles an INVITE: told once, however often it comes.
func (o *owner) ring(k Packet) {
	r, err := ParseRing(k.Body)
	if err != nil {
		return
	}
	for _, known := range o.rings {
		if known.ring.Call == r.Call {
			return
		}
	}
	if len(o.rings) >= maxRings {
		return
	}
	o.endRing(k.Connection, -1) // a number that is used again
	o.rings[k.Connection] = &ringing{r, time.Now()}
	o.tell(Event{Ring: r})
}

func (o *owner) endRing(connection uint16, cause int) {
	if r := o.rings[connection]; r != nil {
		delete(o.rings, connection)
		o.tell(Event{Ring: r.ring, Ended: true, Cause: cause})
	}
}

// endRings ends with the session what rings: nobody would tell.
func (o *owner) endRings() {
	for at := range o.rings {
		o.endRing(at, -1)
	}
}

func (o *owner) tell(e Event) {
	if o.s.opt.Tell != nil {
		o.s.opt.Tell(e)
	}
}
