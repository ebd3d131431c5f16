package comelitsim

import "strings"

// access is the login with a slot's token (§1.4).
func (p *Panel) access(c *conn, r *request) response {
	if a := p.faults.Bite(FaultTokenLost); a != nil {
		return refuse(a.Count, "Access Denied")
	}
	who, found := p.owner(r.UserToken)
	if !found || c.in {
		return refuse(codeRefused, "Access Denied")
	}
	if p.on(FaultKickOlder) {
		p.kick(r.UserToken)
	}
	c.in, c.user, c.token = true, who, r.UserToken
	p.stats.Bridge["logins"]++
	return response{code: codeOK, text: "Access Granted"}
}

// owner finds the slot a token logs in as. A disabled slot's token does not, unless tokens survive.
func (p *Panel) owner(token string) (place, bool) {
	if !isToken(token) {
		return place{}, false
	}
	for u := range p.slots {
		for s := range p.slots[u] {
			r := &p.slots[u][s]
			if strings.EqualFold(r[fieldToken], token) && (r[fieldEnabled] == enabled || p.on(FaultTokenSurvives)) {
				return place{u, s}, true
			}
		}
	}
	return place{}, false
}

// kick resets the connections that use a token.
func (p *Panel) kick(token string) {
	for c := range p.conns {
		if c.in && strings.EqualFold(c.token, token) {
			p.stats.Bridge["kicked"]++
			p.dropSession(c)
			c.reset()
		}
	}
}

// expel ends the sessions of a slot whose token is gone.
func (p *Panel) expel(a place) {
	for c := range p.conns {
		if c.in && c.user == a {
			p.dropSession(c)
			c.reset()
		}
	}
	delete(p.os, a)
}

// redeem turns an activation code into the slot's token, without a login and once (§3, redeem). The description is
// not stored: whether a device does is unknown.
func (p *Panel) redeem(r *request) response {
	if r.Code == "" || p.bites(FaultCodeExpired) {
		return refuse(codeDenied, "Activation code expired")
	}
	for u := range p.slots {
		for s := range p.slots[u] {
			slot := &p.slots[u][s]
			if slot[fieldCode] != r.Code || slot[fieldKind] != kindApp || slot[fieldEnabled] != enabled {
				continue
			}
			slot[fieldCode], slot[fieldToken] = "", randomText(32, "0123456789abcdef")
			return ok(map[string]any{"user-token": slot[fieldToken]})
		}
	}
	return refuse(codeDenied, "Activation code not valid")
}

// pushInfo registers the phone of a logged-in slot for calls from the vendor's cloud (§1.3, PUSH).
func (p *Panel) pushInfo(c *conn, r *request) response {
	if !c.in {
		return refuse(codeDenied, "Access Denied")
	}
	sub, err := r.AptSub.Int64()
	own := err == nil && r.AptAddress == apartment(c.user.unit) && int(sub) == c.user.slot
	system := strings.ToLower(r.OSType)
	if !own || r.DeviceToken == "" || r.BundleID == "" || system != "ios" && system != "android" {
		return refuse(codeBad, "Bad Request")
	}
	p.os[c.user] = system
	return ok(nil)
}
