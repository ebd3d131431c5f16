// Package localui is the gateway's own page: what an installer standing beside the box wants to
// know. It is read-only, shows no resident and needs no script. It declares the view it shows; the
// assembly fills it.
//
// html/template would add a fifth to the agent's size; every text here goes through html.EscapeString.
package localui

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// View is everything on the page.
type View struct {
	Version  string
	Gateway  access.GatewayID // "" before enrolment
	Property access.PropertyID
	Name     string // of the property, "" unknown
	Zone     *time.Location
	Now      time.Time
	Clock    Clock
	Cloud    Cloud
	State    State
	Devices  []Device

	Full        string // what of the box's storage fills, "" nothing
	Unlinked    string // why an enrolled gateway cannot talk to its cloud, "" when nothing is wrong
	Revocations Revocations
	Back        int // people who were revoked and stay out although a restored cloud lets them in again
	Acts        int // made at the gateway by hand and not settled by the cloud

	Forgotten []string // a line for each device that is not configured any more and still holds people
}

// Clock is whether the box's time can be trusted, and why.
type Clock struct {
	Trusted bool
	Source  string
}

// Cloud is the link to the cloud.
type Cloud struct {
	Connected bool
	Since     time.Time
	Contact   time.Time // last answer; zero: none since start
	Error     string
	Waiting   uint64 // events not yet confirmed by the cloud
}

// State is the wanted state on the box.
type State struct {
	Position access.Position
	People   int
	Next     time.Time // when something changes by itself; zero never
}

// Revocations are the removals of people whose access ended.
type Revocations struct {
	Open   int           // asked for and not confirmed
	Oldest time.Duration // since the oldest of them was asked for
	// What waits on purpose: for somebody's word at the cloud, for the cloud to be reached, because a
	// panel is only reported on.
	Held, Stale, Reported int
}

// Device is one panel.
type Device struct {
	ID, Name, Kind, Model, Firmware string
	Doors                           []string // "lobby (relay A)"
	Report                          bool
	Reachable                       bool
	Since                           time.Time // of Reachable; zero not yet tried
	Message                         string    // with a zero Since why it cannot be tried
	Calls                           string    // what is wrong with its calls to us, "" nothing
	Refuses                         bool      // it answers, and not to us: wrong user, password or rights
	Waiting, Removals               int
	Rows, Strangers, Drift          int // Drift: rows not as this gateway wrote them that nobody let be
	Audited                         time.Time
	Way                             string // how far it is on its way to being managed, on one line
}

const style = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #8886}th{font-weight:600}
.ok::before{content:"\2713\00a0"}.bad::before{content:"\26A0\00a0"}.bad{font-weight:600}
.wide{overflow-x:auto}`

// Handler serves the page at / of a mux.
func Handler(view func() View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header(), "'none'")
		_, _ = w.Write([]byte(Page(view()))) // the client hung up; nobody to tell
	})
}

// protect makes a page one that loads nothing, stands in no frame and is kept nowhere. forms is where
// its forms may be sent.
func protect(h http.Header, forms string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action "+forms)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// Page is the page of a view.
func Page(v View) string {
	p := &page{v: v}
	if p.v.Zone == nil {
		p.v.Zone = time.UTC
	}
	title := "Gatehouse gateway"
	if v.Gateway != "" {
		title += " " + string(v.Gateway)
	}
	p.raw(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>`)
	p.text(title)
	p.raw(`</title><style>` + style + `</style></head><body><main><h1>`)
	p.text(title)
	p.raw(`</h1>`)
	p.summary()
	p.devices()
	p.raw(`<p>`)
	p.text("Page made " + p.when(v.Now) + ". Gatehouse agent " + v.Version + ". Reload for news.")
	p.raw(`</p></main></body></html>`)
	return p.b.String()
}

type page struct {
	v View
	b strings.Builder
}

func (p *page) raw(s string)  { p.b.WriteString(s) }
func (p *page) text(s string) { p.b.WriteString(html.EscapeString(s)) }

// when is an instant in the property's zone; an absent one is "never".
func (p *page) when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(p.v.Zone).Format("2006-01-02 15:04:05 MST")
}

// row is a line of the summary; good is nil where there is nothing to judge.
func (p *page) row(name string, good *bool, value string) {
	p.raw(`<tr><th scope="row">`)
	p.text(name)
	p.raw(`</th><td`)
	if good != nil && *good {
		p.raw(` class="ok"`)
	} else if good != nil {
		p.raw(` class="bad"`)
	}
	p.raw(`>`)
	p.text(value)
	p.raw(`</td></tr>`)
}

