package rentmanagersim

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// links reads a Link header.
func links(h http.Header) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`<([^>]+)>; rel="(\w+)"`).FindAllStringSubmatch(h.Get("Link"), -1) {
		out[m[2]] = m[1]
	}
	return out
}

// walk follows the next links from a path and returns every page.
func (r *rig) walk(path string) (pages []answered) {
	r.t.Helper()
	for path != "" && len(pages) < 50 {
		a := r.get(path)
		pages = append(pages, a)
		path = strings.TrimPrefix(links(a.header)["next"], r.url)
	}
	return pages
}

func TestAWholeReplyIs200WithoutPaging(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for _, path := range []string{"/Tenants", "/Tenants?pagesize=3", "/Tenants?pagesize=1000&pagenumber=1"} {
		a := r.get(path)
		if a.status != 200 || a.header.Get("Link")+a.header.Get("X-Total-Results")+a.header.Get("X-Results") != "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	pages := r.walk("/Contacts?pagesize=100&embeds=PhoneNumbers&" + q("ParentType,eq,Tenant"))
	seen, total := map[int]bool{}, len(r.s.People())
	for i, a := range pages {
		rows := decode(t, a)
		for _, id := range numbers(rows, "ContactID") {
			seen[id] = true
		}
		if rows[0]["PhoneNumbers"] == nil {
			t.Errorf("page %d has lost its embeds", i+1)
		}
		if a.status != 206 || a.header.Get("X-Total-Results") != strconv.Itoa(total) || a.header.Get("X-Results") != strconv.Itoa(len(rows)) {
			t.Errorf("page %d: %d %v", i+1, a.status, a.header)
		}
	}
	if want := (total + 99) / 100; len(pages) != want || len(seen) != total {
		t.Errorf("%d pages, %d people; want %d and %d", len(pages), len(seen), want, total)
	}
	rels := func(a answered) []string { return slices.Sorted(maps.Keys(links(a.header))) }
	got := [][]string{rels(pages[0]), rels(pages[1]), rels(pages[len(pages)-1])}
	want := [][]string{{"first", "last", "next"}, {"first", "last", "next", "previous"}, {"first", "last", "previous"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestAPageIsAtMostAThousandRows(t *testing.T) {
	t.Parallel()
	d := small()
	for i := range 1500 {
		d.Properties[0].Units = append(d.Properties[0].Units, &Unit{ID: 100 + i, Name: "N" + strconv.Itoa(i), Kind: "Loft"})
	}
	r := newRig(t, Options{Data: d})
	for _, path := range []string{"/Units", "/Units?pagesize=5000", "/Units?pagesize=1000"} {
		pages := r.walk(path)
		if len(pages) != 2 || len(decode(t, pages[0])) != 1000 || len(decode(t, pages[1])) != 503 {
			t.Errorf("%s: %d pages", path, len(pages))
		}
	}
}

func TestNothingMatchesIn404AndThreeOtherStyles(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for fault, want := range map[string]string{
		"": `404 {"Message":"No rows match the request."}`, FaultNoMatch204: "204 ", FaultNoMatch200: "200 ", FaultNoMatchList: "200 []",
	} {
		r.calm()
		if fault != "" {
			r.fault(fault)
		}
		for _, path := range []string{"/Tenants?" + q("PropertyID,eq,99"), "/Tenants?pagenumber=2"} {
			a := r.get(path)
			if got := strconv.Itoa(a.status) + " " + string(a.body); got != want {
				t.Errorf("%s %s: %s, want %s", fault, path, got, want)
			}
		}
		if n := len(r.rows("/Tenants", 200)); n != 3 {
			t.Errorf("%s: %d tenants where some match", fault, n)
		}
	}
}

func TestPagingFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	const path = "/Tenants?pagesize=2&fields=TenantID"
	ids := func(pages []answered) (out [][]int) {
		for _, a := range pages {
			out = append(out, numbers(decode(t, a), "TenantID"))
		}
		return out
	}
	for _, tc := range []struct {
		fault  string
		ids    [][]int
		totals string
	}{
		{"", [][]int{{11, 12}, {13}}, "3 3"},
		{FaultPageCut, [][]int{{11}, {13}}, "3 3"},
		{FaultTotalChanges, [][]int{{11, 12}, {13}}, "3 4"},
		{FaultRowsSwapped, [][]int{{11, 12}, {12}}, "3 3"},
		{FaultPageClamp + "=1", [][]int{{11}, {12}, {13}}, "3 3 3"},
		{FaultNoTotal, [][]int{{11, 12}, {13}}, " "},
		{FaultNoLink, [][]int{{11, 12}}, "3"},
		{FaultSilentHalf, [][]int{{11}}, ""},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			r.calm()
			if tc.fault != "" {
				r.fault(tc.fault)
			}
			pages := r.walk(path)
			var totals []string
			for _, a := range pages {
				totals = append(totals, a.header.Get("X-Total-Results"))
			}
			if diff := cmp.Diff(tc.ids, ids(pages)); diff != "" || strings.Join(totals, " ") != tc.totals {
				t.Errorf("totals %q, want %q (-want +got):\n%s", totals, tc.totals, diff)
			}
		})
	}
	if a := r.get("/Tenants"); a.status != 200 || len(decode(t, a)) != 2 {
		t.Errorf("silent-half of three: %d %s", a.status, a.body)
	}
}

func TestLinksThatLeadAstray(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.fault(FaultLinkLoop)
	if pages := r.walk("/Tenants?pagesize=1"); len(pages) != 50 {
		t.Errorf("link-loop ends after %d pages", len(pages))
	}
	r.calm()
	r.fault(FaultLinkForeign)
	l := links(r.get("/Tenants?pagesize=1").header)
	if !strings.HasPrefix(l["next"], "http://elsewhere.example.net/Tenants?") || !strings.HasPrefix(l["last"], r.url) {
		t.Errorf("links are %v", l)
	}
}

func TestPageCutOfAWholeReply(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.fault(FaultPageCut + "=2@Tenants")
	if n := len(r.rows("/Tenants", 200)); n != 1 {
		t.Errorf("%d tenants, want 1", n)
	}
	if n := len(r.rows("/Units", 200)); n != 3 {
		t.Errorf("%d units, want 3: the fault is of Tenants", n)
	}
	r.fault(FaultPageCut + "=9")
	if n := len(r.rows("/Units", 200)); n != 1 {
		t.Errorf("%d units: a cut leaves one row", n)
	}
}
