package akuvox

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const opClock = "read the clock of"

// mostSkew is how far a unit's clock may be out before no hours are given to it: what a quartz loses
// in a month without a time server.
const mostSkew = 5 * time.Minute

// Skew implements driver.ClockReader by system/status (§2.1), to a second and half of the time that
// the answer took. The unit does not tell its time zone.
func (p *Panel) Skew(ctx context.Context) (time.Duration, error) {
	before := p.now()
	r, err := p.link.get(ctx, opClock, clockPath, nil)
	if err != nil {
		return 0, err
	}
	var status row
	_ = json.Unmarshal(r.data, &status) // else it names no time
	at, err := strconv.ParseInt(status.get("SystemTime"), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 {
		return 0, fault.New(fault.Unsupported, opClock, p.link.subject, "the answer names no time").
			WithRemedy("Update the panel's firmware.")
	}
	now := p.now()
	return time.Unix(at, 0).Sub(before.Add(now.Sub(before) / 2)).Round(time.Second), nil
}

// clockGood refuses to give hours to a unit that would open by them at the wrong time.
func (p *Panel) clockGood(ctx context.Context, want []access.Schedule) error {
	if len(want) == 0 {
		return nil
	}
	skew, err := p.Skew(ctx)
	if err == nil && skew.Abs() > mostSkew {
		err = fault.New(fault.Conflict, "write schedules to", p.link.subject, "the panel's clock is %s", ahead(skew)).
			WithRemedy("Set the panel's clock, time zone and time server at its web page: weekly hours go by its own clock.")
	}
	return err
}

func ahead(skew time.Duration) string {
	if skew < 0 {
		return (-skew).String() + " behind"
	}
	return skew.String() + " ahead"
}
