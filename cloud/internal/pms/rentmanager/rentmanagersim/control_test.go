package rentmanagersim

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/protocol/simkit"
)

// post sends a change and returns what it left behind.
func (r *rig) post(path, body string) Changed {
	r.t.Helper()
	code, answer := r.control("POST", path, body)
	var c Changed
	if err := json.Unmarshal([]byte(answer), &c); code != 200 || err != nil {
		r.t.Fatalf("%s %s: %d %s", path, body, code, answer)
	}
	return c
}

// person finds a contact among the people.
func (r *rig) person(contact int) Person {
	r.t.Helper()
	for _, p := range r.s.People() {
		if p.Contact == contact {
			return p
		}
	}
	r.t.Fatalf("there is no contact %d", contact)
	return Person{}
}

// tenant is an account as the API shows it.
func (r *rig) tenant(id int) map[string]any {
	r.t.Helper()
	return r.rows(fmt.Sprintf("/Tenants?embeds=Contacts,Contacts.UserDefinedValues,Leases,Leases.LeaseRenewals&filters=TenantID,%d", id), 200)[0]
}

func TestMoveIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	c := r.post("/move_in", `{"property":5,"unit":"0101","first":"Eve","last":"Lund","email":"eve@example.org","phone":"617-555-0177","pin":"4821","card":"0A0B","date":"+2"}`)
	row := r.tenant(c.Tenant)
	if row["Status"] != "Future" || row["Name"] != "Eve Lund" || row["UpdateDate"] != "2026-11-20T17:00:00" {
		t.Errorf("tenant %v", row)
	}
	lease := row["Leases"].([]any)[0].(map[string]any)
	if lease["MoveInDate"] != "2026-11-22T00:00:00" || lease["EndDate"] != "2027-11-21T00:00:00" || lease["UnitID"] != 2.0 {
		t.Errorf("lease %v", lease)
	}
	contact := row["Contacts"].([]any)[0].(map[string]any)
	values := contact["UserDefinedValues"].([]any)
	if contact["ApplicantType"] != "Primary" || contact["IsPrimary"] != true || len(values) != 2 || values[0].(map[string]any)["Value"] != "4821" {
		t.Errorf("contact %v", contact)
	}
	r.post("/clock", `{"days":2}`)
	if r.login(); r.tenant(c.Tenant)["Status"] != "Current" {
		t.Error("not current on the day of the move-in")
	}
	joined := r.post("/move_in", fmt.Sprintf(`{"tenant":%d,"first":"Flo","last":"Lund"}`, c.Tenant))
	p := r.person(joined.Contact)
	if joined.Tenant != c.Tenant || p.Type != "Occupant" || p.Primary || p.Unit != "0101" {
		t.Errorf("joined %+v", p)
	}
	if c := r.post("/move_in", `{"property":5,"unit":"101","company":"Byte Works","first":"","last":"","date":"2026-11-01","lease_end":"2026-12-31"}`); r.tenant(c.Tenant)["IsCompany"] != true {
		t.Error("a company is none")
	}
}

func TestMoveOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.post("/move_out", `{"tenant":11,"date":"+30","notice":true}`)
	lease := r.tenant(11)["Leases"].([]any)[0].(map[string]any)
	if lease["NoticeDate"] != "2026-11-20T00:00:00" || lease["ExpectedMoveOutDate"] != "2026-12-20T00:00:00" || lease["MoveOutDate"] != nil {
		t.Errorf("on notice: %v", lease)
	}
	r.post("/move_out", `{"tenant":11}`)
	row := r.tenant(11)
	if row["Status"] != "Current" || row["PostingEndDate"] != "2026-11-20T00:00:00" || row["Leases"].([]any)[0].(map[string]any)["IsMoveOutConfirmed"] != true {
		t.Errorf("on the last day: %v", row)
	}
	r.post("/clock", `{"add":"24h"}`)
	if r.login(); r.tenant(11)["Status"] != "Past" {
		t.Error("not past on the day after")
	}
	r.post("/move_out", `{"tenant":13,"date":"-1"}`)
	if row := r.tenant(13); row["Status"] != "Past" {
		t.Errorf("a future tenant who will not come: %v", row)
	}
}

func TestOneOfAHouseholdLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.post("/move_out", `{"tenant":11,"contact":22}`)
	if r.person(22).Active || !r.person(21).Active || r.tenant(11)["Status"] != "Current" {
		t.Errorf("%+v", r.s.People())
	}
	// Whether a contact's change touches the account's UpdateDate is not known; here it does not.
	if at := r.tenant(11)["UpdateDate"]; at != "2026-11-15T00:00:00" {
		t.Errorf("the account was updated %v", at)
	}
	if at := r.rows("/Contacts?filters=ContactID,22", 200)[0]["UpdateDate"]; at != "2026-11-20T17:00:00" {
		t.Errorf("the contact was updated %v", at)
	}
}

func TestVanish(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	tenant := r.s.data.Properties[0].WorkOrders[0].Household
	r.post("/move_out", fmt.Sprintf(`{"tenant":%d,"vanish":true}`, tenant))
	for _, path := range []string{"/Tenants", "/Leases", "/ServiceManagerIssues"} {
		if a := r.get(fmt.Sprintf("%s?filters=TenantID,%d", path, tenant)); a.status != 404 {
			t.Errorf("%s still knows the tenant: %d", path, a.status)
		}
	}
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	c := r.post("/transfer", `{"tenant":11,"unit":"0101"}`)
	from, to := r.tenant(11), r.tenant(c.Tenant)
	if c.Tenant == 11 || to["TransferGroupID"] != from["TransferGroupID"] || to["TransferGroupID"] == nil || to["SourceCustomerID"] != 11.0 {
		t.Errorf("from %v\nto %v", from, to)
	}
	if to["TransferDate"] != "2026-11-20T00:00:00" || to["Status"] != "Current" || from["PostingEndDate"] != "2026-11-20T00:00:00" {
		t.Errorf("from %v\nto %v", from, to)
	}
	if n := len(to["Contacts"].([]any)); n != 2 || c.Contact == 21 || r.person(c.Contact).First != "Ada" {
		t.Errorf("%d people came along, the head is %+v", n, r.person(c.Contact))
	}
	r.post("/clock", `{"now":"2026-11-21T12:00:00Z"}`)
	if r.login(); r.tenant(11)["Status"] != "Past" {
		t.Error("the old account is not past on the next day")
	}
}

