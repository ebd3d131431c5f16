package rentmanagersim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFaultsThatHideTheData(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	for _, tc := range []struct {
		fault  string
		status int
		part   string
	}{
		{FaultEmpty404, 404, "No rows match"},
		{FaultEmpty204, 204, ""},
		{FaultEmpty200, 200, ""},
		{FaultEmptyList, 200, "[]"},
		{FaultErrorPage, 200, "<!DOCTYPE html>"},
		{FaultErrorJSON200, 200, `"DeveloperMessage"`},
		{FaultHTTP500, 500, `"ErrorCode"`},
		{FaultForbidden, 403, "no rights"},
		{FaultRate429, 429, "Too many"},
		{FaultRate429Bare, 429, "Too many"},
		{FaultTokenVoid, 401, "token"},
		{FaultDrop, 0, ""},
		{FaultHalfBody, 0, `[{"TenantID":11`},
		{FaultHalfJSON, 200, `[{"TenantID":11`},
		{FaultBOM, 200, "\xef\xbb\xbf[{"},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			r.calm()
			r.fault(tc.fault)
			a := r.get("/Tenants")
			if a.status != tc.status || !bytes.HasPrefix(a.body, []byte(tc.part)) && !strings.Contains(string(a.body), tc.part) || tc.part == "" && len(a.body) > 0 {
				t.Errorf("%d %q; want %d with %q", a.status, a.body, tc.status, tc.part)
			}
			if html := strings.HasPrefix(a.header.Get("Content-Type"), "text/html"); html != (tc.fault == FaultErrorPage) {
				t.Errorf("content type %q", a.header.Get("Content-Type"))
			}
			r.login() // none of them hides the sign-in
			r.calm()
			if n := len(r.rows("/Tenants", 200)); n != 3 {
				t.Errorf("afterwards %d tenants", n)
			}
		})
	}
}

func TestHalfJSONIsWholeHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.fault(FaultHalfJSON)
	if a := r.get("/Tenants"); json.Valid(a.body) || a.header.Get("Content-Length") != strconv.Itoa(len(a.body)) {
		t.Errorf("%v %s", a.header, a.body)
	}
}

func TestAFaultOfTheSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	r.fault(FaultErrorPage + "@Authentication")
	a := r.do("POST", "/Authentication/AuthorizeUser", `{"Username":"api","Password":"secret"}`)
	if a.status != 200 || !strings.Contains(string(a.body), "<html>") {
		t.Errorf("sign-in: %d %s", a.status, a.body)
	}
	if a := r.get("/Tenants"); a.status != 200 || a.body[0] != '[' {
		t.Errorf("data: %d %.80s", a.status, a.body)
	}
}

