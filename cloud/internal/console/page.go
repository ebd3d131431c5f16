package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// maxRows is how many people a page shows unless it is asked for all.
const maxRows = 400

// homePage lists the properties.
type homePage struct {
	frame
	Rows []propertyRow
}

type propertyRow struct {
	Overview
	Title, Problem   string
	LastRun, DataAge *Stamp
	Next             string // the next sync; "" without a live source
}

func (c *console) homePage(f frame, all []Overview) homePage {
	out := homePage{frame: f}
	for _, o := range all {
		out.Rows = append(out.Rows, c.propertyRow(o))
	}
	return out
}

func (c *console) propertyRow(o Overview) propertyRow {
	at := clock{c.Now(), time.UTC}
	if zone, err := o.Location(); err == nil {
		at.zone = zone
	}
	row := propertyRow{Overview: o, Title: o.title(), Next: at.next(o.Source)}
	if o.Applied != nil {
		row.DataAge = at.stamp(o.Applied.Finished)
	}
	if o.Last != nil {
		row.LastRun = at.stamp(o.Last.Finished)
	}
	switch {
	case o.Last == nil:
		row.Problem = "nothing imported yet"
	case o.Last.Held != "":
		row.Problem = "last import not applied"
	case !o.Last.Complete:
		row.Problem = "last import not complete"
	case o.Applied == nil || at.now.Sub(o.Applied.Finished) > c.Stale:
		row.Problem = "records are old"
	}
	return row
}

// next says when a live source is read next.
func (c clock) next(s *Source) string {
	switch {
	case s == nil:
		return ""
	case s.Running:
		return "being read now"
	case !s.Next.After(c.now):
		return "now"
	}
	return relative(c.now.Sub(s.Next))
}

// propertyPage is one property.
type propertyPage struct {
	frame
	ID, Zone   string
	Overview   Overview
	DataAge    *Stamp
	LastRun    *Stamp
	Next       string // the next sync; "" without a live source
	Every      string // "5 minutes"
	Attention  []alert
	Filter     filter
	Chips      []chip
	Panels     []panel
	Rows       []row
	Found      int    // people whom the filter finds
	AllLink    string // "": all are shown
	Everybody  int
	Gateways   []gatewayView
	Revoking   []revokingView
	Happened   []happenedView // the newest few
	Runs       []runView
	Conflicts  []conflictView
	Glossary   []Word
	Wide       bool // too many panels for a narrow page
	ClearQuery string
}

// chip is a filter by level.
type chip struct {
	Name    string
	Count   int
	Level   Level
	Link    string
	Current bool
}

type row struct {
	ID     access.PersonID
	Name   string
	Kind   string // "" for a resident
	Units  string
	Level  Level
	Access []spanView
	Why    string
	Cells  []cellView
}

// spanView is when somebody has access, and why.
type spanView struct {
	From, Until *Stamp
	Reason      string
}

type cellView struct {
	Cell
	Panel string
}

type gatewayView struct {
	Gateway
	ContactAt, StoredSince *Stamp
	Silent, Behind         bool
	Clock                  string
	SettingsWords          string // "": there are none
	SettingsBad            bool
	DeviceViews            []deviceView
	FoundViews             []foundView
	WaitViews              []waitingView
	ReplyViews             []replyView
	Certificate            *Stamp // nil: not known
	Next, RevokedAt        *Stamp // nil: none, not
	History                []Line
}

type deviceView struct {
	Title, Model, DoorNames string
	Reachable               string // "yes", "no", "unknown"
	Since                   *Stamp
	Message                 string
}

type runView struct {
	Run
	When *Stamp
}

// Nothing says that a run was read in part and changed nothing.
func (r runView) Nothing() bool {
	return r.Held == "" && !r.Complete && r.Added+r.Changed+r.Removed == 0
}

type conflictView struct {
	Conflict
	Since *Stamp
}

func (c *console) propertyPage(f frame, pic *picture, fl filter) propertyPage {
	o := pic.Overview
	found := pic.chosen(fl)
	out := propertyPage{
		frame: f, ID: string(o.ID), Zone: pic.zone.String(), Overview: o, Attention: pic.attention, Filter: fl,
		Chips: pic.chips(f, fl), Panels: pic.panels, Found: len(found), Everybody: len(pic.people), Glossary: glossary,
		Wide: len(pic.panels) > 3, ClearQuery: f.link("q", ""),
	}
	out.Made = pic.stamp(pic.now)
	if o.Applied != nil {
		out.DataAge = pic.stamp(o.Applied.Finished)
	}
	if o.Last != nil {
		out.LastRun = pic.stamp(o.Last.Finished)
	}
	if o.Source != nil {
		out.Next, out.Every = pic.next(o.Source), lasting(o.Source.Every)
	}
	if len(found) > maxRows && !fl.All {
		found, out.AllLink = found[:maxRows], f.link("all", "1")
	}
	for _, p := range found {
		out.Rows = append(out.Rows, pic.row(p))
	}
	for _, g := range pic.Gateways {
		out.Gateways = append(out.Gateways, pic.gateway(g))
	}
	for _, v := range pic.Revoking {
		out.Revoking = append(out.Revoking, pic.revoking(v))
	}
	out.Happened = pic.happenings(pic.Property.Happened)
	for _, r := range pic.Runs {
		out.Runs = append(out.Runs, runView{r, pic.stamp(r.Finished)})
	}
	for _, x := range pic.Conflicts {
		out.Conflicts = append(out.Conflicts, conflictView{x, pic.stamp(x.FirstSeen)})
	}
	return out
}

