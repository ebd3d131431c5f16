package rentmanagersim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// Whatever is asked, the answer is one the vendor knows, and data is JSON.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "filters=PropertyID,eq,5", "filters=UpdateDate,ge,2026-01-01T00:00:00Z;Status,ni,(Past,)", "embeds=Contacts.PhoneNumbers&fields=Contacts",
		"orderby=Status DESC,TenantID&pagesize=2&pagenumber=2", "filters=TransferDate,bt,(2026-01-01,2027-01-01)", "filters=Name,ct,;EvictionID,hv",
		"filters=PostingEndDate,eq,&embeds=Leases.Unit.Property.Units.CurrentOccupants.Contacts", "filters=EvictionID,ne,5;IsCompany,gt,false",
	} {
		f.Add(s)
	}
	s, err := New(Options{Data: small(), RateLimit: -1})
	if err != nil {
		f.Fatal(err)
	}
	token := s.issue()
	f.Fuzz(func(t *testing.T, query string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/Tenants", nil)
		req.URL = &url.URL{Path: "/Tenants", RawQuery: query}
		req.Header.Set(tokenHeader, token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		switch w.Code {
		case 200, 206, 400, 404:
		default:
			t.Errorf("%q: %d", query, w.Code)
		}
		if !json.Valid(w.Body.Bytes()) { // no fault is on, so even a 404 has words
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}
