package rentmanagersim

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// one is books of one household in unit 101 with one lease; bend changes it.
func one(change func(h *Household, l *Lease)) *Data {
	d := small()
	h := d.Properties[0].Households[0]
	d.Properties[0].Households = []*Household{h}
	change(h, h.Leases[0])
	return d
}

// The definition of reference pms.md §1.4, at the edges of each date.
func TestStatusFollowsTheDates(t *testing.T) {
	t.Parallel()
	none := Day{}
	for _, tc := range []struct {
		name    string
		in, out Day
		term    int // start of the paper
		want    string
	}{
		{"moved in long ago", In(-100), none, -100, "Current"},
		{"moves in today", In(0), none, 0, "Current"},
		{"moves in tomorrow", In(1), none, 1, "Future"},
		{"moves out today", In(-100), In(0), -100, "Current"},
		{"moved out yesterday", In(-100), In(-1), -100, "Past"},
		{"moves out next year", In(-100), In(365), -100, "Current"},
		{"in and out today", In(0), In(0), 0, "Current"},
		{"in and out yesterday", In(-1), In(-1), -1, "Past"},
		{"out before in, both past", In(-5), In(-8), -5, "Past"},
		{"out before in, in to come", In(5), In(2), 5, "Future"},
		{"cancelled before it began", In(5), In(-2), 5, "Past"},
		{"no move-in, paper began", none, none, -3, "Current"},
		{"no move-in, paper to come", none, none, 3, "Future"},
		{"move-out 0001", In(-100), Fixed("0001-01-01"), -100, "Current"},
		{"move-out 2099", In(-100), Fixed("2099-12-31"), -100, "Current"},
		{"move-in 1900, paper began", Fixed("1900-01-01"), none, -100, "Current"},
		{"move-in 1900, paper to come", Fixed("1900-01-01"), none, 9, "Future"},
		{"paper ended, nobody left", In(-900), none, -900, "Current"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{Data: one(func(_ *Household, l *Lease) {
				l.MoveIn, l.MoveOut, l.Terms = tc.in, tc.out, []Term{{In(tc.term), In(tc.term + 364)}}
			})})
			if got := r.rows("/Tenants", 200)[0]["Status"]; got != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
}

func TestAnAccountsDatesComeFromItsLeases(t *testing.T) {
	t.Parallel()
	term := []Term{{In(-900), In(900)}}
	for _, tc := range []struct {
		name         string
		leases       []*Lease
		start, end   any
		status       string
		withoutTerms bool
	}{
		{"none", nil, nil, nil, "Future", false},
		{"two open", []*Lease{{MoveIn: In(-10)}, {MoveIn: In(-20)}}, "2026-10-31T00:00:00", nil, "Current", false},
		{"one of two ended", []*Lease{{MoveIn: In(-10), MoveOut: In(-2)}, {MoveIn: In(-5)}}, "2026-11-10T00:00:00", nil, "Current", false},
		{"both ended", []*Lease{{MoveIn: In(-10), MoveOut: In(-2)}, {MoveIn: In(-5), MoveOut: In(-1)}}, "2026-11-10T00:00:00", "2026-11-19T00:00:00", "Past", false},
		{"one ended, one to come", []*Lease{{MoveIn: In(-10), MoveOut: In(-2)}, {MoveIn: In(5)}}, "2026-11-10T00:00:00", nil, "Current", false},
		{"neither dates nor paper", []*Lease{{}}, nil, nil, "Future", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) {
				h.Leases = tc.leases
				for i, l := range tc.leases {
					l.ID, l.Unit, l.Terms = 40+i, 1+i, term
					if tc.withoutTerms {
						l.Terms = nil
					}
				}
			})})
			row := r.rows("/Tenants", 200)[0]
			got := []any{row["PostingStartDate"], row["PostingEndDate"], row["Status"]}
			if diff := cmp.Diff([]any{tc.start, tc.end, tc.status}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePaperInForce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		terms []Term
		want  []any
	}{
		{"one", []Term{{In(-10), In(354)}}, []any{"2026-11-10T00:00:00", "2027-11-09T00:00:00"}},
		{"renewed", []Term{{In(-400), In(-36)}, {In(-35), In(329)}}, []any{"2026-10-16T00:00:00", "2027-10-15T00:00:00"}},
		{"renewal to come", []Term{{In(-300), In(64)}, {In(65), In(429)}}, []any{"2026-01-24T00:00:00", "2027-01-23T00:00:00"}},
		{"renewal from today", []Term{{In(-365), In(-1)}, {In(0), In(364)}}, []any{"2026-11-20T00:00:00", "2027-11-19T00:00:00"}},
		{"first one to come", []Term{{In(5), In(370)}}, []any{"2026-11-25T00:00:00", "2027-11-25T00:00:00"}},
		{"month to month", []Term{{In(-400), In(-36)}, {Start: In(-35)}}, []any{"2026-10-16T00:00:00", nil}},
		{"none", nil, []any{nil, nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{Data: one(func(_ *Household, l *Lease) { l.Terms = tc.terms })})
			row := r.rows("/Leases?embeds=LeaseRenewals", 200)[0]
			if diff := cmp.Diff(tc.want, []any{row["StartDate"], row["EndDate"]}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(row["LeaseRenewals"].([]any)); n != len(tc.terms) {
				t.Errorf("%d renewals", n)
			}
		})
	}
}

