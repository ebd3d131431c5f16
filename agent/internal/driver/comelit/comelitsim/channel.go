package comelitsim

import (
	"slices"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// channelNames are those of §1.3 whose names have four letters.
func channelNames() []string {
	return []string{"UAUT", "UCFG", "INFO", "PUSH", "CTPP", "CSPB", "FRCG", "FACT", "UADM", "RTPC", "UDPM", "ECHO"}
}

// manage handles a message on handle 0.
func (p *Panel) manage(c *conn, body []byte) {
	m, err := viper.ParseManage(body)
	if err != nil {
		p.ignore("management")
		return
	}
	switch m.Verb {
	case viper.Open:
		if why := p.refuseOpen(c, m); why != "" {
			p.ignore(why)
			return
		}
		c.channels[m.Handle] = m.Name
		c.order = append(c.order, m.Handle)
		p.stats.Bridge["open "+m.Name]++
		p.send(c, viper.Frame{Body: viper.OpenAckBody(m.Handle)})
	case viper.Close:
		p.closeChannel(c, m)
	case viper.OpenAck:
		p.stats.Bridge["open-ack"]++ // of a media channel this side opened
	case viper.CloseAck:
	}
}

// refuseOpen says why an open is passed over in silence; empty when it is not. Devices ignore a sequence other than 1
// and a second UAUT on one connection (§1.2, §1.3); the rest is assumed.
func (p *Panel) refuseOpen(c *conn, m viper.Manage) string {
	switch {
	case m.Sequence != 1:
		return "open: sequence"
	case !slices.Contains(channelNames(), m.Name):
		return "open: unknown channel"
	case m.Handle == 0 || c.channels[m.Handle] != "":
		return "open: handle"
	case len(c.channels) >= channelsMax:
		return "open: too many"
	case m.Name == "UAUT":
		if c.uauts++; c.uauts > 1 {
			return "open: second UAUT"
		}
	case m.Name == "CTPP" && !c.in:
		return "open: not logged in"
	case m.Name == "CTPP" && string(m.Argument) != c.user.address():
		return "open: not the slot's own address"
	}
	return ""
}

// closeChannel takes a channel down. A close of four bytes names none: the newest goes (§1.2).
func (p *Panel) closeChannel(c *conn, m viper.Manage) {
	if !m.HandleGiven && len(c.order) > 0 {
		m.Handle = c.order[len(c.order)-1]
	}
	if c.channels[m.Handle] == "CTPP" {
		p.dropSession(c)
		clear(c.calls)
		c.recent = nil
	}
	delete(c.channels, m.Handle)
	c.order = slices.DeleteFunc(c.order, func(h uint16) bool { return h == m.Handle })
	p.send(c, viper.Frame{Body: viper.CloseAckBody(m.Handle)})
}
