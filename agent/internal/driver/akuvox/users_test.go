package akuvox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Whatever a unit does with pages, the list is whole.
func TestListIsWhole(t *testing.T) {
	t.Parallel()
	ways := map[string]pages{
		"as documented":                  {},
		"first page only without page":   {firstOnly: true},
		"page required":                  {needPage: true},
		"no num":                         {noNum: true},
		"no num, page required":          {noNum: true, needPage: true},
		"page ignored":                   {ignorePage: true},
		"page ignored, required, no num": {ignorePage: true, needPage: true, noNum: true},
		"last page again past the end":   {clamp: true, needPage: true, noNum: true},
		"num counts the page":            {pageNum: true, firstOnly: true},
		"num counts the page, required":  {pageNum: true, needPage: true},
	}
	for name := range ways {
		for _, n := range []int{0, 1, 9, 10, 11, 20, 25, 30, 41} {
			way := ways[name]
			if (way.ignorePage || way.clamp) && way.noNum && n == 10 {
				continue // the one case that proves nothing; TestListThatProvesNothingIsAnError
			}
			t.Run(fmt.Sprintf("%s, %d rows", name, n), func(t *testing.T) {
				t.Parallel()
				w := newWild(t, (&wild{pages: way}).people(n))
				p := w.panel(t)
				for range 2 { // the second time the unit is known
					rows, err := p.List(t.Context())
					if err != nil || len(rows) != n {
						t.Fatalf("%d rows, %v", len(rows), err)
					}
					seen := map[string]bool{}
					for _, r := range rows {
						seen[r.Native] = true
					}
					if len(seen) != n {
						t.Errorf("%d different rows of %d", len(seen), n)
					}
				}
			})
		}
	}
}

// A full page that comes again, and no total: there may be more that the unit never shows.
func TestListThatProvesNothingIsAnError(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{pages: pages{noNum: true}, before: func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		r.URL.RawQuery = "page=1" // whatever was asked
		return false
	}}).people(25))
	rows, err := w.panel(t).List(t.Context())
	wantKind(t, err, fault.Timeout)
	if rows != nil {
		t.Errorf("%d rows came along with the error", len(rows))
	}
}

// The unit says 25 and never shows more than ten: a short list is an error.
func TestListShorterThanItsTotalIsAnError(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"page=1", "page=3"} {
		w := newWild(t, (&wild{before: func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
			r.URL.RawQuery = query
			return false
		}}).people(25))
		rows, err := w.panel(t).List(t.Context())
		if err == nil || rows != nil {
			t.Errorf("%s: %d rows of 25, %v", query, len(rows), err)
		}
	}
}

