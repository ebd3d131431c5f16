package rentmanagersim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// caseView is what the API shows of the first household that was put into a unit.
type caseView struct {
	Status, In, Out string
	People          string // applicant types, * for primary, - for inactive
}

// view finds a case by property and unit.
func (r *rig) view(t *testing.T, property int, unit string) caseView {
	t.Helper()
	path := "/Leases?embeds=Unit,Tenant,Tenant.Contacts&orderby=TenantID&" + q(fmt.Sprintf("PropertyID,eq,%d;Unit.Name,eq,%s", property, unit))
	if rows := r.rows(path, 200); len(rows) > 0 {
		l := rows[0]
		tenant := l["Tenant"].(map[string]any)
		v := caseView{Status: tenant["Status"].(string), In: day(l["MoveInDate"]), Out: day(l["MoveOutDate"])}
		var types []string
		for _, c := range tenant["Contacts"].([]any) {
			c := c.(map[string]any)
			s := c["ApplicantType"].(string)
			if c["IsPrimary"] == true {
				s += "*"
			}
			if c["IsActive"] == false {
				s += "-"
			}
			types = append(types, s)
		}
		v.People = strings.Join(types, " ")
		return v
	}
	return caseView{}
}

func day(v any) string {
	s, _ := v.(string)
	return strings.TrimSuffix(s, "T00:00:00")
}

// What the API makes of the dated cases at noon of 20 November 2026.
func TestTheSampleCasesAsTheAPIShowsThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	for _, tc := range []struct {
		property int
		unit     string
		want     caseView
	}{
		{12, "101", caseView{Status: "Current", In: "2024-06-03"}},
		{12, "103", caseView{Status: "Current", In: "2025-10-16", Out: "2026-12-11"}},
		{12, "106", caseView{Status: "Past", In: "2024-12-20", Out: "2026-11-14"}},
		{12, "107", caseView{Status: "Future", In: "2026-11-27"}},
		{12, "108", caseView{Status: "Future", In: "2026-11-21"}},
		{12, "109", caseView{Status: "Current", In: "2026-11-20"}},
		{12, "110", caseView{Status: "Current", In: "2025-11-20", Out: "2026-11-20"}},
		{12, "111", caseView{Status: "Past", In: "2025-11-19", Out: "2026-11-19"}},
		{12, "112", caseView{Status: "Past", In: "2025-03-30", Out: "2026-10-21"}},
		{12, "201", caseView{Status: "Past", In: "2022-10-12", Out: "2024-11-20"}},
		{12, "202", caseView{Status: "Past", In: "2026-01-24", Out: "2026-11-08"}},
		{12, "203", caseView{Status: "Past", In: "2026-10-31", Out: "2026-10-28"}},
		{12, "208", caseView{Status: "Past", In: "2026-05-04", Out: "2026-10-11"}},
		{12, "209", caseView{Status: "Past", In: "2025-07-08", Out: "2026-10-20"}},
		{12, "210", caseView{Status: "Current", In: "2025-07-08", Out: "2026-11-30"}},
		{12, "B-101", caseView{Status: "Current", In: "2026-10-20"}},
		{12, "C-101", caseView{Status: "Future", In: "2026-11-30"}},
		{12, "WAIT", caseView{Status: "Applicant", In: "2027-01-19"}},
		{12, "C-306", caseView{Status: "Past", In: "2025-09-26", Out: "2026-10-31"}},
		{27, "106", caseView{Status: "Current", In: "2023-08-08"}},
		{27, "107", caseView{Status: "Current", Out: "2026-11-30"}},
		{27, "109", caseView{Status: "Future", In: "2026-12-04"}},
		{27, "110", caseView{Status: "Past", In: "2024-09-11", Out: "2026-09-11"}},
		{27, "305-C", caseView{Status: "Future", In: "2026-11-23"}},
		{27, "202", caseView{Status: "Past", In: "2026-11-17", Out: "2026-11-17"}},
	} {
		got := r.view(t, tc.property, tc.unit)
		got.People = ""
		if tc.want.In == "" {
			got.In = ""
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%d %s (-want +got):\n%s", tc.property, tc.unit, diff)
		}
	}
}

func TestTheSampleHouseholdsAsTheAPIShowsThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	for unit, want := range map[string]string{
		"303": "Primary* Occupant Occupant", "305": "Primary* Guarantor Minor", "306": "Primary* Cosigner ", "307": "Primary* Occupant Occupant-",
		"308": "Primary*- Occupant-", "309": "Occupant Occupant", "311": "",
	} {
		if got := r.view(t, 12, unit).People; got != want {
			t.Errorf("unit %s: %q, want %q", unit, got, want)
		}
	}
	if got := r.view(t, 12, "312").People; !strings.HasPrefix(got, "Live-in Aide*") {
		t.Errorf("unit 312: %q", got)
	}
}

// The sample's transfers are linked both ways, and its sentinels reach the wire as they are.
func TestTheSampleLinksAndSentinels(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	moved := r.rows("/Tenants?"+q("SourceCustomerID,hv"), 200)
	if len(moved) != 3 {
		t.Fatalf("%d accounts came by transfer, want 3", len(moved))
	}
	for _, to := range moved {
		from := r.rows("/Tenants?"+q(fmt.Sprintf("TenantID,%v", to["SourceCustomerID"])), 200)[0]
		if from["TransferGroupID"] != to["TransferGroupID"] || from["TransferDate"] != to["TransferDate"] || from["LastName"] != to["LastName"] {
			t.Errorf("from %v\nto %v", from, to)
		}
	}
	var got []string
	for _, unit := range []string{"204", "205"} {
		v := r.view(t, 12, unit)
		got = append(got, v.Status, v.In, v.Out)
	}
	if want := []string{"Current", got[1], "0001-01-01", "Current", "1900-01-01", ""}; !cmp.Equal(want, got) {
		t.Errorf("sentinels are shown as %q", got)
	}
	if ends := r.rows("/Leases?embeds=LeaseRenewals,Unit&"+q("Unit.Name,205;PropertyID,12"), 200); ends[0]["EndDate"] != "2099-12-31T00:00:00" {
		t.Errorf("lease end %v", ends[0]["EndDate"])
	}
}

// Harbor Row keeps PINs with the person, Kiln Lofts with the account: a reader must look at both.
func TestTheSampleKeepsPINsInBothPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	held := func(path, parent string, property int) (n int) {
		rows := r.rows(path+"?pagesize=1000&"+q(fmt.Sprintf("%s.PropertyID,eq,%d;Name,eq,Door PIN;Value,ne,", parent, property)), 200)
		return len(rows)
	}
	harbor, kiln := held("/Contacts/UserDefinedValues", "Contact.Tenant", 12), held("/Tenants/UserDefinedValues", "Tenant", 27)
	if harbor < 80 || kiln < 40 {
		t.Errorf("%d PINs with people of Harbor Row, %d with accounts of Kiln Lofts", harbor, kiln)
	}
	if a := r.get("/Contacts/UserDefinedValues?" + q("Contact.Tenant.PropertyID,27;Name,Door PIN;Value,ne,")); a.status != 404 {
		t.Errorf("Kiln Lofts keeps PINs with people: %.300s", a.body)
	}
}
