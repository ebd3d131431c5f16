package akuvoxsim

import (
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/protocol/simkit"
)

// maxBody bounds a request body.
const maxBody = 1 << 20

// answer is what goes out.
type answer struct {
	status    int
	challenge string
	location  string
	body      []byte
	tail      time.Duration // when over zero the body never ends: a blank comes so often
	cut       simkit.Cut
	delay     time.Duration
	retcode   int
}

// ServeHTTP is the LAN side of the panel.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := p.arrive(r)
	defer p.leave(rec)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	a := answer{status: http.StatusRequestEntityTooLarge}
	if err == nil {
		a = p.answer(rec, r, body)
	}
	simkit.Wait(r.Context(), a.delay)
	p.finish(rec, a)
	a.send(w, r)
}

// arrive records the request and lets the lock-up fault judge its timing.
func (p *Panel) arrive(r *http.Request) *Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opt.Now()
	rec := p.rec.arrive(now, r.Method, r.URL.Path, r.URL.RawQuery)
	if p.serving == nil {
		p.serving = rec
	}
	tooSoon := rec.Gap >= 0 && rec.Gap < pace
	if _, out := p.down(); out || !p.on(FaultLockup) || !(rec.Overlapped || tooSoon) {
		return rec
	}
	p.lockedUntil = now.Add(p.faultDuration(FaultLockup))
	p.bites(FaultLockup)
	return rec
}

func (p *Panel) finish(rec *Request, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rec.Retcode = a.retcode
	status := a.status
	if a.cut != simkit.Whole {
		status = 0
	}
	p.rec.finish(rec, p.opt.Now(), status)
	if p.serving == rec && a.tail == 0 {
		p.serving = nil // before the last byte goes out, so that a client that waits for it finds nobody in its way
	}
}

// leave frees the panel for the next one when a reply without end is over.
func (p *Panel) leave(rec *Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving == rec {
		p.serving = nil
	}
}

// answer decides and carries out: outage first, then the faults that hide the API, the login, the call.
func (p *Panel) answer(rec *Request, r *http.Request, body []byte) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, isAPI := readCall(r, body)
	door := p.opensDoor(r)
	rec.Target, rec.Action, rec.Mutating = c.body.Target, c.body.Action, door || isAPI && c.changes()
	rec.IDs, rec.UserIDs = c.idents()
	if _, out := p.down(); out || p.serving != rec && p.bites(FaultSingle) {
		return answer{cut: simkit.CutAll}
	}
	a := answer{status: http.StatusOK, delay: p.faultDuration(FaultSlow)}
	if a.delay > 0 {
		p.bites(FaultSlow)
	}
	if other, yes := p.otherDialect(r); yes {
		return other
	}
	switch {
	case p.bites(FaultEndless):
		a.tail = time.Nanosecond
	case p.bites(FaultDrip):
		a.tail = 100 * time.Millisecond
	}
	switch no := p.admitted(r, body); {
	case p.bites(FaultHTTP500):
		a.status = http.StatusInternalServerError
	case p.bites(FaultEmpty200):
	case door:
		p.openByPage(rec, &a, r)
	case no != nil:
		a.status, a.challenge = no.status, no.challenge
	case !isAPI:
		a.status = http.StatusNotFound
	case c.target == "user" && c.verb == "get" && p.bites(FaultUserGet500):
		rec.Reached, a.status = true, http.StatusInternalServerError
	default:
		rec.Reached = true
		p.carryOut(&a, &c)
	}
	return a
}

// admitted asks for the login unless a fault hides the API anyway, so that no nonce is spent on it; an open-door call
// has a login of its own.
func (p *Panel) admitted(r *http.Request, body []byte) *refusal {
	if p.on(FaultHTTP500) || p.on(FaultEmpty200) || p.opensDoor(r) {
		return nil
	}
	return p.admit(r, body)
}

// carryOut runs the call, with the faults that cut the connection around it.
func (p *Panel) carryOut(a *answer, c *call) {
	change := c.changes()
	if change && p.bites(FaultDropBefore) {
		a.cut = simkit.CutAll
		return
	}
	out := p.strange(p.dispatch(c))
	if out.status != 0 {
		a.status = out.status
	}
	a.retcode, a.body = out.retcode, p.encode(out)
	if change && p.bites(FaultDropAfter) || !change && p.bites(FaultDropRead) {
		a.cut = simkit.CutHalf
	}
}

// send writes the answer to the wire.
func (a answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html") // the type varies on real units; a client must not look at it
	h.Set("Server", "lighttpd/1.4.30")
	for _, c := range strings.FieldsFunc(a.challenge, func(r rune) bool { return r == '\n' }) {
		h.Add("WWW-Authenticate", c)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.tail > 0 {
		a.neverEnd(w, r)
		return
	}
	a.cut.Send(w, a.status, a.body)
}

// neverEnd sends blanks after the answer until the caller leaves.
func (a answer) neverEnd(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(a.status)
	blanks := make([]byte, 64<<10)
	for i := range blanks {
		blanks[i] = ' '
	}
	if a.tail > time.Nanosecond {
		blanks = blanks[:1]
	}
	for more := blanks[:1]; r.Context().Err() == nil; more = blanks {
		if _, err := w.Write(more); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // a caller that left is told by the next write
		simkit.Wait(r.Context(), a.tail)
	}
}