func TestListRequests(t *testing.T) {
	t.Parallel()
	const all, p = "GET /api/user/get", "GET /api/user/get?page="
	for name, tt := range map[string]struct {
		pages         pages
		n             int
		first, second []string
	}{
		"at once":           {pages{}, 25, []string{all}, []string{all}},
		"at once, ten rows": {pages{}, 10, []string{all, p + "1", p + "2"}, []string{all, p + "1", p + "2"}},
		"by pages":          {pages{firstOnly: true}, 25, []string{all, p + "1", p + "2", p + "3"}, []string{p + "1", p + "2", p + "3"}},
		"page required":     {pages{needPage: true}, 20, []string{all, p + "1", p + "2"}, []string{p + "1", p + "2"}},
	} {
		w := newWild(t, (&wild{pages: tt.pages}).people(tt.n))
		panel := w.panel(t)
		for _, want := range [][]string{tt.first, tt.second} {
			w.forget()
			if _, err := panel.List(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, w.calls()); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
}

// Somebody edits the panel while it is read. The walk begins anew and ends whole.
func TestListSurvivesEditsDuringTheWalk(t *testing.T) {
	t.Parallel()
	edits := map[string]func(w *wild){
		"a row is added":   func(w *wild) { w.people(1) },
		"a row is removed": func(w *wild) { w.rows = w.rows[1:] },
		"a row moves up":   func(w *wild) { w.rows = append([]map[string]any{w.rows[24]}, w.rows[:24]...) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wild{pages: pages{needPage: true}}
			edited := false
			w.onPage = func(page int) {
				if page == 1 && !edited {
					edited = true
					edit(w)
				}
			}
			newWild(t, w.people(25))
			rows, err := w.panel(t).List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, r := range rows {
				got = append(got, r.Native)
			}
			for _, r := range w.rows {
				want = append(want, r["ID"].(string))
			}
			slices.Sort(got)
			slices.Sort(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("ids (-want +got):\n%s", d)
			}
		})
	}
}

func TestListThatNeverStandsStillIsAnError(t *testing.T) {
	t.Parallel()
	w := &wild{pages: pages{needPage: true}}
	w.onPage = func(int) { w.people(1) }
	newWild(t, w.people(25))
	rows, err := w.panel(t).List(t.Context())
	wantKind(t, err, fault.Timeout)
	if rows != nil || len(w.calls()) > 20 {
		t.Errorf("%d rows after %d requests", len(rows), len(w.calls()))
	}
}

func TestListThatNeverEndsIsAnError(t *testing.T) {
	t.Parallel()
	n := 0
	w := newWild(t, &wild{before: func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		var b strings.Builder
		b.WriteString(`{"retcode":0,"data":{"item":[`)
		for i := range 20_000 {
			if i > 0 {
				b.WriteByte(',')
			}
			n++
			fmt.Fprintf(&b, `{"ID":"%d"}`, n)
		}
		b.WriteString(`]}}`)
		_, _ = rw.Write([]byte(b.String()))
		return true
	}})
	_, err := w.panel(t).List(t.Context())
	wantKind(t, err, fault.Invalid)
}

func TestRowsWithoutIDAreListed(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	w.rows = []map[string]any{{"UserID": "1", "Name": "a"}, {"UserID": "2", "Name": "b"}, {"UserID": "GHp7", "Name": "c"}}
	p := w.panel(t)
	rows, err := p.List(t.Context())
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	wantKind(t, p.Apply(t.Context(), model.Step{Op: access.OpRemove, Ref: "GHp7"}), fault.Unsupported)
}

// filters are ways in which NameOrPerID may be broken.
func filters() map[string]func(string, map[string]any) bool {
	has := func(v any, text string) bool { return strings.Contains(fmt.Sprint(v), text) }
	return map[string]func(string, map[string]any) bool{
		"ignored":         func(string, map[string]any) bool { return true },
		"finds nothing":   func(string, map[string]any) bool { return false },
		"finds names":     func(text string, r map[string]any) bool { return has(r["Name"], text) },
		"finds the first": func(_ string, r map[string]any) bool { return r["ID"] == "1" },
	}
}

// A search that does not work never makes a row look absent.
func TestReadDoesNotBelieveABrokenSearch(t *testing.T) {
	t.Parallel()
	for name, filter := range filters() {
		for _, probe := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, probed %v", name, probe), func(t *testing.T) {
				t.Parallel()
				w := newWild(t, (&wild{filter: filter, pages: pages{firstOnly: true}}).people(23))
				id := w.add(jonesRow())
				p := w.panel(t)
				if probe {
					_, limits, err := p.Probe(t.Context())
					if err != nil || limits.Lookup {
						t.Fatalf("lookup %v, %v", limits.Lookup, err)
					}
				}
				for range 2 {
					rows, err := p.Read(t.Context(), "GHp7")
					if err != nil || len(rows) != 1 || rows[0].Native != id {
						t.Fatalf("got %+v, %v", rows, err)
					}
				}
				if rows, err := p.Read(t.Context(), "GHp8"); err != nil || len(rows) != 0 {
					t.Errorf("an absent row: %+v, %v", rows, err)
				}
			})
		}
	}
}

func TestReadByAWorkingSearchCostsOneRequest(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 300} {
		w := newWild(t, (&wild{pages: pages{firstOnly: true}}).people(n))
		w.add(jonesRow())
		p := w.panel(t)
		_, limits, err := p.Probe(t.Context())
		if err != nil || !limits.Lookup {
			t.Fatalf("lookup %v, %v", limits.Lookup, err)
		}
		w.forget()
		for ref, want := range map[model.Ref]int{"GHp7": 1, "GHp70": 0, "GHp": 0} {
			if rows, err := p.Read(t.Context(), ref); err != nil || len(rows) != want {
				t.Errorf("%s: %d rows, %v", ref, len(rows), err)
			}
		}
		if got := len(w.calls()); got != 3 {
			t.Errorf("three reads on %d rows took %d requests", n, got)
		}
	}
}

