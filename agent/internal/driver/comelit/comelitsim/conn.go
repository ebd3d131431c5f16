package comelitsim

import (
	"net"
	"sync"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

const (
	outgoingMax = 64 // frames waiting for a client that does not read; over that it is hung up on
	channelsMax = 32
)

// conn is one TCP connection of the bridge. The fields below the line belong to the Panel's lock.
type conn struct {
	nc   net.Conn
	out  chan outgoing
	wake chan struct{} // something is due sooner
	done chan struct{}
	once sync.Once
	last chan struct{} // closed when what is queued shall still go out, and then nothing

	// under Panel.mu
	channels map[uint16]string
	order    []uint16 // handles, oldest first
	uauts    int
	in       bool // logged in
	user     place
	token    string
	calls    map[uint16]*exchange
	recent   []uint16 // ids of calls that may go, oldest first
	used     bool     // one door or actuator was done, for works-once
	muted    bool     // after half a frame
}

// outgoing is one frame on its way.
type outgoing struct {
	bytes []byte
	due   time.Time // not before; zero means now
	how   sending
}

type sending int

const (
	sendWhole sending = iota
	sendSplit         // byte by byte
	sendReset         // half, then a reset
	sendHalf          // half, then nothing more
)

func newConn(nc net.Conn) *conn {
	return &conn{
		nc: nc, out: make(chan outgoing, outgoingMax), wake: make(chan struct{}, 1), done: make(chan struct{}),
		last: make(chan struct{}), channels: map[uint16]string{}, calls: map[uint16]*exchange{},
	}
}

// hangUp closes the connection; both its goroutines end.
func (c *conn) hangUp() {
	c.once.Do(func() {
		close(c.done)
		c.nc.Close()
	})
}

// reset breaks the connection hard.
func (c *conn) reset() {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // best effort: a plain close will do
	}
	c.hangUp()
}

// finish lets what is queued go out and then hangs up; only the reading goroutine calls it, as its last word.
func (c *conn) finish() {
	close(c.last)
	<-c.done
}

// pump writes what is queued and what falls due, until the connection ends.
func (p *Panel) pump(c *conn) {
	defer c.hangUp()
	for {
		timer := time.NewTimer(p.due(c))
		select {
		case o := <-c.out:
			if !c.write(o) {
				timer.Stop()
				return
			}
		case <-timer.C:
		case <-c.wake:
		case <-c.last:
			for len(c.out) > 0 && c.write(<-c.out) {
				continue
			}
			timer.Stop()
			return
		case <-c.done:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// write sends one frame; false ends the connection.
func (c *conn) write(o outgoing) bool {
	if wait := time.Until(o.due); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.done:
			return false
		}
	}
	var err error
	switch o.how {
	case sendSplit:
		for i := 0; i < len(o.bytes) && err == nil; i++ {
			_, err = c.nc.Write(o.bytes[i : i+1])
		}
	case sendHalf:
		_, err = c.nc.Write(o.bytes[:len(o.bytes)/2])
	case sendReset:
		_, err = c.nc.Write(o.bytes[:len(o.bytes)/2])
		c.reset()
	case sendWhole:
		_, err = c.nc.Write(o.bytes)
	}
	return err == nil
}

// send queues a frame, with the faults that live in its bytes.
func (p *Panel) send(c *conn, f viper.Frame) { p.sendLate(c, f, 0) }

// sendLate is send with a delay of its own.
func (p *Panel) sendLate(c *conn, f viper.Frame, late time.Duration) {
	if c.muted {
		return
	}
	b := f.Bytes()
	o := outgoing{bytes: b}
	if late += p.lateness(FaultSlow); late > 0 {
		o.due = time.Now().Add(late)
	}
	switch {
	case p.bites(FaultBadMagic):
		b[1] = 7
	case p.bites(FaultLongLength):
		b[2] += 9 // may wrap: then the length is wrong the other way
	case p.bites(FaultShortLength):
		b[2] -= 3
	case p.bites(FaultResetFrame):
		o.how = sendReset
	case p.bites(FaultHalfFrame):
		o.how, c.muted = sendHalf, true
	case p.bites(FaultSplitFrames):
		o.how = sendSplit
	}
	select {
	case c.out <- o:
	default:
		c.hangUp()
	}
}

// wakeAll makes every connection look at what is due.
func (p *Panel) wakeAll() {
	for c := range p.conns {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}
