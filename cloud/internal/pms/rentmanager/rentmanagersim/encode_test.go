package rentmanagersim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEncodeKeepsOrderAndEscapes(t *testing.T) {
	t.Parallel()
	v := object{{"b", 1}, {"a", []any{true, nil, 2.5, "x\"\n\u2028"}}, {"o", object{}}, {"l", []any{}}, {"\xc1", time.Second}, {"c", make(chan int)}}
	got := string(encode(v))
	if want := `{"b":1,"a":[true,null,2.5,"x\"\n\u2028"],"o":{},"l":[],"\ufffd":1000000000,"c":null}`; got != want || !json.Valid([]byte(got)) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestRewriteLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	v := object{{"n", 1}, {"l", []any{object{{"f", 2.5}}}}, {"none", []any{}}, {"two", []any{1, 2}}, {"yes", true}, {"t", "1"}}
	for name, tc := range map[string]struct {
		change func(any) any
		want   string
	}{
		"strings": {asStrings, `{"n":"1","l":[{"f":"2.5"}],"none":[],"two":["1","2"],"yes":"true","t":"1"}`},
		"alone":   {alone, `{"n":1,"l":{"f":2.5},"none":[],"two":[1,2],"yes":true,"t":"1"}`},
		"absent":  {absent, `{"n":1,"l":[{"f":2.5}],"none":null,"two":[1,2],"yes":true,"t":"1"}`},
	} {
		if got := string(encode(rewrite(v, tc.change))); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		if got := string(encode(v)); got != `{"n":1,"l":[{"f":2.5}],"none":[],"two":[1,2],"yes":true,"t":"1"}` {
			t.Errorf("%s has changed the original: %s", name, got)
		}
	}
}

func TestCompareValues(t *testing.T) {
	t.Parallel()
	early, late := noon(), noon().Add(time.Second)
	for _, tc := range []struct {
		a, b any
		want int
	}{
		{nil, nil, 0}, {nil, 1, -1}, {"", nil, 1}, {1, 2, -1}, {2, 2, 0}, {2.5, 1.5, 1}, {false, true, -1}, {true, true, 0},
		{early, late, -1}, {late, early, 1}, {"abc", "ABC", 0}, {"abc", "abd", -1}, {"Zoë", "zoë", 0},
	} {
		if got := compareValues(tc.a, tc.b); got != tc.want {
			t.Errorf("%v with %v: %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestDatesInFilters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-11-20":                        "2026-11-20T00:00:00Z",
		"2026-11-20T05:00:00":               "2026-11-20T05:00:00Z",
		"2026-11-20T05:00:00Z":              "2026-11-20T05:00:00Z",
		"2026-11-20T05:00:00-04:00":         "2026-11-20T09:00:00Z",
		"2026-11-20T05:00:00.1234567":       "2026-11-20T05:00:00.1234567Z",
		"2026-11-20T05:00:00.1234567-04:00": "2026-11-20T09:00:00.1234567Z",
	} {
		if got, err := parseDate(in); err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "11/20/2026", "2026-11-20 05:00", "2026-02-30", "now"} {
		if got, err := parseDate(in); err == nil {
			t.Errorf("%q is taken for %v", in, got)
		}
	}
}

// Without a connection to take over, a broken reply aborts the handler: the caller sees no answer.
func TestABrokenReplyWithoutAConnection(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Data: small(), Faults: []FaultSetting{{Name: FaultDrop, On: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
			t.Errorf("recovered %v", got)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/Units", nil))
	t.Error("the reply came")
}

func TestABodyThatIsTooLargeIsNoSignIn(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Data: small()})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader(`{"Username":"` + strings.Repeat("x", maxBody) + `"}`)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/Authentication/AuthorizeUser", body))
	if w.Code != 400 {
		t.Errorf("%d %.100s", w.Code, w.Body)
	}
}

func TestLinksOverTLSSayHTTPS(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Data: small()})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://corp.api.example.com/Tenants?pagesize=1", nil)
	req.Header.Set(tokenHeader, s.issue())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	if l := links(w.Header())["next"]; l != "https://corp.api.example.com/Tenants?pagenumber=2&pagesize=1" {
		t.Errorf("next is %s", l)
	}
}

func TestTheRecordKeepsTheLastThousand(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Data: small(), RateLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range kept + 5 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/Units", nil))
	}
	st := s.Stats()
	if n := len(s.Requests()); n != kept || st.Requests != kept+5 || len(st.Last) != 20 || st.ByStatus[401] != kept+5 || st.MostAtOnce != 1 {
		t.Errorf("%d kept of %d, %d last, %v, %d at once", n, st.Requests, len(st.Last), st.ByStatus, st.MostAtOnce)
	}
	if diff := st.ByPath; len(diff) != 1 || diff[0] != (PathCount{"GET /Units", kept + 5}) {
		t.Errorf("by path %v", diff)
	}
}
