package rentmanager_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access/fault"
)

// crowd serves n tenants.
func crowd(n int) *server {
	s := newServer()
	s.tables["Tenants"] = nil
	for i := range n {
		s.tables["Tenants"] = append(s.tables["Tenants"], tenant(1001+i))
	}
	return s
}

func pages(size int) func(*rentmanager.Config) {
	return func(c *rentmanager.Config) { c.PageSize = size }
}

func TestG3_PagesAreReadToTheEndAndProven(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n, size, clamp, calls int
		says                  string
	}{
		"one reply":                        {7, 8, 0, 4, "7 in one reply, the server's total of 7 agrees"},
		"three pages":                      {7, 3, 0, 7, "7 on 3 pages, the server's total of 7 agrees, read again by id from the other end: the same"},
		"a full page":                      {8, 8, 0, 4, "8 in one reply"},
		"pages that end evenly":            {6, 3, 0, 6, "6 on 2 pages"},
		"the server's pages are smaller":   {7, 5, 2, 11, "7 on 4 pages"}, // §7.3: a short page is not the last
		"smaller than the ids are read by": {7, 7, 7, 4, "7 in one reply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := crowd(c.n)
			s.clamp = c.clamp
			r := pull(t, s, pages(c.size), pms.Request{})
			if r.err != nil || !r.complete || len(r.People) != c.n || r.Calls != c.calls || !strings.Contains(r.why(), "tenants of property 12: "+c.says) {
				t.Errorf("error %v, complete %v, %d people, %d calls, want %d; evidence:\n%s", r.err, r.complete, len(r.People), r.Calls, c.calls, r.why())
			}
		})
	}
}

// tenantsHook calls do for the n-th request for tenants, from 1; ids says that it is the reading
// by id. do changes the server's rows, or answers itself and says so.
func tenantsHook(s *server, do func(n int, ids bool, w http.ResponseWriter) bool) {
	n := 0
	s.setHook(func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/Tenants" {
			return false
		}
		s.mu.Lock()
		n++
		i := n
		s.mu.Unlock()
		return do(i, r.URL.Query().Get("fields") == "TenantID", w)
	})
}

// TestG3_AListThatMovesProvesNothing: seven tenants in pages of three, and something happens
// between the pages. Nobody may look gone by it.
func TestG3_AListThatMovesProvesNothing(t *testing.T) {
	t.Parallel()
	send := func(total int, next bool, ids ...int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if total >= 0 {
				w.Header().Set("X-Total-Results", strconv.Itoa(total))
			}
			if next {
				w.Header().Set("Link", `<http://h/Tenants?pagenumber=9>; rel="previous", <http://h/Tenants?pagenumber=9>;rel=next`)
			}
			w.WriteHeader(http.StatusPartialContent)
			rows := []row{}
			for _, id := range ids {
				rows = append(rows, tenant(id))
			}
			_ = json.NewEncoder(w).Encode(rows)
		}
	}
	status := func(code int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code); _, _ = w.Write([]byte(body)) }
	}
	for name, c := range map[string]struct {
		change func(s *server, n int) // before the n-th request is answered
		answer map[int]func(http.ResponseWriter)
		says   string
	}{
		"a row joins": {change: func(s *server, n int) {
			if n == 2 {
				s.tables["Tenants"] = append(s.tables["Tenants"], tenant(5000))
			}
		}, says: "the total changed from 7 to 8 on page 2"},
		"a row leaves": {change: func(s *server, n int) {
			if n == 2 {
				s.tables["Tenants"] = s.tables["Tenants"][1:]
			}
		}, says: "the total changed from 7 to 6 on page 2"},
		"one leaves and one joins, the total stays": {change: func(s *server, n int) {
			if n == 2 { // 1004 slips onto the page that was read already
				s.tables["Tenants"] = append(s.tables["Tenants"][1:], tenant(5000))
			}
		}, says: "rows changed places while it was read: 1 ids only in the first reading, 1 only in the second (1004, 1001)"},
		"a row leaves before the ids are read": {change: func(s *server, n int) {
			if n == 4 {
				s.tables["Tenants"] = s.tables["Tenants"][:6]
			}
		}, says: "the total changed from 7 to 6 while it was read"},
		"rows swap, one comes twice": {answer: map[int]func(http.ResponseWriter){2: send(7, true, 1003, 1005, 1006)}, says: `id "1003" came twice`},
		"a page comes again":         {answer: map[int]func(http.ResponseWriter){2: send(7, true, 1001, 1002, 1003)}, says: "page 2 brings nothing new"},
		"page cut short": {answer: map[int]func(http.ResponseWriter){2: send(7, true, 1004)},
			says: "page 4 is empty (HTTP 404), with 5 rows read and a total of 7"},
		"a page is not found":     {answer: map[int]func(http.ResponseWriter){2: status(404, "")}, says: "page 2 is empty (HTTP 404), with 3 rows read and a total of 7"},
		"a page has no content":   {answer: map[int]func(http.ResponseWriter){3: status(204, "")}, says: "page 3 is empty (HTTP 204)"},
		"a page is an empty body": {answer: map[int]func(http.ResponseWriter){2: status(200, "")}, says: "page 2 is empty (HTTP 200 with an empty body)"},
		"a page is an empty list": {answer: map[int]func(http.ResponseWriter){2: status(206, "[]")}, says: "page 2 is empty (HTTP 206 with an empty list)"},
		"pages without a total": {answer: map[int]func(http.ResponseWriter){1: send(-1, true, 1001, 1002), 2: send(-1, false, 1003)},
			says: "does not say the total"},
		"part of a list, and no word of the rest": {answer: map[int]func(http.ResponseWriter){1: send(-1, false, 1001)}, says: "does not say the total"},
		"more than the total":                     {answer: map[int]func(http.ResponseWriter){1: send(2, false, 1001, 1002, 1003)}, says: "3 rows were read, the server's total is 2"},
		"nothing, and a total":                    {answer: map[int]func(http.ResponseWriter){1: send(7, false)}, says: "page 1 is empty (HTTP 206 with an empty list), with 0 rows read and a total of 7"},
		"rows without an id":                      {answer: map[int]func(http.ResponseWriter){1: status(200, `[{"TenantID":null},{},"x",{"TenantID":[1]},{"tenantid":"4"}]`)}, says: "4 rows on page 1 have no id"},
		"the ids cannot be read whole":            {answer: map[int]func(http.ResponseWriter){4: send(7, false, 1001, 1001)}, says: "read again by id: id \"1001\" came twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := crowd(7)
			tenantsHook(s, func(n int, _ bool, w http.ResponseWriter) bool {
				if c.change != nil {
					s.mu.Lock()
					defer s.mu.Unlock()
					c.change(s, n)
				}
				if c.answer[n] != nil {
					c.answer[n](w)
				}
				return c.answer[n] != nil
			})
			r := pull(t, s, pages(3), pms.Request{})
			if r.err != nil || r.complete || !strings.Contains(r.why(), c.says) {
				t.Errorf("error %v, complete %v, evidence lacks %q:\n%s", r.err, r.complete, c.says, r.why())
			}
			s.setHook(nil)
			if healed := pull(t, s, pages(3), pms.Request{}); !healed.complete {
				t.Errorf("the next good run does not heal it:\n%s", healed.why())
			}
		})
	}
}

