// Package pty plays the far end of a serial port on one machine without hardware: a Linux
// pseudo-terminal, whose near end package serialport opens like any port. Tests use it, and a
// simulated encoder may stand behind it. A pseudo-terminal has no speed, no modem lines and no
// sending queue; what hangs on these is tested with a made-up line inside serialport.
//
// It imports nothing of the house. Programs that drive real encoders must not import it.
package pty

import (
	"fmt"
	"os"
	"time"
)

// End is the far end: what is written to it comes in at the port, and the other way round.
type End struct {
	name string
	link string
	far  *os.File
	near *os.File // held, so that the far end outlives programs that open and close the port
}

// Open makes a port and, unless link is "", a symbolic link to it, as udev does for an adapter that
// was plugged in. A link that is there is replaced in one step; anything else that is there is an
// error. Linux only.
func Open(link string) (*End, error) {
	e, err := open()
	if err != nil {
		return nil, fmt.Errorf("make a pseudo-terminal: %w", err)
	}
	if link == "" {
		return e, nil
	}
	if err := e.point(link); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.link = link
	return e, nil
}

func (e *End) point(link string) error {
	if info, err := os.Lstat(link); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("link %s to a port: it exists and is no link; take it away or name another", link)
	}
	fresh := fmt.Sprintf("%s.%d~", link, os.Getpid())
	_ = os.Remove(fresh) // left behind by a process of the same number
	if err := os.Symlink(e.name, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, link)
}

// Name is the port's own name, such as /dev/pts/3.
func (e *End) Name() string { return e.name }

// Read gives what came from the port, at least one byte.
func (e *End) Read(p []byte) (int, error) { return e.far.Read(p) }

// Write sends to the port. It waits while nobody reads there, after some 4 KiB.
func (e *End) Write(p []byte) (int, error) { return e.far.Write(p) }

// SetReadDeadline ends reads that last longer, with os.ErrDeadlineExceeded.
func (e *End) SetReadDeadline(t time.Time) error { return e.far.SetReadDeadline(t) }

// Close pulls the plug: whoever has the port open finds it hung up, and the link is gone unless it
// points to another port by now.
func (e *End) Close() error {
	if to, err := os.Readlink(e.link); err == nil && to == e.name {
		_ = os.Remove(e.link)
	}
	_ = e.near.Close()
	return e.far.Close()
}
