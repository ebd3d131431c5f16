package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What may be done at the gateway by hand.
const (
	longestGrant = 12 * time.Hour
	mostReason   = 200 // characters
	keepOver     = 24 * time.Hour
)

// OverlayRequest asks for one act at the gateway by hand (row G11). It comes through the socket only.
type OverlayRequest struct {
	Do     access.Right `json:"do"`
	Person string       `json:"person"`          // an id, or the exact name of a person or unit
	Door   string       `json:"door,omitempty"`  // for a grant: an id or the exact name
	Hours  float64      `json:"hours,omitempty"` // of a grant
	By     string       `json:"by"`              // who does it, named like Person
	PIN    string       `json:"pin"`             // a PIN of theirs
	Reason string       `json:"reason"`          // in words; staff at the cloud see it
}

// OverlayReport is what an act came to.
type OverlayReport struct {
	OK       bool             `json:"ok"`
	Already  bool             `json:"already,omitempty"` // it was revoked here before; nothing was added
	Overlays []access.Overlay `json:"overlays"`          // made, or lifted
	// Back are those of whom it was lifted that they stay out although the cloud lets them in again.
	Back []access.PersonID `json:"back,omitempty"`
}

// onsite does what people do at the gateway by hand while the cloud is away. Nothing is believed of
// the person but their own PIN, which the state knows.
type onsite struct {
	*box
	served  func() map[access.DoorID]bool // doors that a panel here opens
	changed func(...access.PersonID)      // tells the loops

	mu sync.Mutex // one act at a time, so that guesses are counted
}

func newOnsite(a *Agent) *onsite {
	return &onsite{box: a.box, served: a.served, changed: a.overlayChanged}
}

// served are the doors that a panel here opens.
func (a *Agent) served() map[access.DoorID]bool {
	out := map[access.DoorID]bool{}
	for _, p := range a.panels() {
		for d := range p.cfg.Doors {
			out[d] = true
		}
	}
	return out
}

// overlayChanged has every panel look at these people at once.
func (a *Agent) overlayChanged(people ...access.PersonID) {
	for _, p := range a.driven() {
		if p.loop != nil {
			p.loop.OverlayChanged(people...)
		}
	}
}

// act judges and does one request.
func (o *onsite) act(ctx context.Context, r OverlayRequest) (OverlayReport, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := r.check(); err != nil {
		return OverlayReport{}, err
	}
	h, err := o.believe(ctx, "", r.By, r.PIN)
	if err == nil {
		err = o.allowed(h, r.Do)
	}
	if err != nil {
		o.log.Warn("somebody was refused at the gateway", "do", string(r.Do), "err", err)
		return OverlayReport{}, err
	}
	return o.perform(ctx, r, h)
}

// actAs is act for somebody whom the page believes already. What they may do is looked up again: the
// state may have changed since they signed in.
func (o *onsite) actAs(ctx context.Context, by access.PersonID, r OverlayRequest) (OverlayReport, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := r.checkWhat(); err != nil {
		return OverlayReport{}, err
	}
	h, ok, err := o.Holder(by)
	switch {
	case err != nil:
		return OverlayReport{}, err
	case !ok || h.Person.Kind != access.Staff:
		return OverlayReport{}, fault.New(fault.Denied, "let act", "at the gateway", "you are not a member of staff any more")
	}
	if err := o.allowed(h, r.Do); err != nil {
		o.log.Warn("somebody was refused at the gateway's page", "do", string(r.Do), "err", err)
		return OverlayReport{}, err
	}
	return o.perform(ctx, r, h)
}

// perform does what somebody may do.
func (o *onsite) perform(ctx context.Context, r OverlayRequest, h access.Holder) (OverlayReport, error) {
	by := h.Person.ID
	if tellsPIN(r.Reason, h) {
		return OverlayReport{}, fault.New(fault.Invalid, "read", "--reason", "it holds the PIN").WithRemedy("Give the reason without it: the cloud keeps it.")
	}
	switch r.Do {
	case access.MayRevoke:
		return o.revoke(ctx, r, by)
	case access.MayGrant:
		return o.grant(ctx, r, by)
	default:
		return o.lift(ctx, r, by)
	}
}

