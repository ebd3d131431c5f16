package akuvoxsim

import (
	"net/http"
	"strconv"

	"gatehouse/protocol/simkit"
)

// The two forms of the legacy open-door call (reference §2.2): the login in the address, or as Basic.
const (
	fcgiPlain = "/fcgi/do"
	fcgiBasic = "/fcgi/OpenDoor"
)

// What hcSingleResult says (reference §2.2); the number of a door that there is not is ours.
const (
	resultOK    = 0
	resultLogin = -1
	resultDoor  = 1
)

// opensDoor says whether a request is an open-door call that this model has.
func (p *Panel) opensDoor(r *http.Request) bool {
	ours := r.URL.Path == fcgiPlain || r.URL.Path == fcgiBasic
	return ours && !p.model.NoFCGI && r.Method == http.MethodGet && r.URL.Query().Get("action") == "OpenDoor"
}

// openByPage carries the call out, with the faults that cut the connection around it.
func (p *Panel) openByPage(rec *Request, a *answer, r *http.Request) {
	if p.bites(FaultDropBefore) {
		a.cut = simkit.CutAll
		return
	}
	p.showResult(a, r, p.openDoorNum(rec, r))
	if p.bites(FaultDropAfter) {
		a.cut = simkit.CutHalf
	}
}

// openDoorNum checks the login and opens relay DoorNum, 1 for A, for its own opening time.
func (p *Panel) openDoorNum(rec *Request, r *http.Request) int {
	if !p.doorLoginFits(r) {
		return resultLogin
	}
	rec.Reached = true
	n, ok := number(r.URL.Query().Get("DoorNum"))
	switch {
	case !ok || n < 1 || n > p.model.Relays:
		return resultDoor
	case p.bites(FaultFCGIFalse):
	default:
		p.move(n, p.holdFor(n, 0, 0), "fcgi")
	}
	return resultOK
}

// doorLoginFits compares with the login of "Open Relay via HTTP", which is not the API's; without one nobody fits.
func (p *Panel) doorLoginFits(r *http.Request) bool {
	user, password := r.URL.Query().Get("UserName"), r.URL.Query().Get("Password")
	if r.URL.Path == fcgiBasic {
		user, password, _ = r.BasicAuth()
	}
	return p.opt.DoorUser != "" && same(user, p.opt.DoorUser) && same(password, p.opt.DoorPassword)
}

// showResult says how it went: 200 and a hidden input, a bad login too unless it came as Basic; or as other firmware does.
func (p *Panel) showResult(a *answer, r *http.Request, result int) {
	word := p.faults.Bite(FaultFCGIWords)
	switch {
	case result == resultLogin && r.URL.Path == fcgiBasic:
		a.status, a.challenge = http.StatusUnauthorized, `Basic realm="OpenDoor"`
	case p.bites(FaultFCGIEmpty):
		a.status = map[int]int{resultOK: http.StatusOK, resultLogin: http.StatusUnauthorized, resultDoor: http.StatusBadRequest}[result]
	case word != nil && result == resultOK:
		a.body = []byte("OK")
	case word != nil:
		a.body = []byte(word.Value)
	default:
		input := `<input type="hidden" id="hcSingleResult" name="hcSingleResult" value="` + strconv.Itoa(result) + `">`
		a.body = []byte("<html><body><form>" + input + "</form></body></html>")
	}
}
