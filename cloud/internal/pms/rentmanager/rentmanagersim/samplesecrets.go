package rentmanagersim

func pinOf(pin string) bend   { return head(func(_ *Household, who *Member) { who.PIN = pin }) }
func cardOf(card string) bend { return head(func(_ *Household, who *Member) { who.Card = card }) }

// accountPIN is a PIN kept with the account.
func accountPIN(pin string) bend {
	return head(func(h *Household, _ *Member) { h.PIN = pin })
}

// secretCases is cases of PINs and cards kept with the person.
func secretCases() []oddCase {
	return []oddCase{
		{"C-201", "PIN with a leading zero: the numeric value has lost it", pinOf("0427")},
		{"C-202", "PIN begins with 9", pinOf("91824")},
		{"C-203", "PIN with thousands separators", pinOf("48,213")},
		{"C-204", "PIN with decimals", pinOf("36157.00")},
		{"C-205", "PIN of nine digits", pinOf("123456789")},
		{"C-206", "PIN of one digit", pinOf("7")},
		{"C-207", "letters in the PIN", pinOf("12AB")},
		{"C-208", "one PIN, two households", pinOf("274615")},
		{"C-209", "one PIN, two households", pinOf("274615")},
		{"C-210", "one PIN, two roommates", after(others("Occupant"), func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Members[0].PIN, h.Members[1].PIN = "58142", "58142"
		})},
		{"C-211", "PIN of nothing but zeros", pinOf("0000")},
		{"C-212", "PIN in scientific notation", pinOf("4.8E+04")},
		{"C-213", "card with blanks", cardOf("04 A1 B2 C3")},
		{"C-214", "card with colons, lower case", cardOf("04:a1:b2:d4")},
		{"C-301", "card that is not hexadecimal", cardOf("G4A1ZZ")},
		{"C-302", "card of twenty digits", cardOf("00112233445566778899")},
		{"C-303", "one card, two households", cardOf("0BADCAFE")},
		{"C-304", "one card, two households, spelt otherwise", cardOf("0b:ad:ca:fe")},
		{"C-305", "PIN and card, PIN also with the account", after(pinOf("61205"), cardOf("5A5A0102"), accountPIN("61206"))},
		{"C-306", "a past resident still has the PIN of C-307", after(pinOf("33871"), dates(func(l *Lease) { stay(l, In(-420), In(-20), -20) }))},
		{"C-307", "has the PIN of a past resident", pinOf("33871")},
	}
}

// kilnCases is cases at the property that keeps PIN and card with the account.
func kilnCases() []oddCase {
	return []oddCase{
		{"101", "account PIN with a leading zero", accountPIN("0915")},
		{"102", "account PIN begins with 9", accountPIN("9321")},
		{"103", "account PIN with thousands separators", accountPIN("17,402")},
		{"104", "household of three, one account PIN", after(others("Occupant", "Occupant"), accountPIN("66120"))},
		{"105", "account card, lower case", head(func(h *Household, _ *Member) { h.Card = "0c:0f:1e:2d" })},
		{"106", "month to month", dates(func(l *Lease) { stay(l, In(-1200), Day{}, -836) })},
		{"107", "notice given", dates(func(l *Lease) { l.Notice, l.Expected, l.MoveOut = In(-20), In(10), In(10) })},
		{"108", "eviction", head(func(h *Household, _ *Member) { h.Eviction = In(-5) })},
		{"109", "future", dates(func(l *Lease) { stay(l, In(14), Day{}, 378) })},
		{"110", "past", dates(func(l *Lease) { stay(l, In(-800), In(-70), -70) })},
		{"111", "transferred to 112 a week ago", moved("112", -7)},
		{"112", "left 112 before the transfer came in", dates(func(l *Lease) { stay(l, In(-400), In(-8), -8) })},
		{"302-A", "bed A of 302", head(func(*Household, *Member) {})},
		{"302-B", "bed B of 302", head(func(*Household, *Member) {})},
		{"305-C", "bed C, future", dates(func(l *Lease) { stay(l, In(3), Day{}, 367) })},
		{"NONRESID", "pays for parking only", head(func(_ *Household, who *Member) { who.Type = "" })},
		{"MODEL", "a model apartment with an account", called("Model", "Unit")},
		{"PH1", "placeholder mail and a filler phone", after(mailOf("na@na.com"), phonesOf(Phone{"Cell", "0000000000"}))},
		{"201", "guarantor lives elsewhere", others("Guarantor")},
		{"202", "moved in and out on one day", dates(func(l *Lease) { stay(l, In(-3), In(-3), -3) })},
	}
}
