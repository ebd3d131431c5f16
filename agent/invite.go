package agent

import (
	"context"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TellInvite is an InviteRequest.
const TellInvite = "/v1/device/invite"

// InviteRequest has a device invite the app of somebody who stands on it (row C6).
type InviteRequest struct {
	Device access.DeviceID `json:"device"`
	Person string          `json:"person"` // an id, or the exact name of a person or unit
}

// InviteReport says that the device took it. The code itself stays on the device and is mailed by its vendor: neither
// this gateway nor its log ever has it, and whether the mail arrives nobody here can tell.
type InviteReport struct {
	OK     bool            `json:"ok"`
	Person access.PersonID `json:"person"`
	Note   string          `json:"note"`
}

// inviteWithin bounds the whole of it: the device may be busy with others.
const inviteWithin = 50 * time.Second

func tellInvite(ctx context.Context, d desk, body []byte) (any, error) {
	r, err := told[InviteRequest](body)
	if err != nil {
		return nil, err
	}
	loop := d.loop(r.Device)
	if loop == nil {
		return nil, fault.New(fault.Invalid, "look up", "device", "%.40q is none of those driven here", r.Device)
	}
	h, err := d.one(ctx, r.Person)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, inviteWithin)
	defer cancel()
	err = loop.Do(ctx, func(ctx context.Context, p driver.Panel) error {
		i, ok := p.(driver.Inviter)
		if !ok {
			return fault.New(fault.Unsupported, "invite to", "device "+string(r.Device), "it has no apps")
		}
		return i.Invite(ctx, model.RefOf(h.Person.ID))
	})
	return InviteReport{true, h.Person.ID, "the device made an activation code; its vendor mails it to the e-mail of the app's slot"}, err
}
