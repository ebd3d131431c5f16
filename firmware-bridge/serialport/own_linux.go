package serialport

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// own is our descriptor of a port: it holds the lock, and it never blocks.
type own struct {
	name   string // as it was asked for, often a link below /dev/serial/by-id
	file   *os.File
	number uint64 // of the device behind it
}

// openOwn opens and locks the port that name means now. Nothing of its settings changes.
func openOwn(name string) (*own, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, explain("open", name, err)
	}
	o := &own{name: name, file: os.NewFile(uintptr(fd), name)}
	if err := o.claim(); err != nil {
		_ = o.file.Close()
		return nil, explain("open", name, err)
	}
	return o, nil
}

// claim makes sure that there is a line behind the port and that nobody else uses it. The lock of
// flock counts for root too; the exclusive mode that other programs may have set does not, so it is
// asked for. Kernels and emulators that cannot say are taken to say no.
func (o *own) claim() error {
	var st unix.Stat_t
	return o.do(func(fd int) error {
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		o.number = st.Rdev
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			return err // no terminal
		}
		if _, err := unix.IoctlGetInt(fd, unix.TIOCMGET); errors.Is(err, unix.EIO) {
			return err // a number the kernel keeps for hardware that is not there
		}
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			return unix.EBUSY
		} else if err != nil {
			return err
		}
		if set, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err == nil && set != 0 {
			return unix.EBUSY
		}
		return nil
	})
}

// exclude keeps programs out that do not ask for the lock, as long as they do not run as root.
func (o *own) exclude() {
	_ = o.do(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
}

// same says whether the name still means the device that was opened. After replugging it may be
// gone, or another one.
func (o *own) same() error {
	var st unix.Stat_t
	err := unix.Stat(o.name, &st)
	switch {
	case err != nil:
		return err
	case st.Rdev != o.number:
		return &Error{Op: "read", Line: o.name, Kind: ErrUnplugged, Cause: errors.New("the name means another device now"), Remedy: plugIn}
	}
	return nil
}

func (o *own) flush(queue int) error {
	return o.do(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, queue) })
}

// queued is how many bytes wait to be sent; a driver that cannot say has none.
func (o *own) queued() (n int, err error) {
	err = o.do(func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err
	})
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return 0, nil
	}
	return n, err
}

func (o *own) close() error {
	_ = o.do(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) }) // a pseudo-terminal would keep it
	return o.file.Close()
}

// do runs f on the descriptor, which is not closed meanwhile.
func (o *own) do(f func(fd int) error) error {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return err
	}
	var did error
	if err := raw.Control(func(fd uintptr) { did = f(int(fd)) }); err != nil {
		return err
	}
	return did
}

// Probe says whether the port called name could be opened now: nil, or the error Open would give.
// It changes no settings and sends nothing, but a line that nobody has open raises DTR and RTS for
// a moment, as it does on every opening.
func Probe(name string) error {
	o, err := openOwn(name)
	if err != nil {
		return err
	}
	return o.file.Close()
}
