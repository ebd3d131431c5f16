package serialport

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"gatehouse/firmware-bridge/serialport/pty"
)

// These tests open real ports of the system: pseudo-terminals. Time is real here; nothing waits
// longer than a few ticks when all is well.
const patience = 10 * time.Second

func plug(t *testing.T, link string) *pty.End {
	t.Helper()
	end, err := pty.Open(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = end.Close() })
	return end
}

func opened(t *testing.T, a Address, o Options) Link {
	t.Helper()
	l, err := Open(t.Context(), a, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func says(t *testing.T, end *pty.End, text string) {
	t.Helper()
	if _, err := end.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestLineSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		address string
		speed   uint32
		stop    int
	}{
		{"", unix.B9600, 1},
		{"?baud=300&stop=2", unix.B300, 2},
		{"?baud=115200&parity=O&bits=5", unix.B115200, 1}, // a pseudo-terminal takes parity and bits, and forgets them
	} {
		end := plug(t, "")
		a, err := ParseAddress("serial://" + end.Name() + tt.address)
		l := opened(t, must(t, a, err), Options{})
		if speed, stop, err := end.Line(); speed != tt.speed || stop != tt.stop || err != nil {
			t.Errorf("%s: speed code %o, %d stop bits, %v", tt.address, speed, stop, err)
		}
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		if err := l.Write(within(t, patience), all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 0, 256)
		for len(got) < 256 {
			b := make([]byte, 256)
			n, err := end.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b[:n]...)
		}
		says(t, end, string(all))
		if back := reads(t, l, 256, patience); string(got) != string(all) || back != string(all) {
			t.Errorf("%s: bytes were changed on the way", tt.address)
		}
	}
}

