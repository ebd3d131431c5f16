package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func open() (*End, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	far := os.NewFile(uintptr(fd), "/dev/ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return nil, errors.Join(err, far.Close())
	}
	e := &End{name: fmt.Sprintf("/dev/pts/%d", number), far: far}
	if e.near, err = openNear(e.name); err != nil {
		return nil, errors.Join(err, far.Close())
	}
	return e, nil
}

// openNear opens the port once and takes out what a terminal does for people: before anybody has
// set the port, it would send back what it gets.
func openNear(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	near := os.NewFile(uintptr(fd), name)
	raw := unix.Termios{Cflag: unix.CREAD | unix.CLOCAL | unix.CS8 | unix.B9600}
	raw.Cc[unix.VMIN] = 1
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, errors.Join(err, near.Close())
	}
	return near, nil
}

// Line is how the port was set by who opened it last: the speed as the kernel's code for it, such as
// unix.B300, and the stop bits. The kernel gives a pseudo-terminal 8 bits and no parity whatever is
// asked for.
func (e *End) Line() (speed uint32, stop int, err error) {
	raw, err := e.near.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	set, stop := &unix.Termios{}, 1
	if cerr := raw.Control(func(fd uintptr) { set, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }); cerr != nil || err != nil {
		return 0, 0, errors.Join(cerr, err)
	}
	if set.Cflag&unix.CSTOPB != 0 {
		stop = 2
	}
	return set.Cflag & unix.CBAUD, stop, nil
}