// TestG3_AnEmptyListProvesNothing: the three styles of §1.3, on each of the three lists.
func TestG3_AnEmptyListProvesNothing(t *testing.T) {
	t.Parallel()
	for style, c := range map[string]struct {
		status int
		body   string
	}{
		"HTTP 404":                       {404, `{"Message":"No results"}`},
		"HTTP 204":                       {204, ""},
		"HTTP 200 with an empty body":    {200, "\ufeff \n"},
		"HTTP 200 with an empty list":    {200, "[]"},
		"HTTP 200 with an empty body...": {200, "null"},
	} {
		for path, list := range map[string]string{"/Properties": "properties", "/Units": "units of property 12", "/Tenants": "tenants of property 12"} {
			t.Run(style+path, func(t *testing.T) {
				t.Parallel()
				s := newServer()
				s.hook = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == path {
						w.WriteHeader(c.status)
						_, _ = w.Write([]byte(c.body))
					}
					return r.URL.Path == path
				}
				r := pull(t, s, nil, pms.Request{})
				want := list + ": the server says there are none (" + strings.TrimSuffix(style, "...") + ")"
				if r.err != nil || r.complete || !strings.Contains(r.why(), want) {
					t.Errorf("error %v, complete %v, evidence lacks %q:\n%s", r.err, r.complete, want, r.why())
				}
			})
		}
	}
}

func TestG3_ALinkIsNeverFollowed(t *testing.T) {
	t.Parallel()
	s := crowd(5) // its links lead to another host
	r := pull(t, s, pages(2), pms.Request{})
	want := []string{"/Properties", "/Units", "/Tenants", "/Tenants", "/Tenants", "/Tenants"}
	if got := s.paths(); !r.complete || !slices.Equal(got, want) {
		t.Errorf("complete %v, requests %q, want %q", r.complete, got, want)
	}
}

func TestTowardsS1_TheBudgetOfCallsEndsAPull(t *testing.T) {
	t.Parallel()
	s := crowd(50)
	r := pull(t, s, func(c *rentmanager.Config) { c.PageSize, c.MaxCalls = 1, 10 }, pms.Request{})
	if fault.KindOf(r.err) != fault.Full || r.Calls != 10 || len(s.requests) != 10 || r.complete || fault.RemedyOf(r.err) == "" {
		t.Errorf("error %v, %d calls, %d arrived", r.err, r.Calls, len(s.requests))
	}
	if len(r.Units) != 2 {
		t.Errorf("what was read before is gone: %d units", len(r.Units))
	}
}

