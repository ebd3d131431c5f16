package rentmanagersim

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/testdata"
)

func TestTheSampleFileIsWhatTheGeneratorWrites(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := WriteData(&want, Sample()); err != nil {
		t.Fatal(err)
	}
	got, err := fs.ReadFile(testdata.Dir("pms/sample"), "sample.json")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("testdata/pms/sample/sample.json is not what Sample makes (%v); "+
			"write it anew with: go run ./cloud/cmd/gatehouse-pmssim sample --out testdata/pms/sample/sample.json", err)
	}
}

func TestTheSampleHasTheSizeItPromises(t *testing.T) {
	t.Parallel()
	d := Sample()
	units, people := 0, 0
	for _, p := range d.Properties {
		units += len(p.Units)
		for _, h := range p.Households {
			people += len(h.Members)
		}
	}
	if len(d.Properties) != 2 || units != 240 || people < 410 || people > 430 {
		t.Errorf("%d properties, %d units, %d contacts", len(d.Properties), units, people)
	}
}

// everybody is every member of the sample with its household.
func everybody(visit func(p *Property, h *Household, m *Member)) {
	for _, p := range Sample().Properties {
		for _, h := range p.Households {
			for _, m := range h.Members {
				visit(p, h, m)
			}
		}
	}
}

// Each case of reference pms.md §7 and §8 is in the data itself, whatever the notes say.
func TestTheSampleHasTheAwkwardPeople(t *testing.T) {
	t.Parallel()
	re := regexp.MustCompile
	found, mails, pins := map[string]int{}, map[string]map[int]bool{}, map[string]map[int]bool{}
	note := func(m map[string]map[int]bool, key string, h int) {
		if m[key] == nil {
			m[key] = map[int]bool{}
		}
		m[key][h] = true
	}
	count := func(name string, yes bool) {
		if yes {
			found[name]++
		}
	}
	everybody(func(_ *Property, h *Household, m *Member) {
		note(mails, strings.ToLower(m.Email), h.ID)
		note(pins, m.PIN, h.ID)
		count("no mail", m.Email == "")
		count("placeholder mail", re(`^(none|noemail|na|n/a)@`).MatchString(m.Email))
		count("words for a mail", m.Email != "" && !strings.Contains(m.Email, "@"))
		count("two mails", strings.Contains(m.Email, ";"))
		count("company", h.Company != "")
		count("two in one name", re(` (&|and) `).MatchString(m.First))
		count("upper case", m.Last != "" && m.Last == strings.ToUpper(m.Last))
		count("blanks", strings.TrimSpace(m.First) != m.First)
		count("no last name", m.Last == "")
		count("last, first", strings.Contains(m.Last, ", "))
		count("guarantor", m.Type == "Guarantor")
		count("minor", m.Type == "Minor")
		count("blank type", m.Type == "")
		count("inactive", m.Left)
		count("PIN with a leading zero", re(`^0\d+$`).MatchString(m.PIN))
		count("account PIN with a leading zero", re(`^0\d+$`).MatchString(h.PIN))
		count("PIN begins with 9", strings.HasPrefix(m.PIN+h.PIN, "9"))
		count("PIN with separators", strings.Contains(m.PIN, ","))
		count("PIN with decimals", strings.HasSuffix(m.PIN, ".00"))
		count("PIN with letters", re(`[A-Z]`).MatchString(m.PIN))
		count("PIN too long", len(m.PIN) > 8)
		count("card with separators", re(`[: ]`).MatchString(m.Card))
		count("card not hexadecimal", re(`[G-Z]`).MatchString(m.Card))
		count("card too long", len(m.Card) > 16)
		for _, p := range m.Phones {
			count("phone with en dash", strings.Contains(p.Number, "–"))
			count("phone of seven digits", re(`^\d{3}-\d{4}$`).MatchString(p.Number))
			count("phone mask", re(`^[() -]+$`).MatchString(p.Number))
			count("filler phone", p.Number == "9999999999")
			count("fax", p.Kind == "Fax")
		}
	})
	for m, homes := range mails {
		count("mail in three households", m != "" && len(homes) == 3)
	}
	for pin, homes := range pins {
		count("PIN in two households", pin != "" && len(homes) == 2)
	}
	for _, want := range []string{
		"no mail", "placeholder mail", "words for a mail", "two mails", "company", "two in one name", "upper case", "blanks",
		"no last name", "last, first", "guarantor", "minor", "blank type", "inactive", "PIN with a leading zero",
		"account PIN with a leading zero", "PIN begins with 9", "PIN with separators", "PIN with decimals", "PIN with letters",
		"PIN too long", "card with separators", "card not hexadecimal", "card too long", "phone with en dash",
		"phone of seven digits", "phone mask", "filler phone", "fax", "mail in three households", "PIN in two households",
	} {
		if found[want] == 0 {
			t.Errorf("nobody with: %s", want)
		}
	}
}

