package pms_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms"
)

// TestLabels is reference pms.md §6.3, line by line.
func TestLabels_Status(t *testing.T) {
	t.Parallel()
	l := pms.NewLabels()
	for want, labels := range map[pms.Status][]string{
		pms.None:    {"Applicant", "Wait List", "Waitlist", "Prospect", "Draft", "Pending", "Applicant - Lease Signed"},
		pms.Future:  {"Future", "Future Resident", "future resident", "Future Lease"},
		pms.Current: {"Current", "current resident", "CURRENT", " Active ", "Co-Resident", "Notice", "On Notice", "Notice Rented", "Notice Unrented", "Notice/Rented", "Eviction", "Evicted", "Month-to-month", "month_to_month", "Holdover"},
		pms.Past:    {"Past", "Former", "former resident", "Old", "Terminated", "Moved out", "Canceled", "Cancelled", "Denied", "Former Applicant"},
	} {
		for _, raw := range labels {
			if got, known := l.Status(raw, false); got != want || !known {
				t.Errorf("%q is %q, known %v; want %q", raw, got, known, want)
			}
		}
	}
	for _, raw := range []string{"", "Skip", "currently", "Zurückgezogen"} {
		if got, known := l.Status(raw, true); got != "" || known {
			t.Errorf("%q is %q, known %v; want no status, so that the last known state stays", raw, got, known)
		}
	}
}

func TestLabels_ASignedLeaseWithDatesIsFuture(t *testing.T) {
	t.Parallel()
	l := pms.NewLabels()
	for raw, want := range map[string]pms.Status{"Applicant - Lease Signed": pms.Future, "Draft": pms.Future,
		"Applicant": pms.None, "Pending": pms.None, "Past": pms.Past} {
		if got, _ := l.Status(raw, true); got != want {
			t.Errorf("%q with dates is %q, want %q", raw, got, want)
		}
	}
	if !l.Renewal("Future Lease") || l.Renewal("Future") {
		t.Error("only a renewal label is a renewal")
	}
}

func TestA2_TypeLabels(t *testing.T) {
	t.Parallel()
	l := pms.NewLabels()
	for raw, want := range map[string]pms.Type{"Primary": pms.TypeResident, "Occupant": pms.TypeOccupant,
		"ROOMMATE": pms.TypeOccupant, "Co-Signer": pms.TypeGuarantor, "": "", "Alien": "", "minor": pms.TypeMinor} {
		got, primary := l.Type(raw)
		if got != want || primary != (raw == "Primary") {
			t.Errorf("%q is %q, primary %v; want %q", raw, got, primary, want)
		}
	}
}

func TestTowardsS13_EmailClasses(t *testing.T) {
	t.Parallel()
	for want, in := range map[pms.EmailClass][]string{
		pms.EmailOK:      {"dana@example.org", " dana@EXAMPLE.org ", "d.o+gate@mail.example.com"},
		pms.EmailMissing: {"", "  ", "\u00a0", "-"},
		pms.EmailPlaceholder: {"none@none.com", "none@gmail.com", "none@aol.com", "none@nowhere.com", "noemail@noemail.com",
			"noemail@gmail.com", "no@email.com", "no@no.com", "na@na.com", "na@gmail.com", "n/a@gmail.com", "abc@gmail.com",
			"NoEmail@management.example.com", "None", "N/A", "not_a_real_email_17@example.com", "refused@example.com"},
		pms.EmailMalformed: {"ask for email 3/1", "dana@example", "dana@@example.com", "a@example.com; b@example.com",
			"a@example.com,b@example.com", "dana @example.com", "dana@exa mple.com", "x@jmail.com", "x@gmail.con",
			"Dana <dana@example.com>", "@example.com", "dana@", "dana@.com", "dana@example.c",
			strings.Repeat("x", 250) + "@example.com"},
	} {
		for _, raw := range in {
			if _, got := pms.ReadEmail(raw); got != want {
				t.Errorf("%q is %s, want %s", raw, got, want)
			}
		}
	}
	if got, _ := pms.ReadEmail(" Dana@Example.ORG "); got != "Dana@example.org" {
		t.Errorf("got %q; want it trimmed with the domain in lower case", got)
	}
}

