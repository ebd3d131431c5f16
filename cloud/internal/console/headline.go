package console

import (
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// comelit is the kind of panel whose sentences staff know.
const comelit = "comelit"

// headline is the sentence, word for word, by which staff know that something failed on a kind of panel, and what can be
// done about it (rows C8, C11, C13, C15); "" where there is no such sentence. This is the one place that knows them. known
// is the person's name in the panel's directory.
func headline(kind string, op access.Op, f fault.Kind, known string) (sentence, remedy string) {
	switch {
	case kind != comelit || op == "":
		return "", ""
	case op == access.OpRemove:
		return "Failed to remove user from Comelit",
			"The gateway goes on trying until they are gone; how long it takes stands under open revocations. If it matters now, clear their slots on the panel's Users page; nobody has to be called."
	case f == fault.Full:
		return "No Empty User IDs in Comelit Panel",
			"Free a slot of the unit on the panel's Users page: former residents, second apps, a number that stands there twice. Or leave somebody of the unit off the panel. The rest follows by itself."
	case op == access.OpChange:
		return "User " + known + " is not able to be updated on Comelit",
			"What stood there before, the number too, stays until the panel takes the new; the gateway goes on trying." + remedyComelit(f)
	}
	return "User creation Failed. Error creating Comelit user",
		"The move-in stands, other doors do not wait for this panel, and the gateway goes on trying until it is done." + remedyComelit(f)
}

// remedyComelit is what more can be done about a fault of a Comelit panel, behind another sentence; "" nothing.
func remedyComelit(f fault.Kind) string {
	switch f {
	case fault.Denied:
		return " The installer's login must work and have its rights: try it on the panel's own page, and give the gateway its password anew."
	case fault.Conflict:
		return " Somebody edits the panel by hand: leave its Users page to the gateway."
	case fault.Invalid, fault.Unsupported:
		return " Correct the name, e-mail or phone number in the source, or the unit's name on the panel."
	case fault.Unreachable, fault.Timeout:
		return " See that the panel has power and network."
	}
	return ""
}

// attempted is what a gateway tries, or would try if the panel answered; "" nothing that failed. A person who never was
// confirmed there is still being created.
func attempted(s span, on *OnPanel, down bool) access.Op {
	waits := down && on.State == Stored && (s.open || s.over() && on.Op != "" && on.Op != access.OpRemove)
	switch {
	case on.State != Failed && !waits && !(on.State == Refused && fault.Parse(on.Fault) == fault.Full):
		return ""
	case s.over() || on.Op == access.OpRemove && on.State == Failed:
		return access.OpRemove
	case on.Op == access.OpChange || on.Op == access.OpAdd && !on.Confirmed.IsZero():
		return access.OpChange
	}
	return access.OpAdd
}

// headed gives a cell its headline, above our own words.
func headed(cell Cell, p panel, s span, on *OnPanel, known string) Cell {
	if on == nil {
		return cell
	}
	f := fault.Parse(on.Fault)
	if on.State == Stored {
		if f = fault.Unreachable; p.message != "" {
			f = fault.Internal // its words say what to do
		}
	}
	sentence, remedy := headline(p.kind, attempted(s, on, p.down), f, known)
	if sentence == "" {
		return cell
	}
	if on.State == Stored && p.message != "" {
		cell.Lines = append(cell.Lines, Line{Text: p.message})
	}
	cell.Headline, cell.Remedy = sentence, remedy
	return cell
}