func TestTransferToAnotherProperty(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	who := r.s.data.Properties[0].Households[0].ID
	c := r.post("/transfer", fmt.Sprintf(`{"tenant":%d,"property":27,"unit":"305-A","date":"2026-12-01"}`, who))
	if row := r.tenant(c.Tenant); row["PropertyID"] != 27.0 || row["Status"] != "Future" || row["SourceCustomerID"] != float64(who) {
		t.Errorf("%v", row)
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	c := r.post("/promote", `{"tenant":11,"contact":22}`)
	if p := r.person(22); c.Tenant != 11 || !p.Primary || p.Type != "Primary" || r.person(21).Active || r.tenant(11)["FirstName"] != "Bo" {
		t.Errorf("%+v: %+v", c, p)
	}
}

func TestPromoteWithNewIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	c := r.post("/promote", `{"tenant":11,"contact":22,"new_ids":true}`)
	row := r.tenant(c.Tenant)
	if c.Tenant == 11 || c.Contact == 22 || row["FirstName"] != "Bo" || row["Status"] != "Current" || len(row["Contacts"].([]any)) != 1 {
		t.Errorf("%+v %v", c, row)
	}
	if l := row["Leases"].([]any)[0].(map[string]any); l["MoveInDate"] != "2026-08-12T00:00:00" || l["MoveOutDate"] != nil {
		t.Errorf("the new account's lease is %v", l)
	}
	if old := r.tenant(11); old["Status"] != "Past" {
		t.Errorf("the old account is %v", old)
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.post("/renew", `{"tenant":11}`)
	lease := func() map[string]any { return r.tenant(11)["Leases"].([]any)[0].(map[string]any) }
	l := lease()
	renewals := l["LeaseRenewals"].([]any)
	if len(renewals) != 2 || renewals[1].(map[string]any)["StartDate"] != "2027-08-12T00:00:00" || l["EndDate"] != "2027-08-11T00:00:00" {
		t.Errorf("before the renewal begins: %v", l)
	}
	r.post("/clock", `{"now":"2027-08-12T12:00:00Z"}`)
	r.login()
	if l := lease(); l["StartDate"] != "2027-08-12T00:00:00" || l["EndDate"] != "2028-08-10T00:00:00" {
		t.Errorf("when it has begun: %v", l)
	}
	r.post("/renew", `{"tenant":11,"end":"2029-01-31"}`)
	if n := len(lease()["LeaseRenewals"].([]any)); n != 3 {
		t.Errorf("%d papers", n)
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.post("/edit", `{"contact":21,"email":"ada@example.net","pin":"7351","card":"0C0D","phone":"617-555-0188","first":"Ada M.","type":"Occupant"}`)
	p := r.person(21)
	if p.Email != "ada@example.net" || p.PIN != "7351" || p.Card != "0C0D" || p.First != "Ada M." || p.Last != "Holm" || p.Type != "Occupant" {
		t.Errorf("%+v", p)
	}
	r.post("/edit", `{"contact":21,"email":"","pin":""}`)
	if p := r.person(21); p.Email+p.PIN != "" || p.Card != "0C0D" {
		t.Errorf("after taking away: %+v", p)
	}
}

func TestTheControlSideSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	before := fmt.Sprint(r.s.People())
	for _, tc := range []struct{ path, body, words string }{
		{"/move_in", `{"property":5,"unit":"101"}`, "nobody is named"},
		{"/move_in", `{"property":5,"unit":"1","first":"A","last":"B"}`, `no unit "1"`},
		{"/move_in", `{"property":6,"unit":"101","first":"A","last":"B"}`, "no property 6"},
		{"/move_in", `{"property":5,"unit":"101","first":"A","last":"B","date":"soon"}`, `"soon" is not a day`},
		{"/move_in", `{"property":5,"unit":"101","first":"A","last":"B","lease_end":"3"}`, `lease_end: "3" is not a day`},
		{"/move_in", `{"tenant":99,"first":"A","last":"B"}`, "no tenant 99"},
		{"/move_in", `{"tenant":11,"unit":"101","first":"A","last":"B"}`, "leave out property"},
		{"/move_in", `{"tenant":11,"first":"A","last":"B","pim":"1"}`, "pim"},
		{"/move_in", `{} {}`, "more than one"},
		{"/move_in", `[]`, "not what this call takes"},
		{"/move_out", `{"tenant":99}`, "no tenant 99"},
		{"/move_out", `{"tenant":11,"date":"2026-13-01"}`, "not a day"},
		{"/move_out", `{"tenant":11,"contact":23}`, "no contact 23"},
		{"/move_out", `{"tenant":11,"contact":22,"vanish":true}`, "leave out date"},
		{"/transfer", `{"tenant":99,"unit":"101"}`, "no tenant 99"},
		{"/transfer", `{"tenant":11,"unit":"999"}`, `no unit "999"`},
		{"/transfer", `{"tenant":11,"unit":"102","date":"x"}`, "not a day"},
		{"/promote", `{"tenant":99,"contact":22}`, "no tenant 99"},
		{"/promote", `{"tenant":11,"contact":24}`, "no contact 24"},
		{"/promote", `{"tenant":11,"contact":21}`, "head already"},
		{"/renew", `{"tenant":99}`, "no tenant 99"},
		{"/renew", `{"tenant":11,"end":"2026-11-21"}`, "before it begins"},
		{"/renew", `{"tenant":11,"end":"later"}`, "not a day"},
		{"/edit", `{"contact":99}`, "no contact 99"},
		{"/clock", `{}`, "one of now, add and days"},
		{"/clock", `{"days":1,"add":"1h"}`, "one of now, add and days"},
		{"/clock", `{"add":"a day"}`, "not a duration"},
		{"/clock", `{"now":"noon"}`, "not what this call takes"},
		{"/fault", `{"name":"bom"}`, `say "on"`},
		{"/fault", `{"name":"rain","on":true}`, "no fault"},
	} {
		code, answer := r.control("POST", tc.path, tc.body)
		if code != 400 || !strings.Contains(answer, tc.words) {
			t.Errorf("%s %s: %d %s; want words with %q", tc.path, tc.body, code, answer, tc.words)
		}
	}
	if after := fmt.Sprint(r.s.People()); after != before {
		t.Errorf("a refused change has changed\n%s\nto\n%s", before, after)
	}
}

func TestWhoHasLeftOrHasNoLease(t *testing.T) {
	t.Parallel()
	d := small()
	d.Properties[0].Households[0].Members[1].Left = true
	d.Properties[0].Households[1].Leases = nil
	r := newRig(t, Options{Data: d})
	for path, body := range map[string]string{"/promote": `{"tenant":11,"contact":22}`, "/renew": `{"tenant":12}`} {
		if code, answer := r.control("POST", path, body); code != 400 {
			t.Errorf("%s %s: %d %s", path, body, code, answer)
		}
	}
}

func TestFaultsOverTheControlSide(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	if code, answer := r.control("POST", "/fault", `{"name":"slow","on":true,"value":"2s","times":3,"resource":"Tenants"}`); code != 200 || !strings.Contains(answer, `"times":3`) {
		t.Errorf("%d %s", code, answer)
	}
	_, answer := r.control("GET", "/faults", "")
	var got struct {
		Faults []simkit.Fault
		On     []FaultSetting
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Faults) != len(FaultList().Faults) || len(got.On) != 1 || got.On[0].Value != "2s" {
		t.Errorf("%v %+v", err, got.On)
	}
	for _, body := range []string{`{"name":"slow","on":false}`, `{"name":"all","on":false}`} {
		if code, answer := r.control("POST", "/fault", body); code != 200 || len(r.s.FaultsOn()) != 0 {
			t.Errorf("%d %s", code, answer)
		}
	}
}

func TestClockPeopleStatsAndHelp(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	if _, answer := r.control("GET", "/clock", ""); answer != `{"now":"2026-11-20T17:00:00Z"}` {
		t.Errorf("clock %s", answer)
	}
	if _, answer := r.control("POST", "/clock", `{"now":"2026-12-24T18:00:00Z"}`); answer != `{"now":"2026-12-24T18:00:00Z"}` {
		t.Errorf("clock %s", answer)
	}
	r.now = r.now.Add(time.Minute)
	if got := r.s.Now(); !got.Equal(time.Date(2026, 12, 24, 18, 1, 0, 0, time.UTC)) {
		t.Errorf("a moved clock stands still: %v", got)
	}
	if _, answer := r.control("GET", "/people", ""); strings.Count(answer, `"contact"`) != 4 || !strings.Contains(answer, `"unit":"0101"`) {
		t.Errorf("people %s", answer)
	}
	r.get("/Units")
	r.get("/Units?pagesize=0")
	var s Stats
	if _, answer := r.control("GET", "/stats", ""); json.Unmarshal([]byte(answer), &s) != nil || s.Requests != 3 || s.ByStatus[200] != 2 || s.ByStatus[400] != 1 || s.Last[1].Rows != 3 {
		t.Errorf("stats %s", answer)
	}
	r.s.ForgetRequests()
	if s := r.s.Stats(); s.Requests != 0 || len(s.Last) != 0 || s.Tokens != 0 {
		t.Errorf("after forgetting: %+v", s)
	}
	if a := r.get("/Units"); a.status != 200 {
		t.Errorf("forgetting requests forgets tokens: %d", a.status)
	}
	code, help := r.control("GET", "/", "")
	for _, path := range []string{"/people", "/move_in", "/move_out", "/transfer", "/promote", "/renew", "/edit", "/clock", "/fault", "/faults", "/stats"} {
		if code != 200 || !strings.Contains(help, path+" ") {
			t.Errorf("the help does not name %s", path)
		}
	}
	if code, _ := r.control("GET", "/move_in", ""); code != 405 {
		t.Errorf("GET /move_in: %d", code)
	}
}

func TestTheControlSideIsNotOnTheVendorsSide(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	for _, path := range []string{"/people", "/stats", "/faults"} {
		if a := r.get(path); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// A hand at the control side and several clients at once: the race detector judges.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	r.login()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 4 {
				if i%2 == 0 {
					r.control("POST", "/clock", `{"add":"1m"}`)
					r.control("POST", "/move_in", `{"property":12,"unit":"01","first":"A","last":"B"}`)
					r.control("POST", "/fault", `{"name":"id-churn","on":true}`)
				}
				if a := r.do("GET", "/Tenants?embeds=Contacts,Leases", "", tokenHeader, r.token); a.status != 200 && a.status != 401 {
					r.t.Errorf("%d %.100s", a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
	if s := r.s.Stats(); s.Requests != 33 || s.MostAtOnce < 1 {
		t.Errorf("%d requests, %d at once", s.Requests, s.MostAtOnce)
	}
}