// What a pseudo-terminal cannot show is at least asked for.
func TestConfig(t *testing.T) {
	t.Parallel()
	got := config(Address{Device: "/dev/ttyUSB0", Baud: 300, Parity: 'E', Bits: 7, Stop: 2})
	want := &serial.Config{Name: "/dev/ttyUSB0", Baud: 300, ReadTimeout: Tick, Size: 7, Parity: serial.ParityEven, StopBits: serial.Stop2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, baud := range speeds { // our list is the library's
		a := At(plug(t, "").Name())
		a.Baud = baud
		if l, err := Open(t.Context(), a, Options{}); err != nil || l.Close() != nil {
			t.Errorf("%d baud: %v", baud, err)
		}
	}
}

// A frame arrives in pieces, with ticks of nothing between them.
func TestFrameWithGaps(t *testing.T) {
	t.Parallel()
	end, c := plug(t, ""), &Counters{}
	l := opened(t, At(end.Name()), Options{Counters: c})
	go func() {
		for _, piece := range []string{"\x02LT", "\xb31\xb3", "E4\x03\x17"} {
			idle := c.Idle.Load()
			for c.Idle.Load() < idle+2 && c.Unplugged.Load() == 0 {
				<-time.After(time.Millisecond)
			}
			_, _ = end.Write([]byte(piece))
		}
	}()
	if got := reads(t, l, 10, patience); got != "\x02LT\xb31\xb3E4\x03\x17" || c.Idle.Load() < 6 {
		t.Errorf("got %q over %d empty ticks", got, c.Idle.Load())
	}
	_, err := l.Read(within(t, Tick), make([]byte, 8))
	wantKind(t, err, ErrTimeout)
}

// That a byte still in the sending queue stays cannot be shown here: a pseudo-terminal has no such queue.
func TestFlushDropsWhatCameIn(t *testing.T) {
	t.Parallel()
	end := plug(t, "")
	says(t, end, "from before anybody asked")
	l := opened(t, At(end.Name()), Options{})
	if _, err := l.Read(within(t, 2*Tick), make([]byte, 8)); !errors.Is(err, ErrTimeout) {
		t.Errorf("what came before the line was opened is read: %v", err)
	}
	if err := l.Write(within(t, patience), []byte("\x06")); err != nil {
		t.Fatal(err)
	}
	says(t, end, "garbage")
	says(t, end, "garbage")
	if got := reads(t, l, 1, patience); got != "g" { // so all of it is there or on its way
		t.Fatal(got)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(within(t, 2*Tick), make([]byte, 64)); !errors.Is(err, ErrTimeout) {
		t.Errorf("something was left: %v", err)
	}
	b := make([]byte, 8)
	if n, err := end.Read(b); err != nil || string(b[:n]) != "\x06" {
		t.Errorf("what went out did not arrive: %q %v", b[:n], err)
	}
}

// Root passes the kernel's exclusive mode, so the lock must do; whoever runs these tests.
func TestSecondOpenerIsRefused(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "usb-encoder")
	end, c := plug(t, link), &Counters{}
	l := opened(t, At(link), Options{})
	for _, name := range []string{link, end.Name()} {
		_, err := Open(t.Context(), At(name), Options{Counters: c})
		if wantKind(t, err, ErrBusy); !strings.Contains(err.Error(), name) {
			t.Error(err)
		}
		wantKind(t, Probe(name), ErrBusy)
	}
	says(t, end, "\x06")
	if got := reads(t, l, 1, patience); got != "\x06" {
		t.Errorf("the first opener was disturbed: %q", got)
	}
	if speed, _, err := end.Line(); speed != unix.B9600 || err != nil || c.Busy.Load() != 2 || c.OpenFailures.Load() != 2 {
		t.Errorf("speed %o %v, %d busy", speed, err, c.Busy.Load())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Probe(link); err != nil {
		t.Errorf("free again: %v", err)
	}
	if l, err := Open(t.Context(), At(link), Options{}); err != nil || l.Close() != nil {
		t.Errorf("free again: %v", err)
	}
}

// The lock alone does it, both ways, without the kernel's exclusive mode.
func TestLockIsSharedWithOtherPrograms(t *testing.T) {
	t.Parallel()
	end := plug(t, "")
	other, err := openOther(end.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(other) }()
	if err := unix.Flock(other, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), At(end.Name()), Options{})
	wantKind(t, err, ErrBusy)
	if err := unix.Flock(other, unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	l := opened(t, At(end.Name()), Options{})
	if err := unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("another program got the lock: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("the lock outlives Close: %v", err)
	}
}

func openOther(name string) (int, error) {
	return unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// Programs that do not lock may still have asked the kernel for exclusive use.
func TestPortInExclusiveModeIsTaken(t *testing.T) {
	t.Parallel()
	end := plug(t, "")
	fd, err := openOther(end.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), At(end.Name()), Options{})
	wantKind(t, err, ErrBusy)
}

func TestOpenSetsExclusiveModeAndTakesItBack(t *testing.T) {
	t.Parallel()
	end := plug(t, "")
	exclusive := func() (set int) {
		fd, err := openOther(end.Name())
		if errors.Is(err, syscall.EBUSY) {
			return 1 // not root
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		if set, err = unix.IoctlGetInt(fd, unix.TIOCGEXCL); err != nil {
			t.Fatal(err)
		}
		return set
	}
	l := opened(t, At(end.Name()), Options{})
	if exclusive() == 0 {
		t.Error("not set")
	}
	if err := l.Close(); err != nil || exclusive() != 0 {
		t.Errorf("still set: %v", err)
	}
}

func TestPulledPlug(t *testing.T) {
	t.Parallel()
	for _, doing := range []string{"read", "write", "flush"} {
		t.Run(doing, func(t *testing.T) {
			end, c := plug(t, ""), &Counters{}
			l := opened(t, At(end.Name()), Options{Counters: c})
			went := make(chan error)
			if doing == "read" {
				go func() {
					_, err := l.Read(within(t, patience), make([]byte, 8))
					went <- err
				}()
			}
			if err := end.Close(); err != nil {
				t.Fatal(err)
			}
			switch doing {
			case "read":
				wantKind(t, <-went, ErrUnplugged)
			case "write":
				wantKind(t, l.Write(within(t, patience), []byte("\x05")), ErrUnplugged)
			case "flush":
				wantKind(t, l.Flush(), ErrUnplugged)
			}
			if c.Unplugged.Load() != 1 {
				t.Errorf("%d counted", c.Unplugged.Load())
			}
			_, err := Open(t.Context(), At(end.Name()), Options{})
			wantKind(t, err, ErrUnplugged)
		})
	}
}

// The name by id stays, what it means changes: pulled and plugged in again, the adapter is ttyUSB1
// while ttyUSB0 is still open.
func TestReplugging(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "usb-encoder")
	c := &Counters{}
	k := NewKeeper(At(link), Options{Counters: c})
	t.Cleanup(func() { _ = k.Close() })
	old := plug(t, link)
	l, err := k.Link(within(t, patience))
	must(t, l, err)
	says(t, old, "a")
	reads(t, l, 1, patience)

	fresh := plug(t, link) // the old one does not hang up
	_, err = l.Read(within(t, patience), make([]byte, 8))
	wantKind(t, err, ErrUnplugged)
	if err := k.Drop(l); err != nil {
		t.Fatal(err)
	}
	l, err = k.Link(within(t, patience))
	must(t, l, err)
	says(t, fresh, "b")
	if got := reads(t, l, 1, patience); got != "b" || c.Reopens.Load() != 1 {
		t.Errorf("read %q, %d reopened", got, c.Reopens.Load())
	}

	if err := fresh.Close(); err != nil { // now it hangs up and its name goes
		t.Fatal(err)
	}
	_, err = l.Read(within(t, patience), make([]byte, 8))
	wantKind(t, err, ErrUnplugged)
	_ = k.Drop(l)
	_, err = k.Link(within(t, patience))
	wantKind(t, err, ErrUnplugged)
	last := plug(t, link)
	l, err = k.Link(within(t, patience))
	must(t, l, err)
	says(t, last, "c")
	if got := reads(t, l, 1, patience); got != "c" {
		t.Errorf("read %q", got)
	}
}

// Nobody takes what is written: the write ends, and so does Close.
func TestFarEndThatDoesNotTakeAnything(t *testing.T) {
	t.Parallel()
	end, c := plug(t, ""), &Counters{}
	l := opened(t, At(end.Name()), Options{WriteTimeout: 2 * Tick, Counters: c})
	var err error
	for range 1 << 10 { // the system takes some KiB
		if err = l.Write(t.Context(), make([]byte, 64)); err != nil {
			break
		}
	}
	wantKind(t, err, ErrTimeout)
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close does not return")
	}
	if again, err := Open(t.Context(), At(end.Name()), Options{}); err != nil || again.Close() != nil {
		t.Errorf("the port was not let go: %v", err)
	}
}

func TestCloseDuringReadOfAPort(t *testing.T) {
	t.Parallel()
	end := plug(t, "")
	l := opened(t, At(end.Name()), Options{})
	went := make(chan error)
	go func() {
		_, err := l.Read(t.Context(), make([]byte, 8))
		went <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-went, ErrClosed)
}

func TestOpenOfWhatIsNoPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]error{filepath.Join(dir, "ttyUSB0"): ErrUnplugged, file: nil, "/dev/null": nil} {
		_, err := Open(t.Context(), At(name), Options{})
		wantKind(t, err, kind)
		var e *Error
		if errors.As(err, &e); e.Remedy == "" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, do: %q", name, err, e.Remedy)
		}
	}
	_, err := Open(within(t, -1), At("/dev/null"), Options{})
	wantKind(t, err, ErrTimeout)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for errno, kind := range map[syscall.Errno]error{
		unix.EIO: ErrUnplugged, unix.ENXIO: ErrUnplugged, unix.ENODEV: ErrUnplugged, unix.EBADF: ErrUnplugged, unix.ENOENT: ErrUnplugged,
		unix.EBUSY: ErrBusy, unix.EACCES: nil, unix.ENOTTY: nil, unix.EPROTO: nil,
	} {
		err := explain("read", "/dev/ttyUSB0", &os.PathError{Op: "read", Path: "x", Err: errno})
		if wantKind(t, err, kind); !errors.Is(err, errno) {
			t.Errorf("%v lost what the system said", err)
		}
	}
	wantKind(t, explain("read", "/dev/ttyUSB0", os.ErrClosed), ErrClosed)
	if err := explain("read", "/dev/ttyUSB0", nil); err != nil {
		t.Error(err)
	}
}

// Opening again and again, whatever went wrong, leaves nothing open. Not parallel: it counts.
func TestReopenStormLeavesNothingOpen(t *testing.T) {
	link := filepath.Join(t.TempDir(), "usb-encoder")
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	storm := func(rounds int) {
		for i := range rounds {
			end := plug(t, link)
			l := opened(t, At(link), Options{})
			if _, err := Open(t.Context(), At(link), Options{}); !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			if i%2 == 0 {
				_ = end.Close()
				_, err := l.Read(within(t, patience), make([]byte, 1))
				wantKind(t, err, ErrUnplugged)
			}
			if err := l.Close(); err != nil && i%2 != 0 {
				t.Fatal(err)
			}
			_ = end.Close()
		}
	}
	storm(2)
	before := count()
	storm(100)
	if now := count(); now > before {
		t.Errorf("%d descriptors were open, now %d", before, now)
	}
}