// check judges the form of a request.
func (r OverlayRequest) check() error {
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Invalid, "read", field, format, args...)
	}
	switch {
	case r.By == "" || len(r.By) > 200:
		return bad("--by", "who are you? Give your own id or exact name")
	case r.PIN == "" || len(r.PIN) > 64:
		return bad("--pin-file", "there must be one PIN in it, your own")
	}
	return r.checkWhat()
}

// checkWhat is check without who asks.
func (r OverlayRequest) checkWhat() error {
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Invalid, "read", field, format, args...)
	}
	switch {
	case r.Do != access.MayRevoke && r.Do != access.MayGrant && r.Do != access.MayLift:
		return bad("do", "%.20q: want revoke, grant or lift", string(r.Do))
	case r.Person == "" || len(r.Person) > 200:
		return bad("--person", "whose access is it about? Give an id, or the exact name of a person or unit")
	case !plainWords(r.Reason):
		return bad("--reason", "want 1 to %d characters on one line: whoever reads it at the cloud was not there", mostReason)
	case r.Do != access.MayGrant && (r.Door != "" || r.Hours != 0):
		return bad("--door", "--door and --hours belong to a grant: a revocation is for every door, until it is lifted")
	case r.Do == access.MayGrant && r.Door == "":
		return bad("--door", "which door is to open?")
	case r.Do == access.MayGrant && !(r.Hours > 0 && r.Hours <= longestGrant.Hours()):
		return bad("--hours", "%g: want more than 0 and at most %g; for longer, ask whoever manages the property at the cloud", r.Hours, longestGrant.Hours())
	}
	return nil
}