func TestTowardsS13_SharedEmails(t *testing.T) {
	t.Parallel()
	one := func(ref, first, email string) pms.Person {
		e, class := pms.ReadEmail(email)
		return pms.Person{Ref: ref, First: first, Email: e, EmailClass: class}
	}
	people := []pms.Person{
		one("1", "Dana", "house@example.com"), one("2", "Mina", "House@example.com"), // a couple
		one("3", "Tom", "tom@example.com"), one("3", "Tom", "tom@example.com"), // one person, two leases
		one("4", "Lea", "lea@example.com"), one("5", "Lea", "lea@example.com"), // a transfer's two ids
		one("6", "", "x@example.com"), one("7", "", "x@example.com"), // nameless: told apart by id
		one("8", "Al", "none@none.com"), one("9", "Jo", "none@none.com"),
	}
	pms.MarkSharedEmails(people)
	var got []pms.EmailClass
	for _, p := range people {
		got = append(got, p.EmailClass)
	}
	s, k, h := pms.EmailShared, pms.EmailOK, pms.EmailPlaceholder
	if diff := cmp.Diff([]pms.EmailClass{s, s, k, k, k, k, s, s, h, h}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadPhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"(555) 010-0004": "+15550100004", "555-010-0004": "+15550100004", "555–010–0004": "+15550100004",
		"5550100004": "+15550100004", "15550100004": "+15550100004", "+1 5550100004": "+15550100004",
		"555-0100004": "+15550100004", "555-010-0004 Cell": "+15550100004", "555-010-0004 x12": "+15550100004",
		"555-010-0004 ext. 12": "+15550100004", "+44 20 7946 0018": "+442079460018",
		"": "", "(   )    -": "", "none": "",
	} {
		if got, problem := pms.ReadPhone(in); got != want || problem != "" {
			t.Errorf("%q is %q, %q; want %q", in, got, problem, want)
		}
	}
	for _, in := range []string{"010-0004", "9999999999", "1234567890", "5555555555", "055-010-0004", "202-055-0104",
		"55501000041", "555-010-00041234", "+0 555 010 0004", "+44 1", strings.Repeat("5550100004", 9)} {
		got, problem := pms.ReadPhone(in)
		if got != "" || problem == "" || len(problem) > 120 {
			t.Errorf("%q is %q, problem %q; want a short problem", in, got, problem)
		}
	}
}

func TestReadPhones_BestFirst(t *testing.T) {
	t.Parallel()
	got, problems := pms.ReadPhones([]pms.Phone{{"office", "555-010-0001"}, {"home", "555-010-0002"}, {"fax", "555-010-0003"},
		{"", "555-010-0004"}, {"Cell", "555-010-0005"}, {"mobile", "+1 (555) 010-0005"}, {"cell", "12"}})
	want := []string{"+15550100005", "+15550100004", "+15550100002", "+15550100001"}
	if !slices.Equal(got, want) || len(problems) != 1 {
		t.Errorf("got %v, problems %v; want %v and one problem", got, problems, want)
	}
	got, _ = pms.ReadPhones(pms.SplitPhones("555-010-0001 home / 555-010-0002 cell; 555-010-0003 or 555-010-0004"))
	if len(got) != 4 || got[0] != "+15550100002" {
		t.Errorf("four numbers in one field gave %v, want the cell first", got)
	}
}

func TestReadName(t *testing.T) {
	t.Parallel()
	two, dig, no := []pms.Flag{pms.FlagTwoPeople}, []pms.Flag{pms.FlagNameDigits}, []pms.Flag{pms.FlagNoName}
	for _, c := range []struct {
		first, last, company string
		want                 pms.Name
	}{
		{"Dana", "Okafor", "", pms.Name{First: "Dana", Last: "Okafor"}},
		{"  Dana\u00a0 M. ", "Okafor\u200b ", "", pms.Name{First: "Dana M.", Last: "Okafor"}},
		{"", "Ray, Mina", "", pms.Name{First: "Mina", Last: "Ray"}},
		{"Ray, Mina", "", "", pms.Name{First: "Mina", Last: "Ray"}},
		{"", "Smith, Jr.", "", pms.Name{Last: "Smith, Jr."}},
		{"DANA", "MCDONALD", "", pms.Name{First: "DANA", Last: "MCDONALD"}},
		{"Jo and Al", "Park", "", pms.Name{First: "Jo and Al", Last: "Park", Flags: two}},
		{"Jo & Al", "Park", "", pms.Name{First: "Jo & Al", Last: "Park", Flags: two}},
		{"Sandy", "Andersen", "", pms.Name{First: "Sandy", Last: "Andersen"}},
		{"", "Maple & Sons, LLC", "", pms.Name{Company: "Maple & Sons, LLC"}},
		{"", "", "Maple Inc", pms.Name{Company: "Maple Inc"}},
		{"Dana", "Okafor 2", "", pms.Name{First: "Dana", Last: "Okafor 2", Flags: dig}},
		{" ", "\t", "", pms.Name{Flags: no}},
	} {
		if diff := cmp.Diff(c.want, pms.ReadName(c.first, c.last, c.company)); diff != "" {
			t.Errorf("%q %q %q: -want +got:\n%s", c.first, c.last, c.company, diff)
		}
	}
}

func TestPseudoUnit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"WAIT01": true, "wait_aff": true, "NONRESID": true, "MODEL": true, "101": false, "A-WAIT": false} {
		if got := pms.PseudoUnit(name); got != want {
			t.Errorf("%q is pseudo: %v, want %v", name, got, want)
		}
	}
}