func TestTimesAfterAndResource(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	if err := r.s.SetFault(FaultSetting{Name: FaultHTTP500, On: true, Times: 2, After: 1, Resource: "Units"}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{"/Units", "/Tenants", "/Units", "/Leases", "/Units", "/Units"} {
		got = append(got, r.get(path).status)
	}
	if diff := cmp.Diff([]int{200, 200, 500, 200, 500, 200}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if on := r.s.FaultsOn(); len(on) != 0 {
		t.Errorf("a spent fault is still on: %v", on)
	}
}

func TestA429StormWithRetryAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	if err := r.s.SetFault(FaultSetting{Name: FaultRate429, On: true, Value: "7", Times: 3}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"7", "7", "7", ""} {
		if a := r.get("/Units"); a.header.Get("Retry-After") != want || (a.status == 429) != (want != "") {
			t.Errorf("request %d: %d, Retry-After %q", i, a.status, a.header.Get("Retry-After"))
		}
	}
	r.fault(FaultRate429Bare)
	if a := r.get("/Units"); a.status != 429 || a.header["Retry-After"] != nil {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestFormFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	const path = "/Tenants?embeds=Contacts,Leases,Evictions&fields=TenantID,IsCompany,TransferDate,Contacts.ContactID,Leases.MoveInDate,Evictions&" +
		"filters=TenantID,12"
	for fault, want := range map[string]string{
		"":                 `[{"TenantID":12,"IsCompany":false,"TransferDate":null,"Contacts":[{"ContactID":23}],"Leases":[{"MoveInDate":"2025-10-16T00:00:00"}],"Evictions":[]}]`,
		FaultWrongTypes:    `[{"TenantID":"12","IsCompany":"false","TransferDate":null,"Contacts":[{"ContactID":"23"}],"Leases":[{"MoveInDate":"2025-10-16T00:00:00"}],"Evictions":[]}]`,
		FaultOneElement:    `{"TenantID":12,"IsCompany":false,"TransferDate":null,"Contacts":{"ContactID":23},"Leases":{"MoveInDate":"2025-10-16T00:00:00"},"Evictions":[]}`,
		FaultNullLists:     `[{"TenantID":12,"IsCompany":false,"TransferDate":null,"Contacts":[{"ContactID":23}],"Leases":[{"MoveInDate":"2025-10-16T00:00:00"}],"Evictions":null}]`,
		FaultOffsetDates:   `[{"TenantID":12,"IsCompany":false,"TransferDate":null,"Contacts":[{"ContactID":23}],"Leases":[{"MoveInDate":"2025-10-16T00:00:00.0000000-04:00"}],"Evictions":[]}]`,
		FaultSentinelDates: `[{"TenantID":12,"IsCompany":false,"TransferDate":"0001-01-01T00:00:00","Contacts":[{"ContactID":23}],"Leases":[{"MoveInDate":"2025-10-16T00:00:00"}],"Evictions":[]}]`,
		FaultEmbedDropped:  `[{"TenantID":12,"IsCompany":false,"TransferDate":null,"Leases":[{"MoveInDate":"2025-10-16T00:00:00"}],"Evictions":[]}]`,
	} {
		r.calm()
		if fault != "" {
			r.fault(fault)
		}
		if a := r.get(path); string(a.body) != want {
			t.Errorf("%s:\n got %s\nwant %s", fault, a.body, want)
		}
	}
	r.calm()
	r.fault(FaultWrongTypes)
	if a := r.get("/Tenants/UserDefinedValues?fields=NumericValue&" + q("UserDefinedFieldID,61")); string(a.body) != `[{"NumericValue":"427"}]` {
		t.Errorf("a decimal as text: %s", a.body)
	}
	r.calm()
	r.fault(FaultEmbedDropped + "=PhoneNumbers")
	if a := r.get("/Tenants?embeds=Contacts.PhoneNumbers&fields=Contacts"); strings.Contains(string(a.body), "PhoneNumbers") || !strings.Contains(string(a.body), "Ada") {
		t.Errorf("an embed within an embed is not dropped: %s", a.body)
	}
}

func TestBookFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.fault(FaultPastVanish)
	if got := numbers(r.rows("/Tenants", 200), "TenantID"); !cmp.Equal(got, []int{11, 13}) {
		t.Errorf("past-vanish shows tenants %v", got)
	}
	if got := numbers(r.rows("/Leases", 200), "LeaseID"); !cmp.Equal(got, []int{31, 33}) {
		t.Errorf("past-vanish shows leases %v", got)
	}
	r.calm()
	r.fault(FaultIDChurn + "=500")
	row := r.rows("/Tenants?embeds=Contacts,Leases,UserDefinedValues", 200)[0]
	b, _ := json.Marshal(row)
	for _, part := range []string{`"TenantID":511`, `"ContactID":521`, `"LeaseID":531`, `"UnitID":1`, `"ParentID":511`, `"FirstName":"Ada"`} {
		if !bytes.Contains(b, []byte(part)) {
			t.Errorf("id-churn: no %s in %s", part, b)
		}
	}
	r.calm()
	if got := numbers(r.rows("/Tenants", 200), "TenantID"); !cmp.Equal(got, []int{11, 12, 13}) {
		t.Errorf("afterwards tenants are %v", got)
	}
	r.fault(FaultPropertyGone)
	for _, path := range []string{"/Properties", "/Units", "/Tenants", "/Leases", "/Contacts"} {
		if a := r.get(path); a.status != 404 {
			t.Errorf("property-gone: %s answers %d", path, a.status)
		}
	}
}

func TestOnePropertyOfTwoGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	for spec, want := range map[string]int{FaultPropertyGone: 12, FaultPropertyGone + "=27": 12, FaultPropertyGone + "=12": 27} {
		r.fault(spec)
		if got := numbers(r.rows("/Properties", 200), "PropertyID"); !cmp.Equal(got, []int{want}) {
			t.Errorf("%s leaves %v", spec, got)
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	d := small()
	d.Properties[0].Households[0].Leases[0].Notice = In(-4)
	r := newRig(t, Options{Data: d})
	status := func() any { return r.rows("/Tenants?"+q("TenantID,11"), 200)[0]["Status"] }
	if s := status(); s != "Current" {
		t.Errorf("on notice: %v", s)
	}
	r.fault(FaultLabels)
	if s := status(); s != "Notice" {
		t.Errorf("on notice, with labels: %v", s)
	}
	r.s.data.Properties[0].Households[0].Eviction = In(-2)
	r.calm()
	r.fault(FaultLabels)
	if s := status(); s != "Eviction" {
		t.Errorf("being evicted, with labels: %v", s)
	}
	row := r.rows("/Tenants?embeds=Evictions&"+q("TenantID,11"), 200)[0]
	if row["EvictionID"] == nil || len(row["Evictions"].([]any)) != 1 {
		t.Errorf("being evicted: %v", row)
	}
}

func TestRateLimitAndBothHeaderFamilies(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small(), RateLimit: 3})
	r.login()
	r.now = r.now.Add(20 * time.Second)
	read := func(a answered, names ...string) (out []string) {
		for _, n := range names {
			out = append(out, a.header.Get(n))
		}
		return out
	}
	a := r.get("/Units")
	if diff := cmp.Diff([]string{"3", "1", "40", ""}, read(a, "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.fault(FaultRateOther)
	a = r.get("/Units")
	if diff := cmp.Diff([]string{"3", "0", "40", ""}, read(a, "X-RateLimit", "X-RateRemaining", "X-RateTimeLeft", "X-RateLimit-Limit")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := r.get("/Units"); a.status != 429 || a.header.Get("Retry-After") != "" || a.header.Get("X-RateRemaining") != "0" {
		t.Errorf("over the limit: %d %v", a.status, a.header)
	}
	r.login() // the sign-in is let through
	r.now = r.now.Add(40 * time.Second)
	r.fault(FaultRateNone)
	if a := r.get("/Units"); a.status != 200 || strings.Contains(strings.ToLower(strings.Join(headerNames(a), " ")), "rate") {
		t.Errorf("in the next minute, without headers: %d %v", a.status, a.header)
	}
	r.calm()
	r.fault(FaultRateEpoch)
	if got, want := r.get("/Units").header.Get("X-RateLimit-Reset"), strconv.FormatInt(r.now.Unix()+60, 10); got != want {
		t.Errorf("reset %s, want %s", got, want)
	}
}

func headerNames(a answered) (out []string) {
	for n := range a.header {
		out = append(out, n)
	}
	return out
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small(), RateLimit: -1})
	for range 600 {
		r.s.rate.spend(noon(), -1)
	}
	if a := r.get("/Units"); a.status != 200 || a.header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestSlowWaitsAndGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Data: small(), Faults: []FaultSetting{{Name: FaultSlow, On: true, Value: "90s", Times: 2}}})
		if err != nil {
			t.Fatal(err)
		}
		token := s.issue()
		ask := func(ctx context.Context) time.Duration {
			req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/Units", nil)
			req.Header.Set(tokenHeader, token)
			from := time.Now()
			s.ServeHTTP(httptest.NewRecorder(), req)
			return time.Since(from)
		}
		if d := ask(t.Context()); d != 90*time.Second {
			t.Errorf("answered after %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := ask(ctx); d != time.Second {
			t.Errorf("gave up after %v", d)
		}
		if d := ask(t.Context()); d != 0 {
			t.Errorf("spent, it still takes %v", d)
		}
	})
}

func TestWrongSettingsChangeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for want, set := range map[string]FaultSetting{
		`no fault "rain"`: {Name: "rain", On: true}, "it counts from 1": {Name: FaultPageCut, On: true, Value: "0"},
		`value "soon"`: {Name: FaultSlow, On: true, Value: "soon"}, "takes no value": {Name: FaultBOM, On: true, Value: "x"},
		"times is -1": {Name: FaultBOM, On: true, Times: -1}, "state of the whole": {Name: FaultIDChurn, On: true, Times: 1},
		"no resource": {Name: FaultBOM, On: true, Resource: "tenants"}, `no fault "all"`: {Name: "all", On: true},
		"times, after and resource do not fit": {Name: FaultTokenLost, On: true, Resource: "Units"},
	} {
		if err := r.s.SetFault(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", set, err, want)
		}
	}
	if on := r.s.FaultsOn(); len(on) != 0 {
		t.Errorf("on: %v", on)
	}
	if _, err := New(Options{Faults: []FaultSetting{{Name: "rain", On: true}}}); err == nil {
		t.Error("New takes an unknown fault")
	}
}

// Every fault of the list can be switched on with its default and off again, and changes what a client sees.
func TestEveryFaultIsListedAndBites(t *testing.T) {
	t.Parallel()
	quiet := map[string]bool{FaultLoginRefused: true, FaultTokenShort: true, FaultSlow: true} // seen in their own tests
	for _, f := range FaultList().Faults {
		if strings.Contains(f.Line, "\n") || len(f.Line) < 10 {
			t.Errorf("%s: line %q", f.Name, f.Line)
		}
		if quiet[f.Name] {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			before := r.tour()
			if same := r.tour(); same != before {
				t.Fatal("the tour differs without a fault")
			}
			r.fault(f.Name)
			if r.tour() == before {
				t.Error("nothing differs with the fault on")
			}
		})
	}
}

// tour is all that a client could see on a walk through the account, except what counts requests.
func (r *rig) tour() string {
	var b strings.Builder
	if r.token == "" {
		r.login()
	}
	for _, path := range []string{
		"/Properties", "/Units?embeds=CurrentOccupancyStatus", "/Tenants?pagesize=50&pagenumber=2&embeds=Contacts,Leases,Evictions",
		"/Tenants?fields=Status", "/Leases?filters=PropertyID,99", "/Contacts?pagesize=30&pagenumber=2", "/Units?filters=UnitID,301",
	} {
		a := r.get(path)
		a.header.Del("Date")
		a.header.Del("X-RateLimit-Remaining")
		json.NewEncoder(&b).Encode([]any{path, a.status, a.header, string(a.body)}) //nolint:errcheck // a builder does not fail
		io.WriteString(&b, "\n")                                                    //nolint:errcheck // as above
	}
	return b.String()
}
