package wrap_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/wrap"
)

// trip is a RoundTripper made of a function.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer() *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}
}

func request(t *testing.T, ctx context.Context) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://panel.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// must does one whole exchange.
func must(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	resp, err := rt.RoundTrip(request(t, t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

func TestPaceRestsAfterTheEndOfEachAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		rt := wrap.Pace(trip(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			<-time.After(100 * time.Millisecond) // the panel thinks
			return answer(), nil
		}), 250*time.Millisecond)
		for range 3 {
			must(t, rt)
		}
		want := []time.Duration{0, 350 * time.Millisecond, 700 * time.Millisecond}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("request %d went out after %v, want %v", i, at[i], want[i])
			}
		}
	})
}

func TestPaceCountsFromTheCloseOfTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Pace(trip(func(*http.Request) (*http.Response, error) { return answer(), nil }), time.Second)
		resp, err := rt.RoundTrip(request(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Second) // a slow body
		_ = resp.Body.Close()
		start := time.Now()
		must(t, rt)
		if got := time.Since(start); got != time.Second {
			t.Errorf("rested %v after a slow body, want 1s", got)
		}
	})
}

func TestPaceRestsAfterAnErrorToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		rt := wrap.Pace(trip(func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return nil, errors.New("reset")
			}
			return answer(), nil
		}), time.Second)
		if _, err := rt.RoundTrip(request(t, t.Context())); err == nil {
			t.Fatal("the error was lost")
		}
		start := time.Now()
		must(t, rt)
		if got := time.Since(start); got != time.Second {
			t.Errorf("rested %v after an error, want 1s", got)
		}
	})
}

func TestPaceDoesNotWaitWhenThePanelHasRested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Pace(trip(func(*http.Request) (*http.Response, error) { return answer(), nil }), time.Second)
		must(t, rt)
		<-time.After(2 * time.Second)
		start := time.Now()
		must(t, rt)
		if got := time.Since(start); got != 0 {
			t.Errorf("waited %v for nothing", got)
		}
	})
}

func TestPaceEndsWithTheContextAndSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		rt := wrap.Pace(trip(func(*http.Request) (*http.Response, error) { sent++; return answer(), nil }), time.Hour)
		must(t, rt)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := rt.RoundTrip(request(t, ctx))
		if !errors.Is(err, context.DeadlineExceeded) || sent != 1 {
			t.Errorf("got %v after %d requests, want the context's end and 1 request", err, sent)
		}
	})
}

func TestNoPauseIsNoWrapper(t *testing.T) {
	t.Parallel()
	next := trip(func(*http.Request) (*http.Response, error) { return answer(), nil })
	for _, rt := range []http.RoundTripper{wrap.Pace(next, 0), wrap.Pace(next, -1), wrap.Deadline(next, 0)} {
		if _, same := rt.(trip); !same {
			t.Errorf("a pause of nothing wrapped as %T", rt)
		}
	}
}

func TestSerialisedKeepsOneExchangeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, most := 0, 0
		rt := wrap.Serialised(trip(func(*http.Request) (*http.Response, error) {
			busy++
			most = max(most, busy)
			<-time.After(time.Second)
			resp := answer()
			resp.Body = closer{resp.Body, func() { busy-- }}
			return resp, nil
		}))
		start, done := time.Now(), make(chan struct{})
		for range 4 {
			go func() {
				must(t, rt)
				done <- struct{}{}
			}()
		}
		for range 4 {
			<-done
		}
		if most != 1 || time.Since(start) != 4*time.Second {
			t.Errorf("%d at once in %v, want 1 at once in 4s", most, time.Since(start))
		}
	})
}

type closer struct {
	io.ReadCloser
	closed func()
}

func (c closer) Close() error { c.closed(); return c.ReadCloser.Close() }

func TestSerialisedWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Serialised(trip(func(*http.Request) (*http.Response, error) { return answer(), nil }))
		first, err := rt.RoundTrip(request(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := rt.RoundTrip(request(t, ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's end", err)
		}
		_ = first.Body.Close()
		_ = first.Body.Close() // twice must not give two turns
		must(t, rt)
		must(t, rt)
	})
}

func TestSerialisedGivesTheTurnBackAfterAnError(t *testing.T) {
	t.Parallel()
	rt := wrap.Serialised(trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") }))
	for range 2 {
		if _, err := rt.RoundTrip(request(t, t.Context())); err == nil || err.Error() != "reset" {
			t.Errorf("got %v", err)
		}
	}
}

func TestSerialisedAroundPaceSpacesCallersThatComeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Serialised(wrap.Pace(trip(func(*http.Request) (*http.Response, error) { return answer(), nil }), time.Second))
		start, done := time.Now(), make(chan struct{})
		for range 3 {
			go func() {
				must(t, rt)
				done <- struct{}{}
			}()
		}
		for range 3 {
			<-done
		}
		if got := time.Since(start); got != 2*time.Second {
			t.Errorf("three calls took %v, want 2s", got)
		}
	})
}

func TestDeadlineCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Deadline(trip(func(r *http.Request) (*http.Response, error) {
			resp := answer()
			resp.Body = io.NopCloser(slow{r.Context()})
			return resp, nil
		}), 3*time.Second)
		start := time.Now()
		resp, err := rt.RoundTrip(request(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %v, want the deadline after 3s", err, time.Since(start))
		}
	})
}

// slow is a body that never comes.
type slow struct{ ctx context.Context }

func (s slow) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

func TestDeadlineDoesNotCountTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := wrap.Pace(wrap.Deadline(trip(func(r *http.Request) (*http.Response, error) {
			return answer(), r.Context().Err()
		}), time.Second), time.Minute)
		must(t, rt)
		must(t, rt) // a minute's rest does not eat the second
	})
}
