package wrap

import (
	"context"
	"net/http"
	"time"
)

// Deadline gives each exchange through next at most d, from sending to the end of its body; time
// spent waiting in wrappers around it does not count. When it runs out the error, of RoundTrip or
// of reading the body, is context.DeadlineExceeded. A d of zero or less gives next back.
func Deadline(next http.RoundTripper, d time.Duration) http.RoundTripper {
	if d <= 0 {
		return next
	}
	return deadline{next, d}
}

type deadline struct {
	next http.RoundTripper
	d    time.Duration
}

func (t deadline) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.d)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	return whenDone(resp, err, cancel)
}
