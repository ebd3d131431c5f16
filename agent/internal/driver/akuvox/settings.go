package akuvox

import (
	"context"
	"encoding/json"
	"strings"

	"gatehouse/protocol/access/fault"
)

// Paths of the settings (§2.2, §2.8). The first shows and the second takes any; the third shows those of relays.
const (
	settingsPath      = "/api/config/get"
	settingsWritePath = "/api/config/set"
	relaySetPath      = "/api/relay/get"
)

// settings reads the settings whose keys begin with prefix, by the rest of their keys. A unit answers with
// all that it has, passwords too: everything else is let go at once, and no value stands in an error.
func (p *Panel) settings(ctx context.Context, path, prefix string) (map[string]string, error) {
	const op = "read settings of"
	r, err := p.link.get(ctx, op, path, nil)
	if err != nil {
		return nil, err
	}
	out, ok := settingsIn(r.data, prefix)
	if !ok {
		return nil, fault.New(fault.Invalid, op, p.link.subject, "the answer holds no settings").WithRemedy("%s", remedyWeb)
	}
	return out, nil
}

func settingsIn(data json.RawMessage, prefix string) (map[string]string, bool) {
	var all row
	if json.Unmarshal(data, &all) != nil || all == nil {
		return nil, false
	}
	out := map[string]string{}
	for k, v := range all {
		if key, ok := strings.CutPrefix(k, prefix); ok {
			out[key] = text(v)
		}
	}
	return out, true
}

// setSettings writes settings by one request. Success proves nothing: what a unit does not know it drops
// without a word (§2.8), so the caller reads back.
func (p *Panel) setSettings(ctx context.Context, prefix string, want map[string]string) error {
	data := map[string]string{}
	for k, v := range want {
		data[prefix+k] = v
	}
	_, err := p.link.post(ctx, "change settings of", settingsWritePath, request{Target: "config", Action: "set", Data: data}, false)
	return err
}
