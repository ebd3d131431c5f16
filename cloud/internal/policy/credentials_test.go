package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

func pin(s string) func(*model.Person, *model.Lease) {
	return func(p *model.Person, _ *model.Lease) { p.PIN = access.NewSecret(s) }
}

func card(s string) func(*model.Person, *model.Lease) {
	return func(p *model.Person, _ *model.Lease) { p.Card = access.NewSecret(s) }
}

// held are the credentials of a decision: id to clear value.
func held(d Decision) map[access.CredentialID]string {
	out := map[access.CredentialID]string{}
	for _, c := range of[access.Credential](d) {
		out[c.ID] = c.Secret.Reveal()
	}
	return out
}

func TestA4_BadPINIsRefusedAndExplained(t *testing.T) {
	t.Parallel()
	for value, text := range map[string]string{
		"98765":     "The PIN of Ada No1 in unit 204 starts with 9, which panels keep for themselves.",
		"7":         "The PIN of Ada No1 in unit 204 has 1 digits, this panel takes 2 to 8.",
		"123456789": "has 9 digits",
		"48213.00":  "has characters other than digits",
	} {
		p := newPlace(t)
		p.lives("1", "u1", "current", "2025-01-01", "", pin(value))
		d := p.decide()
		if len(held(d)) != 0 {
			t.Errorf("%s is published", value)
		}
		p.refused(d, "bad_pin", "p1", text)
		p.explained(d, "p1", "the PIN is refused")
		p.explained(d, "p1", "opens no door yet")
		c, _ := refusal(d, "bad_pin")
		if len(value) > 2 && strings.Contains(c.Text+c.Remedy+fmt.Sprint(d.Explain), value) {
			t.Errorf("the PIN %s is repeated: %+v", value, c)
		}
		if len(grants(d, "p1")) != 1 {
			t.Error("a bad PIN costs the grant, so that a card would open nothing either")
		}
	}
}

func TestA5_CardIsNormalisedOrRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", card("04:a3 b2-c1"))
	p.lives("2", "u1", "current", "2025-01-01", "", card("XYZ"))
	p.lives("3", "u1", "current", "2025-01-01", "", card("0123456789ABCDEF0"))
	d := p.decide()
	if got := held(d); len(got) != 1 || got["p1-card"] != "04A3B2C1" {
		t.Errorf("cards %v", got)
	}
	p.refused(d, "bad_card", "p2", "The card of Ada No2 in unit 204 has characters other than 0-9 and A-F.")
	if len(d.Refusals) != 2 || d.Refusals[1].Subject != "p3" {
		t.Errorf("refusals %+v", d.Refusals)
	}
}

