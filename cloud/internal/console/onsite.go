package console

import (
	"cmp"
	"fmt"
	"time"

	"gatehouse/protocol/access"
)

// Found is one record on a panel that is not as its gateway wrote it (row G4). The gateway says when it
// is gone.
type Found struct {
	Device access.DeviceID
	Entry  string // the gateway's name for it; "": Count more that it does not tell one by one
	Count  int
	Kind   access.DriftKind
	Person access.PersonID // of whom it is, or claims to be; "" nobody's
	Name   string          // "": not in the roster
	Native string          // the panel's own number of it
	Words  string
	First  time.Time       // when it was first seen
	Act    access.DriftAct // decided on site: keep, or what is not done yet; "" nothing
	To     access.PersonID // of an adoption
	Reason string          // of Act
	Failed string          // why the last decision could not be carried out
}

// Waiting is somebody whose access stays at a gateway although it is over.
type Waiting struct {
	Device   access.DeviceID // "": at all of the gateway's
	Person   access.PersonID
	Name     string           // "": not in the roster
	Cause    access.HoldCause // "": Words say why
	Revision uint64           // that takes their access away
	Since    time.Time
	Words    string
}

// Reply is what became of a command.
type Reply struct {
	ID, What, Result, Fault, Message string
	Device                           access.DeviceID
	Door                             access.DoorID
	At                               time.Time
}

// repliesShown is how many replies of one gateway the page lists, and wordsShown how long a message may be there.
const (
	repliesShown = 10
	wordsShown   = 200
)

type foundView struct {
	Found
	Panel, Kind, State, Remedy string
	Level                      Level
	Since                      *Stamp
}

type waitingView struct {
	Waiting
	Who, Panel, Why string
	SinceAt         *Stamp
}

type replyView struct {
	Reply
	Title string
	Level Level
	When  *Stamp
}

// kindNames are the words for what a record is.
var kindNames = map[access.DriftKind]string{
	access.DriftGhost: "Ghost", access.DriftStranger: "Stranger", access.DriftEdit: "Edited by hand", access.DriftMissing: "Taken away by hand",
}

// panelName is what people call a device.
func (pic *picture) panelName(g access.GatewayID, d access.DeviceID) string {
	for _, p := range pic.panels {
		if p.gateway == g && p.device == d {
			return p.Name
		}
	}
	return cmp.Or(string(d), "every panel")
}

// found words one record.
func (pic *picture) found(g access.GatewayID, f Found) foundView {
	v := foundView{
		Found: f, Panel: pic.panelName(g, f.Device), Kind: cmp.Or(kindNames[f.Kind], string(f.Kind)), Level: Problem, State: "open", Since: pic.stamp(f.First),
	}
	whose := " " + string(f.Device) + " " + f.Entry
	switch {
	case f.Entry == "":
		v.Kind, v.State = count(f.Count, "more record", "more records"), "listed at the gateway only"
		v.Remedy = "On site: gatehouse-agent drift --device " + string(f.Device)
	case f.Act == access.DriftKeep:
		v.Level, v.State = InPlace, "let be: "+f.Reason
	case f.Act == access.DriftRemove:
		v.Level, v.State = Progress, "to be removed, not done yet: "+f.Reason
	case f.Act == access.DriftTake:
		v.Level, v.State = Progress, "to become the record of "+string(f.To)+", not done yet: "+f.Reason
	case f.Kind == access.DriftEdit || f.Kind == access.DriftMissing:
		v.Remedy = "The gateway brings it back by itself where it may write. Else, on site: gatehouse-agent drift keep" + whose
	default:
		v.Remedy = "On site: gatehouse-agent drift adopt, remove or keep" + whose
	}
	if f.Failed != "" {
		v.State = f.Failed
	}
	return v
}

// open says that somebody has to decide about a record.
func (f Found) open() bool { return f.Act == "" }

func (pic *picture) waiting(g access.GatewayID, w Waiting) waitingView {
	v := waitingView{Waiting: w, Who: cmp.Or(w.Name, string(w.Person)), Panel: pic.panelName(g, w.Device), Why: w.Words, SinceAt: pic.stamp(w.Since)}
	switch w.Cause {
	case access.HoldBrake:
		v.Why = fmt.Sprintf("Revision %d takes all access from more people than may lose it at once.", w.Revision)
	case access.HoldEpoch:
		v.Why = fmt.Sprintf("Revision %d came from a cloud that was restored from a backup.", w.Revision)
	}
	return v
}

