package rentmanagersim

// others makes the household that many more, of a type each.
func others(types ...string) bend {
	return func(m *maker, _ *Property, _ map[string]*Unit, h *Household) {
		h.Members = h.Members[:1]
		for _, t := range types {
			who := m.member(m.pick(firstNames()), h.Members[0].Last)
			who.Type = t
			h.Members = append(h.Members, who)
		}
	}
}

// after runs bends one after the other.
func after(all ...bend) bend {
	return func(m *maker, p *Property, units map[string]*Unit, h *Household) {
		for _, b := range all {
			b(m, p, units, h)
		}
	}
}

func mailOf(address string) bend {
	return head(func(_ *Household, who *Member) { who.Email = address })
}

func phonesOf(numbers ...Phone) bend {
	return head(func(_ *Household, who *Member) { who.Phones = numbers })
}

func called(first, last string) bend {
	return head(func(_ *Household, who *Member) { who.First, who.Last = first, last })
}

// contactCases is cases of people: who they are to the lease, names, mail, phones.
func contactCases() []oddCase {
	return append(append([]oddCase{
		{"303", "roommates, one without mail and phone", after(others("Occupant", "Occupant"), func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Members[1].Email, h.Members[1].Phones = "", nil
		})},
		{"304", "a couple shares one address", after(others("Occupant"), func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Members[1].Email = h.Members[0].Email
		})},
		{"305", "guarantor and minor", others("Guarantor", "Minor")},
		{"306", "co-signer and a blank type", others("Cosigner", "")},
		{"307", "a roommate has left", after(others("Occupant", "Occupant"), func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Members[2].Left = true
		})},
		{"308", "nobody is active", after(others("Occupant"), func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Members[0].Left, h.Members[1].Left = true, true
		})},
		{"309", "nobody is primary", after(others("Occupant"), head(func(_ *Household, who *Member) { who.Primary, who.Type = false, "Occupant" }))},
		{"310", "a company rents, two employees live there", after(others("Occupant"), head(func(h *Household, _ *Member) { h.Company = "Brightwater Surveying LLC" }))},
		{"311", "a company without any person", head(func(h *Household, _ *Member) { h.Company, h.Members = "Harbor Row Storage Inc.", []*Member{} })},
		{"312", "a type nobody has heard of", head(func(_ *Household, who *Member) { who.Type = "Live-in Aide" })},
		{"401", "two people in one name field", called("Ana & Luis", "Ferreira")},
		{"402", "two people in one name field, in words", called("Tove and Rasmus", "Holm")},
		{"403", "upper case", called("DELPHINE", "MOREAU")},
		{"404", "blanks around the name", called(" Kwame ", "Obi  ")},
		{"405", "suffix in the last name", called("Gustavo", "Arroyo Jr.")},
		{"406", "middle initial in the first name", head(func(_ *Household, who *Member) { who.First, who.Middle = "Petra K.", "K" })},
		{"407", "digits in the name", called("Samir2", "Haddad")},
		{"408", "no last name", called("Zuri", "")},
		{"409", "last name first in one field", called("", "Kovac, Vesna")},
	}, mailCases()...), phoneCases()...)
}

func mailCases() []oddCase {
	return []oddCase{
		{"410", "no mail", mailOf("")},
		{"411", "placeholder", mailOf("none@none.com")},
		{"412", "placeholder", mailOf("noemail@noemail.com")},
		{"B-102", "placeholder of the company's own domain", mailOf("noemail@harborrow.example.com")},
		{"B-103", "placeholder, malformed", mailOf("n/a@gmail.com")},
		{"B-104", "words instead of an address", mailOf("ask for email 3/14")},
		{"B-105", "two addresses in one field", mailOf("esra.goddard@example.com; esra.g@example.net")},
		{"B-106", "no top-level domain", mailOf("tova.lund@example")},
		{"B-107", "misspelt mail host", mailOf("leif.ivers@jmail.com")},
		{"B-108", "upper-case domain and blanks around", mailOf(" Oksana.Varga@EXAMPLE.ORG ")},
		{"B-109", "one address in three unrelated households", mailOf("front.desk@example.net")},
		{"B-110", "one address in three unrelated households", mailOf("front.desk@example.net")},
		{"B-111", "one address in three unrelated households", mailOf("Front.Desk@example.net")},
	}
}

func phoneCases() []oddCase {
	return []oddCase{
		{"B-201", "en dashes", phonesOf(Phone{"Cell", "617–555–0131"})},
		{"B-202", "seven digits", phonesOf(Phone{"Home", "555-0142"})},
		{"B-203", "mask only", phonesOf(Phone{"Cell", "(   )    -"})},
		{"B-204", "a word after the number", phonesOf(Phone{"Cell", "617-555-0144 Cell"}, Phone{"Work", "617-555-0145 Office"})},
		{"B-205", "filler digits", phonesOf(Phone{"Home", "9999999999"}, Phone{"Work", "1234567890"}, Phone{"Cell", "5555555555"})},
		{"B-206", "home before cell, and a fax", phonesOf(Phone{"Home", "978-555-0150"}, Phone{"Fax", "978-555-0151"}, Phone{"Cell", "978-555-0152"})},
		{"B-207", "two numbers in one field", phonesOf(Phone{"Cell", "718-555-0160 / 718-555-0161"})},
		{"B-208", "eleven digits", phonesOf(Phone{"Cell", "17185550162"})},
		{"B-209", "extension", phonesOf(Phone{"Work", "718-555-0163 x204"})},
		{"B-210", "no area code there is", phonesOf(Phone{"Cell", "(555) 010-0000"})},
	}
}
