package akuvoxsim

import (
	"net/http"
	"strconv"
)

// system answers system/info, system/status and system/reboot (reference §2.1).
func (p *Panel) system(c *call) reply {
	switch {
	case c.verb == "info":
		return p.systemInfo()
	case c.verb == "status":
		return p.systemStatus()
	case c.verb == "reboot" && c.method == http.MethodPost:
		if c.body.Action != "reboot" {
			return unsupported(c.body.Action)
		}
		p.reboot(defaultOutage)
		return reply{action: "reboot", message: msgOK}
	}
	return noHandler()
}

func (p *Panel) systemInfo() reply {
	data := map[string]any{
		"Status": map[string]string{
			"Model": p.model.Name, "MAC": p.opt.MAC, "FirmwareVersion": p.model.Firmware,
			"HardwareVersion": p.model.Hardware, "Uptime": strconv.FormatInt(p.uptime(), 10), "WebLang": "0",
		},
		"Lan": map[string]string{
			"IPAddress": "127.0.0.1", "SubnetMask": "255.0.0.0", "Gateway": "127.0.0.1", "LinkStatus": "1",
		},
	}
	out := reply{action: "info", message: msgOK, data: data}
	if p.bites(FaultBareInfo) {
		out.data, out.beside = nil, data
	}
	return out
}

// systemStatus gives the panel's own clock: numbers, or numeric strings on some models.
func (p *Panel) systemStatus() reply {
	at, up := p.now().Unix(), p.uptime()
	data := map[string]any{"SystemTime": at, "UpTime": up}
	if p.model.TextStatus {
		data = map[string]any{"SystemTime": strconv.FormatInt(at, 10), "UpTime": strconv.FormatInt(up, 10)}
	}
	return reply{action: "status", message: msgOK, data: data}
}

// uptime in whole seconds.
func (p *Panel) uptime() int64 { return max(0, int64(p.opt.Now().Sub(p.boot).Seconds())) }
