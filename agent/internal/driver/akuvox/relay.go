package akuvox

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/protocol/access/fault"
)

// How a relay is opened: it closes by itself after five seconds, the factory's own hold (§2.2).
const (
	triggerAutoClose = 0
	triggerNormal    = 0
	triggerSeconds   = 5
)

type trigger struct {
	Num   int `json:"num"`
	Mode  int `json:"mode"`
	Level int `json:"level"`
	Delay int `json:"delay"`
}

// Release opens one relay, "A", for five seconds. The request goes out once: after a 401 too it is
// not repeated, so a challenge is fetched before. A Timeout means that the door may have opened;
// Denied, Conflict and Unreachable mean that it did not. A relay the model lacks is Unsupported.
func (p *Panel) Release(ctx context.Context, relay string) error {
	const op = "open a relay of"
	if _, ok := relayDigit(relay); !ok {
		return fault.New(fault.Invalid, op, p.link.subject, "there is no relay %q", tidy(relay)).WithRemedy("Name the relay by its letter, A to D.")
	}
	if !p.has(relay) {
		return fault.New(fault.Unsupported, op, p.link.subject, "this model has no relay %s", relay)
	}
	body := request{Target: "relay", Action: "trig", Data: trigger{
		Num: int(relay[0]-'A') + 1, Mode: triggerAutoClose, Level: triggerNormal, Delay: triggerSeconds,
	}}
	_, err := p.link.post(ctx, op, relayPath, body, true)
	if err != nil && fault.KindOf(err) == fault.Invalid {
		return fault.New(fault.Conflict, op, p.link.subject, "the panel did not open it: %w", err).WithRemedy("%s", fault.RemedyOf(err))
	}
	return err
}

// CheckRelay implements driver.RelayChecker: by the configured model's profile, or A to D without one.
func (p *Panel) CheckRelay(relay string) error {
	if p.has(relay) {
		return nil
	}
	known := letters(cmp.Or(p.facts().profile.relays, mostRelays))
	return fault.New(fault.Invalid, "look up", "relay", "%q is none of this device; it has %s", relay, strings.Join(known, ", "))
}