func TestA4_DuplicatePIN(t *testing.T) {
	t.Parallel()
	both := func(value string, primary bool) func(*model.Person, *model.Lease) {
		return func(p *model.Person, _ *model.Lease) { p.PIN, p.Primary = access.NewSecret(value), primary }
	}
	for _, c := range []struct {
		name string
		fill func(*place)
		keep string // space-separated credential ids
	}{
		{"the longer residency keeps it", func(p *place) {
			p.lives("1", "u1", "current", "2025-06-01", "", both("4821", true))
			p.lives("2", "u2", "current", "2025-01-01", "", both("4821", false))
		}, "p2-pin"},
		{"then the head of the household", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "", both("4821", false))
			p.lives("2", "u1", "current", "2025-01-01", "", both("4821", true))
		}, "p2-pin"},
		{"then the lower id", func(p *place) {
			p.lives("2", "u1", "current", "2025-01-01", "", both("4821", false))
			p.lives("1", "u1", "current", "2025-01-01", "", both("4821", false))
		}, "p1-pin"},
		{"an unknown beginning proves nothing", func(p *place) {
			p.lives("1", "u1", "current", "", "", both("4821", true))
			p.lives("2", "u1", "current", "2026-01-01", "", both("4821", false))
		}, "p2-pin"},
		{"one after the other is no clash", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "2026-12-01", both("4821", true))
			p.lives("2", "u1", "future", "2026-12-01", "", both("4821", true))
		}, "p1-pin p2-pin"},
		{"on the same minute neither", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "2026-12-01", both("4821", true))
			p.lives("2", "u1", "future", "2026-12-01", "", func(who *model.Person, l *model.Lease) { both("4821", true)(who, l); l.MoveInTime = "11:00" })
		}, "p1-pin p2-pin"},
		{"a second stay that begins as the other ends", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "2026-03-01", both("4821", true))
			p.again("p1", "r9", "u1", "future", "2026-12-01", "", func(l *model.Lease) { l.MoveInTime = "11:00" })
			p.lives("2", "u1", "current", "2026-06-01", "2026-12-01", both("4821", true))
		}, "p1-pin p2-pin"},
		{"an hour of overlap is", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "2026-12-02", both("4821", true))
			p.lives("2", "u1", "future", "2026-12-01", "", both("4821", true))
		}, "p1-pin"},
		{"who was refused blocks nobody", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "2026-12-02", both("4821", true))
			p.lives("2", "u1", "current", "2025-02-01", "2026-12-20", both("4821", true))
			p.lives("3", "u1", "future", "2026-12-10", "", both("4821", true))
		}, "p1-pin p3-pin"},
		{"leading zeros make another PIN", func(p *place) {
			p.lives("1", "u1", "current", "2025-01-01", "", both("0482", true))
			p.lives("2", "u1", "current", "2025-01-01", "", both("482", true))
		}, "p1-pin p2-pin"},
		{"an earlier lease of the same person counts", func(p *place) {
			p.lives("1", "u1", "current", "2026-06-01", "", both("4821", false))
			p.again("p1", "r0", "u2", "past", "2020-01-01", "2026-05-31", func(l *model.Lease) { l.PastSeen = utc("2026-06-01T00:00:00Z") })
			p.lives("2", "u1", "current", "2025-01-01", "", both("4821", true))
		}, "p1-pin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			c.fill(p)
			d := p.decide()
			got := held(d)
			for _, id := range strings.Fields(c.keep) {
				if got[access.CredentialID(id)] == "" {
					t.Errorf("%s is missing", id)
				}
			}
			if len(got) != len(strings.Fields(c.keep)) {
				t.Errorf("published %d, want %s", len(got), c.keep)
			}
			if len(got)+len(d.Refusals) != len(p.People) {
				t.Errorf("refusals %+v", d.Refusals)
			}
		})
	}
}

func TestA4_DuplicatePINNamesBothWithoutTheValue(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", pin("4821"))
	p.lives("2", "u2", "current", "2025-06-01", "", pin("4821"))
	d := p.decide()
	p.refused(d, "duplicate_pin", "p2", "The PIN of Ada No2 in unit 305 is also the PIN of Ada No1 in unit 204, who keeps it")
	if c, _ := refusal(d, "duplicate_pin"); strings.Contains(c.Text+c.Remedy, "4821") {
		t.Errorf("the PIN is repeated: %+v", c)
	}
}

func TestA5_DuplicateCardInAnySpelling(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", card("04A3B2C1"))
	p.lives("2", "u2", "current", "2025-06-01", "", card("04:a3:b2:c1"))
	d := p.decide()
	if got := held(d); len(got) != 1 || got["p1-card"] == "" {
		t.Errorf("cards %v", got)
	}
	p.refused(d, "duplicate_card", "p2", "is also the card of Ada No1")
}

