package rentmanagersim

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func q(filters string) string { return "filters=" + url.QueryEscape(filters) }

func TestFilters(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for _, tc := range []struct {
		path, filters string
		key           string
		want          []int
	}{
		{"/Tenants", "PropertyID,eq,5", "TenantID", []int{11, 12, 13}},
		{"/Tenants", "PropertyID,5", "TenantID", []int{11, 12, 13}},
		{"/Tenants", "PropertyID,eq,5;Status,eq,Current", "TenantID", []int{11}},
		{"/Tenants", "Status,ne,Past", "TenantID", []int{11, 13}},
		{"/Tenants", "Status,in,(Past,Future)", "TenantID", []int{12, 13}},
		{"/Tenants", "Status,ni,(Past,Future)", "TenantID", []int{11}},
		{"/Tenants", "TenantID,bt,(11,12)", "TenantID", []int{11, 12}},
		{"/Tenants", "TenantID,gt,11;TenantID,lt,13", "TenantID", []int{12}},
		{"/Tenants", "TenantID,ge,12", "TenantID", []int{12, 13}},
		{"/Tenants", "TenantID,le,12", "TenantID", []int{11, 12}},
		{"/Tenants", "FirstName,sw,a", "TenantID", []int{11}},
		{"/Tenants", "FirstName,ew,Y", "TenantID", []int{12}},
		{"/Tenants", "Name,ct,i Ho", "TenantID", []int{13}},
		{"/Tenants", "PostingEndDate,hv", "TenantID", []int{12}},
		{"/Tenants", "PostingEndDate,hv,false", "TenantID", []int{11, 13}},
		{"/Tenants", "UpdateDate,ge,2026-11-17T00:00:00Z", "TenantID", []int{12, 13}},
		{"/Tenants", "UpdateDate,gt,2026-11-16T20:00:00-04:00", "TenantID", []int{13}},
		{"/Tenants", "UpdateDate,lt,2026-11-16", "TenantID", []int{11}},
		{"/Leases", "MoveOutDate,ltn,2026-11-20", "LeaseID", []int{31, 32, 33}},
		{"/Leases", "MoveOutDate,len,2026-11-01", "LeaseID", []int{31, 33}},
		{"/Leases", "MoveOutDate,gtn,2026-11-10", "LeaseID", []int{31, 33}},
		{"/Leases", "MoveOutDate,gen,2026-11-10", "LeaseID", []int{31, 32, 33}},
		{"/Leases", "Unit.Name,eq,0101", "LeaseID", []int{32}},
		{"/Leases", "Tenant.Status,eq,Future", "LeaseID", []int{33}},
		{"/Contacts", "ParentType,eq,Tenant;IsPrimary,eq,true", "ContactID", []int{21, 23, 24}},
		{"/Contacts", "IsPrimary,eq,False", "ContactID", []int{22}},
		{"/Tenants/UserDefinedValues", "Tenant.PropertyID,eq,5;UserDefinedFieldID,eq,61", "ParentID", []int{11}},
		{"/Units", "Name,eq,101", "UnitID", []int{1}},
		{"/UserDefinedFields", "ParentType,eq,Contact", "UserDefinedFieldID", []int{71, 72}},
	} {
		t.Run(tc.filters, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, numbers(r.rows(tc.path+"?"+q(tc.filters), 200), tc.key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheVendorDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for _, tc := range []struct{ path, argument, words string }{
		{"/Tenants?" + q("Status,gte,Past"), "filters", "gte"},
		{"/Tenants?" + q("TenantID,lte,5"), "filters", "lte"},
		{"/Tenants?" + q("status,eq,Past"), "filters", "status"},
		{"/Tenants?" + q("Status"), "filters", "Field,operator,value"},
		{"/Tenants?" + q("TenantID,eq,many"), "filters", "many"},
		{"/Tenants?" + q("UpdateDate,ge,yesterday"), "filters", "yesterday"},
		{"/Tenants?" + q("IsCompany,eq,perhaps"), "filters", "perhaps"},
		{"/Tenants?" + q("TenantID,bt,(1)"), "filters", "(a,b)"},
		{"/Tenants?" + q("TenantID,in,1,2"), "filters", "(a,b)"},
		{"/Tenants?" + q("TenantID,ct,1"), "filters", "not text"},
		{"/Tenants?" + q("Leases.MoveOutDate,ge,2026-01-01"), "filters", "Leases.MoveOutDate"},
		{"/Leases?" + q("EndDate,ge,2026-01-01"), "filters", "EndDate"},
		{"/Tenants?embeds=Contact", "embeds", "Contact"},
		{"/Tenants?embeds=Contacts.Phones", "embeds", "Phones"},
		{"/Tenants?fields=TenantID,Phone", "fields", "Phone"},
		{"/Tenants?fields=Contacts", "fields", "not embedded"},
		{"/Tenants?fields=Contacts.Fax&embeds=Contacts", "fields", "Fax"},
		{"/Tenants?orderby=Contacts.Email&embeds=Contacts", "orderby", "embedded"},
		{"/Tenants?orderby=Nickname", "orderby", "Nickname"},
		{"/Tenants?orderby=Name+backwards", "orderby", "backwards"},
		{"/Tenants?pagesize=0", "pagesize", "0"},
		{"/Tenants?pagesize=all", "pagesize", "all"},
		{"/Tenants?pagenumber=-1", "pagenumber", "-1"},
		{"/Tenants?limit=5", "limit", "no such argument"},
		{"/Tenants?pagesize=5&PageSize=6", "", "more than once"},
		{"/Tenants?embed=Contacts&embed=Leases", "embed", "more than once"},
		{"/Tenants?filters=%zz", "query", "cannot be read"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			a := r.get(tc.path)
			var e struct {
				Message    string
				ModelState map[string][]string
			}
			if err := json.Unmarshal(a.body, &e); a.status != 400 || err != nil || e.Message == "" {
				t.Fatalf("%d %s %v", a.status, a.body, err)
			}
			if tc.argument != "" && len(e.ModelState[tc.argument]) != 1 || !strings.Contains(string(a.body), tc.words) {
				t.Errorf("%s; want %s to say %q", a.body, tc.argument, tc.words)
			}
		})
	}
}

func TestEmbedsBringWhatTheyName(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	plain := r.rows("/Tenants", 200)[0]
	for _, name := range []string{"Contacts", "Leases", "UserDefinedValues", "Evictions", "Property"} {
		if _, there := plain[name]; there {
			t.Errorf("%s comes without being asked for", name)
		}
	}
	full := r.rows("/Tenants?embeds=Contacts,Contacts.PhoneNumbers.PhoneNumberType,Leases,Leases.LeaseRenewals,UserDefinedValues,Evictions", 200)[0]
	contact := full["Contacts"].([]any)[0].(map[string]any)
	phone := contact["PhoneNumbers"].([]any)[0].(map[string]any)
	if phone["StrippedPhoneNumber"] != "6175550101" || phone["PhoneNumberType"].(map[string]any)["Name"] != "Cell" {
		t.Errorf("phone %v", phone)
	}
	if _, there := contact["UserDefinedValues"]; there {
		t.Error("an embed within an embed comes without being asked for")
	}
	lease := full["Leases"].([]any)[0].(map[string]any)
	if lease["StartDate"] != "2026-08-12T00:00:00" || lease["EndDate"] != "2027-08-11T00:00:00" || lease["MoveOutDate"] != nil {
		t.Errorf("lease %v", lease)
	}
	if l := full["Evictions"].([]any); len(l) != 0 {
		t.Errorf("evictions %v", l)
	}
}

func TestReadOnlyFieldsNeedTheirEmbed(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for path, want := range map[string]bool{
		"/Leases": false, "/Leases?embeds=LeaseRenewals": true, "/Leases?embed=LeaseRenewals": true, "/Leases?embeds=Unit": false,
		"/Leases?embeds=LeaseRenewals&fields=LeaseID,StartDate,LeaseRenewals": true, "/Leases?fields=LeaseID,StartDate": false,
		"/Leases?embeds=LeaseRenewals&fields=LeaseID,StartDate": false,
	} {
		if _, got := r.rows(path, 200)[0]["StartDate"]; got != want {
			t.Errorf("%s: StartDate is there: %v, want %v", path, got, want)
		}
	}
	for path, want := range map[string]bool{"/Units": false, "/Units?embeds=CurrentOccupancyStatus": true} {
		if _, got := r.rows(path, 200)[0]["IsVacant"]; got != want {
			t.Errorf("%s: IsVacant is there: %v, want %v", path, got, want)
		}
	}
}

func TestFieldsDropWhatTheyDoNotName(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for path, want := range map[string]string{
		"/Tenants?fields=TenantID,Status":                                               `{"TenantID":11,"Status":"Current"}`,
		"/Tenants?fields=Status&embeds=Contacts":                                        `{"Status":"Current"}`,
		"/Tenants?fields=TenantID,Contacts.FirstName&embeds=Contacts":                   `{"TenantID":11,"Contacts":[{"FirstName":"Ada"},{"FirstName":"Bo"}]}`,
		"/Tenants?fields=TenantID,Leases.Unit.Name&embeds=Leases,Leases.Unit":           `{"TenantID":11,"Leases":[{"Unit":{"Name":"101"}}]}`,
		"/Tenants?FIELDS=TenantID&PageSize=3&EMBEDS=":                                   `{"TenantID":11}`,
		"/Tenants?fields=UserDefinedValues.Value&embeds=UserDefinedValues":              `{"UserDefinedValues":[{"Value":"P-11"},{"Value":"0427"}]}`,
		"/Tenants?fields=Contacts.ContactID,Contacts.ContactID&embeds=Contacts":         `{"Contacts":[{"ContactID":21},{"ContactID":22}]}`,
		"/Tenants?fields=TenantID&getOptions=x&saveOptions=y&nocontent=false":           `{"TenantID":11}`,
		"/Tenants?fields=TenantID&orderingOptions=UpdateDate":                           `{"TenantID":11}`,
		"/Tenants?fields=TenantID&orderby=Status+ASC,TenantID+DESC&" + q("TenantID,11"): `{"TenantID":11}`,
	} {
		var rows []json.RawMessage
		a := r.get(path)
		if err := json.Unmarshal(a.body, &rows); err != nil || len(rows) == 0 || string(rows[0]) != want {
			t.Errorf("%s: %d %s, want %s first", path, a.status, a.body, want)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for order, want := range map[string][]int{
		"": {11, 12, 13}, "TenantID+DESC": {13, 12, 11}, "FirstName+desc": {13, 12, 11}, "Status": {11, 13, 12},
		"PostingEndDate,TenantID+DESC": {13, 11, 12}, "IsCompany": {11, 12, 13}, "UpdateDate+DESC": {13, 12, 11},
	} {
		if diff := cmp.Diff(want, numbers(r.rows("/Tenants?orderby="+order, 200), "TenantID")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", order, diff)
		}
	}
}

func TestSearchAsksTheSameInABody(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	ask := func(body string) answered { return r.do("POST", "/Tenants/Search", body, tokenHeader, r.token) }
	a := ask(`{"Filters":"Status,eq,Past","Fields":"TenantID","PageSize":5}`)
	if a.status != 200 || string(a.body) != `[{"TenantID":12}]` {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, body := range []string{`[]`, `{"Where":"x"}`, ``} {
		if a := ask(body); a.status != 400 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
}

func TestAddressesAndVerbs(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	for line, want := range map[string]int{
		"GET /Tenants/11": 200, "GET /Tenants/99": 404, "GET /Tenants/x": 404, "GET /Tenants/11/Leases": 404, "GET /tenants": 404,
		"GET /UserDefinedValues": 404, "GET /Buildings": 404, "GET /": 404, "GET /Tenants/Search": 405, "GET /Tenants/UserDefinedValues/118": 404,
		"POST /Tenants": 403, "DELETE /Tenants/11": 403, "PUT /Tenants/11": 405, "PATCH /Tenants": 405,
		"GET /ServiceManagerIssues": 404, "GET /UnitTypes": 200, "GET /LeaseRenewals": 200, "GET /Contacts/UserDefinedValues": 200,
	} {
		method, path, _ := strings.Cut(line, " ")
		if a := r.do(method, path, "[]", tokenHeader, r.token); a.status != want {
			t.Errorf("%s: %d, want %d", line, a.status, want)
		}
	}
	a := r.get("/Tenants/12?embed=Leases&fields=Name,Leases.UnitID")
	if string(a.body) != `{"Name":"Cy Holm","Leases":[{"UnitID":2}]}` {
		t.Errorf("an instance: %s", a.body)
	}
}
