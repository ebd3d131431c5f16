package akuvoxsim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const relayKeys = "Config.DoorSetting.RELAY."

// relay answers relay/status, relay/trig and the settings behind relay/get and relay/set (reference §2.2).
func (p *Panel) relay(c *call) reply {
	switch {
	case c.verb == "status":
		return reply{action: "status", message: msgOK, data: p.relayStatus()}
	case c.verb == "trig" && c.method == http.MethodPost:
		return p.trigger(c)
	case c.verb == "get":
		return reply{action: "relay", message: "get successfully!", data: p.configWith(relayKeys)}
	case c.verb == "set" && c.method == http.MethodPost:
		out := p.configSet(c, relayKeys)
		if out.retcode >= 0 {
			out.action, out.message = "relay", "set successfully!"
		}
		return out
	}
	return noHandler()
}

// relayStatus gives the electrical level: 1 is open on a normally open relay, 0 on a normally closed one.
func (p *Panel) relayStatus() map[string]int {
	out := map[string]int{}
	for r := 1; r <= p.model.Relays; r++ {
		open := p.opt.Now().Before(p.relayUntil[r])
		closedType := p.config[relayKeys+"Relay"+letter(r)+"Type"] == "1"
		level := 0
		if open != closedType {
			level = 1
		}
		out["Relay"+letter(r)] = level
	}
	return out
}

// trigger opens one relay: mode 0 closes by itself after delay seconds, mode 1 stays open.
func (p *Panel) trigger(c *call) reply {
	var d map[string]int
	if c.body.Action != "trig" {
		return unsupported(c.body.Action)
	}
	err := json.Unmarshal(c.body.Data, &d)
	for _, need := range []string{"num", "mode", "level", "delay"} {
		if _, ok := d[need]; err != nil || !ok {
			return badParam().reply("trig")
		}
	}
	r, delay := d["num"], d["delay"]
	if r < 1 || r > p.model.Relays || d["mode"]>>1 != 0 || d["level"]>>1 != 0 || delay < 0 || delay > 65535 {
		return badParam().reply("trig")
	}
	hold := time.Duration(delay) * time.Second
	switch {
	case d["mode"] == 1:
		hold = 100 * 365 * 24 * time.Hour
	case hold == 0:
		hold = p.holdDelay(r)
	}
	p.pulse(r, hold)
	p.append(Entry{At: p.now(), Door: letter(r), Granted: true, How: "api"})
	return reply{action: "trig", message: msgOK, data: map[string]any{}}
}

// pulse opens a relay for a while.
func (p *Panel) pulse(relay int, hold time.Duration) { p.relayUntil[relay] = p.opt.Now().Add(hold) }

// holdDelay is the set opening time of a relay.
func (p *Panel) holdDelay(relay int) time.Duration {
	n, _ := number(p.config[relayKeys+"HoldDelay"+letter(relay)])
	return time.Duration(n) * time.Second
}

// configWith returns the settings under a prefix.
func (p *Panel) configWith(prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range p.config {
		if strings.HasPrefix(k, prefix) {
			out[k] = v
		}
	}
	return out
}
