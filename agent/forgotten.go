package agent

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/agent/internal/config"
	"gatehouse/protocol/access"
)

// forgotten is a device that the ledger knows and the configuration does not: nobody removes from it
// any more who moves out.
type forgotten struct {
	device access.DeviceID
	people int // of ours that are on it
}

const forgottenRemedy = "configure it again under this id, or remove them there by hand"

func (f forgotten) words() string {
	return fmt.Sprintf("device %s is not in the configuration any more and still holds %d people of ours", f.device, f.people)
}

// findForgotten compares the ledger with the configuration and logs what nobody looks after.
func findForgotten(ctx context.Context, b *box, known []config.Device) (out []forgotten, err error) {
	devices, err := b.site.LedgerDevices()
	if err != nil {
		return nil, err
	}
	for _, id := range devices {
		if slices.ContainsFunc(known, func(d config.Device) bool { return d.ID == id }) {
			continue
		}
		people := 0
		bad, err := split(b.site.Entries(ctx, id, func(access.LedgerEntry) error { people++; return nil }))
		if err != nil {
			return nil, err
		}
		if people += len(bad); people > 0 {
			f := forgotten{id, people}
			b.log.Error(f.words(), "device", string(id), "remedy", forgottenRemedy)
			out = append(out, f)
		}
	}
	return out, nil
}

// forgottenNow are those that were noted last.
func (a *Agent) forgottenNow() []forgotten {
	if list := a.forgotten.Load(); list != nil {
		return *list
	}
	return nil
}

// lookForForgotten notes them, at a start and whenever devices came or went.
func (a *Agent) lookForForgotten(ctx context.Context) error {
	known, err := a.box.devices(a.cfg)
	if err != nil {
		return err
	}
	list, err := findForgotten(ctx, a.box, known)
	if err == nil {
		a.forgotten.Store(&list)
	}
	return err
}
