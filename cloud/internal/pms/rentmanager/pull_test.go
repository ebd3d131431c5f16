package rentmanager_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access/fault"
)

func TestTowardsS1_PullsPeopleUnitsAndLeases(t *testing.T) {
	t.Parallel()
	s := newServer()
	r := pull(t, s, nil, pms.Request{})
	if r.err != nil || !r.complete {
		t.Fatalf("complete %v, error %v, evidence:\n%s", r.complete, r.err, r.why())
	}
	want := pms.Snapshot{OK: true, Complete: true, Calls: 4, Evidence: r.Evidence,
		Properties: []pms.Property{{Ref: "12", Name: "Oak Court", Zone: "America/Chicago"}},
		Units:      []pms.Unit{{Ref: "301", Property: "12", Name: "0101"}, {Ref: "302", Property: "12", Name: "102"}},
		Leases: []pms.Lease{{Ref: "441700", Property: "12", Unit: "301", Stay: pms.Stay{Status: pms.Current, RawStatus: "Current", MoveIn: day(2026, 3, 1)},
			LeaseStart: day(2026, 3, 1), LeaseEnd: day(2027, 2, 28)}},
		People: []pms.Person{{Ref: "44170", Lease: "441700", Property: "12", Unit: "301", First: "Dana", Last: "Okafor eebh", Email: "dana4417@example.org",
			EmailClass: pms.EmailOK, Type: pms.TypeResident, RawType: "Primary", Primary: true, PIN: r.People[0].PIN, Card: r.People[0].Card}}}
	if diff := cmp.Diff(want, r.Snapshot, cmp.AllowUnexported(pms.Held{}), cmp.Comparer(func(a, b pms.Held) bool { return a == b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if pin, card := r.People[0].PIN.Secret.Reveal(), r.People[0].Card.Secret.Reveal(); pin != "48213" || card != "04A1B2C3" {
		t.Errorf("PIN %q, card %q", pin, card)
	}
	for _, words := range []string{"properties: 1 in one reply, the server's total of 1 agrees", "tenants of property 12: 1 in one reply"} {
		if !strings.Contains(r.why(), words) {
			t.Errorf("evidence lacks %q:\n%s", words, r.why())
		}
	}
}

func TestTowardsS1_AsksForNothingItMustNotKnow(t *testing.T) {
	t.Parallel()
	s := newServer()
	pull(t, s, nil, pms.Request{})
	for _, r := range s.requests {
		if r.Method != http.MethodGet {
			continue
		}
		q := r.URL.Query()
		if q.Get("fields") == "" || q.Get("orderby") == "" || q.Get("pagenumber") != "1" || q.Get("pagesize") != "500" {
			t.Errorf("%s asks for everything or in no order: %v", r.URL.Path, q)
		}
		for _, word := range []string{"ssn", "birth", "ledger", "tax", "balance", "charge", "history"} {
			if strings.Contains(strings.ToLower(r.URL.RawQuery), word) {
				t.Errorf("%s asks for %s: %v", r.URL.Path, word, q)
			}
		}
		if r.URL.Path == "/Tenants" {
			if q.Get("filters") != "PropertyID,eq,12" || strings.Contains(q.Get("filters"), "Status") {
				t.Errorf("tenants are filtered by %q: past ones would vanish (§7.2)", q.Get("filters"))
			}
			if !strings.Contains(q.Get("embeds"), "Leases.LeaseRenewals") {
				t.Errorf("lease dates come only with their embed, not with %q", q.Get("embeds"))
			}
			for _, f := range []string{"Contacts", "Leases", "UserDefinedValues"} {
				if !slices.Contains(strings.Split(q.Get("fields"), ","), f) {
					t.Errorf("the embedded %s would be dropped: fields are %q", f, q.Get("fields"))
				}
			}
		}
	}
}

func TestTowardsA1_ActivePropertiesNotChosenAreOffered(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Properties"] = append(s.tables["Properties"], row{"PropertyID": 13, "Name": "Elm House", "IsActive": true}, row{"PropertyID": 14, "Name": "Sold", "IsActive": false})
	r := pull(t, s, func(c *rentmanager.Config) { c.Properties = []string{"12"} }, pms.Request{})
	if !r.complete || len(r.Properties) != 1 || !r.skipped("property", "13", `"Elm House" is active in the PMS and not chosen here`) {
		t.Errorf("complete %v, properties %+v, skipped %+v", r.complete, r.Properties, r.Skipped)
	}
	if r.skipped("property", "14", "") {
		t.Error("an inactive property is offered")
	}
}

func TestTowardsS2_OneUnitReadsOneUnitAndIsNeverComplete(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = append(s.tables["Tenants"], tenant(4418, row{"Leases": []row{lease(2, row{"UnitID": 302})}}), tenant(4419, row{"Leases": []row{}}))
	r := pull(t, s, nil, pms.Request{Properties: []string{"12"}, Unit: "302"})
	if r.err != nil || r.complete || len(r.Units) != 1 || len(r.People) != 1 || r.People[0].Ref != "44180" || len(r.Skipped) != 0 {
		t.Errorf("error %v, complete %v, %d units, people %+v, skipped %+v", r.err, r.complete, len(r.Units), r.People, r.Skipped)
	}
	since := pull(t, s, nil, pms.Request{Since: now()})
	if since.complete || len(since.People) != 2 || !strings.Contains(since.why(), "leave changed contacts and fields out") {
		t.Errorf("complete %v, %d people, evidence:\n%s", since.complete, len(since.People), since.why())
	}
}

func TestG3_APropertyThatIsNotThereIsNotEmpty(t *testing.T) {
	t.Parallel()
	r := pull(t, newServer(), func(c *rentmanager.Config) { c.Properties = []string{"99"} }, pms.Request{})
	if r.err != nil || r.complete || !strings.Contains(r.why(), "not among the active properties of the account: 99") {
		t.Errorf("error %v, complete %v, evidence:\n%s", r.err, r.complete, r.why())
	}
	s := newServer()
	s.tables["Properties"][0]["IsActive"] = false
	s.hook = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/Properties" {
			_, _ = w.Write([]byte(`[{"PropertyID":12,"IsActive":"False"}]`)) // a server that ignores the filter
		}
		return r.URL.Path == "/Properties"
	}
	if r := pull(t, s, nil, pms.Request{}); r.complete || !strings.Contains(r.why(), "no active property") {
		t.Errorf("complete %v, evidence:\n%s", r.complete, r.why())
	}
}

func TestTowardsS1_TwoPropertiesEachWithItsOwnSettings(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Properties"] = append(s.tables["Properties"], row{"PropertyID": "13", "Name": nil, "ShortName": "ELM", "IsActive": "true"})
	s.tables["Units"] = append(s.tables["Units"], row{"UnitID": 401, "PropertyID": 13, "Name": 7})
	s.tables["Tenants"] = append(s.tables["Tenants"], tenant(9000, row{"PropertyID": 13, "Leases": []row{lease(9, row{"UnitID": "401", "PropertyID": "13"})},
		"UserDefinedValues": []row{udf("Gate code", "0482"), udf("Door PIN", "1111")}}))
	r := pull(t, s, func(c *rentmanager.Config) {
		c.Property = map[string]rentmanager.Settings{"13": {Zone: "America/Los_Angeles", PINField: "gate CODE "}}
	}, pms.Request{})
	if !r.complete || r.Properties[1] != (pms.Property{Ref: "13", Name: "ELM", Zone: "America/Los_Angeles"}) || r.Units[2].Name != "7" {
		t.Errorf("complete %v, properties %+v, units %+v\n%s", r.complete, r.Properties, r.Units, r.why())
	}
	if got := r.person(t, "90000"); got.PIN.Secret.Reveal() != "0482" || got.Unit != "401" {
		t.Errorf("PIN has %v, unit %s", got.PIN.Has(), got.Unit)
	}
}

func TestLocations(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Locations"] = []row{{"LocationID": 1, "Name": "North"}, {"LocationID": "2", "Name": "South"}, {"LocationID": "x"}}
	web := httptest.NewServer(s)
	defer web.Close()
	cfg := config(web.URL + "/")
	cfg.LocationID = 2
	c, err := rentmanager.New(cfg, deps())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Locations(t.Context())
	if want := []rentmanager.Location{{ID: 1, Name: "North"}, {ID: 2, Name: "South"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if last := s.requests[len(s.requests)-1]; last.Header.Get("X-RM12Api-LocationID") != "2" || !strings.Contains(s.logins[0], "LocationID:2") {
		t.Errorf("location is sent as %q and %s", last.Header.Get("X-RM12Api-LocationID"), s.logins)
	}
}

func TestTowardsS1_OneRequestAtATimePerAccount(t *testing.T) {
	t.Parallel()
	s := newServer()
	web := httptest.NewServer(s)
	defer web.Close()
	d := deps()
	d.Turn = rentmanager.NewTurn()
	var wg sync.WaitGroup
	for range 4 {
		c, err := rentmanager.New(config(web.URL), d)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if _, complete, _, err := c.Pull(t.Context(), pms.Request{}); err != nil || !complete {
				t.Errorf("complete %v, %v", complete, err)
			}
		})
	}
	wg.Wait()
	if s.most != 1 || len(s.logins) != 4 {
		t.Errorf("%d requests at one time, %d sign-ins", s.most, len(s.logins))
	}
	<-d.Turn // somebody else's pull
	c, err := rentmanager.New(config(web.URL), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := pullOf(t, ctx, c, pms.Request{}); fault.KindOf(r.err) != fault.Timeout || r.Calls != 0 {
		t.Errorf("a pull that never had its turn: %v, %d calls", r.err, r.Calls)
	}
}
