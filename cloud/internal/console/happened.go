package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// Happening is one event at a door or of a panel, with the names of what it is about.
type Happening struct {
	access.Event
	Gateway                  access.GatewayID
	Late                     bool   // history when it was recorded, or when it arrived
	Name, DoorName, UnitName string // "": none, or not known any more
}

// HappeningsAsk chooses what happened.
type HappeningsAsk struct {
	Person access.PersonID             // only what they did; "": everything
	Before map[access.GatewayID]uint64 // of these gateways only events before these numbers
	Limit  int                         // how many at most
}

// Happenings are the newest first.
type Happenings struct {
	List []Happening
	Next map[access.GatewayID]uint64 // Before of those that come next; nil: there are none
}

const (
	happeningsShown = 100             // on a page
	happeningsBrief = 10              // of them on the property's own
	clockDiffers    = 2 * time.Minute // a panel's time that differs by more is shown beside the gateway's
)

// happenedPage is what happened at a property's doors.
type happenedPage struct {
	frame
	ID, Home, Zone string
	Person         string // of whom it is; "" of everybody
	Everybody      string // link
	Older, Newest  string // links; "": there are none
	Happened       []happenedView
}

type happenedView struct {
	Words   string
	Level   Level
	Panel   string
	When    *Stamp
	ByPanel *Stamp // nil: it says the same, or nothing
	Late    bool
	Who     string // the person; "" nobody
	Link    string // to what they did
}

func (c *console) happened(w http.ResponseWriter, r *http.Request) {
	id := access.PropertyID(r.PathValue("id"))
	p, err := c.reader.Property(r.Context(), id)
	ask := readHappeningsAsk(r.URL.Query())
	var all Happenings
	if err == nil {
		all, err = c.reader.Happened(r.Context(), id, ask)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	pic := c.judge(p)
	f := c.frame(r, "At the doors of "+p.Overview.title())
	f.Made = pic.stamp(pic.now)
	out := happenedPage{frame: f, ID: string(id), Home: p.Overview.title(), Zone: pic.zone.String(), Happened: pic.happenings(all.List)}
	if ask.Person != "" {
		out.Everybody = f.at.EscapedPath()
		out.Person = string(ask.Person)
		for _, one := range p.People {
			if one.ID == ask.Person {
				out.Person = cmp.Or(one.Name, out.Person)
			}
		}
	}
	if len(ask.Before) > 0 {
		out.Newest = f.link("before", "")
	}
	if all.Next != nil {
		q := url.Values{}
		if ask.Person != "" {
			q.Set("person", string(ask.Person))
		}
		for g, n := range all.Next {
			q.Add("before", string(g)+":"+strconv.FormatUint(n, 10))
		}
		out.Older = f.at.EscapedPath() + "?" + q.Encode()
	}
	c.show(w, r, http.StatusOK, "happened.html", out)
}

// readHappeningsAsk takes what it understands.
func readHappeningsAsk(q url.Values) HappeningsAsk {
	ask := HappeningsAsk{Person: access.PersonID(q.Get("person")), Before: map[access.GatewayID]uint64{}, Limit: happeningsShown}
	for _, b := range q["before"] {
		g, number, _ := strings.Cut(b, ":")
		if n, err := strconv.ParseUint(number, 10, 63); err == nil && access.ValidID(g) {
			ask.Before[access.GatewayID(g)] = n
		}
	}
	return ask
}

func (pic *picture) happenings(all []Happening) (out []happenedView) {
	for _, h := range all {
		v := happenedView{Words: pic.tell(h), Level: Nothing, Panel: pic.panelName(h.Gateway, h.Device), When: pic.stamp(h.At), Late: h.Late}
		if !h.DeviceTime.IsZero() && h.DeviceTime.Sub(h.At).Abs() > clockDiffers {
			v.ByPanel = pic.stamp(h.DeviceTime)
		}
		switch {
		case h.Kind == access.EventTamper || h.Kind == access.EventUnreachable || h.Kind == access.EventFailed:
			v.Level = Problem
		case h.Kind == access.EventDoor && !h.Granted:
			v.Level = Progress
		case h.Kind == access.EventDoor:
			v.Level = InPlace
		}
		if h.Person != "" {
			v.Who = cmp.Or(h.Name, string(h.Person))
			v.Link = "/property/" + url.PathEscape(string(pic.Overview.ID)) + "/events?person=" + url.QueryEscape(string(h.Person))
		}
		out = append(out, v)
	}
	return out
}

// hows are the words for what somebody opened with, and for what was refused.
var hows = map[string][2]string{
	"pin": {"with a PIN", "PIN"}, "card": {"with a card", "card"}, "face": {"by face", "face"}, "app": {"with the app", "app"},
	"public": {"with the public PIN", "public PIN"}, "qr": {"with a QR code", "QR code"}, "api": {"over the network", "request over the network"},
}

// tell is what happened, in words.
func (pic *picture) tell(h Happening) string {
	panel := pic.panelName(h.Gateway, h.Device)
	where := cmp.Or(h.DoorName, string(h.Door), panel)
	var words string
	switch h.Kind {
	case access.EventDoor:
		words = h.atDoor(where)
	case access.EventRing:
		unit := "a unit"
		if h.Unit != "" {
			unit = "Unit " + strings.TrimPrefix(strings.TrimPrefix(cmp.Or(h.UnitName, string(h.Unit)), "Unit "), "unit ")
		}
		words = "ring for " + unit + " at " + where
	case access.EventTamper:
		words = "tampering at " + where
	case access.EventReachable:
		return panel + " answers"
	case access.EventUnreachable:
		words = panel + " does not answer"
	default:
		return h.Message
	}
	if h.Message != "" {
		words += ": " + h.Message
	}
	return words
}

// atDoor is who opened, or was refused.
func (h Happening) atDoor(where string) string {
	how, named := hows[h.How]
	who := cmp.Or(h.Name, string(h.Person))
	switch {
	case h.Granted && who == "" && h.How == "api":
		return where + " was opened over the network"
	case h.Granted:
		return strings.TrimSpace(fmt.Sprintf("%s opened %s %s", cmp.Or(who, "somebody"), where, how[0]))
	case who != "":
		return strings.TrimSpace(fmt.Sprintf("%s was refused at %s %s", who, where, how[0]))
	case named:
		return "somebody was refused at " + where + ": unknown " + how[1]
	}
	return "somebody was refused at " + where
}
