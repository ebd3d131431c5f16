package rentmanager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access"
)

// row is one record of the server's, as JSON has it.
type row = map[string]any

// server is a Web API made for these tests from reference pms.md §1: token sign-in, lists with
// filters, order, fields and pages. hook, when it answers true, has answered instead.
type server struct {
	mu       sync.Mutex
	tables   map[string][]row // by path
	token    int
	password string
	requests []*http.Request
	logins   []string
	hook     func(n int, w http.ResponseWriter, r *http.Request) bool // n counts data requests from 1
	data     int
	clamp    int  // largest page served; 0 is 1000
	busy     int  // requests being answered
	most     int  // the most at one time
	silent   bool // no total with a whole list
}

func newServer() *server {
	return &server{password: "open sesame",
		tables: map[string][]row{
			"Properties": {{"PropertyID": 12, "Name": "Oak Court", "ShortName": "OAK", "IsActive": true}},
			"Units":      {{"UnitID": 301, "PropertyID": 12, "Name": "0101"}, {"UnitID": 302, "PropertyID": 12, "Name": "102"}},
			"Tenants":    {tenant(4417)},
		}}
}

// tenant is a household of one in unit 301, living there since March.
func tenant(id int, changes ...row) row {
	t := row{"TenantID": id, "Name": "Okafor, Dana", "Status": "Current", "PropertyID": 12,
		"UserDefinedValues": []row{udf("Door PIN", "48213"), udf("RF Card", "04A1B2C3"), udf("Tax number", "123-45-6789")},
		"Contacts": []row{contact(id*10, row{"FirstName": "Dana", "LastName": "Okafor " + word(id), "IsPrimary": true,
			"Email": fmt.Sprintf("dana%d@example.org", id)})},
		"Leases": []row{lease(id*100, nil)}}
	return with(t, changes...)
}

// word spells an id in letters, because digits in a name are flagged.
func word(id int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(id))
}

// absent as a value leaves a member out, which is not the same as null.
type absent struct{}

func with(r row, changes ...row) row {
	for _, c := range changes {
		for k, v := range c {
			r[k] = v
			if v == (absent{}) {
				delete(r, k)
			}
		}
	}
	return r
}

func udf(name string, value any) row { return row{"Name": name, "Value": value, "FieldType": "Text"} }

func contact(id int, changes row) row {
	return with(row{"ContactID": id, "FirstName": "Mina", "LastName": "Ray " + word(id), "IsActive": true, "IsPrimary": false, "ApplicantType": "Primary",
		"DateOfBirth": "1980-01-02T00:00:00", "PhoneNumbers": []row{}, "UserDefinedValues": []row{}}, changes)
}

func lease(id int, changes row) row {
	return with(row{"LeaseID": id, "UnitID": 301, "PropertyID": 12, "MoveInDate": "2026-03-01T00:00:00", "MoveOutDate": nil, "NoticeDate": nil,
		"StartDate": "2026-03-01T00:00:00", "EndDate": "2027-02-28T00:00:00"}, changes)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.busy++
	s.most = max(s.most, s.busy)
	s.requests = append(s.requests, r)
	hook := s.hook
	signIn := r.URL.Path == "/Authentication/AuthorizeUser"
	if !signIn {
		s.data++
	}
	n := s.data
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.busy--; s.mu.Unlock() }()
	if hook != nil && hook(n, w, r) {
		return
	}
	if signIn {
		s.signIn(w, r)
		return
	}
	s.list(w, r)
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var login map[string]any
	err := json.NewDecoder(r.Body).Decode(&login)
	s.logins = append(s.logins, fmt.Sprint(login))
	if err != nil || login["Username"] != "gatekeeper" || login["Password"] != s.password {
		http.Error(w, `{"UserMessage":"Sign in failed for `+fmt.Sprint(login["Password"])+`"}`, http.StatusUnauthorized)
		return
	}
	s.token++
	fmt.Fprintf(w, `"token-%d"`, s.token)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("X-RM12Api-ApiToken") != fmt.Sprintf("token-%d", s.token) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path, q := strings.TrimPrefix(r.URL.Path, "/"), r.URL.Query()
	rows := slices.Clone(s.tables[path])
	rows = slices.DeleteFunc(rows, func(v row) bool { return !matches(v, q.Get("filters")) })
	key, desc := strings.CutSuffix(q.Get("orderby"), " DESC")
	slices.SortStableFunc(rows, func(a, b row) int { return number(a[key]) - number(b[key]) })
	if desc {
		slices.Reverse(rows)
	}
	s.page(w, rows, number(q.Get("pagenumber")), number(q.Get("pagesize")), strings.Split(q.Get("fields"), ","))
}

func (s *server) page(w http.ResponseWriter, rows []row, page, size int, fields []string) {
	limit := s.clamp
	if limit == 0 {
		limit = 1000
	}
	size = min(size, limit)
	from := min(len(rows), (page-1)*size)
	to := min(len(rows), from+size)
	if from == to {
		http.Error(w, `{"Message":"nothing found"}`, http.StatusNotFound)
		return
	}
	var out []row
	for _, r := range rows[from:to] {
		only := row{}
		for _, f := range fields {
			if v, ok := r[f]; ok {
				only[f] = v
			}
		}
		out = append(out, only)
	}
	if !s.silent || len(out) < len(rows) {
		w.Header().Set("X-Total-Results", strconv.Itoa(len(rows)))
	}
	if to < len(rows) {
		w.Header().Add("Link", fmt.Sprintf(`<http://elsewhere.example.net/?pagenumber=%d>; rel="next"`, page+1))
	}
	if len(out) < len(rows) {
		w.WriteHeader(http.StatusPartialContent)
	}
	_ = json.NewEncoder(w).Encode(out)
}

