package plan

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
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
}

// Want derives what one person should have on the device: which relays their open grants reach,
// and which of their credentials the device can hold.
func Want(in Input, h access.Holder) Wanted {
	w := Wanted{Person: h.Person.ID, Why: "no grant is open now"}
	relays, revoked := w.reach(in, h)
	if revoked || w.unreadable(in, h, relays) || len(relays) == 0 {
		return w
	}
	w.edges(h.Residencies, in.Now) // the directory shows the unit
	w.Record = model.Record{
		Ref:    model.RefOf(h.Person.ID),
		Name:   rules.DirectoryName(h.Person, unitName(in.Places, h, in.Now), in.Limits.NameChars),
		Relays: slices.Sorted(maps.Keys(relays)),
	}
	w.secrets(in, h)
	w.Why, w.Begins = reason(h, in.Now)
	w.Open = !w.Record.PIN.IsZero() || len(w.Record.Cards) > 0
	if !w.Open {
		w.Why = "no credential that this device can hold"
		if len(w.Refusals) == 0 { // else each says why already
			w.refuse(fault.Invalid, "has no PIN and no card that can be used here; give the resident one")
		}
	}
	if e, known := in.Ledger[h.Person.ID]; w.Open && !in.Trusted && (!known || e.State == access.Removing) {
		w.Open, w.Record = false, model.Record{}
		w.Refusals = append(w.Refusals, Refusal{w.Person, fault.Conflict, "the gateway's clock is not trusted, so nothing new opens; connect the gateway to the internet or to a time server"})
	}
	return w
}

// reach is which relays of the device the person's grants open now. A revocation made at the gateway
// outranks every grant.
func (w *Wanted) reach(in Input, h access.Holder) (map[string]bool, bool) {
	windows := map[string][]access.Window{}
	put := func(d access.DoorID, win access.Window) {
		if relay, ok := in.Doors[d]; ok {
			windows[relay] = append(windows[relay], win)
		}
	}
	revoked := false
	for _, o := range in.Overlay {
		switch {
		case o.Person != h.Person.ID:
		case o.Kind == access.OverlayRevoke:
			revoked = revoked || o.Contains(in.Now)
			w.edge(o.Window, in.Now)
		case o.Kind == access.OverlayGrant:
			put(o.Door, o.Window)
		}
	}
	for _, g := range h.Grants {
		for _, d := range w.doors(in, g) {
			put(d, g.Window)
		}
	}
	relays := map[string]bool{}
	for relay, ws := range windows {
		if rules.Open(ws, in.Now) && !revoked {
			relays[relay] = true
		}
		w.sooner(rules.NextChange(ws, in.Now))
	}
	return relays, revoked
}

// doors is what a grant leads to. What the device cannot hold to, hours or a number of uses, is
// refused whole: it fails shut.
func (w *Wanted) doors(in Input, g access.Grant) []access.DoorID {
	group, known := in.Places.Groups[g.Group]
	switch {
	case g.Uses > 0:
		w.refuse(fault.Unsupported, "a grant for a number of uses cannot be kept on this panel; give it an end instead")
		return nil
	case g.Door != "":
		return []access.DoorID{g.Door}
	case known && group.Schedule != "":
		w.refuse(fault.Unsupported, "the doors of "+group.Name+" open by a schedule, which this gateway does not write yet")
		return nil
	case g.Group != "":
		return group.Doors
	}
	var out []access.DoorID
	for id, d := range in.Places.Doors {
		if d.Unit == g.Unit {
			out = append(out, id)
		}
	}
	return out
}

