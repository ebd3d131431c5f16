package osservice

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func usec(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

func TestWatchdogIsReadAsSystemdSetsIt(t *testing.T) {
	me := strconv.Itoa(os.Getpid())
	tests := map[string]struct {
		env  map[string]string
		want time.Duration
	}{
		"as in the unit":         {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": me}, time.Minute},
		"without pid":            {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000"}, time.Minute},
		"for another process":    {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0},
		"none":                   {map[string]string{"NOTIFY_SOCKET": "/s"}, 0},
		"no number":              {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, 0},
		"negative":               {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "-1"}, 0},
		"more than time can say": {map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "9223372036854775807"}, 0},
		"without a manager":      {map[string]string{"WATCHDOG_USEC": "60000000"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := notifierOf(env(tt.env)).watchdog; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSendIsOneDatagram(t *testing.T) {
	f := listen(t)
	n := notifierOf(f.env(0))
	if err := n.send("READY=1", status("two\nlines  of\ttext")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"READY=1\nSTATUS=two lines of text"}, f.heard()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSendToAnAbstractSocket(t *testing.T) {
	name := fmt.Sprintf("@gatehouse-test-%d", os.Getpid())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	f := &fakeSocket{t, name, conn}
	if err := notifierOf(f.env(0)).send("READY=1"); err != nil {
		t.Fatal(err)
	}
	if got := f.heard(); len(got) != 1 {
		t.Errorf("heard %q", got)
	}
}

func TestSendWithoutAManagerSaysNothing(t *testing.T) {
	if err := (notifier{}).send("READY=1"); err != nil {
		t.Error(err)
	}
	if err := (notifier{socket: t.TempDir() + "/nobody"}).send("READY=1"); err == nil {
		t.Error("a socket that is not there gave no error")
	}
}

// TestAManagerThatDoesNotReadHoldsNobodyUp: the queue is full after a few messages.
func TestAManagerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	f := listen(t)
	n, began := notifierOf(f.env(0)), time.Now()
	for {
		if err := n.send("WATCHDOG=1"); err != nil {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("nobody reads, and all is taken")
		}
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
}
