package rentmanager_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access/fault"
)

// inMemory lets s answer without a network, so that virtual time can pass.
func inMemory(s *server) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result(), r.Context().Err()
	})
}

// timed pulls in virtual time with the connector's own timers, and says how long it took.
func timed(t *testing.T, s *server, jitter float64, ctx context.Context) (result, time.Duration) {
	t.Helper()
	d := rentmanager.Deps{Now: time.Now, Jitter: func() float64 { return jitter }, Transport: inMemory(s)}
	c, err := rentmanager.New(config("acme"), d)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r := pullOf(t, ctx, c, pms.Request{})
	return r, time.Since(began)
}

// busy makes the first refusals of the tenants' list be answered with headers and 429.
func busy(s *server, refusals int, code int, headers map[string]string) {
	tenantsHook(s, func(n int, _ bool, w http.ResponseWriter) bool {
		if n > refusals {
			return false
		}
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(code)
		return true
	})
}

// TestTowardsS1_429IsWaitedFor in each of the ways the vendor was seen to say how long (§1.3). Virtual
// time begins at 2000-01-01T00:00:00Z, Unix second 946684800.
func TestTowardsS1_429IsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers  map[string]string
		refusals int
		waits    time.Duration
	}{
		"Retry-After in seconds":           {map[string]string{"Retry-After": "7"}, 1, 7 * time.Second},
		"Retry-After as a date":            {map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:01:00 GMT"}, 1, time.Minute},
		"Retry-After over the window":      {map[string]string{"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "50"}, 1, 7 * time.Second},
		"first family, seconds":            {map[string]string{"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "33"}, 1, 33 * time.Second},
		"second family, seconds":           {map[string]string{"X-RateLimit": "500", "X-RateRemaining": "0", "X-RateTimeLeft": "21"}, 1, 21 * time.Second},
		"second family, a span":            {map[string]string{"X-RateRemaining": "0", "X-RateTimeLeft": "00:01:05"}, 1, 65 * time.Second},
		"nothing said: doubling":           {nil, 3, (1 + 2 + 4) * time.Second},
		"nonsense said: doubling":          {map[string]string{"Retry-After": "soon", "X-RateTimeLeft": "-4"}, 2, 3 * time.Second},
		"a storm that ends":                {map[string]string{"Retry-After": "60"}, 5, 5 * time.Minute},
		"a date that has passed: doubling": {map[string]string{"Retry-After": "Fri, 31 Dec 1999 00:00:00 GMT"}, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				busy(s, c.refusals, http.StatusTooManyRequests, c.headers)
				r, took := timed(t, s, 0, t.Context())
				if r.err != nil || !r.complete || took != c.waits || r.Calls != 4+c.refusals {
					t.Errorf("took %s, want %s; complete %v, %d calls; %v", took, c.waits, r.complete, r.Calls, r.err)
				}
			})
		})
	}
}

// TestG3_A429StormEnds in an error within bounds, and the next sync heals it.
func TestG3_A429StormEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retryAfter string
		says       string
		atMost     time.Duration
	}{
		"for ever":      {"5", "too many requests (HTTP 429), also after waiting", 30 * time.Second},
		"too long":      {"3600", "the server asks to wait 1h0m0s", 0},
		"an endless":    {"99999999999999999999", "too many requests", time.Minute},
		"without words": {"", "too many requests", 31 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				busy(s, 1000, http.StatusTooManyRequests, map[string]string{"Retry-After": c.retryAfter})
				r, took := timed(t, s, 0, t.Context())
				if fault.KindOf(r.err) != fault.Unreachable || !strings.Contains(r.err.Error(), c.says) || took > c.atMost || r.complete || r.Calls > 9 {
					t.Errorf("%v after %s and %d calls", r.err, took, r.Calls)
				}
				s.hook = nil
				if healed, _ := timed(t, s, 0, t.Context()); !healed.complete {
					t.Error(healed.err)
				}
			})
		})
	}
}

