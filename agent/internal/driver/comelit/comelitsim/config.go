package comelitsim

import "fmt"

// Identity of the simulated device (§1.4, §2). The model is the building gateway's; how one answers is unknown.
const (
	modelID  = "Extd"
	firmware = "2.1.0"
	lanHost  = "192.0.2.10" // an address of documentation: nobody should dial it
)

// hardware address of the device, with the vendor's prefix seen (§2).
func hardwareAddress() []byte { return []byte{0x00, 0x25, 0x29, 0x00, 0x00, 0x01} }

// serverInfo is the server-info response (§1.4).
func serverInfo() map[string]any {
	plain := map[string]any{"encryption-required": false}
	return map[string]any{
		"model": modelID, "version": firmware, "serial-code": fmt.Sprintf("%012x", hardwareAddress()),
		"capabilities": []string{
			"user-admin-channel", "user-auth-channel", "configuration-channel", "push-notifications-channel",
			"cloudnext-device", "fast-activation-channel", "cloud-activation", "face-recognition-channel",
		},
		"user-auth-channel":       plain,
		"user-admin-channel":      map[string]any{"encryption-required": false, "cloud-code-login": true},
		"configuration-channel":   map[string]any{"internal-unit-cfg": true, "direct-link-cfg": true, "iu-buttons-cfg": true, "api-version": 2},
		"fast-activation-channel": map[string]any{"app": true, "internal-unit": false, "other-device": false},
		"cloud-activation":        map[string]any{"cloud-activation-enable": true},
	}
}

// getConfiguration is the view of one slot (§1.4); it lists neither residents nor other users.
func (p *Panel) getConfiguration(c *conn, r *request) response {
	switch {
	case !c.in:
		return refuse(codeDenied, "Access Denied")
	case r.AddressBooks != "all" && r.AddressBooks != "none":
		return refuse(codeBad, "Bad Request")
	}
	vip := map[string]any{
		"enabled": true, "apt-address": apartment(c.user.unit), "apt-subaddress": c.user.slot, "logical-subaddress": c.user.slot,
		"apt-config": map[string]any{
			"description": "Unit " + unitName(c.user.unit), "call-divert-busy-en": false, "call-divert-address": "",
			"virtual-key-enabled": false,
		},
	}
	if r.AddressBooks == "all" {
		vip["user-parameters"] = p.addressBooks()
	}
	out := ok(map[string]any{
		"viper-server": map[string]any{
			"local-address": lanHost, "local-tcp-port": 64100, "local-udp-port": 64100,
			"remote-address": "", "remote-tcp-port": 64100, "remote-udp-port": 64100,
		},
		"viper-p2p": map[string]any{
			"mqtt": map[string]any{"role": "a", "base": modelID + "/" + fmt.Sprintf("%012x", hardwareAddress()) + "/vip/" + apartment(0) + "/sdp", "server": "", "auth": map[string]any{"method": []string{}}},
			"http": map[string]any{"role": "a", "duuid": ""}, "stun": map[string]any{"server": []string{}},
		},
		"viper-client":    map[string]any{"description": p.slot(c.user)[fieldName]},
		"building-config": map[string]any{"description": "Simulated building"},
		"sbc":             map[string]any{"pm-always-on": !p.on(FaultSleep)},
		"vip":             vip,
	})
	out.late = p.lateness(FaultSlowConfig)
	return out
}

// addressBooks is vip.user-parameters (§1.4). Identifiers repeat across doors, as on real devices.
func (p *Panel) addressBooks() map[string]any {
	entrances, opens, actuators := []map[string]any{}, []map[string]any{}, []map[string]any{}
	seen := map[string]bool{}
	for _, d := range p.opt.Doors {
		if d.Module >= 0 {
			actuators = append(actuators, map[string]any{
				"id": 0, "name": d.Name, "apt-address": d.Address, "module-index": d.Module, "output-index": d.Output,
			})
			continue
		}
		opens = append(opens, map[string]any{
			"id": 0, "name": d.Name, "apt-address": d.Address, "output-index": d.Output, "secure-mode": false,
		})
		if !seen[d.Address] {
			seen[d.Address] = true
			entrances = append(entrances, map[string]any{"id": 0, "name": d.Name, "apt-address": d.Address})
		}
	}
	none := []map[string]any{}
	return map[string]any{
		"forced": false, "apt-address-book": none, "switchboard-address-book": none, "camera-address-book": none,
		"rtsp-camera-address-book": none, "direct-link-address-book": none, "additional-actuator": none,
		"entrance-address-book": entrances, "opendoor-address-book": opens, "actuator-address-book": actuators,
		"opendoor-actions": []map[string]any{{"id": 0, "action": "peer", "apt-address": "", "output-index": 1}},
	}
}
