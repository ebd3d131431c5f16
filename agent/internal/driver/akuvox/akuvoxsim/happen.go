package akuvoxsim

import (
	"errors"
	"fmt"
	"slices"
)

// Happening is something that happens at a panel other than a code or card, which Present shows.
type Happening struct {
	// What is ring, hang_up, tamper, break_in, held_open, input or face.
	What string `json:"what"`
	// To is who is called, of ring and hang_up: a number or an address.
	To string `json:"to,omitempty"`
	// At is the letter of the input or door, of break_in, input and held_open; empty means A.
	At string `json:"at,omitempty"`
	// UserID is whose face is seen; one that is nobody's is refused.
	UserID string `json:"user_id,omitempty"`
}

// Happen lets something happen. It fails on what this model cannot notice, and while the panel is out.
func (p *Panel) Happen(h Happening) (Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opt.Now().Before(p.downUntil) {
		return Outcome{Doors: []string{}, Down: "restarting"}, nil
	}
	if h.At == "" {
		h.At = "A"
	}
	none := Outcome{Doors: []string{}}
	say := map[string]string{"$remote": h.To}
	event := map[string]string{
		"ring": "MakeCall", "hang_up": "HangUp", "tamper": "AlarmTriggered", "break_in": "BreakInAlarm" + h.At,
		"held_open": "AlarmDoorOpenedTimeout" + h.At, "input": "Input" + h.At + "Triggered", "face": "ValidFaceRecognition",
	}[h.What]
	switch {
	case event == "":
		return none, fmt.Errorf("what is %q; it must be ring, hang_up, tamper, break_in, held_open, input or face", h.What)
	case !slices.Contains(p.model.actionEvents(), event):
		return none, errors.New("this model does not notice that")
	case h.What == "face":
		return p.face(h.UserID), nil
	case h.What == "ring":
		p.dialled(h.To)
	case h.What == "tamper":
		say["$alarmstatus"] = "1"
	}
	p.fire(event, say)
	return none, nil
}

// face opens for the user whose face is seen, as a code would.
func (p *Panel) face(userID string) Outcome {
	now := p.now()
	for i := range p.users {
		u := &p.users[i]
		if u.UserID != userID || userID == "" {
			continue
		}
		if relays := p.permitted(u, now); len(relays) > 0 {
			return p.grant(u, relays, "face", "", now)
		}
	}
	p.append(Entry{At: now, How: "face"})
	p.fire("InvalidFaceRecognition", nil)
	return Outcome{Doors: []string{}}
}

// dialled writes the call log (reference §2.7); the simulator calls out only.
func (p *Panel) dialled(to string) {
	now := p.now()
	p.called = append(p.called, map[string]string{
		keyID: itoa(len(p.called) + 1), "Date": now.Format("2006-01-02"), "Time": now.Format("15:04:05"), keyName: "",
		"Type": "Dialed", "LocalIdentity": "", "Num": to,
	})
}
