package rentmanager_test

import (
	"fmt"
	"slices"
	"testing"

	"gatehouse/cloud/internal/pms"
)

func TestA2_OnlyPrimaryAndOccupantAreResidents(t *testing.T) {
	t.Parallel()
	for raw, want := range map[any]pms.Type{
		"Primary": pms.TypeResident, "primary ": pms.TypeResident, "Occupant": pms.TypeOccupant,
		"Guarantor": pms.TypeGuarantor, "Co-Signer": pms.TypeGuarantor, "Minor": pms.TypeMinor, "CoApplicant": "", "Co-Applicant": pms.TypeApplicant,
		"": "", nil: "", "Other": "", "Roommate": "", "Spouse": "", "Responsible": "", "Dependent": "", "Tenant": "", 3: "",
	} {
		t.Run(fmt.Sprint(raw), func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = []row{tenant(1, row{"Contacts": []row{contact(5, row{"ApplicantType": raw})}})}
			r := pull(t, s, nil, pms.Request{})
			p := r.person(t, "5")
			if p.Type != want || r.skipped("type", "5", "neither Primary nor Occupant") != (want == "") || !r.complete {
				t.Errorf("type %q, want %q; skipped %+v", p.Type, want, r.Skipped)
			}
			if raw != nil && p.RawType != fmt.Sprint(raw) {
				t.Errorf("raw type %q, want it verbatim", p.RawType)
			}
		})
	}
}

func TestTowardsA9_AHouseholdHasOneMainAccount(t *testing.T) {
	t.Parallel()
	c := func(id int, primary any, kind string, active any) row {
		return contact(id, row{"IsPrimary": primary, "ApplicantType": kind, "IsActive": active})
	}
	for name, h := range map[string]struct {
		contacts []row
		want     string
	}{
		"marked":                   {[]row{c(1, false, "Primary", true), c(2, true, "Occupant", true)}, "2"},
		"marked twice":             {[]row{c(1, true, "Occupant", true), c(2, true, "Primary", true)}, "2"},
		"marked not at all":        {[]row{c(1, nil, "Occupant", nil), c(2, nil, "Primary", nil)}, "2"},
		"marked, but left":         {[]row{c(1, "true", "Primary", "false"), c(2, 0, "Occupant", 1)}, "2"},
		"nothing to go by":         {[]row{c(1, nil, "", nil), c(2, nil, "", nil)}, "1"},
		"the same contact as well": {[]row{c(1, true, "Primary", true), c(1, true, "Primary", true)}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = []row{tenant(1, row{"Contacts": h.contacts})}
			r := pull(t, s, nil, pms.Request{})
			for _, p := range r.People {
				if p.Primary != (p.Ref == h.want) || p.PIN.Has() != p.Primary {
					t.Errorf("%s: primary %v, PIN %v; the main account is %s", p.Ref, p.Primary, p.PIN.Has(), h.want)
				}
			}
		})
	}
}

func TestTowardsA9_EveryContactStandsUnderEveryLease(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"Contacts": []row{contact(5, nil), contact(6, row{"ApplicantType": "Occupant"})},
		"Leases": []row{lease(7, nil), lease(8, row{"UnitID": 302})}})}
	r := pull(t, s, nil, pms.Request{})
	var got []string
	for _, p := range r.People {
		got = append(got, p.Ref+" in "+p.Unit+" by "+p.Lease)
	}
	if want := []string{"5 in 301 by 7", "6 in 301 by 7", "5 in 302 by 8", "6 in 302 by 8"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTowardsS8_AContactThatIsNotActiveHasLeft(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"Contacts": []row{contact(5, nil), contact(6, row{"IsActive": false}), contact(7, row{"IsActive": nil})}})}
	r := pull(t, s, nil, pms.Request{})
	l := r.lease(t, "100")
	if left := l.StayOf(r.person(t, "6")); left.Status != pms.Past || left.RawStatus != "IsActive false" || left.MoveIn != l.MoveIn {
		t.Errorf("%+v", left)
	}
	if r.person(t, "5").Own != nil || r.person(t, "7").Own != nil {
		t.Error("an active contact, or one that does not say so, has a stay of its own")
	}
}

