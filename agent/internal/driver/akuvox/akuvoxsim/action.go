package akuvoxsim

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxCalls bounds the calls that are kept; the oldest go first.
const maxCalls = 1000

// Call is one Action URL that was due: what the panel calls because something happened (reference §4).
type Call struct {
	At    time.Time `json:"at"` // the panel's own clock
	Event string    `json:"event"`
	URL   string    `json:"url"` // with its variables put in
	// Result is what came of it: the status, why it failed, or nothing while it is due.
	Result string `json:"result,omitempty"`
}

// actionEvents are the events for which this model can call an address. A door held open is told of doors A and B.
func (m Model) actionEvents() []string {
	out := []string{
		"ValidCodeEntered", "InvalidCodeEntered", "ValidCardEntered", "InvalidCardEntered", "MakeCall", "HangUp",
		"ValidQRCodeEntered", "InvalidQRCodeEntered",
	}
	if m.Faces {
		out = append(out, "ValidFaceRecognition", "InvalidFaceRecognition")
	}
	if m.Tamper {
		out = append(out, "AlarmTriggered")
	}
	for r := 1; r <= m.Relays; r++ {
		out = append(out, "Relay"+letter(r)+"Triggered", "Relay"+letter(r)+"Closed")
		if r <= 2 {
			out = append(out, "AlarmDoorOpenedTimeout"+letter(r))
		}
	}
	for i := 1; i <= m.Inputs; i++ {
		out = append(out, "Input"+letter(i)+"Triggered", "Input"+letter(i)+"Closed", "BreakInAlarm"+letter(i))
	}
	return out
}

// documentedVariables are the vendor's own list; a model may know more.
func documentedVariables() []string {
	return []string{"$mac", "$ip", "$model", "$firmware", "$relay1status", "$code", "$card_sn", "$active_url", "$active_user"}
}

var variable = regexp.MustCompile(`\$\w+`)

// knows says whether this panel knows a variable.
func (p *Panel) knows(name string) bool {
	if a := p.faults.On(FaultUnknownVariable); a != nil && name == "$"+a.Value {
		return false
	}
	return slices.Contains(documentedVariables(), name) || slices.Contains(p.model.Variables, name)
}

// storable says whether an Action URL is kept: one with a variable that is not known is not (reference §4).
func (p *Panel) storable(key, value string) bool {
	if !strings.HasPrefix(key, actionURLKeys) {
		return true
	}
	return !slices.ContainsFunc(variable.FindAllString(value, -1), func(v string) bool { return !p.knows(v) })
}

// fire makes the call of an event due, where one is set and Action URLs are on.
func (p *Panel) fire(event string, say map[string]string) {
	to := p.config[actionURLKeys+event]
	if to == "" || p.config[actionURLKeys+"Enable"] != "1" {
		return
	}
	made := variable.ReplaceAllStringFunc(to, func(v string) string {
		if !p.knows(v) {
			return v
		}
		return url.QueryEscape(p.valueOf(v, to, say))
	})
	if len(p.calls) >= maxCalls {
		p.calls = p.calls[1:]
	}
	p.calls = append(p.calls, &Call{At: p.now(), Event: event, URL: made})
	select {
	case p.due <- struct{}{}:
	default: // it is told already that something is due
	}
}

// valueOf is what stands for a variable: what the event says, or what the panel is.
func (p *Panel) valueOf(name, to string, say map[string]string) string {
	if v, ok := say[name]; ok {
		return v
	}
	switch name {
	case "$mac":
		return p.opt.MAC
	case "$ip":
		return "127.0.0.1"
	case "$model":
		return p.model.Name
	case "$firmware":
		return p.model.Firmware
	case "$active_url":
		return to
	case "$time":
		return p.now().Format(time.DateTime)
	case "$location":
		return p.config["Config.DoorSetting.DEVICENODE.Location"]
	}
	for r := 1; r <= p.model.Relays; r++ {
		if name == "$relay"+itoa(r)+"status" {
			if p.opt.Now().Before(p.relayUntil[r]) {
				return "1"
			}
			return "0"
		}
	}
	return ""
}

// Calls returns the calls that became due, oldest first; at most the newest thousand are kept.
func (p *Panel) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Call{}
	for _, c := range p.calls {
		out = append(out, *c)
	}
	return out
}

// Deliver sends the calls that are due, one at a time and each once, until ctx ends. Only loopback addresses are called.
func (p *Panel) Deliver(ctx context.Context) {
	client := &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for {
		for c := p.nextCall(); c != nil; c = p.nextCall() {
			result := p.send(ctx, client, c.URL)
			p.mu.Lock()
			c.Result = result
			p.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-p.due:
		}
	}
}

// nextCall is the oldest call that is due, or nil.
func (p *Panel) nextCall() *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if c.Result == "" {
			c.Result = "under way"
			return c
		}
	}
	return nil
}

// send makes one call and says what came of it.
func (p *Panel) send(ctx context.Context, client *http.Client, to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return "no address"
	}
	if at, err := netip.ParseAddr(u.Hostname()); err != nil || !at.IsLoopback() {
		return "not called: a simulator calls loopback addresses only"
	}
	if p.lost() {
		return "lost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return "no address"
	}
	resp, err := client.Do(req)
	if err != nil {
		return "failed"
	}
	_ = resp.Body.Close()
	return resp.Status
}

func (p *Panel) lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, out := p.down()
	return p.bites(FaultCallsLost) || out
}
