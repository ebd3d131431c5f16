package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// driftJSON is a record that is not as its gateway wrote it, for scripts.
type driftJSON struct {
	Gateway access.GatewayID `json:"gateway"`
	Device  access.DeviceID  `json:"device"`
	Entry   string           `json:"entry,omitempty"` // absent: count more, listed at the gateway only
	Count   int              `json:"count"`
	Kind    access.DriftKind `json:"kind,omitempty"`
	Person  access.PersonID  `json:"person,omitempty"`
	Name    string           `json:"name,omitempty"`
	Native  string           `json:"native,omitempty"`
	Words   string           `json:"words,omitempty"`
	First   time.Time        `json:"first_seen,omitzero"`
	Act     access.DriftAct  `json:"act,omitempty"` // keep; adopt or remove: decided and not done yet
	To      access.PersonID  `json:"to,omitempty"`
	Reason  string           `json:"reason,omitempty"`
	Failed  string           `json:"failed,omitempty"`
}

type waitingJSON struct {
	Gateway  access.GatewayID `json:"gateway"`
	Device   access.DeviceID  `json:"device,omitempty"` // absent: every one
	Person   access.PersonID  `json:"person"`
	Name     string           `json:"name,omitempty"`
	Cause    access.HoldCause `json:"cause,omitempty"` // brake, epoch; absent: words say why
	Epoch    uint64           `json:"epoch"`
	Revision uint64           `json:"revision"`
	Since    time.Time        `json:"since,omitzero"`
	Words    string           `json:"words,omitempty"`
}

type replyJSON struct {
	Gateway access.GatewayID `json:"gateway"`
	ID      string           `json:"id"`
	What    string           `json:"what,omitempty"`
	Device  access.DeviceID  `json:"device,omitempty"`
	Door    access.DoorID    `json:"door,omitempty"`
	Result  string           `json:"result"`
	Fault   string           `json:"fault,omitempty"`
	Message string           `json:"message,omitempty"`
	At      time.Time        `json:"at"`
}

func setUpGatewayShow(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "only the gateways of this `PROPERTY`")
	gateway := c.Flags.String("gateway", "", "only this `GATEWAY`")
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			site, err := cl.OnSite(c, access.PropertyID(*property), access.GatewayID(*gateway))
			if err != nil {
				return err
			}
			if c.JSON {
				return c.Tell(siteJSON(site), "")
			}
			return tellSite(c, site)
		})
	}
}

func siteJSON(site cloud.OnSite) map[string]any {
	drift, waiting, replies := []driftJSON{}, []waitingJSON{}, []replyJSON{}
	for _, f := range site.Found {
		drift = append(drift, driftJSON{f.Gateway, f.Device, f.Entry, f.Count, f.Kind, f.Person, f.Name, f.Native, f.Words, f.First, f.Act, f.To, f.Reason, f.Failed})
	}
	for _, w := range site.Waiting {
		waiting = append(waiting, waitingJSON{w.Gateway, w.Device, w.Person, w.Name, w.Cause, w.Epoch, w.Revision, w.Since, w.Words})
	}
	for _, r := range site.Replies {
		replies = append(replies, replyJSON{r.Gateway, r.ID, r.What, r.Device, r.Door, r.Result, r.Fault, r.Message, r.At})
	}
	return map[string]any{"ok": true, "drift": drift, "waiting": waiting, "replies": replies}
}

// tellSite is the same for people, a line each.
func tellSite(c *cli.Call, site cloud.OnSite) error {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	say := func(format string, args ...any) error { return c.Tell(nil, format, args...) }
	if len(site.Found)+len(site.Waiting)+len(site.Replies) == 0 {
		return say("Nothing was found, nobody waits, and no command was answered.")
	}
	for _, f := range site.Found {
		line := fmt.Sprintf("%s  %s %s  %s, since %s  %s %s%s", f.Entry, f.Kind, cmp.Or(f.Name, string(f.Person)), f.Words, at(f.First), f.Act, f.Reason, f.Failed)
		if f.Entry == "" {
			line = fmt.Sprintf(" %d more, listed at the gateway only", f.Count)
		}
		if err := say("drift    %s %s %s", f.Gateway, f.Device, line); err != nil {
			return err
		}
	}
	if len(site.Found) > 0 {
		if err := say("         what a record calls itself stays at the gateway: gatehouse-agent drift lists it by the same entry"); err != nil {
			return err
		}
	}
	for _, w := range site.Waiting {
		if err := say("waiting  %s %s  %s  since %s  revision %d  %s", w.Gateway, w.Device, cmp.Or(w.Name, string(w.Person)), at(w.Since), w.Revision, cmp.Or(w.Words, string(w.Cause))); err != nil {
			return err
		}
	}
	for _, r := range site.Replies {
		if err := say("reply    %s %s  %s %s %s  at %s: %s  %s", r.Gateway, r.ID, r.What, r.Device, r.Door, at(r.At), r.Result, r.Message); err != nil {
			return err
		}
	}
	return nil
}
