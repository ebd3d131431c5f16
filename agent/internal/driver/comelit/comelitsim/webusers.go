package comelitsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// fieldKey is the one parameter of update.html: mspUsersMap_.<map>.<slot>_<field> (§3).
var fieldKey = regexp.MustCompile(`^mspUsersMap_\.(\d{1,4}\.\d{1,2})_(\d{1,2})$`)

// only returns the single parameter of a query; ok is false when there are more, none, or it stands twice.
func only(r *http.Request) (key, value string, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q) != 1 {
		return "", "", false
	}
	for k, v := range q {
		key, value, ok = k, v[0], len(v) == 1
	}
	return key, value, ok
}

// fromUsersPage says whether the caller came from the users page, which its Referer must say (§3).
func (p *Panel) fromUsersPage(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && u.Path == "/users.html" || p.on(FaultAnyReferer)
}

// update sets one field. What it refuses is a 200 with Invalid request, and what it takes proves nothing either (§3).
func (p *Panel) update(r *http.Request, _ url.Values) page {
	key, value, ok := only(r)
	m := fieldKey.FindStringSubmatch(key)
	if !ok || m == nil || !p.fromUsersPage(r) || p.bites(FaultAdminLost) || p.bites(FaultWriteRefused) {
		return invalid()
	}
	at, spelt := parsePlace(m[1])
	field, err := strconv.Atoi(m[2])
	slot := p.slot(at)
	if !spelt || err != nil || slot == nil {
		return invalid()
	}
	stored := slot.takes(field, value)
	lost := stored && p.bites(FaultWriteLost)
	p.recordWrite(Write{Unit: at.unit, Slot: at.slot, Field: field, Value: value, Stored: stored && !lost})
	switch {
	case !stored:
		return invalid()
	case !lost:
		p.store(at, field, value)
	}
	return htmlPage("Users", "")
}

// store writes a field and what follows from it.
func (p *Panel) store(at place, field int, value string) {
	r := p.slot(at)
	if r.free() && at.slot != 0 && p.bites(FaultSlotTaken) {
		r[fieldEnabled], r[fieldKind], r[fieldName], r[fieldPhone] = enabled, kindPhone, "Somebody Else", "+15550100"
	}
	if a, cutIt := p.faults.On(FaultTruncateNames), !integerField(field); a != nil && cutIt && utf8.RuneCountInString(value) > a.Count {
		value = string([]rune(value)[:a.Count])
		p.bites(FaultTruncateNames)
	}
	r[field] = value
	if !p.on(FaultTokenSurvives) {
		p.revoke(at, field, value)
	}
	if p.bites(FaultHandEdits) {
		r[fieldName] = "Edited by hand"
	}
}

// revoke is what a write takes away with it: a disabled slot cannot log in, and a slot that is no app loses token and
// code. Both are assumed; the token-survives fault plays the other device.
func (p *Panel) revoke(at place, field int, value string) {
	r := p.slot(at)
	switch {
	case field == fieldEnabled && value == disabled:
	case field == fieldKind && value != kindApp:
		r[fieldToken], r[fieldCode] = "", ""
	default:
		return
	}
	p.expel(at)
}

// createCode makes an activation code of six characters for an enabled app slot that has no token (§3). The vendor's
// cloud would mail it to the slot's e-mail; the simulator keeps a list.
func (p *Panel) createCode(r *http.Request, _ url.Values) page {
	at, slot := p.codeSlot(r)
	if slot == nil || !p.fromUsersPage(r) || p.bites(FaultAdminLost) {
		return invalid()
	}
	if slot[fieldKind] != kindApp || slot[fieldEnabled] != enabled || slot[fieldToken] != "" || at.slot == 0 {
		return invalid()
	}
	if p.bites(FaultNoCode) {
		return htmlPage("Users", "")
	}
	slot[fieldCode] = randomText(6, "abcdefghijkmnpqrstuvwxyz23456789")
	if slot[fieldEmail] != "" {
		p.stats.Invitations = bounded(append(p.stats.Invitations, Invitation{at.unit, at.slot, slot[fieldEmail]}))
	}
	return htmlPage("Users", "")
}

// codeSlot reads `user=<map>.<slot>`.
func (p *Panel) codeSlot(r *http.Request) (place, *record) {
	key, value, ok := only(r)
	at, spelt := parsePlace(value)
	if !ok || key != "user" || !spelt {
		return place{}, nil
	}
	return at, p.slot(at)
}

// codeFile shows a pending code where the model has that page (§3).
func (p *Panel) codeFile(r *http.Request, _ url.Values) page {
	_, slot := p.codeSlot(r)
	if slot == nil || !p.on(FaultCodeFile) || slot[fieldCode] == "" {
		return invalid()
	}
	return page{status: http.StatusOK, kind: "application/json", body: []byte(`{"activation-code":"` + slot[fieldCode] + `"}`)}
}
