package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// picture is a property, judged at one instant. Page and JSON are two forms of it.
type picture struct {
	Property
	clock
	zoneErr   error
	silent    map[access.GatewayID]bool
	panels    []panel
	people    []judged
	attention []alert
}

// panel is a column of the table.
type panel struct {
	gateway access.GatewayID
	device  access.DeviceID
	Name    string

	kind    string
	down    bool   // it does not work with the gateway,
	message string // in the gateway's words, which mostly hold a remedy
}

// judged is a person with a cell a panel.
type judged struct {
	Person
	span  span
	cells []Cell
	level Level
}

// alert is something that somebody must look at.
type alert struct {
	Text   string
	Remedy string
	Word   string // before At
	At     *Stamp
	Href   string // where to look; "" none
}

func (o Overview) title() string { return cmp.Or(o.Name, string(o.ID)) }

// judge looks at a property with the eyes of its staff.
func (c *console) judge(p Property) *picture {
	zone, err := p.Overview.Location()
	if err != nil {
		zone = time.UTC
	}
	pic := &picture{Property: p, clock: clock{c.Now(), zone}, zoneErr: err, silent: map[access.GatewayID]bool{}}
	for _, g := range p.Gateways {
		pic.silent[g.ID] = !g.Revoked.IsZero() || pic.now.Sub(g.Contact) > c.Silent
	}
	pic.panels = panelsOf(p)
	for _, person := range p.People {
		pic.people = append(pic.people, pic.judgePerson(person))
	}
	pic.attention = pic.alerts(c.Stale)
	return pic
}

// panelsOf lists the panels of every gateway, and those that are known only from what was written.
func panelsOf(p Property) []panel {
	var out []panel
	add := func(n panel) {
		if !slices.ContainsFunc(out, func(o panel) bool { return o.gateway == n.gateway && o.device == n.device }) {
			out = append(out, n)
		}
	}
	for _, g := range p.Gateways {
		for _, d := range g.Devices {
			add(panel{g.ID, d.ID, cmp.Or(d.Name, string(d.ID)), d.Kind, !d.Since.IsZero() && !d.Reachable, d.Message})
		}
	}
	for _, person := range p.People {
		for _, on := range person.Panels {
			add(panel{gateway: on.Gateway, device: on.Device, Name: string(on.Device) + " (no longer reported)"})
		}
	}
	return out
}

func (pic *picture) judgePerson(p Person) judged {
	p.Units = distinct(p.Units)
	j := judged{Person: p, span: spanOf(p.Grants, pic.now)}
	for _, panel := range pic.panels {
		var on *OnPanel
		if i := slices.IndexFunc(p.Panels, func(o OnPanel) bool { return o.Gateway == panel.gateway && o.Device == panel.device }); i >= 0 {
			on = &p.Panels[i]
		}
		cell := judge(pic.clock, j.span, on, pic.silent[panel.gateway])
		if p.Bare {
			cell = barred(pic.clock, j.span, cell, on)
		}
		j.cells = append(j.cells, headed(cell, panel, j.span, on, cmp.Or(p.Listed, p.Name)))
	}
	j.level = worst(j.cells)
	return j
}

