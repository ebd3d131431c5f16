package model

import (
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

func TestA2_AllowList(t *testing.T) {
	t.Parallel()
	resident := Person{Origin: Yardi, Type: pms.TypeResident, RawType: "Co-Head"}
	head := Person{Origin: Yardi, Type: pms.TypeResident, RawType: "Head", Primary: true}
	pays := Person{Origin: Yardi, Type: pms.TypeGuarantor, RawType: "Cosigner"}
	strange := Person{Origin: Yardi, RawType: "Zorp"}
	blank := Person{Origin: Yardi}
	guest := Person{Origin: ByHand}
	for _, c := range []struct {
		name  string
		types []string
		yes   []Person
		no    []Person
	}{
		{"no list", nil, []Person{resident, head, pays, strange, blank, guest}, nil},
		{"primary or occupant", []string{"primary", "occupant"}, []Person{head, guest}, []Person{resident, pays, strange, blank}},
		{"mapped", []string{"resident"}, []Person{resident, head, guest}, []Person{pays, strange, blank}},
		{"as the PMS writes it", []string{" co-head "}, []Person{resident, guest}, []Person{head, pays, strange, blank}},
		{"a label we cannot read", []string{"zorp"}, []Person{strange, guest}, []Person{resident, head, pays, blank}},
		{"a blank entry lets nobody in", []string{""}, []Person{guest}, []Person{resident, head, pays, strange, blank}},
	} {
		s := Settings{Types: c.types}
		for _, p := range c.yes {
			if !s.Allows(p) {
				t.Errorf("%s: %+v is kept out", c.name, p)
			}
		}
		for _, p := range c.no {
			if s.Allows(p) {
				t.Errorf("%s: %+v is let in", c.name, p)
			}
		}
	}
}

func TestPerson_Name(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]access.Person{
		"Anna Lopez":              {First: "Anna", Last: "Lopez", Company: "Acme"},
		"Lopez":                   {Last: "Lopez"},
		"Anna":                    {First: "Anna"},
		"Acme":                    {Company: "Acme"},
		"somebody without a name": {},
	} {
		if got := (Person{Person: p}).Name(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
