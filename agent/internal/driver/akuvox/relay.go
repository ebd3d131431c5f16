package akuvox

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/protocol/access/fault"
)

const opRelease = "open a relay of"

// How a relay is opened: it closes by itself after five seconds, the factory's own hold (§2.2).
const (
	triggerAutoClose = 0
	triggerSeconds   = 5
)

const relayKeys = "Config.DoorSetting.RELAY."

type trigger struct {
	Num   int `json:"num"`
	Mode  int `json:"mode"`
	Level int `json:"level"`
	Delay int `json:"delay"`
}

// Release opens one relay, "A", for five seconds, after it has read how the relay is set: one that would stay
// open is a Conflict. The request goes out once: after a 401 too it is not repeated, so a challenge is fetched
// before. A Timeout means that the door may have opened; Denied, Conflict and Unreachable mean that it did
// not. A relay the model lacks is Unsupported.
func (p *Panel) Release(ctx context.Context, relay string) error {
	if _, ok := relayDigit(relay); !ok {
		return fault.New(fault.Invalid, opRelease, p.link.subject, "there is no relay %q", tidy(relay)).WithRemedy("Name the relay by its letter, A to D.")
	}
	if !p.has(relay) {
		return fault.New(fault.Unsupported, opRelease, p.link.subject, "this model has no relay %s", relay)
	}
	level, err := p.relayLevel(ctx, relay)
	if err != nil {
		return err
	}
	body := request{Target: "relay", Action: "trig", Data: trigger{
		Num: int(relay[0]-'A') + 1, Mode: triggerAutoClose, Level: level, Delay: triggerSeconds,
	}}
	_, err = p.link.post(ctx, opRelease, relayPath, body, true)
	if err != nil && fault.KindOf(err) == fault.Invalid {
		return fault.New(fault.Conflict, opRelease, p.link.subject, "the panel did not open it: %w", err).WithRemedy("%s", fault.RemedyOf(err))
	}
	return err
}

// relayLevel is the level by which the relay is opened: 0 normally open, 1 normally closed (§2.2). A bistable
// relay is refused: it would stay open until somebody shut it, who may be gone by then. Units that do not show
// how their relays are set are taken for what they are when they leave the factory.
func (p *Panel) relayLevel(ctx context.Context, relay string) (int, error) {
	set, err := p.relaySettings(ctx)
	if err != nil {
		return 0, err
	}
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Conflict, opRelease, p.link.subject, "relay "+relay+" "+format, args...).
			WithRemedy("On the panel's web page set this relay to close by itself (monostable, normally open or normally closed).")
	}
	if mode := set["Relay"+relay+"Mode"]; mode != "" && mode != "0" {
		return 0, refuse("does not close by itself (mode %s): opened from here it would stay open", tidy(mode))
	}
	switch kind := set["Relay"+relay+"Type"]; kind {
	case "", "0":
		return 0, nil
	case "1":
		return 1, nil
	default:
		return 0, refuse("is of a type that is not known, %q", tidy(kind))
	}
}

// relaySettings are read anew for every opening: somebody at the panel may have changed them. No door was
// asked yet, so nothing that fails here leaves the outcome unknown.
func (p *Panel) relaySettings(ctx context.Context) (map[string]string, error) {
	for _, path := range []string{relaySetPath, settingsPath} {
		set, err := p.settings(ctx, path, relayKeys)
		switch k := fault.KindOf(err); {
		case err == nil && len(set) > 0:
			return set, nil
		case err == nil, k == fault.Unsupported, k == fault.Invalid:
		case k == fault.Timeout:
			return nil, p.link.notSent(opRelease, err)
		default:
			return nil, err
		}
	}
	return nil, nil
}

// CheckRelay implements driver.RelayChecker: by the configured model's profile, or A to D without one.
func (p *Panel) CheckRelay(relay string) error {
	if p.has(relay) {
		return nil
	}
	known := letters(cmp.Or(p.facts().profile.relays, mostRelays))
	return fault.New(fault.Invalid, "look up", "relay", "%q is none of this device; it has %s", relay, strings.Join(known, ", "))
}
