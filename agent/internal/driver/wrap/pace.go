package wrap

import (
	"net/http"
	"sync"
	"time"
)

// Pace makes requests to next rest for pause after the end of the answer before, whatever it was:
// door panels lock up when calls follow each other too closely. A pause of zero or less gives next
// back. The rest ends early with the request's context, and nothing was sent then. Pace spaces
// exchanges that follow each other; put Serialised around it where they may overlap.
func Pace(next http.RoundTripper, pause time.Duration) http.RoundTripper {
	if pause <= 0 {
		return next
	}
	return &pacer{next: next, pause: pause}
}

type pacer struct {
	next  http.RoundTripper
	pause time.Duration

	mu   sync.Mutex
	free time.Time // when the next request may go; zero before the first
}

func (p *pacer) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := p.rest(req); err != nil {
		return nil, err
	}
	resp, err := p.next.RoundTrip(req)
	return whenDone(resp, err, p.ended)
}

func (p *pacer) rest(req *http.Request) error {
	p.mu.Lock()
	wait := time.Until(p.free)
	p.mu.Unlock()
	if wait <= 0 {
		return req.Context().Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

func (p *pacer) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = time.Now().Add(p.pause)
}