func matches(r row, filters string) bool {
	for _, f := range strings.Split(filters, ";") {
		p := strings.SplitN(f, ",", 3)
		if len(p) == 3 && p[1] == "eq" && fmt.Sprint(r[p[0]]) != p[2] {
			return false
		}
	}
	return true
}

func number(v any) int {
	n, _ := strconv.Atoi(fmt.Sprint(v))
	return n
}

// setHook changes what answers.
func (s *server) setHook(h func(n int, w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// paths are the requests that arrived, without sign-ins.
func (s *server) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.requests {
		if r.Method == http.MethodGet {
			out = append(out, r.URL.Path)
		}
	}
	return out
}

// now is noon in Chicago on a day of November.
func now() time.Time { return time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC) }

func config(url string) rentmanager.Config {
	return rentmanager.Config{URL: url, Username: "gatekeeper", Password: access.NewSecret("open sesame"),
		Defaults: rentmanager.Settings{Zone: "America/Chicago", PINField: "Door PIN", CardField: "RF Card"}}
}

// deps wait for nothing.
func deps() rentmanager.Deps {
	return rentmanager.Deps{Now: now, Jitter: func() float64 { return 0 }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

// result is what Pull answers.
type result struct {
	pms.Snapshot
	complete bool
	evidence []string
	err      error
}

func (r result) why() string { return strings.Join(r.evidence, "\n") }

// pull serves s on loopback and pulls once.
func pull(t *testing.T, s *server, change func(*rentmanager.Config), want pms.Request) result {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	cfg := config(web.URL)
	if change != nil {
		change(&cfg)
	}
	return pullWith(t, cfg, deps(), want)
}

func pullWith(t *testing.T, cfg rentmanager.Config, d rentmanager.Deps, want pms.Request) result {
	t.Helper()
	c, err := rentmanager.New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	return pullOf(t, t.Context(), c, want)
}

// pullOf pulls and checks what holds for every answer.
func pullOf(t *testing.T, ctx context.Context, c *rentmanager.Connector, want pms.Request) result {
	t.Helper()
	snap, complete, evidence, err := c.Pull(ctx, want)
	r := result{snap, complete, evidence, err}
	switch {
	case complete != snap.Complete || !slices.Equal(evidence, snap.Evidence):
		t.Errorf("complete %v and evidence %q beside the snapshot's %v, %q", complete, evidence, snap.Complete, snap.Evidence)
	case (err == nil) != snap.OK:
		t.Errorf("ok is %v with error %v", snap.OK, err)
	case complete && (err != nil || len(snap.People) == 0 || want.Partial()):
		t.Errorf("complete with %d people, error %v, request %+v", len(snap.People), err, want)
	case len(evidence) == 0:
		t.Error("no evidence")
	}
	hangsTogether(t, snap)
	for _, secret := range []string{"open sesame", "token-", "48213", "04A1B2C3", "123-45-6789", "1980-01-02"} {
		if text := fmt.Sprintf("%v %+v", err, snap); strings.Contains(text, secret) {
			t.Errorf("%q is shown: %s", secret, text)
		}
	}
	return r
}

// hangsTogether: no ref twice, nobody without a lease, no lease without a property.
func hangsTogether(t *testing.T, s pms.Snapshot) {
	t.Helper()
	properties, leases, people := map[string]bool{}, map[[2]string]string{}, map[[3]string]bool{}
	for _, p := range s.Properties {
		properties[p.Ref] = true
	}
	for _, l := range s.Leases {
		if _, twice := leases[[2]string{l.Property, l.Ref}]; twice || !properties[l.Property] || l.Unit == "" {
			t.Errorf("lease stands twice or hangs in the air: %+v", l)
		}
		leases[[2]string{l.Property, l.Ref}] = l.Unit
	}
	for _, p := range s.People {
		key := [3]string{p.Property, p.Ref, p.Lease}
		if people[key] || p.Ref == "" || leases[[2]string{p.Property, p.Lease}] != p.Unit {
			t.Errorf("person stands twice or hangs in the air: %+v", p)
		}
		people[key] = true
		if p.PIN.Has() && p.PIN.Hold != "" || p.Card.Has() && p.Card.Hold != "" {
			t.Errorf("person %s has a value and a reason not to use it", p.Ref)
		}
	}
	for _, k := range s.Skipped {
		if k.What == "" || k.Reason == "" {
			t.Errorf("skipped without a word: %+v", k)
		}
	}
}

// one is the only person, or the only lease.
func (r result) person(t *testing.T, ref string) pms.Person {
	t.Helper()
	i := slices.IndexFunc(r.People, func(p pms.Person) bool { return p.Ref == ref })
	if i < 0 {
		t.Fatalf("nobody with ref %s among %d people; error %v, evidence:\n%s\nskipped %+v", ref, len(r.People), r.err, r.why(), r.Skipped)
	}
	return r.People[i]
}

func (r result) lease(t *testing.T, ref string) pms.Lease {
	t.Helper()
	i := slices.IndexFunc(r.Leases, func(l pms.Lease) bool { return l.Ref == ref })
	if i < 0 {
		t.Fatalf("no lease %s; error %v, evidence:\n%s\nskipped %+v", ref, r.err, r.why(), r.Skipped)
	}
	return r.Leases[i]
}

func (r result) skipped(what, ref, reason string) bool {
	return slices.ContainsFunc(r.Skipped, func(s pms.Skipped) bool {
		return s.What == what && (ref == "" || s.Ref == ref) && strings.Contains(s.Reason, reason)
	})
}
