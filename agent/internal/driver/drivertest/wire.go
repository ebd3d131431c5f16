package drivertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Wire is the line to a device that speaks HTTP, where anything can happen to a request and its answer. It knows no
// vendor: what it spoils are bytes.
type Wire struct {
	device    http.Handler
	trouble   atomic.Pointer[Trouble]
	elsewhere string
	// Twist gives an answer of the device's the wrong types, odd names or another count; nil leaves it as it is.
	Twist func(t Trouble, body string) string
}

// NewWire puts a line before a device. Where a redirect leads nobody may ever ask: that fails the test.
func NewWire(t *testing.T, device http.Handler) *Wire {
	t.Helper()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed: %s %s, Authorization %t", r.Method, r.URL.Path, r.Header.Get("Authorization") != "")
	}))
	t.Cleanup(other.Close)
	return &Wire{device: device, elsewhere: other.URL}
}

// Switches are the troubles that the line makes.
func (w *Wire) Switches() map[Trouble]Switch {
	out := map[Trouble]Switch{}
	for _, name := range []Trouble{
		Silent, Drip, Nothing, Half, HalfAsWhole, Endless, Huge, Appended, NotText, WrongTypes, Nested, AnotherPage, Elsewhere,
		ServerError, TooBusy, ResetBefore, ResetAfter, Unreachable, OddNames, CountLies,
	} {
		out[name] = Switch{On: func() { w.trouble.Store(&name) }, Off: func() { w.trouble.Store(nil) }}
	}
	return out
}

func (w *Wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	trouble := w.trouble.Load()
	if trouble == nil {
		w.device.ServeHTTP(rw, r)
		return
	}
	switch *trouble {
	case Silent:
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case Nothing:
	case ResetBefore, Unreachable:
		panic(http.ErrAbortHandler)
	case ServerError:
		rw.WriteHeader(http.StatusInternalServerError)
	case TooBusy:
		rw.Header().Set("Retry-After", "3600")
		rw.WriteHeader(http.StatusServiceUnavailable)
	case Elsewhere:
		http.Redirect(rw, r, w.elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
	case AnotherPage:
		_, _ = io.WriteString(rw, "<!DOCTYPE html><html><head><title>Router</title></head><body>It works</body></html>")
	case NotText:
		_, _ = rw.Write([]byte{0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28, 0x1b, '[', '2', 'J'})
	case Nested:
		_, _ = io.WriteString(rw, strings.Repeat("[", 1<<20))
	case Huge:
		_, _ = io.Copy(rw, io.LimitReader(letters{}, 64<<20))
	default:
		w.spoil(rw, r, *trouble)
	}
}

// letters is text without an end.
type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// spoil lets the device act and then loses or bends its answer.
func (w *Wire) spoil(rw http.ResponseWriter, r *http.Request, trouble Trouble) {
	rec := httptest.NewRecorder()
	w.device.ServeHTTP(rec, r)
	if trouble == ResetAfter {
		panic(http.ErrAbortHandler)
	}
	for k, v := range rec.Header() {
		rw.Header()[k] = v
	}
	rw.Header().Del("Content-Length")
	body := rec.Body.String()
	switch trouble {
	case Half:
		rw.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		body = body[:len(body)/2]
	case HalfAsWhole:
		body = body[:len(body)/2]
	case Appended:
		body += "\r\nHTTP/1.1 200 OK\r\n\r\n{\"retcode\":-1,\"message\":\"Failed\"}"
	case WrongTypes, OddNames, CountLies:
		if w.Twist != nil {
			body = w.Twist(trouble, body)
		}
	}
	rw.WriteHeader(rec.Code)
	switch trouble {
	case Drip:
		drip(rw, r, body)
	case Endless:
		_, _ = io.WriteString(rw, body)
		for blanks := strings.Repeat(" ", 1<<16); r.Context().Err() == nil; {
			if _, err := io.WriteString(rw, blanks); err != nil {
				return
			}
		}
	default:
		_, _ = io.WriteString(rw, body)
	}
	if trouble == Half {
		panic(http.ErrAbortHandler)
	}
}

// drip sends a byte a moment until the caller has had enough.
func drip(rw http.ResponseWriter, r *http.Request, body string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		_, err := io.WriteString(rw, body[i%max(len(body), 1):][:min(1, len(body))])
		if err != nil || http.NewResponseController(rw).Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