// distinct keeps the first of each: somebody who renewed has two leases of one unit.
func distinct(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// called is what staff call a person.
func (p Person) called() string {
	return cmp.Or(p.Name, "No longer in the records ("+string(p.ID)+")")
}

// counts is how many people there are of each level.
func (pic *picture) counts() map[Level]int {
	out := map[Level]int{}
	for _, p := range pic.people {
		out[p.level]++
	}
	return out
}

// chosen are the people whom a filter finds.
func (pic *picture) chosen(f filter) []judged {
	var out []judged
	for _, p := range pic.people {
		if (f.State == "" || p.level == f.State || f.State == Bare && p.bare()) && f.finds(p) {
			out = append(out, p)
		}
	}
	return out
}

// maxAlerts is how many people are named one by one before only their number is.
const maxAlerts = 8

func (pic *picture) alerts(stale time.Duration) []alert {
	var out []alert
	if pic.zoneErr != nil {
		out = append(out, alert{Text: "The property's time zone is not usable; times are shown in UTC.", Remedy: "Correct the zone in the property's settings."})
	}
	out = append(out, pic.importAlerts(stale)...)
	for _, c := range pic.Conflicts {
		if c.Kind == noField {
			out = append(out, alert{Text: c.Text, Remedy: c.Remedy, Href: "#conflicts"})
		}
	}
	for _, g := range pic.Gateways {
		out = append(out, pic.gatewayAlerts(g)...)
	}
	if len(pic.Gateways) == 0 {
		out = append(out, alert{Text: "No gateway is enrolled: nothing reaches a door.", Remedy: "Enrol one with: gatehouse-cloud gateway add."})
	}
	out = append(out, pic.peopleAlerts()...)
	if n := len(pic.Conflicts); n > 0 {
		out = append(out, alert{Text: fmt.Sprintf("%s in the records.", count(n, "open question", "open questions")), Href: "#conflicts"})
	}
	return out
}

// noField is the question about a source that shows no PINs and cards as it is set up: it concerns everybody, so it stands
// by itself.
const noField = "no_field"

func (pic *picture) importAlerts(stale time.Duration) []alert {
	last, applied := pic.Overview.Last, pic.Overview.Applied
	var out []alert
	switch {
	case last == nil && pic.Overview.Source != nil:
		return []alert{{Text: "Its source has not been read yet.", Remedy: "Next sync: " + pic.next(pic.Overview.Source) + ". If this stays, the cloud's log says why.", Href: "#imports"}}
	case last == nil:
		return []alert{{Text: "Nothing was imported yet.", Remedy: "Import the property's residents with: gatehouse-cloud import."}}
	case last.Held != "":
		out = append(out, alert{Text: "The last import was not applied: " + last.Held, Remedy: pic.tryAgain(),
			At: pic.stamp(last.Finished), Href: "#imports"})
	case !last.Complete:
		out = append(out, alert{Text: "The last import was not complete" + because(last.Evidence) + ", so nobody was removed for being absent from it.", At: pic.stamp(last.Finished), Href: "#imports"})
	}
	switch {
	case applied == nil:
		out = append(out, alert{Text: "No import has been complete yet.", Href: "#imports"})
	case pic.now.Sub(applied.Finished) > stale:
		out = append(out, alert{Text: "The records are old.", Word: "Last complete import", At: pic.stamp(applied.Finished), Remedy: "See that imports run.", Href: "#imports"})
	}
	return out
}

// because is why a run was not complete, short enough for a headline.
func because(evidence []string) string {
	const most = 300
	words := []rune(strings.TrimRight(strings.Join(evidence, "; "), "."))
	switch {
	case len(words) == 0:
		return ""
	case len(words) > most:
		words = append(words[:most], '…')
	}
	return " (" + string(words) + ")"
}

// tryAgain is what to do after a run of which nothing was applied.
func (pic *picture) tryAgain() string {
	if s := pic.Overview.Source; s != nil {
		return "Nobody lost access by it. It is read again by itself, next: " + pic.next(s) + "."
	}
	return "Nobody lost access by it. Look at the source, then import again."
}

func (pic *picture) gatewayAlerts(g Gateway) []alert {
	name := "Gateway " + string(g.ID)
	href := "#gateways"
	if !g.Revoked.IsZero() {
		return []alert{{Text: name + " was revoked: it goes on by the dates it has, and nothing new reaches its panels.", Word: "since", At: pic.stamp(g.Revoked),
			Remedy: "Take the box away and give its place to another: gatehouse-cloud gateway add --replace " + string(g.ID) + ".", Href: href}}
	}
	out := pic.certificateAlerts(g)
	switch {
	case g.Contact.IsZero():
		out = append(out, alert{Text: name + " has never been heard of.", Remedy: "Finish its enrolment: bring it the bundle, and start it.", Href: href})
	case pic.silent[g.ID]:
		out = append(out, alert{Text: name + " is silent; it goes on by the dates it has.", Word: "last heard", At: pic.stamp(g.Contact),
			Remedy: "See that it has power and internet.", Href: href})
	}
	if !g.Hello.IsZero() && !g.ClockTrusted {
		out = append(out, alert{Text: name + " does not trust its clock: ends still act, nothing new opens.", Remedy: "Connect it to the internet or to a time server.", Href: href})
	}
	out = append(out, wordAlerts(g)...)
	for _, d := range g.Devices {
		if !d.Since.IsZero() && !d.Reachable {
			out = append(out, pic.panelAlert(d, href))
		}
	}
	return out
}

// certificateSoon is how long before its end a certificate that was not renewed is a problem: gateways begin half a year before.
const certificateSoon = 30 * 24 * time.Hour

// wayBack is for a gateway whose certificate ended, or will before it is heard again.
const wayBack = "It renews it by itself when it is online. Else, on the box: gatehouse-agent enroll request, here gateway add with that request, and there enroll accept; it stays the same gateway."

func (pic *picture) certificateAlerts(g Gateway) []alert {
	switch left := g.CertificateEnds.Sub(pic.now); {
	case g.CertificateEnds.IsZero() || left > certificateSoon:
		return nil
	case left > 0:
		return []alert{{Text: "The certificate of gateway " + string(g.ID) + " ends soon; after that it does not connect.", Word: "ends", At: pic.stamp(g.CertificateEnds), Remedy: wayBack, Href: "#gateways"}}
	}
	return []alert{{Text: "The certificate of gateway " + string(g.ID) + " ended, so it cannot connect.", Word: "ended", At: pic.stamp(g.CertificateEnds), Remedy: wayBack, Href: "#gateways"}}
}

// wordAlerts is what waits for a person's word at a gateway.
func wordAlerts(g Gateway) (out []alert) {
	if g.Ahead {
		out = append(out, alert{Text: "Gateway " + string(g.ID) + " has a newer state than this cloud, whose database came back from a backup. Nothing is published to it.",
			Remedy: "Run: gatehouse-cloud restored.", Href: "#conflicts"})
	}
	if words, bad := settingsWords(g.Settings); bad {
		out = append(out, alert{Text: "Gateway " + string(g.ID) + " goes on with its old settings; the new ones are " + words, Remedy: "Correct [property.gateway] in the cloud's configuration.", Href: "#gateways"})
	}
	if g.Held > 0 {
		wait := count(g.Held, "person waits", "people wait")
		out = append(out, alert{Text: wait + " for your word at gateway " + string(g.ID) + ": they would lose their access and keep it, or were revoked and stay out, until somebody agrees.",
			Remedy: "If it is meant: gatehouse-cloud gateway agree --gateway " + string(g.ID) + ". If not, correct the source. gatehouse-agent hold list at the gateway names them.", Href: "#gateways"})
	}
	return append(out, foundAlert(g)...)
}

// panelAlert uses the gateway's own words, which mostly hold a remedy: a panel that refuses the
// password has power and network.
func (pic *picture) panelAlert(d Device, href string) alert {
	a := alert{Text: cmp.Or(d.Name, string(d.ID)) + " does not answer the gateway.", Word: "since", At: pic.stamp(d.Since), Href: href}
	if d.Message != "" {
		a.Text = cmp.Or(d.Name, string(d.ID)) + " does not work with the gateway: " + d.Message
	}
	if !strings.Contains(d.Message, ". ") {
		a.Remedy = "See that the panel has power and network, and that the gateway has its right user name and password."
	}
	return a
}

// peopleAlerts is a line a person, and one line for all who have no PIN and no card.
func (pic *picture) peopleAlerts() []alert {
	var out []alert
	n, bare := 0, 0
	for _, p := range pic.people {
		switch {
		case p.bare() && !p.stuckLeaving():
			if p.level == Problem {
				bare++
			}
		case p.level != Problem:
		default:
			if n++; n <= maxAlerts {
				out = append(out, pic.personAlert(p))
			}
		}
	}
	if n > maxAlerts {
		out = append(out, alert{Text: fmt.Sprintf("And %s more.", count(n-maxAlerts, "person", "people")), Href: "?state=problem#people"})
	}
	if bare > 0 {
		out = append(out, alert{Text: count(bare, "person has", "people have") + " no PIN or card that can be used, so nothing opens to them.",
			Remedy: "Enter their PIN or card in the source.", Href: "?state=bare#people"})
	}
	return out
}

// personAlert is one line of one person: their first panel in trouble, and how many more there are.
func (pic *picture) personAlert(p judged) alert {
	out := alert{Href: "?state=problem#p-" + string(p.ID)}
	more := 0
	for i, c := range p.cells {
		switch {
		case c.Level != Problem:
		case out.Text == "":
			out.Text, out.Remedy = p.where()+": "+c.sentence(pic.panels[i].Name), c.Remedy
		default:
			more++
		}
	}
	if more > 0 {
		out.Text += "; and on " + count(more, "other panel", "other panels")
	}
	return out
}

// bare: they should have access now or later, and have nothing to open with.
func (p judged) bare() bool { return p.Bare && !p.span.over() }

// stuckLeaving: something of theirs cannot be taken away, which a missing PIN does not explain.
func (p judged) stuckLeaving() bool {
	return slices.ContainsFunc(p.cells, func(c Cell) bool { return c.Level == Problem && strings.HasPrefix(c.Key, "removal") })
}

// sentence is the cell in a list: "Refused on Lobby panel: …".
func (c Cell) sentence(panel string) string {
	out := c.Label() + " on " + panel
	if c.Headline != "" {
		out += ": " + c.Headline
	}
	if len(c.Lines) > 0 {
		out += ": " + c.Lines[0].Text
		if at := c.Lines[0].At; at != nil {
			out += " " + at.Absolute
		}
	}
	return out
}

// where is a person with their units: "Anna Lopez (0101)".
func (p Person) where() string {
	if len(p.Units) == 0 {
		return p.called()
	}
	return p.called() + " (" + strings.Join(p.Units, ", ") + ")"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
