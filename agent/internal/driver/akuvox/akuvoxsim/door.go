package akuvoxsim

import (
	"slices"
	"strings"
	"time"
)

// Credential is what somebody shows at the panel: a PIN typed or a card held to it, one of the two.
type Credential struct {
	PIN  string `json:"pin,omitempty"`
	Card string `json:"card,omitempty"`
}

// Outcome is what the panel made of it.
type Outcome struct {
	Granted bool `json:"granted"`
	// Doors are the letters of the relays that opened.
	Doors []string `json:"doors"`
	// By is the user's name; empty when refused.
	By string `json:"by"`
	// Down says why nobody was at home; nothing was logged then. Empty when the panel decided.
	Down string `json:"down,omitempty"`
}

// Present shows a credential and lets the panel decide at its own local time. A user whose PIN or card fits
// and one of whose schedules permits now opens the relays of those schedules, each one log entry; anything
// else is one refused entry. With duplicates the first permitted user in order of ID opens.
func (p *Panel) Present(c Credential) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opt.Now().Before(p.downUntil) {
		return Outcome{Doors: []string{}, Down: "restarting"}
	}
	how, code := "pin", c.PIN
	if c.PIN == "" {
		how, code = "card", c.Card
	}
	now := p.now()
	for i := range p.users {
		u := &p.users[i]
		if !u.matches(c) {
			continue
		}
		if relays := p.permitted(u, now); len(relays) > 0 {
			return p.grant(u, relays, how, code, now)
		}
	}
	p.append(Entry{At: now, How: how, Code: code})
	p.fire(map[string]string{"pin": "InvalidCodeEntered", "card": "InvalidCardEntered"}[how], said(how, code))
	return Outcome{Doors: []string{}}
}

// matches compares a credential; a PIN with letters cannot be typed.
func (u *User) matches(c Credential) bool {
	if c.PIN != "" {
		_, typed := number(c.PIN)
		return typed && u.PIN == c.PIN
	}
	return c.Card != "" && u.hasCard(c.Card)
}

// permitted lists the relays the user's schedules open at t, in order, each once.
func (p *Panel) permitted(u *User, t time.Time) []int {
	var relays []int
	for _, pair := range splitList(u.ScheduleRelay) {
		id, digits, _ := strings.Cut(pair, "-")
		i := p.findSchedule(id)
		if i < 0 || !p.schedules[i].open(t) {
			continue
		}
		for _, d := range digits {
			if r := int(d - '0'); !slices.Contains(relays, r) {
				relays = append(relays, r)
			}
		}
	}
	slices.Sort(relays)
	return relays
}

func (p *Panel) grant(u *User, relays []int, how, code string, now time.Time) Outcome {
	out := Outcome{Granted: true, Doors: []string{}, By: u.Name}
	say := said(how, code)
	say["$userid"], say["$user_name"], say["$active_user"], say["$relay_id"] = u.UserID, u.Name, u.Name, itoa(relays[0])
	say["$unlocktype"], say["$open_type"] = how, how
	p.fire(map[string]string{"pin": "ValidCodeEntered", "card": "ValidCardEntered", "face": "ValidFaceRecognition"}[how], say)
	silent := how == "pin" && p.bites(FaultCodeWithoutRelay)
	for _, r := range relays {
		p.pulse(r, p.holdDelay(r))
		out.Doors = append(out.Doors, letter(r))
		p.append(Entry{At: now, Door: letter(r), Granted: true, By: u.Name, How: how, Code: code})
		if !silent {
			p.fire("Relay"+letter(r)+"Triggered", nil)
		}
	}
	return out
}

// said is the code or card as an Action URL shows it: in clear (reference §4).
func said(how, code string) map[string]string {
	if how == "card" {
		return map[string]string{"$card_sn": code}
	}
	return map[string]string{"$code": code}
}

// letter names a relay: 1 is A.
func letter(relay int) string { return string(rune('A' + relay - 1)) }