func plainWords(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= mostReason &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// believe finds who says to act, and believes them by a PIN of theirs. Wrong guesses are counted in
// site.db before they are answered, so that no restart wins another try; apart for each way in, so that
// nobody who reaches only the page can keep staff from the socket.
func (o *onsite) believe(ctx context.Context, way, who, pin string) (h access.Holder, err error) {
	denied := fault.New(fault.Denied, "let act", "at the gateway", "nobody here has this name and this PIN").
		WithRemedy("Check the name (an id, or exactly as the cloud has it) and the PIN, your own as it was entered there (gatehouse-cloud staff list).")
	if o.unknown() {
		return h, fault.New(fault.Conflict, "let act", "at the gateway", "it has no wanted state, and so knows nobody").
			WithRemedy("Connect the gateway to its cloud once; until then delete people at the panel's own page.")
	}
	now, _ := o.clock.Now()
	h, err = o.one(ctx, who)
	if err != nil && fault.KindOf(err) == fault.Invalid { // a name that staff share with a resident is the staff's here
		all, wrong := o.named(ctx, who)
		n := 0
		for i := range all {
			if all[i].Person.Kind == access.Staff && wrong == nil {
				h, n = all[i], n+1
			}
		}
		if n == 1 {
			err = nil
		}
	}
	if err != nil && fault.KindOf(err) != fault.Invalid {
		return access.Holder{}, err
	}
	if err != nil || h.Person.Kind != access.Staff {
		h = access.Holder{} // who there is nobody learns by guessing
	}
	key := access.PersonID(way) + h.Person.ID // without an id it counts those who are nobody
	tries, err := o.try(key, now)
	if err != nil {
		return access.Holder{}, err
	}
	if !holdsPIN(h, pin) {
		return access.Holder{}, denied
	}
	if tries.clear(key) {
		err = o.saveTries(tries)
	}
	return h, err
}

// allowed says why somebody may not do something here; do "" asks for anything at all.
func (o *onsite) allowed(h access.Holder, do access.Right) error {
	key := h.Person.ID
	now, _ := o.clock.Now()
	switch {
	case do == "" && len(h.Person.May) == 0:
		return fault.New(fault.Denied, "let act", "staff "+string(key), "this person may do nothing at the gateway").
			WithRemedy("Who may is set at the cloud: gatehouse-cloud staff set.")
	case do != "" && !slices.Contains(h.Person.May, do):
		return fault.New(fault.Denied, "let act", "staff "+string(key), "this person may not %s at the gateway", do).
			WithRemedy("Who may is set at the cloud: gatehouse-cloud staff set.")
	case !current(h, now):
		return fault.New(fault.Denied, "let act", "staff "+string(key), "this person's own access has ended")
	}
	mine, err := o.site.OverlaysOf(key)
	if _, rest := o.passOver(err, "it does not stop staff from acting"); rest != nil {
		return rest
	}
	if slices.ContainsFunc(mine, isRevocation) {
		return fault.New(fault.Denied, "let act", "staff "+string(key), "this person's own access was revoked at the gateway")
	}
	return nil
}

// tellsPIN says that words hold a PIN of the person.
func tellsPIN(words string, h access.Holder) bool {
	return slices.ContainsFunc(h.Credentials, func(c access.Credential) bool {
		return c.Kind == access.PIN && !c.Secret.IsZero() && strings.Contains(words, c.Secret.Reveal())
	})
}

// holdsPIN compares in a time that tells nothing of how close a guess is.
func holdsPIN(h access.Holder, pin string) bool {
	guess, found := sha256.Sum256([]byte(pin)), 0
	for _, c := range h.Credentials {
		have := sha256.Sum256([]byte(c.Secret.Reveal()))
		if c.Kind == access.PIN && !c.Secret.IsZero() {
			found |= subtle.ConstantTimeCompare(guess[:], have[:])
		}
	}
	return found == 1
}

// current says whether not everything that the person may open has ended.
func current(h access.Holder, now time.Time) bool {
	return len(h.Grants) == 0 || slices.ContainsFunc(h.Grants, func(g access.Grant) bool { return g.Until.IsZero() || g.Until.After(now) })
}

func isRevocation(v access.Overlay) bool { return v.Kind == access.OverlayRevoke }

// revoke takes all access from somebody, whatever the clock says, until it is lifted or settled.
func (o *onsite) revoke(ctx context.Context, r OverlayRequest, by access.PersonID) (OverlayReport, error) {
	h, err := o.one(ctx, r.Person)
	if err != nil {
		return OverlayReport{}, err
	}
	was, err := o.site.OverlaysOf(h.Person.ID)
	if _, err := o.passOver(err, "the revocation is made all the same"); err != nil {
		return OverlayReport{}, err
	}
	if i := slices.IndexFunc(was, isRevocation); i >= 0 {
		return OverlayReport{OK: true, Already: true, Overlays: was[i : i+1]}, nil
	}
	now, _ := o.clock.Now()
	// From is when it was asked for. It is no window: the plan does not look at it.
	return o.put(access.Overlay{Kind: access.OverlayRevoke, Person: h.Person.ID, Window: access.Window{From: now.UTC()}, By: string(by), Reason: r.Reason},
		"all access revoked at the gateway by hand")
}

// grant opens one door to somebody for hours.
func (o *onsite) grant(ctx context.Context, r OverlayRequest, by access.PersonID) (OverlayReport, error) {
	now, trusted := o.clock.Now()
	if !trusted {
		return OverlayReport{}, fault.New(fault.Conflict, "grant", "access", "the gateway's clock is not trusted: nobody could say when the grant ends").
			WithRemedy("Connect the gateway to the internet or to a time server; a revocation works without.")
	}
	h, err := o.one(ctx, r.Person)
	if err != nil {
		return OverlayReport{}, err
	}
	door, err := o.door(r.Door)
	if err != nil {
		return OverlayReport{}, err
	}
	was, err := o.site.OverlaysOf(h.Person.ID)
	if _, err := o.passOver(err, "the grant waits until it is mended or settled"); err != nil {
		return OverlayReport{}, err
	}
	switch {
	case slices.ContainsFunc(was, isRevocation):
		return OverlayReport{}, fault.New(fault.Conflict, "grant", "access", "person %s is revoked here, which outranks every grant", h.Person.ID).
			WithRemedy("Lift that first: gatehouse-agent local lift --person %s", h.Person.ID)
	case !slices.ContainsFunc(h.Credentials, func(c access.Credential) bool { return c.Kind == access.PIN || c.Kind == access.Card }):
		return OverlayReport{}, fault.New(fault.Conflict, "grant", "access", "person %s holds neither a PIN nor a card: a grant would open nothing", h.Person.ID).
			WithRemedy("Give them one at the cloud.")
	}
	until := now.Add(time.Duration(r.Hours * float64(time.Hour))).UTC()
	return o.put(access.Overlay{Kind: access.OverlayGrant, Person: h.Person.ID, Door: door, Window: access.Window{From: now.UTC(), Until: until}, By: string(by), Reason: r.Reason},
		"a door opened for hours at the gateway by hand")
}

// lift takes back everything that was done here about somebody.
func (o *onsite) lift(ctx context.Context, r OverlayRequest, by access.PersonID) (OverlayReport, error) {
	who := access.PersonID(r.Person)
	list, err := o.site.OverlaysOf(who)
	if _, err := o.passOver(err, "it stays"); err != nil {
		return OverlayReport{}, err
	}
	if _, held := (*o.backs.Load())[who]; len(list) == 0 && !held { // not an id of anybody about whom something was done
		h, err := o.one(ctx, r.Person)
		if err != nil {
			return OverlayReport{}, err
		}
		who = h.Person.ID
		list, err = o.site.OverlaysOf(who)
		if _, err := o.passOver(err, "it stays"); err != nil {
			return OverlayReport{}, err
		}
	}
	report := OverlayReport{OK: true, Overlays: append([]access.Overlay{}, list...)}
	if _, held := (*o.backs.Load())[who]; held {
		report.Back = []access.PersonID{who}
		if err := o.letBack(report.Back, "lifted at the gateway by hand: "+r.Reason, by); err != nil {
			return OverlayReport{}, err
		}
		o.changed(who)
	}
	if len(list)+len(report.Back) == 0 {
		return OverlayReport{}, fault.New(fault.Invalid, "look up", "person "+string(who), "nothing was done here about them").
			WithRemedy("gatehouse-agent local list shows what was.")
	}
	for _, v := range list {
		if err := o.end(v, by, r.Reason, "lifted at the gateway by hand"); err != nil {
			return OverlayReport{}, err
		}
	}
	return report, nil
}

func (o *onsite) put(v access.Overlay, words string) (OverlayReport, error) {
	v.ID = newOverlayID()
	if err := o.site.PutOverlay(v, o.note(v, access.PersonID(v.By), v.Reason, false, words)); err != nil {
		return OverlayReport{}, err
	}
	o.log.Warn(words, "person", string(v.Person), "by", v.By, "overlay", v.ID)
	o.changed(v.Person)
	return OverlayReport{OK: true, Overlays: []access.Overlay{v}}, nil
}

// end forgets an overlay and tells of it.
func (o *onsite) end(v access.Overlay, by access.PersonID, reason, words string) error {
	if err := o.site.DeleteOverlay(v.ID, o.note(v, by, reason, true, words)); err != nil {
		return err
	}
	o.log.Warn(words, "person", string(v.Person), "by", string(by), "overlay", v.ID)
	o.changed(v.Person)
	return nil
}

func (o *onsite) note(v access.Overlay, by access.PersonID, reason string, gone bool, words string) access.Event {
	e := o.event(access.EventOverlay, words)
	e.Person, e.Door = v.Person, v.Door
	e.Overlay = &access.OverlayNote{ID: v.ID, Kind: v.Kind, Gone: gone, Door: v.Door, Window: v.Window, By: by, Reason: reason}
	return e
}

func newOverlayID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return "o-" + hex.EncodeToString(b)
}

