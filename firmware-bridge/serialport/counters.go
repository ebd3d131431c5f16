package serialport

import (
	"errors"
	"sync/atomic"
)

// Counters are what happened on one line, or on several, since the start. They only grow.
type Counters struct {
	Opens         atomic.Uint64 // lines opened, the first time or again
	OpenFailures  atomic.Uint64 // attempts that found nothing, or somebody else
	Busy          atomic.Uint64 // of these, the port was taken
	Reopens       atomic.Uint64 // lines a Keeper opened after the first
	Unplugged     atomic.Uint64 // open lines that went away
	ReadTimeouts  atomic.Uint64
	WriteTimeouts atomic.Uint64
	Idle          atomic.Uint64 // ticks of a serial port on which nothing came
	BytesIn       atomic.Uint64
	BytesOut      atomic.Uint64 // given to the line whole
}

func (c *Counters) opened(err error) {
	if err == nil {
		c.Opens.Add(1)
		return
	}
	c.OpenFailures.Add(1)
	if errors.Is(err, ErrBusy) {
		c.Busy.Add(1)
	}
}

func (c *Counters) read(n int, err error) {
	c.BytesIn.Add(uint64(max(n, 0)))
	if errors.Is(err, ErrTimeout) {
		c.ReadTimeouts.Add(1)
	}
}

func (c *Counters) wrote(n int, err error) {
	switch {
	case err == nil:
		c.BytesOut.Add(uint64(n))
	case errors.Is(err, ErrTimeout):
		c.WriteTimeouts.Add(1)
	}
}