// TestG3_AListWithoutEndEnds: a server that invents new rows for ever.
func TestG3_AListWithoutEndEnds(t *testing.T) {
	t.Parallel()
	s := newServer()
	tenantsHook(s, func(n int, _ bool, w http.ResponseWriter) bool {
		w.Header().Set("Link", `<x>; rel="next"`)
		var b strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&b, `,{"TenantID":%d}`, n*5000+i)
		}
		fmt.Fprintf(w, "[%s]", b.String()[1:])
		return true
	})
	r := pull(t, s, nil, pms.Request{})
	if fault.KindOf(r.err) != fault.Invalid || !strings.Contains(r.err.Error(), "does not end") || r.Calls > 60 {
		t.Errorf("%v after %d calls", r.err, r.Calls)
	}
}

// TestG3_AListThatIsCutAtItsEndIsNoticed: a server that serves only the first rows of any list,
// without a word of more. From the other end, other rows are the first.
func TestG3_AListThatIsCutAtItsEndIsNoticed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/Properties", "/Units", "/Tenants"} {
		s := crowd(6)
		s.silent = true
		s.tables["Properties"] = append(s.tables["Properties"], row{"PropertyID": 13, "Name": "Elm House", "IsActive": true})
		whole := func(c *rentmanager.Config) { c.Properties = []string{"12"} }
		if r := pull(t, s, whole, pms.Request{}); !r.complete || r.Calls != 7 || !strings.Contains(r.why(), "tenants of property 12: 6 on 1 page, read again by id from the other end: the same") {
			t.Errorf("uncut: complete %v, %d calls\n%s", r.complete, r.Calls, r.why())
		}
		s.setHook(func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != path {
				return false
			}
			w2 := httptest.NewRecorder()
			s.list(w2, r)
			var rows []json.RawMessage
			if err := json.Unmarshal(w2.Body.Bytes(), &rows); err != nil {
				t.Error(err)
			}
			if err := json.NewEncoder(w).Encode(rows[:len(rows)-1]); err != nil {
				t.Error(err)
			}
			return true
		})
		r := pull(t, s, whole, pms.Request{})
		if r.err != nil || r.complete || !strings.Contains(r.why(), "ids only in the first reading") {
			t.Errorf("%s cut: complete %v, error %v\n%s", path, r.complete, r.err, r.why())
		}
	}
}

// TestG3_EmbedsThatAreDroppedForEverybody: every tenant has null or nothing where contacts should
// be, and that is not a property without people.
func TestG3_EmbedsThatAreDroppedForEverybody(t *testing.T) {
	t.Parallel()
	for _, nothing := range []any{nil, []row{}, absent{}} {
		for _, list := range []string{"Contacts", "Leases"} {
			s := crowd(3)
			for _, v := range s.tables["Tenants"] {
				with(v, row{list: nothing})
			}
			if r := pull(t, s, nil, pms.Request{}); r.err != nil || r.complete || !r.skipped("tenant", "1001", "left out its leases or its contacts") {
				t.Errorf("%s %v: complete %v, skipped %+v", list, nothing, r.complete, r.Skipped)
			}
		}
	}
}

// TestAListOfOneMayComeWithoutItsBrackets (§9): the list itself and the lists in it.
func TestAListOfOneMayComeWithoutItsBrackets(t *testing.T) {
	t.Parallel()
	s := newServer()
	tenantsHook(s, func(_ int, _ bool, w http.ResponseWriter) bool {
		one := tenant(1)
		for _, list := range []string{"Contacts", "Leases"} {
			one[list] = one[list].([]row)[0]
		}
		one["UserDefinedValues"] = udf("Door PIN", "1234")
		_ = json.NewEncoder(w).Encode(one)
		return true
	})
	r := pull(t, s, nil, pms.Request{})
	if p := r.person(t, "10"); !r.complete || p.PIN.Secret.Reveal() != "1234" || p.Unit != "301" {
		t.Errorf("complete %v, %+v", r.complete, p)
	}
}

// TestG3_AListOfOthersProvesNothing: a server that ignores the filter and shows another property's
// tenants or units alone, or tenants none of whom lives anywhere.
func TestG3_AListOfOthersProvesNothing(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		"/Tenants":  `[{"TenantID":1,"PropertyID":20}]`,
		"/Units":    `[{"UnitID":1,"PropertyID":20,"Name":"1"}]`,
		"/Tenants?": `[{"TenantID":1,"PropertyID":12,"Status":"Applicant","Leases":[],"Contacts":[]}]`,
	} {
		s := newServer()
		s.setHook(func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != strings.TrimSuffix(path, "?") {
				return false
			}
			w.Header().Set("X-Total-Results", "1")
			_, _ = w.Write([]byte(body))
			return true
		})
		r := pull(t, s, nil, pms.Request{})
		if r.err != nil || r.complete || !strings.Contains(r.why(), "no unit or no resident of it was read") {
			t.Errorf("%s: complete %v, error %v\n%s", path, r.complete, r.err, r.why())
		}
	}
}
