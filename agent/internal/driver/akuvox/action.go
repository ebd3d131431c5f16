package akuvox

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// actionKeys begin the settings of Action URLs; after it stands the event (§4).
const (
	actionKeys   = "Config.Features.ACTIONURL."
	actionEnable = "Enable"
)

// action is one event for which units can call an address.
type action struct {
	event string
	vars  string // what the address asks for, "userid relay_id"
	is    driver.Happening
}

// actions are the events that mean something here. No code and no card is asked for: it would cross
// the LAN in an address, and the door log says who it was. Of what is asked for, a unit may know little.
func actions() []action {
	door := func(how string) driver.Happening { return driver.Happening{Kind: driver.HappenedDoor, How: how} }
	tamper := func(cause string) driver.Happening {
		return driver.Happening{Kind: driver.HappenedTamper, Cause: cause}
	}
	out := []action{
		{"ValidCodeEntered", "userid relay_id", door("pin")},
		{"InvalidCodeEntered", "", door("pin")},
		{"ValidCardEntered", "userid relay_id", door("card")},
		{"InvalidCardEntered", "", door("card")},
		{"ValidFaceRecognition", "userid relay_id", door("face")},
		{"InvalidFaceRecognition", "", door("face")},
		{"ValidQRCodeEntered", "userid relay_id", door("")},
		{"InvalidQRCodeEntered", "", door("")},
		{"AlarmTriggered", "alarmstatus", tamper("the panel's tamper alarm")},
		{"MakeCall", "remote", driver.Happening{Kind: driver.HappenedRing}},
		{"HangUp", "remote", driver.Happening{Kind: driver.HappenedRingEnd}},
	}
	for _, l := range letters(mostRelays) {
		opened := door("")
		opened.Relay = l
		out = append(out, action{"Relay" + l + "Triggered", "", opened}, action{"BreakInAlarm" + l, "", tamper("break-in at input " + l)},
			action{"AlarmDoorOpenedTimeout" + l, "", tamper("door " + l + " is held open")})
	}
	return out
}

// address is what the unit is to call, asking for these of its variables. They stand unescaped, as the unit
// looks for them.
func (a action) address(base string, vars []string) string {
	u, sep := base+"/"+a.event, "?"
	for _, v := range vars {
		u, sep = u+sep+v+"=$"+v, "&"
	}
	return u
}

// standing says whether value is an address of ours under base, and which variables it asks for.
func (a action) standing(base, value string) (vars []string, ok bool) {
	for _, v := range strings.Fields(a.vars) {
		if strings.Contains(value, v+"=$"+v) {
			vars = append(vars, v)
		}
	}
	return vars, a.address(base, vars) == value
}

// dialled is the number of a SIP address, or what was dialled as it stands: panels call a unit by either.
func dialled(remote string) string {
	number, ok := strings.CutPrefix(remote, "sip:")
	if number, _, _ = strings.Cut(number, "@"); ok && number != "" {
		return number
	}
	return remote
}

// Called implements driver.EventCaller. What comes is hostile: only what the address of this very event asks
// for is looked at, and only when it is short and plain. A unit that does not know a variable sends its name.
func (p *Panel) Called(event string, query url.Values) (driver.Happening, bool) {
	all := actions()
	i := slices.IndexFunc(all, func(a action) bool { return a.event == event })
	if i < 0 {
		return driver.Happening{}, false
	}
	said := func(name string) string {
		v := strings.TrimSpace(query.Get(name))
		if !slices.Contains(strings.Fields(all[i].vars), name) || len(v) > 2*refChars || !clean(v) || strings.HasPrefix(v, "$") {
			return ""
		}
		return v
	}
	h := all[i].is
	h.Relay = cmp.Or(h.Relay, logRelay(said("relay_id")))
	h.Unit = dialled(said("remote"))
	if s := said("alarmstatus"); s != "" {
		h.Cause += ", status " + s
	}
	if ref := model.Ref(said("userid")); ref.Ours() && access.ValidID(string(ref[len(model.RefPrefix):])) {
		h.By = access.PersonID(ref[len(model.RefPrefix):])
	}
	return h, true
}
