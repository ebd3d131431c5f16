package osservice

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSocket is a fake service manager: it keeps what it was told, message by message.
type fakeSocket struct {
	t    *testing.T
	path string
	conn *net.UnixConn
}

func listen(t *testing.T) *fakeSocket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &fakeSocket{t, path, conn}
}

// heard takes all messages that have arrived. It never waits: in virtual time nothing would wake it.
func (f *fakeSocket) heard() (out []string) {
	f.t.Helper()
	raw, err := f.conn.SyscallConn()
	if err != nil {
		f.t.Fatal(err)
	}
	for {
		b, n := make([]byte, 4096), 0
		err := raw.Read(func(fd uintptr) bool {
			n, _, err = syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT)
			return true
		})
		if err != nil || n <= 0 {
			return out
		}
		out = append(out, string(b[:n]))
	}
}

// during is all that is heard while d passes in virtual time. The socket's queue holds ten messages.
func (f *fakeSocket) during(d time.Duration) (out []string) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		after(min(time.Minute, time.Until(end)))
		synctest.Wait()
		out = append(out, f.heard()...)
	}
	return out
}

// env is the environment that a service manager gives.
func (f *fakeSocket) env(watchdog time.Duration) func(string) string {
	return env(map[string]string{"NOTIFY_SOCKET": f.path, "WATCHDOG_USEC": usec(watchdog)})
}

func env(m map[string]string) func(string) string {
	return func(key string) string { return m[key] }
}

func count(messages []string, part string) (n int) {
	for _, m := range messages {
		if strings.Contains(m, part) {
			n++
		}
	}
	return n
}