// Value is what was typed; NumericValue has lost what a number cannot hold (reference pms.md §1.4).
func TestNumericValuesLoseWhatNumbersCannotHold(t *testing.T) {
	t.Parallel()
	for pin, want := range map[string]any{
		"48213": 48213.0, "0427": 427.0, "0000": 0.0, "48,213": 48213.0, "36157.00": 36157.0, "12AB": nil, "": nil, "123456789": 123456789.0,
		"4.8E+04": 48000.0, " 12": nil,
	} {
		r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) { h.Members[0].PIN = pin })})
		row := r.rows("/Contacts/UserDefinedValues?filters=ParentID,21", 200)[0]
		if row["Value"] != pin || row["NumericValue"] != want || row["FieldType"] != "Numeric" || row["Name"] != "Door PIN" {
			t.Errorf("%q: %v", pin, row)
		}
	}
}

func TestCardsAreTextAndOnlyThereWhenGiven(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) { h.Members[0].Card, h.Card = "04 a1", "0B" })})
	if got := values(r.rows("/Contacts/UserDefinedValues?filters=UserDefinedFieldID,72", 200), "Value"); !cmp.Equal(got, []any{"04 a1"}) {
		t.Errorf("cards of contacts %v", got)
	}
	row := r.rows("/Tenants/UserDefinedValues?filters=UserDefinedFieldID,62", 200)[0]
	if row["Value"] != "0B" || row["NumericValue"] != nil || row["ParentType"] != "Tenant" || row["ParentID"] != 11.0 {
		t.Errorf("card of the account %v", row)
	}
}

func TestOccupancy(t *testing.T) {
	t.Parallel()
	d := small()
	d.Properties[0].Households[0].Leases[0].Expected = In(40)
	r := newRig(t, Options{Data: d})
	rows := r.rows("/Units?embeds=CurrentOccupancyStatus,CurrentOccupants,Addresses,UnitType,Property", 200)
	var got []string
	for _, u := range rows {
		o := u["CurrentOccupancyStatus"].(map[string]any)
		got = append(got, fmt.Sprint(u["Name"], " ", u["IsVacant"], " ", o["OccupancyType"], " ", o["TenantID"], " ", o["ExpectedMoveOutDate"], " ", len(u["CurrentOccupants"].([]any))))
	}
	want := []string{
		"101 false Occupied 11 2026-12-30T00:00:00 1", "0101 true Vacant <nil> <nil> 0", "102 true Vacant <nil> <nil> 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if street := rows[0]["Addresses"].([]any)[0].(map[string]any)["Street"]; street != "1 Test Way, Building A" {
		t.Errorf("the building stands in %v", street)
	}
	if rows[2]["UnitType"].(map[string]any)["Name"] != "Loft" || rows[2]["Property"].(map[string]any)["Name"] != "Test Court" {
		t.Errorf("unit %v", rows[2])
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		company, first, last string
		want                 []any
	}{
		{"", "Ada", "Holm", []any{"Ada Holm", "Holm, Ada", false}},
		{"", "", "Kovac, Vesna", []any{"Kovac, Vesna", "Kovac, Vesna", false}},
		{"", "Zuri", "", []any{"Zuri", "Zuri", false}},
		{"Acme LLC", "Ada", "Holm", []any{"Acme LLC", "Acme LLC", true}},
	} {
		r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) {
			h.Company, h.Members[0].First, h.Members[0].Last = tc.company, tc.first, tc.last
		})})
		row := r.rows("/Tenants", 200)[0]
		if diff := cmp.Diff(tc.want, []any{row["Name"], row["LastNameFirstName"], row["IsCompany"]}); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc, diff)
		}
	}
}

