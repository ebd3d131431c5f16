package industrystd

import "slices"

// Class says who can do something about an error (§1.5) [I].
type Class string

// The classes.
const (
	Pause     Class = "pause"     // the same job may be sent again after a while
	Present   Class = "present"   // somebody at the encoder must do something with the card
	Configure Class = "configure" // the request or the lock system's set-up is wrong; sending again does not help
	State     Class = "state"     // the room's state does not allow it
	Unclear   Class = "unclear"   // read the peer's own text
)

// ErrorCode is one error a lock system answers with (§1.5) [T].
type ErrorCode struct {
	Code   string
	Text   string // what happened
	Remedy string // what to do
	Class  Class
}

// common are the errors both dialects have with one meaning.
var common = []ErrorCode{
	{"ES", "the lock system cannot read the request", "Compare the dialect and the lock system's version with the set-up.", Configure},
	{"NC", "the encoder does not answer the lock system", "Switch the encoder on, check its cable and its name or number, then try again.", Pause},
	{"NF", "the lock system's database is missing or damaged", "Have the lock system's database repaired.", Configure},
	{"OV", "the encoder is still busy with an earlier task", "Finish or eject the card there, then try again.", Pause},
	{"TD", "the lock system does not know the room", "Give the room the exact name it has in the lock system.", Configure},
	{"ED", "no card was presented in time", "Try again and present a card at once.", Present},
	{"OS", "the room is out of service", "Put the room back into service in the lock system.", Configure},
}

var saltoOnly = []ErrorCode{
	{"EP", "there is no card at the encoder, or it lies badly", "Place the card again.", Present},
	{"EF", "the card was written by another system or is damaged", "Take another card.", Present},
	{"EA", "the room is checked out, so there is nothing to copy", "Make a new key for the room first.", State},
	{"EO", "the key is being made at another encoder", "Wait until the other encoder has finished.", Pause},
	{"EV", "the card belongs to a valid staff user", "Take another card.", Present},
	{"EG", "the lock system reports a general error", "Read its text and look into the lock system.", Unclear},
}

var onityOnly = []ErrorCode{
	{"EP", "the card was inserted the wrong way or has no magnetic track", "Turn the card, or take another.", Present},
	{"EF", "the card was written by another system, or its track is faulty", "Take another card.", Present},
	{"EN", "the track was written too weakly", "Clean the encoder's head or take a better card.", Present},
	{"ET", "the card is stuck in the encoder", "Take the card out; use cards of the right size.", Present},
	{"EA", "all 4 one-shot keys of the room's guest are used up", "Make a copy instead, or wait for the next guest.", State},
}

// trailError is what WF, WN and WR give (§1.6) [T]; it belongs to no other command.
var trailError = ErrorCode{"WE", "the lock system cannot give the door's audit trail", "Check the door's exact name; its database may be out of reach.", Configure}

// Errors are the dialect's own codes in alphabetical order.
func (d Dialect) Errors() []ErrorCode {
	own := saltoOnly
	if d == Onity {
		own = onityOnly
	}
	all := slices.Concat(common, own)
	slices.SortFunc(all, func(a, b ErrorCode) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return all
}

// Lookup finds the meaning of a code. A code that only the other dialect has counts too: it is an error all the
// same, and taking it for an answer would be worse.
func (d Dialect) Lookup(code string) (ErrorCode, bool) {
	for _, table := range [][]ErrorCode{d.Errors(), saltoOnly, onityOnly} {
		if i := slices.IndexFunc(table, func(e ErrorCode) bool { return e.Code == code }); i >= 0 {
			return table[i], true
		}
	}
	return ErrorCode{}, false
}
