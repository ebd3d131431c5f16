package simkit

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Cut says whether and how a connection is broken instead of a whole reply.
type Cut int

// A reply is whole, or the connection is reset without a byte of it or in the middle of its body.
const (
	Whole Cut = iota
	CutAll
	CutHalf
)

// Send writes a reply whose headers are set already. The length of body is told also when only half of it comes;
// with status 204 it is not.
func (c Cut) Send(w http.ResponseWriter, status int, body []byte) {
	if c == CutAll {
		Reset(w)
		return
	}
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if c == CutHalf {
		_, _ = w.Write(body[:len(body)/2]) // the connection dies next
		_ = http.NewResponseController(w).Flush()
		Reset(w)
		return
	}
	_, _ = w.Write(body) // a caller that left is its own business
}

// Reset breaks the connection hard, or aborts the handler where there is no connection to take over.
func Reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: a plain close will do
	}
	_ = conn.Close() // broken on purpose
}

// Wait is a reply that comes late. It ends early when the caller leaves.
func Wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