func (pic *picture) chips(f frame, fl filter) []chip {
	counts := pic.counts()
	out := []chip{{"Everybody", len(pic.people), "", f.link("state", ""), fl.State == ""}}
	for _, l := range levels {
		if counts[l] > 0 || l == fl.State {
			out = append(out, chip{levelNames[l], counts[l], l, f.link("state", string(l)), fl.State == l})
		}
	}
	bare := 0
	for _, p := range pic.people {
		if p.bare() {
			bare++
		}
	}
	if bare > 0 || fl.State == Bare {
		out = append(out, chip{levelNames[Bare], bare, "", f.link("state", string(Bare)), fl.State == Bare})
	}
	return out
}

func (pic *picture) row(p judged) row {
	out := row{ID: p.ID, Name: p.called(), Units: strings.Join(p.Units, ", "), Level: p.level}
	if p.Kind != access.Resident {
		out.Kind = string(p.Kind)
	}
	if len(p.Grants) == 0 {
		out.Why = cmp.Or(p.Why, "no access")
	}
	for i, c := range p.cells {
		out.Cells = append(out.Cells, cellView{c, pic.panels[i].Name})
	}
	out.Access = pic.spans(p.Grants)
	return out
}

// spans joins grants of the same time: several doors for one reason are one line.
func (pic *picture) spans(grants []access.Grant) []spanView {
	var out []spanView
	var windows []access.Window
	for _, g := range grants {
		same := func(w access.Window) bool { return w.From.Equal(g.From) && w.Until.Equal(g.Until) }
		if i := slices.IndexFunc(windows, same); i >= 0 {
			if !strings.Contains(out[i].Reason, g.Reason) {
				out[i].Reason += " " + g.Reason
			}
			continue
		}
		windows = append(windows, g.Window)
		out = append(out, spanView{pic.stamp(g.From), pic.stamp(g.Until), g.Reason})
	}
	return out
}

func (pic *picture) gateway(g Gateway) gatewayView {
	out := gatewayView{
		Gateway: g, ContactAt: pic.stamp(g.Contact), StoredSince: pic.stamp(g.StoredAt), Silent: pic.silent[g.ID],
		Behind: g.Stored.Before(g.Published), Clock: clockWords(g),
	}
	out.Certificate, out.Next, out.RevokedAt = pic.stamp(g.CertificateEnds), pic.stamp(g.Succeeding), pic.stamp(g.Revoked)
	for _, a := range g.Acts {
		out.History = append(out.History, Line{a.text(), pic.stamp(a.At)})
	}
	out.SettingsWords, out.SettingsBad = settingsWords(g.Settings)
	for _, d := range g.Devices {
		out.DeviceViews = append(out.DeviceViews, pic.device(d))
	}
	pic.onSite(&out)
	return out
}

// text is an act as staff read it. One that has no words here is shown as it is.
func (a Act) text() string {
	words, known := map[string]string{
		"enrolled":  "enrolled",
		"bundle":    "another bundle was made for it",
		"replaced":  "another box took its place: the one before is refused",
		"revoked":   "revoked",
		"certified": "it asked for next keys, which are certified: both are taken until it is heard by them",
		"changed":   "it was heard by its next keys: those before, and their certificate, are refused",
		"refused":   "next keys that it asked for were not taken, nothing changed",
	}[a.What]
	if !known {
		words = a.What
	}
	if a.Words != "" {
		words += ": " + a.Words
	}
	if a.Times > 1 {
		words += fmt.Sprintf(" (%d times)", a.Times)
	}
	return words
}

func clockWords(g Gateway) string {
	switch {
	case g.Hello.IsZero():
		return "unknown"
	case !g.ClockTrusted:
		return "not trusted: ends still act, nothing new opens"
	}
	words := "trusted, from " + cmp.Or(g.ClockSource, "an unnamed source")
	if off := g.ClockOff.Round(time.Second); off.Abs() >= 5*time.Second {
		words += fmt.Sprintf("; %s off ours", off)
	}
	return words
}

func (pic *picture) device(d Device) deviceView {
	var doors []string
	for door, relay := range d.Doors {
		doors = append(doors, fmt.Sprintf("%s (relay %s)", door, relay))
	}
	slices.Sort(doors)
	out := deviceView{
		Title: cmp.Or(d.Name, string(d.ID)), Model: strings.TrimSpace(d.Kind + " " + d.Model + " " + d.Firmware), DoorNames: strings.Join(doors, ", "),
		Reachable: "no", Since: pic.stamp(d.Since), Message: d.Message,
	}
	switch {
	case d.Since.IsZero():
		out.Reachable = "unknown"
	case d.Reachable:
		out.Reachable, out.Message = "yes", ""
	}
	return out
}
