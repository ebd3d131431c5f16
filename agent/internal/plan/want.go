package plan

import (
	"slices"
	"sort"
	"strconv"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Wanted is what one person should have on one device now.
type Wanted struct {
	Person   access.PersonID
	Unknown  bool         // it cannot be told, because a record cannot be read: nothing may change
	Open     bool         // whether they should be on the device at all
	Record   model.Record // when Open
	Why      string
	Begins   time.Time // when the oldest window that is open now began; orders additions
	Next     time.Time // when this changes by itself; zero never
	Refusals []Refusal

	Revoked bool             // by hand at the gateway
	Stale   bool             // some door stays open only because a lease end may not act
	Cause   access.EndReason // why access ended, "" when the state just no longer has it
	Asked   time.Time        // when it ended
	doubt   string           // the unit, by name, when nobody knows where the device calls it
}

// Want derives what one person should have on the device: which relays their open grants reach,
// and which of their credentials the device can hold.
func Want(in Input, h access.Holder) Wanted {
	w := entitled(in, h)
	w.fill(in, h, nil)
	return *w
}

// entitled is the first half of Want: doors and hours. It does not depend on other people.
func entitled(in Input, h access.Holder) *Wanted {
	w := &Wanted{Person: h.Person.ID, Why: "no grant is open now"}
	w.Record.Ref = model.RefOf(h.Person.ID)
	ways := w.reach(in, h)
	w.choose(in, ways)
	w.ends(ways, in.Now)
	w.Stale = w.stale(ways, in.Now)
	if w.Revoked {
		w.Record.Relays = nil
	} else {
		w.unreadable(in, h, len(w.Record.Relays) > 0)
	}
	return w
}

// fill is the second half: the name and the credentials. given are the fingerprints of PINs and
// cards that this plan has given to others already.
func (w *Wanted) fill(in Input, h access.Holder, given map[string]access.PersonID) {
	if w.Revoked || w.Unknown || len(w.Record.Relays) == 0 {
		w.Record = model.Record{}
		return
	}
	w.edges(h.Residencies, in.Now) // the directory shows the unit
	w.secrets(in, h, given)
	granted := w.Why
	w.Why = "no credential that this device can hold"
	if in.Limits.Slots > 0 {
		w.calls(in, h)
	} else {
		w.name(in, h, given)
	}
	w.Open = !w.Record.PIN.IsZero() || len(w.Record.Cards) > 0 || w.Record.Email != "" || w.Record.Phone != ""
	if w.Open {
		w.Why = granted
	} else if len(w.Refusals) == 0 && (in.Limits.Slots == 0 || holdsMobile(h)) { // else each says why already, or it is nothing to them
		w.refuse(fault.Invalid, "has no "+holds(in.Limits)+" that can be used here; give the resident one")
	}
	if e, known := in.Ledger[h.Person.ID]; w.Open && !in.Trusted && (!known || e.State == access.Removing) {
		w.Open, w.Record = false, model.Record{}
		w.refuse(fault.Conflict, "the gateway's clock is not trusted, so nothing new opens; connect the gateway to the internet or to a time server")
	}
}

// name picks how the person stands on a device that calls nobody: the first form that nobody else has there. Who has one
// already keeps it, so that nobody is renamed because somebody came.
func (w *Wanted) name(in Input, h access.Holder, given map[string]access.PersonID) {
	unit, building := home(in.Places, h, in.Now)
	n := rules.Naming{Form: in.Places.Property.DirectoryName, Max: in.Limits.NameChars}
	e := in.Ledger[w.Person]
	free := func(name string) bool {
		w.Record.Name = name
		mark := NamePrint(in.Print, w.Record)
		who, newly := given["name "+name]
		return e.Name == mark || e.Name == 0 && e.Print != "" || in.Others.Names[mark] == 0 && (!newly || who == w.Person)
	}
	short := n.Of(h.Person, unit.Name, building)
	if len(in.Others.Names) == 0 && len(given) == 0 || free(short) || !slices.ContainsFunc(n.All(h.Person, unit.Name, building)[1:], free) {
		w.Record.Name = short
	}
}

// holds names what the device knows people by.
func holds(l model.Limits) string {
	if l.Slots > 0 {
		return "mobile access with an e-mail or a phone number"
	}
	return "PIN and no card"
}

// unreadable marks what cannot be told because a record cannot be read. Where every grant was read
// and none is open, an end acts all the same.
func (w *Wanted) unreadable(in Input, h access.Holder, reaches bool) {
	open, unresolved := false, false
	for _, g := range h.Grants {
		if in.mayBeOpen(g) {
			open, unresolved = true, unresolved || in.unresolved(g)
		}
		if len(h.Unread) > 0 || in.Places.Partial || astray(in) {
			w.edge(g.Window, in.Now)
		}
	}
	lost := len(h.Unread) > 0 && reaches || open && (astray(in) || in.Places.Partial && unresolved)
	if w.Unknown = lost || slices.Contains(h.Unread, access.KindGrant); w.Unknown {
		w.Refusals = []Refusal{{w.Person, fault.Invalid, lostWhy(in)}}
	}
}

func lostWhy(in Input) string {
	if astray(in) {
		return "none of this panel's doors is one of the property's; correct doors in the gateway's configuration"
	}
	return "a record of the wanted state cannot be read; the panel stays as it is until the cloud has sent it again"
}

// astray says that the device serves no door that the state knows: its doors are misspelt rather than
// its people gone.
func astray(in Input) bool { return len(in.Doors) > 0 && len(Strays(in)) == len(in.Doors) }

// Strays lists the doors of the device that the wanted state does not know, sorted.
func Strays(in Input) []access.DoorID {
	var out []access.DoorID
	for id := range in.Doors {
		if _, ok := in.Places.Doors[id]; !ok && !in.Places.Partial {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// unresolved says whether a grant may lead to doors, or to hours, that could not be read.
func (in Input) unresolved(g access.Grant) bool {
	group, known := in.Places.Groups[g.Group]
	_, hours := in.Places.Schedules[group.Schedule]
	return g.Unit != "" || g.Group != "" && !known || group.Schedule != "" && !hours && in.Limits.Schedules > 0
}

// secrets picks the credentials that the device can hold and refuses the others in words.
func (w *Wanted) secrets(in Input, h access.Holder, given map[string]access.PersonID) {
	taken := func(s access.Secret) bool {
		print := PrintSecret(in.Print, s)
		who, ok := in.Others.Secrets[print]
		also, newly := given[print]
		return ok && who != w.Person || newly && also != w.Person
	}
	creds := slices.Clone(h.Credentials)
	sort.Slice(creds, func(i, j int) bool { return creds[i].ID < creds[j].ID })
	for _, c := range creds {
		switch c.Kind {
		case access.PIN:
			w.pin(in.Limits, c.Secret, taken)
		case access.Card:
			w.card(in.Limits, c.Secret, taken)
		default:
			if !in.Limits.Mobile && len(creds) == 1 { // who holds something else gets in by that
				w.refuse(fault.Unsupported, "this panel has no app; the resident needs a PIN or a card here")
			}
		}
	}
}

func holdsMobile(h access.Holder) bool {
	return slices.ContainsFunc(h.Credentials, func(c access.Credential) bool { return c.Kind == access.Mobile })
}

// calls picks the app and the telephone by which a panel calls somebody with mobile access (row C5),
// and the name it shows. Who is left off gets neither, who is unlisted stands there as the unit (row
// C12).
func (w *Wanted) calls(in Input, h access.Holder) {
	unit, building := home(in.Places, h, in.Now)
	bell, p := in.Units[unit.ID], h.Person
	email, phone := rules.Calls(h)
	switch {
	case email == "" && phone == "":
		return
	case unit.Name == "":
		w.refuse(fault.Invalid, "lives in no unit that this panel could call; give the resident a unit")
		return
	case in.Units != nil && bell.Apartment == "":
		if w.Why = "this panel does not call the unit"; bell.Doubt {
			w.doubt = unit.Name
		}
		w.refuse(fault.Invalid, bell.Why)
		return
	case p.Directory == access.Unlisted:
		p.First, p.Last, p.Company = "", "", ""
	}
	w.Record.Unit, w.Record.Apartment, w.Record.Slots, w.Record.Email, w.Record.Phone = unit.Name, bell.Apartment, unit.Slots, email, phone
	names := rules.Naming{Form: in.Places.Property.DirectoryName, Max: in.Limits.NameChars}.All(p, unit.Name, building)
	w.Record.Name, w.Record.Aliases = names[0], names[1:]
}

func (w *Wanted) pin(l model.Limits, pin access.Secret, taken func(access.Secret) bool) {
	err := rules.CheckPIN(pin, rules.PINRule{Min: l.PINDigitMin, Max: l.PINDigitMax, NotFirst: l.PINNoFirst})
	switch {
	case l.PINs == 0 && l.Slots > 0: // it calls people, and PINs are for the other panels
	case err != nil:
		w.refuse(fault.Invalid, err.Error()+". "+fault.RemedyOf(err))
	case l.PINs == 0:
		w.refuse(fault.Unsupported, "this panel holds no PINs")
	case !w.Record.PIN.IsZero():
		w.refuse(fault.Unsupported, "this panel holds one PIN a person; the first is used")
	case taken(pin):
		w.refuse(fault.Conflict, "the PIN is already on this panel for somebody else; give the resident another")
	default:
		w.Record.PIN = pin
	}
}

func (w *Wanted) card(l model.Limits, card access.Secret, taken func(access.Secret) bool) {
	switch {
	case l.Cards == 0 && l.Slots > 0: // likewise
	case l.CardChars > 0 && len(card.Reveal()) > l.CardChars:
		w.refuse(fault.Invalid, "the card number has more characters than this panel takes")
	case len(w.Record.Cards) >= l.Cards:
		w.refuse(fault.Full, "this panel holds "+itoa(l.Cards)+" cards a person; take one away that is not used")
	case taken(card):
		w.refuse(fault.Conflict, "the card is already on this panel for somebody else; find out whose it is")
	default:
		w.Record.Cards = append(w.Record.Cards, card)
	}
}

func (w *Wanted) refuse(k fault.Kind, why string) {
	w.Refusals = append(w.Refusals, Refusal{w.Person, k, why})
}

func (w *Wanted) sooner(t time.Time) {
	if !t.IsZero() && (w.Next.IsZero() || t.Before(w.Next)) {
		w.Next = t
	}
}

// home is the unit somebody lives in now, else the one they go to next, else the one they left
// last, and the name of its building.
func home(p access.Places, h access.Holder, now time.Time) (unit access.Unit, building string) {
	rs := slices.Clone(h.Residencies)
	sort.Slice(rs, func(i, j int) bool {
		return rs[i].From.Before(rs[j].From) || rs[i].From.Equal(rs[j].From) && rs[i].ID < rs[j].ID
	})
	for _, r := range rs {
		unit = p.Units[r.Unit]
		building = p.Buildings[unit.Building].Name
		if r.Contains(now) || r.From.After(now) {
			break
		}
	}
	return unit, building
}

// edges makes the person due when a residency begins or ends.
func (w *Wanted) edges(rs []access.Residency, now time.Time) {
	for _, r := range rs {
		w.edge(r.Window, now)
	}
}

// edge makes the person due at the next edge of a window.
func (w *Wanted) edge(win access.Window, now time.Time) {
	for _, t := range []time.Time{win.From, win.Until} {
		if t.After(now) {
			w.sooner(t)
		}
	}
}