func (pic *picture) reply(g access.GatewayID, r Reply) replyView {
	v := replyView{Reply: r, Title: cmp.Or(r.What, "a command"), Level: InPlace, When: pic.stamp(r.At)}
	if r.Door != "" {
		v.Title += " at " + string(r.Door)
	}
	if r.Device != "" {
		v.Title += ", " + pic.panelName(g, r.Device)
	}
	if r.Result != "done" {
		v.Level = Problem
	}
	if long := []rune(r.Message); len(long) > wordsShown {
		v.Message = string(long[:wordsShown]) + "…"
	}
	return v
}

// onSite fills in what a gateway told of its site.
func (pic *picture) onSite(out *gatewayView) {
	for _, f := range out.Gateway.Found {
		out.FoundViews = append(out.FoundViews, pic.found(out.ID, f))
	}
	for _, w := range out.Gateway.Waits {
		out.WaitViews = append(out.WaitViews, pic.waiting(out.ID, w))
	}
	for _, r := range out.Gateway.Replies[:min(len(out.Gateway.Replies), repliesShown)] {
		out.ReplyViews = append(out.ReplyViews, pic.reply(out.ID, r))
	}
}

// foundAlert is one line for all records of a gateway about which nobody has decided.
func foundAlert(g Gateway) (out []alert) {
	n := 0
	for _, f := range g.Found {
		if f.open() {
			n += f.Count
		}
	}
	if n > 0 {
		out = append(out, alert{Text: count(n, "record", "records") + " on the panels of gateway " + string(g.ID) + " are not as it wrote them, and may open doors.",
			Remedy: "Find out whose they are, then decide about each on site: gatehouse-agent drift.", Href: "#found-" + string(g.ID)})
	}
	return out
}

type foundJSON struct {
	Device access.DeviceID  `json:"device"`
	Entry  string           `json:"entry,omitempty"` // absent: count more
	Count  int              `json:"count"`
	Kind   access.DriftKind `json:"kind,omitempty"`
	Person access.PersonID  `json:"person,omitempty"`
	Name   string           `json:"name,omitempty"`
	Native string           `json:"native,omitempty"`
	Words  string           `json:"words,omitempty"`
	First  time.Time        `json:"first_seen,omitzero"`
	Act    access.DriftAct  `json:"act,omitempty"`
	To     access.PersonID  `json:"to,omitempty"`
	Reason string           `json:"reason,omitempty"`
	Failed string           `json:"failed,omitempty"`
}

type waitingJSON struct {
	Device   access.DeviceID  `json:"device,omitempty"` // absent: every one
	Person   access.PersonID  `json:"person"`
	Name     string           `json:"name,omitempty"`
	Cause    access.HoldCause `json:"cause,omitempty"`
	Revision uint64           `json:"revision,omitempty"`
	Since    time.Time        `json:"since,omitzero"`
	Why      string           `json:"why"`
}

type replyJSON struct {
	ID      string          `json:"id"`
	What    string          `json:"what,omitempty"`
	Device  access.DeviceID `json:"device,omitempty"`
	Door    access.DoorID   `json:"door,omitempty"`
	Result  string          `json:"result"`
	Fault   string          `json:"fault,omitempty"`
	Message string          `json:"message,omitempty"`
	At      time.Time       `json:"at"`
}

// onSiteJSON fills in the same for scripts.
func (pic *picture) onSiteJSON(g Gateway, out *gatewayJSON) {
	out.Found, out.Waits, out.Replies = []foundJSON{}, []waitingJSON{}, []replyJSON{}
	for _, f := range g.Found {
		out.Found = append(out.Found, foundJSON{f.Device, f.Entry, f.Count, f.Kind, f.Person, f.Name, f.Native, f.Words, local(f.First, pic.zone), f.Act, f.To, f.Reason, f.Failed})
	}
	for _, w := range g.Waits {
		out.Waits = append(out.Waits, waitingJSON{w.Device, w.Person, w.Name, w.Cause, w.Revision, local(w.Since, pic.zone), pic.waiting(g.ID, w).Why})
	}
	for _, r := range g.Replies {
		out.Replies = append(out.Replies, replyJSON{r.ID, r.What, r.Device, r.Door, r.Result, r.Fault, r.Message, local(r.At, pic.zone)})
	}
}