func TestPhonesAreStrippedToDigitsAndKeptAsTyped(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) {
		h.Members[0].Phones = []Phone{{"Home", "(   )    -"}, {"CELL", "617–555–0131 x4"}, {"Home", "555-0142"}}
	})})
	row := r.rows("/Contacts?embeds=PhoneNumbers,PhoneNumbers.PhoneNumberType", 200)[0]
	var got []string
	for _, p := range row["PhoneNumbers"].([]any) {
		p := p.(map[string]any)
		got = append(got, fmt.Sprint(p["PhoneNumber"], "|", p["StrippedPhoneNumber"], "|", p["PhoneNumberType"].(map[string]any)["Name"], "|", p["IsPrimary"], "|", p["IsTextReady"]))
	}
	want := []string{"(   )    -||Home|true|false", "617–555–0131 x4|61755501314|CELL|false|true", "555-0142|5550142|Home|false|false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALabelOfTheBooksWins(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: one(func(h *Household, _ *Lease) { h.Label = "Applicant" })})
	r.fault(FaultLabels)
	if got := r.rows("/Tenants", 200)[0]["Status"]; got != "Applicant" {
		t.Errorf("status %v", got)
	}
}

func TestWorkOrders(t *testing.T) {
	t.Parallel()
	d := small()
	d.Properties[0].WorkOrders = []*WorkOrder{
		{ID: 900, Title: "Tap drips", Status: "Open", Category: "Plumbing", Priority: "Normal", Household: 11, Opened: In(-3)},
		{ID: 901, Title: "Roof", Text: "leaks", Status: "Closed", Category: "Roof", Priority: "Normal", Opened: In(-9)},
	}
	r := newRig(t, Options{Data: d})
	rows := r.rows("/ServiceManagerIssues?embeds=Tenant", 200)
	if rows[0]["TenantID"] != 11.0 || rows[0]["Tenant"].(map[string]any)["FirstName"] != "Ada" || rows[0]["CreateDate"] != "2026-11-17T00:00:00" {
		t.Errorf("order %v", rows[0])
	}
	if rows[1]["TenantID"] != nil || rows[1]["Tenant"] != nil || rows[1]["Description"] != "leaks" || rows[1]["StatusID"] == rows[0]["StatusID"] {
		t.Errorf("order %v", rows[1])
	}
	for path, want := range map[string][]any{
		"/ServiceManagerStatuses": {"Open", "Closed"}, "/ServiceManagerCategories": {"Plumbing", "Roof"}, "/ServiceManagerPriorities": {"Normal"},
	} {
		if diff := cmp.Diff(want, values(r.rows(path, 200), "Name")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// A client that asks for what changed sees a changed lease and a changed contact where each is kept.
func TestUpdateDateAsADelta(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	since := q("UpdateDate,ge," + noon().Format(time.RFC3339))
	for _, path := range []string{"/Tenants", "/Contacts", "/Leases"} {
		if a := r.get(path + "?" + since); a.status != 404 {
			t.Fatalf("%s: something changed before anything did: %.200s", path, a.body)
		}
	}
	who := r.s.People()[0]
	r.now = r.now.Add(time.Minute)
	r.post("/edit", fmt.Sprintf(`{"contact":%d,"pin":"4711"}`, who.Contact))
	if got := numbers(r.rows("/Contacts?"+since, 200), "ContactID"); !cmp.Equal(got, []int{who.Contact}) {
		t.Errorf("contacts changed: %v", got)
	}
	if a := r.get("/Tenants?" + since); a.status != 404 {
		t.Errorf("a contact's change shows on the account: %s", a.body)
	}
	r.post("/renew", fmt.Sprintf(`{"tenant":%d}`, who.Tenant))
	if got := numbers(r.rows("/Tenants?"+since, 200), "TenantID"); !cmp.Equal(got, []int{who.Tenant}) {
		t.Errorf("tenants changed: %v", got)
	}
	if got := numbers(r.rows("/Leases?"+since, 200), "LeaseID"); !cmp.Equal(got, []int{who.Lease}) {
		t.Errorf("leases changed: %v", got)
	}
}

func TestVendorsAreContactsToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	rows := r.rows("/Contacts?embeds=Tenant&"+q("ParentType,ne,Tenant"), 200)
	if len(rows) != 3 {
		t.Fatalf("%d contacts of others", len(rows))
	}
	for _, row := range rows {
		if row["ParentType"] != "Vendor" || row["Tenant"] != nil {
			t.Errorf("%v", row)
		}
	}
}
