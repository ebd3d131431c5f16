package comelit_test

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// brief is the patience with servers of which no answer is expected.
const brief = 300 * time.Millisecond

// hostile is a server on loopback that says what a test wants to whoever connects, and keeps what it was sent.
func hostile(t *testing.T, say func(net.Conn)) *comelit.Bridged {
	t.Helper()
	at := drivertest.ServeTCP(t, say)
	cfg := driver.Config{ID: "gate-1", Host: "192.0.2.10", Token: access.NewSecret(slotToken), Timeout: brief}
	p, err := comelit.New(cfg, driver.Deps{Log: slog.New(slog.DiscardHandler), Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", at)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p.(*comelit.Bridged)
}

func bytesOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// endlessly says the same until the other side has had enough.
func endlessly(c net.Conn, b []byte) {
	for {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// Whatever is at the port: it costs bounded time, opens nothing, is no unknown outcome, and is told without the token.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	ack := bytesOf(t, "00 06 0c 00 00 00 00 00 cd ab 02 00 04 00 00 00 74 74 00 00") // of the first channel, as captured but for its handle
	for name, say := range map[string]func(net.Conn){
		"hangs up":       func(net.Conn) {},
		"a web server":   func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, //nolint:errcheck // a test's server
		"endless frames": func(c net.Conn) { endlessly(c, append(bytesOf(t, "00 06 02 00 42 42 00 00"), "{}"...)) },
		"endless openings": func(c net.Conn) {
			endlessly(c, bytesOf(t, "00 06 0f 00 00 00 00 00 cd ab 01 00 07 00 00 00 52 54 50 43 01 50 01"))
		},
		"endless acks":       func(c net.Conn) { endlessly(c, ack) },
		"a long frame":       func(c net.Conn) { c.Write(bytesOf(t, "00 06 ff ff 74 74 00 00 7b")); io.Copy(io.Discard, c) }, //nolint:errcheck // a test's server
		"a deep answer":      func(c net.Conn) { c.Write(append(ack, deepFrame()...)); io.Copy(io.Discard, c) },              //nolint:errcheck // a test's server
		"says nothing":       func(c net.Conn) { io.Copy(io.Discard, c) },                                                    //nolint:errcheck // a test's server
		"never reads":        func(c net.Conn) { <-time.After(3 * brief) },
		"an ack and no more": func(c net.Conn) { c.Write(ack); io.Copy(io.Discard, c) }, //nolint:errcheck // a test's server
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hostile(t, say)
			begun := time.Now()
			err := p.Release(t.Context(), "A")
			if k := fault.KindOf(err); err == nil || k != fault.Unreachable || fault.RemedyOf(err) == "" || strings.Contains(err.Error(), slotToken) {
				t.Errorf("%v is %v", err, k)
			}
			if took := time.Since(begun); took > patience {
				t.Errorf("after %s", took)
			}
			_, err = p.Redeem(t.Context(), access.NewSecret("A1B2C3"), "Gatehouse")
			if k := fault.KindOf(err); k != fault.Unreachable && k != fault.Timeout {
				t.Errorf("redeem: %v is %v", err, k)
			}
		})
	}
}

// deepFrame is JSON that nests as deep as a frame allows, on the first channel.
func deepFrame() []byte {
	return append([]byte{0, 6, 0x60, 0xea, 0x74, 0x74, 0, 0}, strings.Repeat("[", 60000)...)
}
