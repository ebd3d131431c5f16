package rentmanager

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access/fault"
)

// Bounds of waiting because the vendor says so. Whatever needs longer is left to the next sync.
const (
	maxOneWait  = 2 * time.Minute
	maxAllWaits = 10 * time.Minute
	maxJitter   = 2 * time.Second
)

// wait waits d and a little more, so that clients that were stopped together do not come back
// together. Its error is of kind unreachable (too long to wait) or timeout (ctx ended).
func (p *pull) wait(ctx context.Context, op string, d time.Duration) error {
	if d > maxOneWait || p.waited+d > maxAllWaits {
		return fault.New(fault.Unreachable, op, p.subject(), "the server asks to wait %s, after %s of waiting; that is too long for one sync", d.Round(time.Second), p.waited.Round(time.Second)).
			WithRemedy("%s", remedyLimits)
	}
	d += time.Duration(p.deps.Jitter() * float64(min(maxJitter, d/4)))
	p.waited += d
	p.deps.Log.Debug("waiting for Rent Manager", "host", p.base.Host, "seconds", d.Seconds())
	if err := p.deps.Sleep(ctx, d); err != nil {
		return fault.New(fault.Timeout, op, p.subject(), "given up while waiting: %w", err)
	}
	return nil
}

// pace waits until the window that is used up has ended.
func (p *pull) pace(ctx context.Context, op string) error {
	if d := p.notBefore.Sub(p.deps.Now()); d > 0 {
		p.deps.Log.Warn("the requests that Rent Manager allows for now are used up; going on in "+seconds(d), "host", p.base.Host)
		return p.wait(ctx, op, d)
	}
	return nil
}

// noteLimits remembers when a used-up window ends. Two families of headers were seen (§1.3, [T]).
func (p *pull) noteLimits(h http.Header) {
	p.notBefore = time.Time{}
	left, known := remaining(h)
	if d := reset(h, p.deps.Now()); known && left <= 0 && d > 0 {
		p.notBefore = p.deps.Now().Add(d)
	}
}

func remaining(h http.Header) (int, bool) {
	for _, name := range []string{"X-RateLimit-Remaining", "X-RateRemaining"} {
		if n, err := strconv.Atoi(strings.TrimSpace(h.Get(name))); err == nil {
			return n, true
		}
	}
	return 0, false
}

// reset is how long the window still runs; 0 when that is not said.
func reset(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"X-RateLimit-Reset", "X-RateTimeLeft"} {
		if d := span(h.Get(name), now); d > 0 {
			return d
		}
	}
	return 0
}

// throttled is how long a refused request should wait: Retry-After, else the window's end, else our
// own back-off.
func throttled(h http.Header, now time.Time, backoff time.Duration) time.Duration {
	if d := span(h.Get("Retry-After"), now); d > 0 {
		return d
	}
	if d := reset(h, now); d > 0 {
		return d
	}
	return backoff
}

// span reads seconds, hours:minutes:seconds, an instant in Unix seconds or an HTTP date: the
// units of the reset headers are not documented. 0 for anything else, or for the past.
func span(s string, now time.Time) time.Duration {
	const unix = 1_000_000_000 // nobody waits thirty years
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		switch {
		case n >= unix && n < 10*unix:
			return max(0, time.Unix(int64(n), 0).Sub(now))
		case n > 0 && n < unix:
			return time.Duration(n * float64(time.Second))
		}
		return 0
	}
	if t, err := time.Parse("15:04:05", s); err == nil {
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
