package akuvoxsim

import (
	"cmp"
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

// relayStatus gives the electrical level: 1 is open on a normally open relay, 0 on a normally closed one; or words.
func (p *Panel) relayStatus() map[string]any {
	out, words := map[string]any{}, p.bites(FaultStatusWords)
	for r := 1; r <= p.model.Relays; r++ {
		open := p.opt.Now().Before(p.relayUntil[r])
		closedType := p.config[relayKeys+"Relay"+letter(r)+"Type"] == "1"
		level := 0
		if open != closedType {
			level = 1
		}
		switch state := map[bool]string{true: "open", false: "closed"}[open]; {
		case words && r == 1:
			out["RelayA"] = state
		case words:
			out["Relay"+letter(r)] = map[string]string{"state": state}
		default:
			out["Relay"+letter(r)] = level
		}
	}
	return out
}

// trigger moves one relay. One that closes by itself opens: in mode 0 for delay seconds, in mode 1 until it is
// triggered again by mode 0. On a bistable one mode 0 toggles and mode 1 only shuts. A level that is not that of
// the relay's type moves the contact that no lock hangs on: nothing opens, and nothing is said.
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
	if hold := p.holdFor(r, d["mode"], time.Duration(delay)*time.Second); itoa(d["level"]) == cmp.Or(p.config[relayKeys+"Relay"+letter(r)+"Type"], "0") {
		p.move(r, hold, "api")
	}
	return reply{action: "trig", message: msgOK, data: map[string]any{}}
}

// move opens a relay that was asked for over the LAN, or shuts it when hold is 0; only an opening is told.
func (p *Panel) move(r int, hold time.Duration, how string) {
	p.pulse(r, hold)
	if hold > 0 {
		p.append(Entry{At: p.now(), Door: letter(r), Granted: true, How: how})
		p.fire("Relay"+letter(r)+"Triggered", nil)
	}
}

// forGood is as long as a relay stays open that does not close by itself.
const forGood = 100 * 365 * 24 * time.Hour

// holdFor is how long a triggered relay is open; 0: it is shut.
func (p *Panel) holdFor(r, mode int, delay time.Duration) time.Duration {
	bistable := p.config[relayKeys+"Relay"+letter(r)+"Mode"] == "1"
	switch {
	case bistable && (mode == 1 || p.opt.Now().Before(p.relayUntil[r])):
		return 0
	case bistable || mode == 1:
		return forGood
	case delay == 0:
		return p.holdDelay(r)
	}
	return delay
}

// Open says whether the door of a relay, "A", is open.
func (p *Panel) Open(door string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := 1; r <= p.model.Relays; r++ {
		if letter(r) == door {
			return p.opt.Now().Before(p.relayUntil[r])
		}
	}
	return false
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
