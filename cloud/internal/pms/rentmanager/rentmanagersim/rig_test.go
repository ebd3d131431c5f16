package rentmanagersim

import (
	"encoding/json"
	"gatehouse/protocol/simkit"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// noon is a moment at which it is the same day at both sample properties.
func noon() time.Time { return time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC) }

// rig is an account behind a real listener, and a client that trusts nothing.
type rig struct {
	t     *testing.T
	s     *Server
	url   string
	token string
	now   time.Time
}

// answered is one reply.
type answered struct {
	status int
	header http.Header
	body   []byte
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, now: noon()}
	if o.Now == nil {
		o.Now = func() time.Time { return r.now }
	}
	var err error
	if r.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r.s)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

// small is books of one property with a few people, for tests that count.
func small() *Data {
	member := func(id int, first string, primary bool) *Member {
		m := &Member{ID: id, First: first, Last: "Holm", Email: strings.ToLower(first) + "@example.com", Type: "Occupant", Phones: []Phone{{"Cell", "(617) 555-0101"}}}
		if m.Primary = primary; primary {
			m.Type = "Primary"
		}
		return m
	}
	year := func(from int) []Term { return []Term{{In(from), In(from + 364)}} }
	return &Data{Company: "Test Homes", Properties: []*Property{{
		ID: 5, Name: "Test Court", Short: "TST", Zone: "America/New_York", Street: "1 Test Way",
		Units: []*Unit{{ID: 1, Name: "101", Building: "A", Kind: "1 Bed"}, {ID: 2, Name: "0101", Kind: "1 Bed"}, {ID: 3, Name: "102", Kind: "Loft"}},
		Households: []*Household{
			{ID: 11, Members: []*Member{member(21, "Ada", true), member(22, "Bo", false)}, Updated: In(-5), PIN: "0427",
				Leases: []*Lease{{ID: 31, Unit: 1, MoveIn: In(-100), Terms: year(-100)}}},
			{ID: 12, Members: []*Member{member(23, "Cy", true)}, Updated: In(-3),
				Leases: []*Lease{{ID: 32, Unit: 2, MoveIn: In(-400), MoveOut: In(-10), Confirmed: true, Terms: year(-400)}}},
			{ID: 13, Members: []*Member{member(24, "Di", true)}, Updated: In(-1),
				Leases: []*Lease{{ID: 33, Unit: 3, MoveIn: In(10), Terms: year(10)}}},
		},
	}}}
}

// do sends one request; a connection that broke has status 0.
func (r *rig) do(method, path, body string, header ...string) answered {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answered{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answered{body: b}
	}
	return answered{resp.StatusCode, resp.Header, b}
}

// login signs in as everybody does.
func (r *rig) login() {
	r.t.Helper()
	a := r.do("POST", "/Authentication/AuthorizeUser", `{"Username":"api","Password":"secret","LocationID":1}`)
	if err := json.Unmarshal(a.body, &r.token); a.status != 200 || err != nil || r.token == "" {
		r.t.Fatalf("sign-in: %d %s", a.status, a.body)
	}
}

// get asks with a token, signing in first when there is none.
func (r *rig) get(path string) answered {
	r.t.Helper()
	if r.token == "" {
		r.login()
	}
	return r.do("GET", path, "", "X-RM12Api-ApiToken", r.token)
}

// rows is a list that must come with the status.
func (r *rig) rows(path string, status int) []map[string]any {
	r.t.Helper()
	a := r.get(path)
	if a.status != status {
		r.t.Fatalf("%s: %d %.300s", path, a.status, a.body)
	}
	return decode(r.t, a)
}

// decode reads a list.
func decode(t *testing.T, a answered) []map[string]any {
	t.Helper()
	var out []map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("%d %v %.300s", a.status, err, a.body)
	}
	return out
}

// values is one field of every row.
func values(rows []map[string]any, name string) []any {
	out := []any{}
	for _, r := range rows {
		out = append(out, r[name])
	}
	return out
}

// numbers is one number of every row.
func numbers(rows []map[string]any, name string) []int {
	out := []int{}
	for _, v := range values(rows, name) {
		out = append(out, int(v.(float64)))
	}
	return out
}

// fault switches a fault on as the command line does.
func (r *rig) fault(spec string) {
	r.t.Helper()
	if err := r.s.SetFault(simkit.ParseFault(spec)); err != nil {
		r.t.Fatal(err)
	}
}

// calm switches every fault off.
func (r *rig) calm() {
	r.t.Helper()
	if err := r.s.SetFault(FaultSetting{Name: "all"}); err != nil {
		r.t.Fatal(err)
	}
}

// control sends a request to the control side.
func (r *rig) control(method, path, body string) (int, string) {
	r.t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	r.s.Control().ServeHTTP(w, req)
	return w.Code, strings.TrimSpace(w.Body.String())
}