func TestProbeCostsTheSameForEveryPanel(t *testing.T) {
	t.Parallel()
	for _, filter := range []func(string, map[string]any) bool{nil, filters()["ignored"], filters()["finds nothing"]} {
		for _, n := range []int{2, 5, 250} {
			w := newWild(t, (&wild{filter: filter, pages: pages{firstOnly: true}}).people(n))
			if _, _, err := w.panel(t).Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(w.calls()); got != 4 {
				t.Errorf("%d rows: %d requests %v", n, got, w.calls())
			}
		}
	}
}

func TestSearchIsProvenOnFirstUse(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{pages: pages{firstOnly: true}}).people(40))
	p := w.panel(t)
	if rows, err := p.Read(t.Context(), "GHp7"); err != nil || len(rows) != 0 {
		t.Fatalf("%+v, %v", rows, err)
	}
	want := []string{"GET /api/user/get?NameOrPerID=GHp7", "GET /api/user/get?page=1", "GET /api/user/get?NameOrPerID=90009"}
	if d := cmp.Diff(want, w.calls()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	w.forget()
	if _, err := p.Read(t.Context(), "GHp8"); err != nil || len(w.calls()) != 1 {
		t.Errorf("%v, %v", w.calls(), err)
	}
}

// A row whose name holds its reference proves nothing: the search may know names only.
func TestSearchIsNotProvenByAName(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{filter: filters()["finds names"], pages: pages{firstOnly: true}})
	w.add(map[string]any{"UserID": "GHp7", "Name": "row GHp7"})
	_, limits, err := w.panel(t).Probe(t.Context())
	if err != nil || limits.Lookup {
		t.Errorf("lookup %v, %v", limits.Lookup, err)
	}
}

func TestEmptyPanelHasNobodyAndNothingIsProven(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	p := w.panel(t)
	_, limits, err := p.Probe(t.Context())
	if err != nil || limits.Lookup {
		t.Errorf("lookup %v, %v", limits.Lookup, err)
	}
	if rows, err := p.Read(t.Context(), "GHp7"); err != nil || len(rows) != 0 {
		t.Errorf("%+v, %v", rows, err)
	}
	w.add(jonesRow())
	if rows, err := p.Read(t.Context(), "GHp7"); err != nil || len(rows) != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestSearchThatIsAnErrorIsNotUsed(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{`{"retcode":-100,"message":"error param"}`, `{"retcode":-1,"message":"unsupport action"}`} {
		w := newWild(t, (&wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Query().Has("NameOrPerID") {
				_, _ = rw.Write([]byte(reply))
				return true
			}
			return false
		}}).people(12))
		w.add(jonesRow())
		if rows, err := w.panel(t).Read(t.Context(), "GHp7"); err != nil || len(rows) != 1 {
			t.Errorf("%+v, %v", rows, err)
		}
	}
}

// Anything else that goes wrong in a search is an error, not an absence.
func TestSearchThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{}).people(12))
	p := w.panel(t)
	if _, _, err := p.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.before = func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool { return true } // empty 200
	rows, err := p.Read(t.Context(), "GHp7")
	wantKind(t, err, fault.Unreachable)
	if rows != nil {
		t.Errorf("rows %v along with the error", rows)
	}
	_, err = p.Read(t.Context(), "")
	wantKind(t, err, fault.Invalid)
}

func TestSearchTextIsEscaped(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	ref := "GH p&page=2#%"
	w.add(map[string]any{"UserID": ref, "Name": "a"})
	rows, err := w.panel(t).Read(t.Context(), model.Ref(ref))
	if err != nil || len(rows) != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	if q := w.requests()[0].query; q != "NameOrPerID="+url.QueryEscape(ref) {
		t.Errorf("query %q", q)
	}
}