// settle ends every overlay on which the cloud has decided, and grants that are long over. What is to
// hold stands in the state by then. It is asked again at every start and after every new state.
func (o *onsite) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	list, err := o.Overlays()
	if err != nil {
		o.log.Error("what was done at the gateway by hand cannot be read", "err", err)
	}
	now, trusted := o.clock.Now()
	for _, v := range list {
		s, found, err := o.wanted.Settlement(v.ID)
		switch {
		case err != nil:
			o.log.Error("what the cloud said of an act at the gateway cannot be read; it holds on", "overlay", v.ID, "err", err)
		case found && s.Person == v.Person:
			err = o.end(v, "", "", "the cloud has "+string(s.State)+" what was done at the gateway by hand")
		case trusted && !v.Until.IsZero() && now.Sub(v.Until) > keepOver:
			err = o.end(v, "", "", "a grant made at the gateway by hand is over")
		}
		if err != nil {
			o.log.Error("an act at the gateway cannot be ended; tried again with the next state", "overlay", v.ID, "err", err)
		}
	}
}

func tellOverlay(ctx context.Context, d desk, body []byte) (any, error) {
	r, err := told[OverlayRequest](body)
	if err != nil {
		return nil, err
	}
	return d.onsite.act(ctx, r)
}

// askOverlays lists what was done here and is not settled.
func askOverlays(_ context.Context, d desk, _ url.Values) (any, error) {
	list, err := d.Overlays()
	if list == nil {
		list = []access.Overlay{}
	}
	return OverlayReport{OK: true, Overlays: list}, err
}