func TestA2_TypesThatGetAccess(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.Property.Settings.Types = []string{"primary", "occupant"}
	as := func(kind, raw string, primary bool) func(*model.Person, *model.Lease) {
		return func(p *model.Person, _ *model.Lease) {
			p.RawType, p.Primary, p.PIN = raw, primary, access.NewSecret("4821"+p.Ref)
			p.Type = model.Type(kind)
		}
	}
	p.lives("1", "u1", "current", "2025-01-01", "", as("resident", "Head", true))
	p.lives("2", "u1", "current", "2025-01-01", "", as("occupant", "Other Occupant", false))
	p.lives("3", "u1", "current", "2025-01-01", "", as("guarantor", "Cosigner", false))
	p.lives("4", "u1", "current", "2025-01-01", "", as("", "Zorp", false))
	p.lives("5", "u1", "none", "2025-01-01", "", as("applicant", "Applicant", false))
	d := p.decide()
	if got := held(d); len(got) != 2 || got["p1-pin"] == "" || got["p2-pin"] == "" {
		t.Errorf("credentials %v", got)
	}
	p.refused(d, "type_not_allowed", "p3", `Ada No3 (unit 204) is of type "Cosigner", which is not among those that get access here (primary, occupant).`)
	if len(d.Refusals) != 2 || d.Refusals[1].Subject != "p4" {
		t.Errorf("refusals %+v: want the cosigner and the unknown type, not the applicant", d.Refusals)
	}
	p.explained(d, "p5", "no access: type")
}

func TestS14_PersonWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", func(p *model.Person, _ *model.Lease) { p.First, p.Last = "", "" })
	d := p.decide()
	if len(of[access.Person](d)) != 0 {
		t.Error("a person without a name is sent")
	}
	p.refused(d, "bad_person", "p1", "somebody without a name (unit 204) cannot get access")
}

// TestDecide_SendsWhatAGatewayNeeds: the name for the directory also without a credential, no
// address that cannot be one, nothing of the PMS.
func TestDecide_SendsWhatAGatewayNeeds(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	mail := func(address, class string) func(*model.Person, *model.Lease) {
		return func(p *model.Person, _ *model.Lease) { p.Email, p.EmailClass, p.Ref = address, class, "PMS-7731" }
	}
	p.lives("1", "u1", "current", "2025-01-01", "", mail("ada@example.com", "ok"))
	p.lives("2", "u1", "current", "2025-01-01", "", mail("none@none.com", "placeholder"))
	d := p.decide()
	people := of[access.Person](d)
	if len(people) != 2 || people[0].Email != "ada@example.com" || people[1].Email != "" {
		t.Errorf("people %+v", people)
	}
	if strings.Contains(bytesOf(t, d), "PMS-7731") {
		t.Error("the PMS's id goes to the gateway")
	}
	p.explained(d, "p1", "has no usable PIN or card")
}

// TestTowardsS18_MobileAccessIsASetting: then whoever an app or a telephone reaches has it, and who is not is said.
func TestTowardsS18_MobileAccessIsASetting(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		p := newPlace(t)
		p.Property.Settings.Mobile = on
		reached := func(mail, class string, phones ...string) func(*model.Person, *model.Lease) {
			return func(p *model.Person, _ *model.Lease) { p.Email, p.EmailClass, p.Phones = mail, class, phones }
		}
		p.lives("1", "u1", "current", "2025-01-01", "", reached("ada@example.com", "ok"))
		p.lives("2", "u1", "current", "2025-01-01", "", reached("none@none.com", "placeholder", "+15550100"))
		p.lives("3", "u1", "current", "2025-01-01", "", reached("none@none.com", "placeholder"))
		d := p.decide()
		var who []access.PersonID
		for _, c := range of[access.Credential](d) {
			if c.Kind == access.Mobile {
				who = append(who, c.Person)
			}
		}
		want := []access.PersonID(nil)
		if on {
			want = []access.PersonID{"p1", "p2"}
			p.explained(d, "p3", "no mobile access")
		}
		if !slices.Equal(who, want) {
			t.Errorf("setting %v: mobile access for %v, want %v", on, who, want)
		}
	}
}

func TestDecide_ExplainsWhatThePMSHeldBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", func(p *model.Person, _ *model.Lease) {
		p.Held = []string{"the PIN went through a number format"}
	})
	p.explained(p.decide(), "p1", "the PIN went through a number format")
}
