package rentmanagersim

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxBody bounds a request body.
const maxBody = 1 << 20

// cut says whether and how the connection is broken instead of a whole reply.
type cut int

const (
	cutNot  cut = iota
	cutAll      // reset without a byte
	cutHalf     // reset in the middle of the body
)

// reply is what goes out.
type reply struct {
	status int
	header http.Header
	body   []byte
	rows   int
	cut    cut
	delay  time.Duration
}

func newReply(status int, body []byte) *reply {
	return &reply{status: status, header: http.Header{}, body: body}
}

// ServeHTTP is the vendor's side.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		body = nil // the call will miss what it needs
	}
	rec, a := s.answer(r, body)
	if a.delay > 0 {
		t := time.NewTimer(a.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	}
	s.left(rec)
	a.send(w)
}

// answer decides under the lock what goes out.
func (s *Server) answer(r *http.Request, body []byte) (*Request, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.readCall(r, body)
	rec := s.rec.arrive(s.now(), r)
	within := s.rate.spend(s.opt.Now(), s.opt.RateLimit)
	a := s.dispatch(c, within)
	if slow := s.bites(FaultSlow, c.resource); slow != nil {
		a.delay = slow.duration
	}
	if a.header.Get("Content-Type") == "" && len(a.body) > 0 {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	s.rateHeaders(a.header)
	rec.Resource, rec.Status, rec.Rows = c.resource, a.status, a.rows
	return rec, a
}

func (s *Server) left(rec *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec.leave(rec)
}

// send writes the reply to the wire.
func (a *reply) send(w http.ResponseWriter) {
	if a.cut == cutAll {
		reset(w)
		return
	}
	for name, v := range a.header {
		w.Header()[name] = v
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if a.cut == cutHalf {
		w.Write(a.body[:len(a.body)/2])       // the connection dies next
		http.NewResponseController(w).Flush() //nolint:errcheck // as above
		reset(w)
		return
	}
	w.Write(a.body) // a caller that left is its own business
}

// reset breaks the connection hard, or aborts the handler where there is no connection to take over.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // best effort: a plain close will do
	}
	conn.Close() // broken on purpose
}
