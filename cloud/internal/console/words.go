package console

import (
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Word is a term of the page with its meaning.
type Word struct{ Term, Meaning string }

// glossary explains the words of the cells, one line each.
var glossary = []Word{
	{"Planned", "decided here; the gateway at the property does not have it yet."},
	{"Stored", "the gateway has it and acts on its dates by itself, also without internet."},
	{"Not due yet", "stored at the gateway; it opens by itself at the time shown, and not before. Nothing opens to somebody without a PIN or card."},
	{"Written", "the door panel accepted it; nobody has looked yet whether it is really there."},
	{"Confirmed", "read back from the panel. Exact: what came back is what was written, PIN and cards included. " +
		"Presence: the panel shows the person, not the PIN. Unprovable: this panel cannot show it."},
	{"Removal due", "access is over, and there is no proof yet that the panel has forgotten the person."},
	{"Removed", "read back from the panel: the person is gone from it."},
	{"Failed", "the last attempt did not work; the gateway tries again at the time shown."},
	{"Refused", "it cannot work as it is; somebody must change something first."},
	{"Held", "kept back until a person agrees."},
}

// labels are the words of the cells, by key.
var labels = map[string]string{
	"none": "–", "never_written": "Nothing there", "planned": "Planned", "stored": "Stored", "not_due": "Not due yet",
	"written": "Written", "confirmed": "Confirmed", "removed": "Removed", "removal_due": "Removal due", "removal_written": "Removal written",
	"failed": "Failed", "refused": "Refused", "held": "Held",
	"removal_failed": "Removal failed", "removal_refused": "Removal refused", "removal_held": "Removal held",
}

// Label is the cell's word.
func (c Cell) Label() string {
	if l := labels[c.Key]; l != "" {
		return l
	}
	return c.Key
}

// levelNames name the filters.
var levelNames = map[Level]string{
	Problem: "Need attention", Progress: "On the way", InPlace: "In place", NotDue: "Not due yet", Gone: "Gone", Nothing: "No access",
	Bare: "Without PIN or card",
}

func gradeWords(g access.Grade) string {
	switch g {
	case access.Exact:
		return "exact, read back"
	case access.Presence:
		return "presence, seen on the panel"
	case access.Unprovable:
		return "unprovable: this panel cannot show it; accepted"
	}
	return "read back"
}

// remedy is what a person can do about a failure.
func remedy(on *OnPanel) string {
	switch {
	case on.State == Held:
		return "It waits for a person to agree."
	case on.Fault == "":
		return ""
	}
	switch fault.Parse(on.Fault) {
	case fault.Invalid:
		if strings.Contains(on.Message, "device map") { // the gateway's words name the command
			return "Have the installer say at the gateway which apartment the unit is; it then goes on by itself."
		}
		return "Correct the value in the source and import again."
	case fault.Unreachable, fault.Timeout:
		return "See that the panel has power and network; the gateway goes on trying."
	case fault.Denied:
		return "Correct the panel's user name and password at the gateway."
	case fault.Full:
		return "Make room on the panel: remove records that nobody needs."
	case fault.Unsupported:
		return "This panel cannot do it; use another kind of credential."
	case fault.Conflict:
		return "Something else on the panel has the same PIN, card or place; change one of the two."
	default:
		return "Keep the gateway's log and report it; the gateway goes on trying."
	}
}