func TestL2_AccountsThatLetNobodyInAreListed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   row
		complete bool
		reason   string
	}{
		"no lease":                  {row{"Leases": []row{}}, true, `it has no lease (status "Current")`},
		"applicant":                 {row{"Leases": []row{}, "Status": "Applicant"}, true, `it has no lease (status "Applicant")`},
		"no contact":                {row{"Contacts": []row{}}, true, "no contact"},
		"leases not served":         {row{"Leases": absent{}}, false, "the server left out its leases or its contacts"},
		"contacts not served":       {row{"Contacts": absent{}}, false, "the server left out its leases or its contacts"},
		"of the past, not served":   {row{"Leases": absent{}, "Status": "Past"}, true, ""},
		"leases null":               {row{"Leases": nil}, true, "it has no lease"},
		"contacts null":             {row{"Contacts": nil}, true, "no contact"},
		"a contact without an id":   {row{"Contacts": []row{contact(0, nil)}}, false, "a contact of tenant 2 has no id"},
		"contacts of another shape": {row{"Contacts": "two of them"}, false, "not of the vendor's shape"},
		"no id":                     {row{"TenantID": nil}, false, ""},
		"another property's":        {row{"PropertyID": "13"}, true, ""}, // the filter keeps it out; see below
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = append(s.tables["Tenants"], tenant(2, c.change))
			r := pull(t, s, nil, pms.Request{})
			if r.err != nil || r.complete != c.complete || c.reason != "" && !slices.ContainsFunc(r.Skipped, func(k pms.Skipped) bool { return r.skipped(k.What, k.Ref, c.reason) }) {
				t.Errorf("error %v, complete %v, skipped %+v\n%s", r.err, r.complete, r.Skipped, r.why())
			}
			r.person(t, "44170")
		})
	}
}

func TestTowardsS13_NamesMailAndPhonesAreCleaned(t *testing.T) {
	t.Parallel()
	phone := func(raw, stripped, kind, primary any) row {
		return row{"PhoneNumber": raw, "StrippedPhoneNumber": stripped, "PhoneNumberType": kind, "IsPrimary": primary}
	}
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"IsCompany": true, "Name": "Harbor Homes LLC", "Contacts": []row{
		contact(5, row{"FirstName": " Dana ", "LastName": "Okafor  Lind", "Email": " Dana@Example.ORG ", "PhoneNumbers": []row{
			phone("(555) 010-4401", "5550104401", row{"Name": "Home"}, false),
			phone("555 010 4402", nil, row{"Name": "Home"}, true),
			phone("Cell (see notes)", "5550104403", "Mobile", false),
			phone("555-010-4404", nil, row{"Name": "Fax"}, false),
			phone("010-4405", nil, nil, nil),
			phone(nil, 5550104406, []int{1}, "no"),
		}}),
		contact(7, row{"FirstName": nil, "LastName": nil, "Email": nil}),
	}}), tenant(2, row{"Contacts": []row{contact(6, row{"FirstName": "Ann and Bo", "LastName": "Ray", "Email": "none@none.com", "PhoneNumbers": nil})}})}
	r := pull(t, s, nil, pms.Request{})
	p := r.person(t, "5")
	if p.First != "Dana" || p.Last != "Okafor Lind" || p.Company != "Harbor Homes LLC" || p.Email != "Dana@example.org" || p.EmailClass != pms.EmailOK {
		t.Errorf("%+v", p)
	}
	if want := []string{"+15550104403", "+15550104406", "+15550104402", "+15550104401"}; !slices.Equal(p.Phones, want) {
		t.Errorf("phones %q, want %q: cell, unnamed, home; the primary first among equals", p.Phones, want)
	}
	if !slices.Contains(p.Flags, pms.FlagBadPhone) || !r.skipped("phone", "5", "no area code") {
		t.Errorf("flags %v, skipped %+v", p.Flags, r.Skipped)
	}
	if q := r.person(t, "6"); q.EmailClass != pms.EmailPlaceholder || !slices.Contains(q.Flags, pms.FlagTwoPeople) {
		t.Errorf("%+v", q)
	}
	if q := r.person(t, "7"); q.EmailClass != pms.EmailMissing {
		t.Errorf("%+v", q)
	}
}

