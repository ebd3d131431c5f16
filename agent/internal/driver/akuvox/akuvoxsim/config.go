package akuvoxsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const (
	actionURLKeys = "Config.Features.ACTIONURL."
	apiKeys       = "Config.DoorSetting.APIFCGI."
)

// factoryConfig is the settings a new panel has: the keys the reference names (§1.1, §2.2, §4), the login in clear.
func (p *Panel) factoryConfig() map[string]string {
	mode := map[Auth]string{AuthNone: "0", AuthBasic: "1", AuthAllowlist: "2", AuthServer: "3", AuthDigest: "4", AuthBoth: "5"}[p.opt.Auth]
	c := map[string]string{
		apiKeys + "Enable": "1", apiKeys + "AuthMode": mode,
		apiKeys + "UserName": p.opt.User, apiKeys + "Password": p.opt.Password,
		"Config.DoorSetting.DEVICENODE.Location": p.model.Name,
		actionURLKeys + "Enable":                 "0", actionURLKeys + "Method": "",
		"Config.DoorSetting.RTSP.Enable": "1",
		p.model.SIPPrefix + "Server":     "", p.model.SIPPrefix + "Password": "",
	}
	for i := range 5 {
		key, value := apiKeys+"WhiteListIP0"+itoa(i+1), ""
		if i < len(p.opt.Allow) {
			value = p.opt.Allow[i].String()
		}
		c[key] = value
	}
	for r := 1; r <= p.model.Relays; r++ {
		l := letter(r)
		c[relayKeys+"Name"+l] = "Relay" + l
		c[relayKeys+"HoldDelay"+l] = "5"
		c[relayKeys+"Relay"+l+"Type"] = "0"
		c[relayKeys+"Relay"+l+"Mode"] = "0"
		c[relayKeys+"TriggerDelay"+l] = "0"
	}
	for _, e := range p.model.actionEvents() {
		c[actionURLKeys+e] = ""
	}
	return c
}

// configCall answers config/get and config/set (reference §2.8).
func (p *Panel) configCall(c *call) reply {
	switch {
	case c.verb == "get":
		return reply{action: "get", message: msgOK, data: p.config}
	case c.verb == "set" && c.method == http.MethodPost:
		return p.configSet(c, "")
	}
	return noHandler()
}

// configSet stores the keys the panel knows under the prefix and says OK to all of them: unknown keys, and
// Action URLs with a variable it does not know, are silently not stored. A power cut before the next restart
// loses them.
func (p *Panel) configSet(c *call, prefix string) reply {
	if c.body.Action != "set" || c.body.Target != c.target {
		return unsupported(c.body.Action)
	}
	var data map[string]string
	if err := json.Unmarshal(c.body.Data, &data); err != nil || len(data) == 0 {
		return badParam().reply("set")
	}
	dropped := p.bites(FaultConfigDrop)
	for k, v := range data {
		if _, known := p.config[k]; known && strings.HasPrefix(k, prefix) && p.storable(k, v) && !dropped {
			p.config[k] = v
		}
	}
	return reply{action: "set", message: msgOK, data: map[string]any{}}
}

// Config returns the settings in force, in clear.
func (p *Panel) Config() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cloneMap(p.config)
}

// SetConfig changes one setting by hand, at the panel's own web page: none of the API's checks. It fails on a key that
// this panel does not have.
func (p *Panel) SetConfig(key, value string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.config[key]; !known {
		return fmt.Errorf("there is no setting %q", key)
	}
	p.config[key] = value
	return nil
}
