package wrap

import (
	"io"
	"net/http"
	"sync"
)

// Serialised lets one exchange at a time through to next. An exchange lasts until its answer's
// body is closed, so a caller who does not close it blocks all others. Waiting ends with the
// request's context, and nothing was sent then. Callers are served in no particular order.
func Serialised(next http.RoundTripper) http.RoundTripper {
	return &serialised{next: next, turn: make(chan struct{}, 1)}
}

type serialised struct {
	next http.RoundTripper
	turn chan struct{}
}

func (s *serialised) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case s.turn <- struct{}{}:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	resp, err := s.next.RoundTrip(req)
	return whenDone(resp, err, func() { <-s.turn })
}

// whenDone runs done once the exchange is over: at once after an error, else when the body is closed.
func whenDone(resp *http.Response, err error, done func()) (*http.Response, error) {
	if err != nil {
		done()
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, done: sync.OnceFunc(done)}
	return resp, nil
}

type body struct {
	io.ReadCloser
	done func()
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}