func TestTowardsS13_SharedMailIsSeenAcrossTheProperty(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"Contacts": []row{contact(5, row{"Email": "both@example.net"}), contact(6, row{"Email": "Both@example.net"})}})}
	r := pull(t, s, nil, pms.Request{})
	if a, b := r.person(t, "5").EmailClass, r.person(t, "6").EmailClass; a != pms.EmailShared || b != pms.EmailShared {
		t.Errorf("%s and %s", a, b)
	}
}

// TestT3_ATransferIsOnePersonWhoMoves: the new tenant has new ids everywhere; group and name tell.
func TestT3_ATransferIsOnePersonWhoMoves(t *testing.T) {
	t.Parallel()
	dana := row{"FirstName": "Dana", "LastName": "Okafor"}
	s := newServer()
	old := tenant(1, row{"TransferGroupID": 70, "Status": "Past", "Contacts": []row{contact(5, dana), contact(6, row{"FirstName": "Mina", "LastName": "Ray"})},
		"Leases": []row{lease(7, row{"MoveOutDate": "2026-11-10T00:00:00"})}})
	moved := tenant(2, row{"TransferGroupID": "70", "Contacts": []row{contact(15, row{"FirstName": "dana ", "LastName": "OKAFOR"}), contact(16, row{"FirstName": "Noor", "LastName": "Haddad"})},
		"Leases": []row{lease(8, row{"UnitID": 302, "MoveInDate": "2026-11-10T00:00:00"})}})
	stranger := tenant(3, row{"Contacts": []row{contact(25, dana)}, "Leases": []row{lease(9, nil)}}) // same name, no group
	s.tables["Tenants"] = []row{moved, stranger, old}
	r := pull(t, s, nil, pms.Request{})
	var got []string
	for _, p := range r.People {
		got = append(got, fmt.Sprintf("%s %s %s", p.Ref, p.Unit, r.lease(t, p.Lease).Status))
	}
	want := []string{"5 301 past", "6 301 past", "5 302 current", "16 302 current", "25 301 current"}
	if !slices.Equal(got, want) || !r.complete {
		t.Errorf("%q, want %q; complete %v", got, want, r.complete)
	}
	if part := pull(t, s, nil, pms.Request{Unit: "302"}); part.person(t, "5").Unit != "302" {
		t.Error("a pull of one unit calls the person by another id")
	}
}

// TestT3_NamesThatTwoHaveProveNothing: father and son of one name in a household are not joined.
func TestT3_NamesThatTwoHaveProveNothing(t *testing.T) {
	t.Parallel()
	same := row{"FirstName": "Ola", "LastName": "Berg"}
	s := newServer()
	s.tables["Tenants"] = []row{
		tenant(1, row{"TransferGroupID": 70, "Contacts": []row{contact(5, same), contact(6, same)}, "Leases": []row{lease(7, nil)}}),
		tenant(2, row{"TransferGroupID": 70, "Contacts": []row{contact(15, same), contact(17, row{"FirstName": "", "LastName": nil})}, "Leases": []row{lease(8, row{"UnitID": 302})}})}
	r := pull(t, s, nil, pms.Request{})
	for _, ref := range []string{"5", "6", "15", "17"} {
		r.person(t, ref)
	}
}