func TestTowardsS1_WaitsAddUpToABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.hook = func(_ int, w http.ResponseWriter, r *http.Request) bool { // every list is refused five times
			n := 0
			for _, past := range s.requests {
				if past.URL.Path == r.URL.Path {
					n++
				}
			}
			if n > 5 || r.Method == http.MethodPost {
				return false
			}
			w.Header().Set("Retry-After", "100")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		r, took := timed(t, s, 0, t.Context())
		if fault.KindOf(r.err) != fault.Unreachable || took != 10*time.Minute || !strings.Contains(r.err.Error(), "after 10m0s of waiting") {
			t.Errorf("%v after %s", r.err, took)
		}
	})
}

// TestTowardsS1_AUsedUpWindowIsWaitedOut before the vendor has to refuse anything.
func TestTowardsS1_AUsedUpWindowIsWaitedOut(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]map[string]string{
		"first family":              {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"},
		"first family, an instant":  {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000030"},
		"second family":             {"X-RateRemaining": " 0 ", "X-RateTimeLeft": "30"},
		"second family, with a dot": {"X-RateRemaining": "0", "X-RateTimeLeft": "30.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				<-time.After(time.Until(time.Unix(1_800_000_000, 0)))
				s := newServer()
				s.hook = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/Units" {
						for k, v := range headers {
							w.Header().Set(k, v)
						}
					}
					return false
				}
				r, took := timed(t, s, 0, t.Context())
				if r.err != nil || took != 30*time.Second || r.Calls != 4 {
					t.Errorf("took %s, %d calls, %v", took, r.Calls, r.err)
				}
			})
		})
	}
}

func TestTowardsS1_JitterComesOnTop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		busy(s, 1, http.StatusTooManyRequests, map[string]string{"Retry-After": "60"})
		if r, took := timed(t, s, 0.5, t.Context()); r.err != nil || took != 61*time.Second {
			t.Errorf("took %s, %v: never earlier than asked, at most 2 s later", took, r.err)
		}
	})
}

func TestG3_AServerThatFailsIsAskedThreeTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures int
		headers  map[string]string
		takes    time.Duration
		ok       bool
	}{
		"twice":                      {2, nil, 3 * time.Second, true},
		"for ever":                   {1000, nil, 3 * time.Second, false},
		"once, and says when to ask": {1, map[string]string{"Retry-After": "45"}, 45 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				busy(s, c.failures, http.StatusServiceUnavailable, c.headers)
				r, took := timed(t, s, 0, t.Context())
				if r.complete != c.ok || took != c.takes {
					t.Errorf("complete %v after %s, %v", r.complete, took, r.err)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		busy(s, 1, http.StatusTooManyRequests, map[string]string{"Retry-After": "60"})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if r, took := timed(t, s, 0, ctx); fault.KindOf(r.err) != fault.Timeout || took != 10*time.Second || !strings.Contains(r.err.Error(), "given up while waiting") {
			t.Errorf("%v after %s", r.err, took)
		}
	})
}

// TestASilentServerTimesOut: one that takes the request and never answers.
func TestASilentServerTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := rentmanager.Deps{Now: time.Now, Transport: transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		began := time.Now()
		r := pullWith(t, config("acme"), d, pms.Request{})
		if took := time.Since(began); fault.KindOf(r.err) != fault.Timeout || took != 90*time.Second || r.Calls != 1 {
			t.Errorf("%v after %s and %d calls", r.err, took, r.Calls)
		}
	})
}

func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		busy(s, 1, http.StatusInternalServerError, map[string]string{"Retry-After": "19"})
		var told strings.Builder
		c, err := rentmanager.New(config("acme"), rentmanager.Deps{Now: time.Now, Jitter: func() float64 { return 0 }, Transport: inMemory(s),
			Log: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			t.Fatal(err)
		}
		if r := pullOf(t, t.Context(), c, pms.Request{}); r.err != nil || !strings.Contains(told.String(), "HTTP 500, trying again in 19 s (2 of 3)") {
			t.Errorf("%v; told %q", r.err, told.String())
		}
	})
}
