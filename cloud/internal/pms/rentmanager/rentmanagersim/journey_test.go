package rentmanagersim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documented is the call for tenants as reference pms.md §1.4 gives it.
const documented = "/Tenants?pagesize=%d&filters=PropertyID,eq,%d&embeds=Contacts,Contacts.PhoneNumbers,Contacts.PhoneNumbers.PhoneNumberType," +
	"Contacts.UserDefinedValues,Leases,Leases.LeaseRenewals,UserDefinedValues,Evictions"

// pull reads every tenant of a property by the documented call, page by page, and says who lives where: contact
// to status and unit.
func (r *rig) pull(property, size int) map[string]string {
	r.t.Helper()
	units := map[any]string{}
	for _, u := range r.rows(fmt.Sprintf("/Units?filters=PropertyID,eq,%d&embeds=Addresses,CurrentOccupancyStatus", property), 200) {
		units[u["UnitID"]] = u["Name"].(string)
	}
	out := map[string]string{}
	for _, page := range r.walk(fmt.Sprintf(documented, size, property)) {
		for _, tenant := range decode(r.t, page) {
			home := tenant["Status"].(string)
			for _, l := range tenant["Leases"].([]any) {
				home += " " + units[l.(map[string]any)["UnitID"]]
			}
			for _, c := range tenant["Contacts"].([]any) {
				c := c.(map[string]any)
				out[fmt.Sprint(c["ContactID"], " ", c["FirstName"], " ", c["LastName"])] = home
			}
		}
	}
	return out
}

// Any page size tells the same story, and it is what the control side says.
func TestTheDocumentedPullTellsTheSameStoryAtAnyPageSize(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	for _, property := range []int{12, 27} {
		want := map[string]string{}
		for _, p := range r.s.People() {
			if p.Property == property {
				want[fmt.Sprint(p.Contact, " ", p.First, " ", p.Last)] = ""
			}
		}
		whole := r.pull(property, 1000)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(whole))); diff != "" {
			t.Errorf("property %d (-control +API):\n%s", property, diff)
		}
		for _, size := range []int{7, 50, 64} {
			if diff := cmp.Diff(whole, r.pull(property, size)); diff != "" {
				t.Errorf("property %d in pages of %d (-whole +pages):\n%s", property, size, diff)
			}
		}
	}
}

// A year in the life of one household, seen through the API only.
func TestAHouseholdsLife(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	at := func(days int) {
		r.t.Helper()
		r.post("/clock", fmt.Sprintf(`{"days":%d}`, days))
		r.token = ""
	}
	home := func(contact int) string {
		r.t.Helper()
		for key, v := range r.pull(12, 40) {
			if strings.HasPrefix(key, fmt.Sprint(contact, " ")) {
				return v
			}
		}
		return "nowhere"
	}
	want := func(contact int, where string) {
		r.t.Helper()
		if got := home(contact); got != where {
			t.Errorf("contact %d: %q, want %q", contact, got, where)
		}
	}
	ada := r.post("/move_in", `{"property":12,"unit":"02","first":"Ada","last":"Stone","date":"+5"}`)
	want(ada.Contact, "Future 02")
	at(5)
	want(ada.Contact, "Current 02")
	bo := r.post("/move_in", fmt.Sprintf(`{"tenant":%d,"first":"Bo","last":"Stone"}`, ada.Tenant))
	want(bo.Contact, "Current 02")
	r.post("/renew", fmt.Sprintf(`{"tenant":%d}`, ada.Tenant))
	moved := r.post("/transfer", fmt.Sprintf(`{"tenant":%d,"unit":"B-411","date":"+10"}`, ada.Tenant))
	want(ada.Contact, "Current 02")
	want(moved.Contact, "Future B-411")
	at(11)
	want(ada.Contact, "Past 02")
	want(moved.Contact, "Current B-411")
	second := 0
	for _, p := range r.s.People() {
		if p.Tenant == moved.Tenant && p.First == "Bo" {
			second = p.Contact
		}
	}
	head := r.post("/promote", fmt.Sprintf(`{"tenant":%d,"contact":%d}`, moved.Tenant, second))
	if head.Contact != second {
		t.Errorf("the head is contact %d", head.Contact)
	}
	r.post("/move_out", fmt.Sprintf(`{"tenant":%d,"date":"+30","notice":true}`, moved.Tenant))
	at(31)
	want(second, "Current B-411") // notice alone ends nothing
	r.post("/move_out", fmt.Sprintf(`{"tenant":%d}`, moved.Tenant))
	at(1)
	want(second, "Past B-411")
	r.post("/move_out", fmt.Sprintf(`{"tenant":%d,"vanish":true}`, moved.Tenant))
	want(second, "nowhere")
}

// Whatever goes wrong, the books stay as they are: with the fault off again the same people are there.
func TestFaultsDoNotTouchTheBooks(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{RateLimit: -1})
	before := r.pull(27, 30)
	for _, f := range FaultList().Faults {
		r.fault(f.Name)
	}
	r.fault(FaultSlow + "=1ms")
	r.get("/Tenants")
	r.calm()
	r.token = ""
	if diff := cmp.Diff(before, r.pull(27, 30)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