func TestTheSampleHasTheAwkwardLeases(t *testing.T) {
	t.Parallel()
	base := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	found := map[string]int{}
	count := func(name string, yes bool) {
		if yes {
			found[name]++
		}
	}
	for _, p := range Sample().Properties {
		for _, u := range p.Units {
			count("pseudo-unit "+u.Name, u.Name == "WAIT" || u.Name == "MODEL" || u.Name == "OFFICE")
			count("leading zero", strings.HasPrefix(u.Name, "0"))
			count("bed", strings.HasSuffix(u.Name, "-A") && p.ID == 27)
		}
		for _, h := range p.Households {
			count("eviction", !h.Eviction.IsZero())
			count("transfer", h.From != 0)
			count("without lease", len(h.Leases) == 0)
			count("two units", len(h.Leases) > 1)
			for _, l := range h.Leases {
				in, hasIn := l.MoveIn.On(base)
				out, hasOut := l.MoveOut.On(base)
				last := l.Terms[len(l.Terms)-1]
				end, hasEnd := last.End.On(base)
				count("no move-in", !hasIn)
				count("move-out before move-in", hasIn && hasOut && out.Before(in) && !sentinel(out))
				count("sentinel", hasOut && sentinel(out))
				count("sentinel end", hasEnd && sentinel(end))
				count("month to month", !hasOut && (!hasEnd || end.Before(base)))
				count("notice", !l.Notice.IsZero())
				count("future", hasIn && in.After(base))
				count("today", hasIn && in.Equal(base))
				count("out today", hasOut && out.Equal(base))
				count("past", hasOut && out.Before(base))
				count("long past", hasOut && out.Before(base.AddDate(0, 0, -90)) && !sentinel(out))
				count("renewal to come", len(l.Terms) > 1 && last.Start.relative > 0)
			}
		}
	}
	for _, want := range []string{
		"pseudo-unit WAIT", "pseudo-unit MODEL", "pseudo-unit OFFICE", "leading zero", "bed", "eviction", "transfer", "without lease",
		"two units", "no move-in", "move-out before move-in", "sentinel", "sentinel end", "month to month", "notice", "future",
		"today", "out today", "past", "long past", "renewal to come",
	} {
		if found[want] == 0 {
			t.Errorf("no lease or unit with: %s", want)
		}
	}
}

// Nobody real can be reached by it: mail hosts and numbers that belong to nobody, but for the placeholders that
// people type.
func TestTheSampleReachesNobody(t *testing.T) {
	t.Parallel()
	ok := regexp.MustCompile(`(?i)(@|\.)example(\.com|\.org|\.net)?( |$)|^(none@none\.com|noemail@noemail\.com|n/a@gmail\.com|na@na\.com|leif\.ivers@jmail\.com|ask for email 3/14|)$`)
	fiction := regexp.MustCompile(`^\D*1?\D*(\d{3}\D*)?555\D*01\d\d(\D|$)|^9{10}$|^1234567890$|^5{10}$|^0{10}$|^\D*$|^\(555\) 010-0000$`)
	everybody(func(_ *Property, h *Household, m *Member) {
		if !ok.MatchString(m.Email) {
			t.Errorf("household %d: mail %q", h.ID, m.Email)
		}
		for _, p := range m.Phones {
			if !fiction.MatchString(p.Number) {
				t.Errorf("household %d: phone %q", h.ID, p.Number)
			}
		}
	})
}

func TestTheSampleIsAliveOnAnyDay(t *testing.T) {
	t.Parallel()
	var first map[string]int
	for _, day := range []time.Time{noon(), time.Date(2031, 3, 1, 17, 0, 0, 0, time.UTC)} {
		r := newRig(t, Options{Now: func() time.Time { return day }})
		status := map[string]int{}
		for _, p := range r.s.People() {
			status[p.Status]++
		}
		if first == nil {
			first = status
		}
		if status["Current"] < 350 || status["Future"] < 5 || status["Past"] < 20 || status["Current"] != first["Current"] {
			t.Errorf("on %s: %v, first %v", day.Format(isoDay), status, first)
		}
	}
}

func TestTheSampleIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	if WriteData(&a, Sample()) != nil || WriteData(&b, Sample()) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two samples differ")
	}
}

// Ordinary PINs are everybody's own, so that each duplicate is one of the cases.
func TestTheSampleRepeatsPINsOnPurposeOnly(t *testing.T) {
	t.Parallel()
	owners := map[string][]*Household{}
	everybody(func(_ *Property, h *Household, m *Member) {
		if m.PIN != "" {
			owners[m.PIN] = append(owners[m.PIN], h)
		}
	})
	for pin, homes := range owners {
		for _, h := range homes {
			if len(homes) > 1 && !strings.Contains(h.Case, "PIN") && !strings.Contains(h.Case, "transfer") {
				t.Errorf("PIN %s of household %d (%q) is not its own", pin, h.ID, h.Case)
			}
		}
	}
}
