package serialport

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// sysLine is a port of the system, opened twice: by tarm/serial, which sets it and reads, and by us.
type sysLine struct {
	address Address
	port    *serial.Port
	own     *own
}

func openLine(a Address) (line, error) {
	o, err := openOwn(a.Device)
	if err != nil {
		return nil, err
	}
	port, err := serial.OpenPort(config(a))
	if err == nil {
		err = o.same()
	}
	if err == nil {
		err = o.flush(unix.TCIOFLUSH) // what came before anybody asked
	}
	if err != nil {
		if port != nil {
			_ = port.Close()
		}
		_ = o.close()
		return nil, explain("open", a.Device, err)
	}
	o.exclude() // only now: it would keep tarm/serial out too
	return &sysLine{a, port, o}, nil
}

// config never leaves the read timeout out: without one, a Close during a Read hangs, and so does the Read.
func config(a Address) *serial.Config {
	return &serial.Config{
		Name: a.Device, Baud: a.Baud, ReadTimeout: Tick,
		Size: byte(a.Bits), Parity: serial.Parity(a.Parity), StopBits: serial.StopBits(a.Stop),
	}
}

// Read is tarm/serial's: an elapsed Tick is (0, io.EOF).
func (l *sysLine) Read(p []byte) (int, error) {
	n, err := l.port.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, explain("read", l.address.Device, err)
}

// Write uses our descriptor, which does not block: a Write of tarm/serial that the far end does not
// drain can be ended by nothing.
func (l *sysLine) Write(ctx context.Context, p []byte) error {
	release := until(ctx, l.own.file.SetWriteDeadline)
	_, err := l.own.file.Write(p)
	release()
	if err == nil {
		err = drain(ctx, l.address, l.own.queued)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	return explain("write", l.address.Device, err)
}

// Flush drops input only. tarm/serial's Flush drops output too: at 300 baud an acknowledgement just
// written would never arrive.
func (l *sysLine) Flush() error {
	return explain("flush", l.address.Device, l.own.flush(unix.TCIFLUSH))
}

func (l *sysLine) Present() error { return explain("read", l.address.Device, l.own.same()) }

// Close drops what is still to be sent, because closing a port waits for it, half a minute by
// default. Our descriptor goes last: with it goes the lock.
func (l *sysLine) Close() error {
	_ = l.own.flush(unix.TCOFLUSH) // on a port that is gone there is nothing left to drop
	err := l.port.Close()
	return errors.Join(err, l.own.close())
}

// explain gives a system's error its kind and a remedy. nil stays nil.
func explain(op, device string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	e := &Error{Op: op, Line: device, Cause: err}
	var path *fs.PathError
	if errors.As(err, &path) {
		e.Cause = path.Err
	}
	var errno syscall.Errno
	switch errors.As(err, &errno); {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, os.ErrClosed):
		e.Kind = ErrClosed
	case errno == unix.EBUSY:
		e.Kind, e.Remedy = ErrBusy, stopOther
	case errno == unix.EIO || errno == unix.ENXIO || errno == unix.ENODEV || errno == unix.EBADF || errno == unix.ENOENT:
		e.Kind, e.Remedy = ErrUnplugged, plugIn
	case errors.Is(err, fs.ErrPermission):
		e.Remedy = "Add the user to the group that owns the port, mostly dialout, and log in again."
	case errno == unix.ENOTTY || errno == unix.EINVAL:
		e.Remedy = "Name a serial port; this is none, or it cannot be set so."
	}
	return e
}

const stopOther = "Stop the program that has it open (fuser shows which), or take another port."