// unreadable says whether what the person should have cannot be told, and then marks it so. Where
// every grant was read and none is open, an end acts all the same.
func (w *Wanted) unreadable(in Input, h access.Holder, relays map[string]bool) bool {
	open := false
	for _, g := range h.Grants {
		if g.Contains(in.Now) {
			open = true
		}
		if len(h.Unread) > 0 || in.Places.Partial || astray(in) {
			w.edge(g.Window, in.Now)
		}
	}
	lost := len(h.Unread) > 0 && len(relays) > 0 || open && (astray(in) || in.Places.Partial && slices.ContainsFunc(h.Grants, func(g access.Grant) bool { return unresolved(in, g) }))
	if w.Unknown = lost || slices.Contains(h.Unread, access.KindGrant); w.Unknown {
		w.Open, w.Refusals = false, []Refusal{{w.Person, fault.Invalid, lostWhy(in)}}
	}
	return w.Unknown
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

// unresolved says whether an open grant may lead to doors that could not be read.
func unresolved(in Input, g access.Grant) bool {
	_, known := in.Places.Groups[g.Group]
	return g.Contains(in.Now) && (g.Unit != "" || g.Group != "" && !known)
}

// secrets picks the credentials that the device can hold and refuses the others in words.
func (w *Wanted) secrets(in Input, h access.Holder) {
	creds := slices.SortedFunc(slices.Values(h.Credentials), func(a, b access.Credential) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range creds {
		switch c.Kind {
		case access.PIN:
			w.pin(in, c.Secret)
		case access.Card:
			w.card(in, c.Secret)
		default:
			if !in.Limits.Mobile {
				w.refuse(fault.Unsupported, "this panel has no app; the resident needs a PIN or a card here")
			}
		}
	}
}

func (w *Wanted) pin(in Input, pin access.Secret) {
	l := in.Limits
	err := rules.CheckPIN(pin, rules.PINRule{Min: l.PINDigitMin, Max: l.PINDigitMax, NotFirst: l.PINNoFirst})
	switch {
	case err != nil:
		w.refuse(fault.Invalid, err.Error()+". "+fault.RemedyOf(err))
	case l.PINs == 0:
		w.refuse(fault.Unsupported, "this panel holds no PINs")
	case !w.Record.PIN.IsZero():
		w.refuse(fault.Unsupported, "this panel holds one PIN a person; the first is used")
	case w.taken(in, pin):
		w.refuse(fault.Conflict, "the PIN is already on this panel for somebody else; give the resident another")
	default:
		w.Record.PIN = pin
	}
}

func (w *Wanted) card(in Input, card access.Secret) {
	l := in.Limits
	switch {
	case l.CardChars > 0 && len(card.Reveal()) > l.CardChars:
		w.refuse(fault.Invalid, "the card number has more characters than this panel takes")
	case len(w.Record.Cards) >= l.Cards:
		w.refuse(fault.Full, "this panel holds "+itoa(l.Cards)+" cards a person; take one away that is not used")
	case w.taken(in, card):
		w.refuse(fault.Conflict, "the card is already on this panel for somebody else; find out whose it is")
	default:
		w.Record.Cards = append(w.Record.Cards, card)
	}
}

func (w *Wanted) taken(in Input, s access.Secret) bool {
	who, ok := in.Others.Secrets[PrintSecret(in.Print, s)]
	return ok && who != w.Person
}

func (w *Wanted) refuse(k fault.Kind, why string) {
	w.Refusals = append(w.Refusals, Refusal{w.Person, k, why})
}

func (w *Wanted) sooner(t time.Time) {
	if !t.IsZero() && (w.Next.IsZero() || t.Before(w.Next)) {
		w.Next = t
	}
}

// reason is the words of the open grant that began first, and when that was.
func reason(h access.Holder, now time.Time) (string, time.Time) {
	var best *access.Grant
	for i, g := range h.Grants {
		if g.Contains(now) && (best == nil || g.From.Before(best.From)) {
			best = &h.Grants[i]
		}
	}
	if best == nil {
		return "granted at the gateway by hand", now
	}
	return best.Reason, best.From
}

// unitName is the unit somebody lives in now, else the one they go to next, else the one they left
// last.
func unitName(p access.Places, h access.Holder, now time.Time) string {
	rs := slices.SortedFunc(slices.Values(h.Residencies), func(a, b access.Residency) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID))
	})
	name := ""
	for _, r := range rs {
		name = p.Units[r.Unit].Name
		if r.Contains(now) || r.From.After(now) {
			break
		}
	}
	return name
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

// PrintRecord is the fingerprint of everything that a record gives.
func PrintRecord(pr Printer, r model.Record) string {
	cards := make([]string, len(r.Cards))
	for i, c := range r.Cards {
		cards[i] = c.Reveal()
	}
	slices.Sort(cards)
	relays := slices.Sorted(slices.Values(r.Relays))
	b, err := json.Marshal([]any{r.Ref, r.Name, r.PIN.Reveal(), cards, relays})
	if err != nil {
		panic(err) // strings always marshal
	}
	return pr.Print("record\x00" + string(b))
}

// PrintSecret is the fingerprint by which two people's PINs or cards are told to be the same.
func PrintSecret(pr Printer, s access.Secret) string { return pr.Print("secret\x00" + s.Reveal()) }

// Secrets lists the fingerprints of a record's PIN and cards.
func Secrets(pr Printer, r model.Record) []string {
	var out []string
	if !r.PIN.IsZero() {
		out = append(out, PrintSecret(pr, r.PIN))
	}
	for _, c := range r.Cards {
		out = append(out, PrintSecret(pr, c))
	}
	return out
}
