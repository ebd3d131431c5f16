package rentmanagersim

// oddCase bends an ordinary household into something the references warn of (pms.md §6.3, §7, §8).
type oddCase struct {
	unit  string
	about string
	bend  bend
}

type bend func(m *maker, p *Property, units map[string]*Unit, h *Household)

func harborCases() []oddCase {
	return append(append(standing(), contactCases()...), secretCases()...)
}

// dates is a bend of the one lease.
func dates(change func(l *Lease)) bend {
	return func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) { change(h.Leases[0]) }
}

// head is a bend of the first person.
func head(change func(h *Household, who *Member)) bend {
	return func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) { change(h, h.Members[0]) }
}

// stay sets one lease's dates and its only paper.
func stay(l *Lease, in, out Day, end int) {
	l.MoveIn, l.MoveOut = in, out
	l.Terms = []Term{{in, In(end)}}
}

// standing is cases of dates: where somebody stands today.
func standing() []oddCase {
	return append([]oddCase{
		{"101", "month to month: the paper ended long ago", dates(func(l *Lease) { stay(l, In(-900), Day{}, -536) })},
		{"102", "month to month: a renewal without end", dates(func(l *Lease) {
			stay(l, In(-500), Day{}, -136)
			l.Terms = append(l.Terms, Term{Start: In(-135)})
		})},
		{"103", "notice given, move-out in three weeks", dates(func(l *Lease) {
			stay(l, In(-400), In(21), 30)
			l.Notice, l.Expected = In(-9), In(21)
		})},
		{"104", "notice given, only an expected move-out", dates(func(l *Lease) { l.Notice, l.Expected = In(-3), In(45) })},
		{"105", "eviction", head(func(h *Household, _ *Member) { h.Eviction = In(-14) })},
		{"106", "eviction and a move-out that has passed", func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Eviction = In(-60)
			stay(h.Leases[0], In(-700), In(-6), -6)
		}},
		{"107", "future: moves in next week", dates(func(l *Lease) { stay(l, In(7), Day{}, 371) })},
		{"108", "moves in tomorrow", dates(func(l *Lease) { stay(l, In(1), Day{}, 365) })},
		{"109", "moves in today", dates(func(l *Lease) { stay(l, In(0), Day{}, 364) })},
		{"110", "moves out today", dates(func(l *Lease) { stay(l, In(-365), In(0), 0) })},
		{"111", "moved out yesterday", dates(func(l *Lease) {
			stay(l, In(-366), In(-1), -1)
			l.Confirmed = true
		})},
		{"112", "past for a month", dates(func(l *Lease) {
			stay(l, In(-600), In(-30), -30)
			l.Confirmed = true
		})},
		{"201", "past for two years", dates(func(l *Lease) {
			stay(l, In(-1500), In(-730), -730)
			l.Confirmed = true
		})},
		{"202", "move-out passed and nobody confirmed it", dates(func(l *Lease) { stay(l, In(-300), In(-12), 64) })},
		{"203", "move-out before move-in", dates(func(l *Lease) { stay(l, In(-20), In(-23), 345) })},
		{"204", "sentinel: move-out 0001-01-01", dates(func(l *Lease) { l.MoveOut = Fixed("0001-01-01") })},
		{"205", "sentinel: move-in 1900-01-01, lease end 2099-12-31", dates(func(l *Lease) {
			l.MoveIn, l.Terms = Fixed("1900-01-01"), []Term{{In(-800), Fixed("2099-12-31")}}
		})},
		{"206", "no move-in date, only the paper's", dates(func(l *Lease) { l.MoveIn = Day{} })},
		{"207", "renewed twice, the next renewal signed already", dates(func(l *Lease) {
			l.MoveIn, l.Terms = In(-700), []Term{{In(-700), In(-336)}, {In(-335), In(29)}, {In(30), In(394)}}
		})},
		{"208", "lease runs on, the people have left", dates(func(l *Lease) { stay(l, In(-200), In(-40), 165) })},
	}, moving()...)
}

// moving is cases of more than one unit or account.
func moving() []oddCase {
	return []oddCase{
		{"209", "transferred to B-101 last month: this is the new account's old unit", moved("B-101", -31)},
		{"210", "will transfer to C-101 in ten days", moved("C-101", 10)},
		{"211", "one account, two units", func(m *maker, _ *Property, units map[string]*Unit, h *Household) {
			h.Leases = append(h.Leases, m.leaseSince(units["212"].ID, -90))
		}},
		{"212", "a roommate account in the unit of another's second lease", func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Leases[0].MoveIn = In(-80)
		}},
		{"301", "same person, two accounts", func(m *maker, p *Property, units map[string]*Unit, h *Household) {
			again := m.ordinary(units["302"].ID, 1)
			twin := *h.Members[0]
			twin.ID, twin.PIN, twin.Card = again.Members[0].ID, "", ""
			again.Members[0], again.Case = &twin, "the second account of who lives in 301"
			p.Households = append(p.Households, again)
		}},
		{"302", "past account of a unit where others live now", dates(func(l *Lease) { stay(l, In(-1100), In(-95), -95) })},
		{"OFFICE", "staff in a unit that is none", head(func(_ *Household, who *Member) { who.First, who.Last = "Leasing", "Office" })},
		{"WAIT", "on the waiting list", func(_ *maker, _ *Property, _ map[string]*Unit, h *Household) {
			h.Label = "Applicant"
			stay(h.Leases[0], In(60), Day{}, 424)
		}},
		{"B-401", "an account without any lease", head(func(h *Household, _ *Member) { h.Leases, h.Label = []*Lease{}, "Future" })},
		{"01", "unit 01 is not unit 1", head(func(*Household, *Member) {})},
		{"0101", "unit 0101 is not unit 101", head(func(*Household, *Member) {})},
	}
}

// moved makes the account a second one in another unit, linked as a transfer.
func moved(to string, day int) bend {
	return func(m *maker, p *Property, units map[string]*Unit, h *Household) {
		again := m.ordinary(units[to].ID, 0)
		for _, who := range h.Members {
			m.person++
			twin := *who
			twin.ID = m.person
			again.Members = append(again.Members, &twin)
		}
		again.Case, again.Transfer, again.From, again.Moved = "came by transfer", h.ID, h.ID, In(day)
		again.PIN, again.Card = h.PIN, h.Card
		h.Transfer, h.Moved = h.ID, In(day)
		stay(h.Leases[0], In(-500), In(day), day)
		stay(again.Leases[0], In(day), Day{}, day+364)
		p.Households = append(p.Households, again)
	}
}