func (p *page) summary() {
	v := p.v
	p.raw(`<table>`)
	no := false
	if v.Unlinked != "" {
		p.row("Enrolment", &no, v.Unlinked)
	} else if v.Gateway == "" {
		p.row("Enrolment", &no, "not enrolled yet: make a request with gatehouse-agent enroll request, and bring the cloud's bundle back")
	} else {
		p.row("Property", nil, strings.TrimSpace(v.Name+" ("+string(v.Property)+")"))
	}
	p.row("Cloud", &v.Cloud.Connected, p.cloud())
	clock := "trusted, from " + v.Clock.Source
	if !v.Clock.Trusted {
		clock = "not trusted: ends still end, nothing new opens. Connect the gateway to the internet or to a time server"
	}
	p.row("Clock", &v.Clock.Trusted, clock)
	p.row("Wanted state", nil, fmt.Sprintf("revision %d (epoch %d), %d people", v.State.Position.Revision, v.State.Position.Epoch, v.State.People))
	p.revocations()
	p.row("Next change by date", nil, p.when(v.State.Next))
	p.row("Events the cloud has not confirmed", nil, fmt.Sprint(v.Cloud.Waiting))
	if v.Full != "" {
		p.row("Storage", &no, v.Full+": make room before nothing can be written down")
	}
	for _, f := range v.Forgotten {
		p.row("Forgotten panel", &no, f)
	}
	p.raw(`</table>`)
}

// revocations are rows of the summary: whether everybody whose access ended is off the panels.
func (p *page) revocations() {
	r, good, no := p.v.Revocations, p.v.Revocations.Open == 0, false
	words := "all confirmed"
	if !good {
		words = fmt.Sprintf("%d not confirmed, the oldest asked for %s ago: they may still open; gatehouse-agent proofs --open lists them", r.Open, r.Oldest.Round(time.Second))
	}
	p.row("Access taken away", &good, words)
	for _, w := range []struct {
		n     int
		words string
	}{
		{r.Held, "until somebody agrees at the cloud: gatehouse-agent hold list"},
		{r.Stale, "lease ends that act when the cloud is reached again"},
		{r.Reported, "on panels that are only reported on"},
	} {
		if w.n > 0 {
			p.row("Access that stays for now", &no, fmt.Sprintf("%d removals wait, %s", w.n, w.words))
		}
	}
	if p.v.Back > 0 {
		p.row("Revoked, and stay out", &no, fmt.Sprintf("%d people whom a cloud restored from a backup lets in again, until somebody agrees there: gatehouse-agent hold list", p.v.Back))
	}
	if p.v.Acts > 0 {
		p.row("Done here by hand", &no, fmt.Sprintf("%d, not settled by the cloud yet: gatehouse-agent local list", p.v.Acts))
	}
}

func (p *page) cloud() string {
	c := p.v.Cloud
	switch {
	case c.Connected:
		return "connected since " + p.when(c.Since)
	case c.Error != "":
		return "not connected, doors work by the stored dates; last contact " + p.contact() + "; " + c.Error
	default:
		return "not connected, doors work by the stored dates; last contact " + p.contact()
	}
}

// contact is when the cloud was last heard. What was before this start is not known here.
func (p *page) contact() string {
	if p.v.Cloud.Contact.IsZero() {
		return "none since start"
	}
	return p.when(p.v.Cloud.Contact)
}

func (p *page) devices() {
	p.raw(`<h2>Panels</h2>`)
	if len(p.v.Devices) == 0 {
		p.raw(`<p>None is configured.</p>`)
		return
	}
	p.raw(`<div class="wide"><table><thead><tr><th scope="col">Panel</th><th scope="col">Doors</th><th scope="col">State</th><th scope="col">Waiting</th><th scope="col">On the panel</th></tr></thead><tbody>`)
	for _, d := range p.v.Devices {
		p.device(d)
	}
	p.raw(`</tbody></table></div>`)
}

func (p *page) device(d Device) {
	class, state := "bad", "does not answer since "+p.when(d.Since)+": "+d.Message
	switch {
	case d.Since.IsZero() && d.Message != "":
		state = d.Message
	case d.Since.IsZero():
		state = "not tried yet"
	case !d.Reachable && d.Refuses:
		state = "refuses us since " + p.when(d.Since) + ": look at user and password in the configuration; " + d.Message
	case d.Reachable:
		class, state = "ok", "answers since "+p.when(d.Since)
	}
	if d.Calls != "" {
		state += "; " + d.Calls
	}
	if d.Report {
		state += "; report only, nothing is written"
	}
	p.raw(`<tr><th scope="row">`)
	p.text(strings.TrimSpace(d.ID + " " + d.Name))
	p.raw(`<br><small>`)
	p.text(strings.TrimSpace(d.Kind + " " + d.Model + " " + d.Firmware))
	p.raw(`</small></th><td>`)
	p.text(strings.Join(d.Doors, ", "))
	p.raw(`</td><td class="` + class + `">`)
	p.text(state)
	p.raw(`<br><small>`)
	p.text(d.Way)
	p.raw(`</small></td><td>`)
	p.text(fmt.Sprintf("%d people, %d of them to remove", d.Waiting, d.Removals))
	p.raw(`</td><td>`)
	if d.Audited.IsZero() {
		p.text("not read back yet")
	} else {
		p.text(fmt.Sprintf("%d records, %d not ours, %d astray, read %s", d.Rows, d.Strangers, d.Drift, p.when(d.Audited)))
	}
	p.raw(`</td></tr>`)
}
