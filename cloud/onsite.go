package cloud

import (
	"context"

	"gatehouse/cloud/internal/console"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
)

// What gateways told of their site: records that they did not write, people who wait for a word, and
// what became of commands.
type (
	OnSite       = store.OnSite
	Found        = store.Found
	Waiting      = store.Waiting
	CommandReply = store.CommandReply
)

// OnSite reads what the gateways of a property told, "" of all, or only one of them. A property or
// gateway that does not exist is Invalid.
func (c *Cloud) OnSite(ctx context.Context, property access.PropertyID, gw access.GatewayID) (OnSite, error) {
	if gw != "" {
		g, err := c.gateway(ctx, gw)
		if err != nil {
			return OnSite{}, err
		}
		property = g.Property
	}
	if property != "" {
		if _, err := c.property(property); err != nil {
			return OnSite{}, err
		}
	}
	all, err := c.store.OnSite(ctx, property)
	if gw != "" {
		all = siteOf(all, gw)
	}
	return all, err
}

// siteOf is what one gateway told.
func siteOf(all OnSite, gw access.GatewayID) (out OnSite) {
	for _, f := range all.Found {
		if f.Gateway == gw {
			out.Found = append(out.Found, f)
		}
	}
	for _, w := range all.Waiting {
		if w.Gateway == gw {
			out.Waiting = append(out.Waiting, w)
		}
	}
	for _, r := range all.Replies {
		if r.Gateway == gw {
			out.Replies = append(out.Replies, r)
		}
	}
	return out
}

// onSite puts into a gateway's view what it told.
func onSite(to *console.Gateway, all OnSite) {
	mine := siteOf(all, to.ID)
	for _, f := range mine.Found {
		to.Found = append(to.Found, console.Found{Device: f.Device, Entry: f.Entry, Count: f.Count, Kind: f.Kind, Person: f.Person, Name: f.Name, Native: f.Native,
			Words: f.Words, First: f.First, Act: f.Act, To: f.To, Reason: f.Reason, Failed: f.Failed})
	}
	for _, w := range mine.Waiting {
		to.Waits = append(to.Waits, console.Waiting{Device: w.Device, Person: w.Person, Name: w.Name, Cause: w.Cause, Revision: w.Revision, Since: w.Since, Words: w.Words})
	}
	for _, r := range mine.Replies {
		to.Replies = append(to.Replies, console.Reply{ID: r.ID, What: r.What, Result: r.Result, Fault: r.Fault, Message: r.Message, Device: r.Device, Door: r.Door, At: r.At})
	}
}
