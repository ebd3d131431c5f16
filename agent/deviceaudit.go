package agent

import (
	"context"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// AuditReport is what stands on the devices otherwise than this gateway wrote it.
type AuditReport struct {
	OK      bool          `json:"ok"`
	Devices []DeviceAudit `json:"devices"`
}

// DeviceAudit is one of them.
type DeviceAudit struct {
	ID        access.DeviceID `json:"id"`
	AsOf      time.Time       `json:"as_of,omitzero"` // of everything here; absent: it was never read back
	Rows      int             `json:"rows"`
	Strangers int             `json:"strangers"`
	Open      int             `json:"open"` // lines that nobody let be
	Drift     []access.Drift  `json:"drift"`
	Error     *answerError    `json:"error,omitempty"` // why it could not be read back now
}

const longestAudit = 5 * time.Minute

// auditNow reads devices back and waits for it. The error is the first device's; the others stand in the report.
func (a *Agent) auditNow(ctx context.Context, r DeviceOrder) (AuditReport, error) {
	out, first := AuditReport{OK: true, Devices: []DeviceAudit{}}, error(nil)
	for _, p := range a.panels() {
		if r.ID != "" && p.cfg.ID != r.ID {
			continue
		}
		err := a.auditOne(ctx, p, r.Wait)
		d, rerr := a.auditOf(p)
		if rerr != nil {
			return out, rerr
		}
		if err != nil {
			d.Error = &answerError{fault.KindOf(err).String(), err.Error(), fault.RemedyOf(err)}
			if first == nil {
				first = err
			}
		}
		out.Devices = append(out.Devices, d)
	}
	if r.ID != "" && len(out.Devices) == 0 {
		return out, noDevice(r.ID)
	}
	return out, first
}

// auditOne returns when the device was read back, or when it is clear that it is not now.
func (a *Agent) auditOne(ctx context.Context, p *panel, wait time.Duration) error {
	if p.wrong != nil {
		return p.wrong
	}
	if wait <= 0 || wait > longestAudit {
		wait = longestAudit
	}
	before := p.status()
	p.loop.AuditNow()
	late, tick := time.NewTimer(wait), time.NewTicker(50*time.Millisecond)
	defer late.Stop()
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Timeout, "read back", "device "+string(p.cfg.ID), ctx.Err())
		case <-late.C:
			return fault.New(fault.Timeout, "read back", "device "+string(p.cfg.ID), "it was not done within %s; it goes on by itself", wait).
				WithRemedy("Ask again later: gatehouse-agent drift --device %s shows what was found.", p.cfg.ID)
		case <-tick.C:
		}
		switch s := p.status(); {
		case s.Audited.After(before.Audited):
			return nil
		case !s.Since.IsZero() && !s.Reachable, s.Reachable && s.Message != "" && s.Message != before.Message:
			return fault.New(fault.Parse(s.Fault), "read back", "device "+string(p.cfg.ID), "%s", s.Message).WithRemedy("%s", s.Remedy)
		}
	}
}

// auditOf is what the last read-back showed.
func (a *Agent) auditOf(p *panel) (DeviceAudit, error) {
	s := p.status()
	d := DeviceAudit{ID: p.cfg.ID, AsOf: s.Audited, Rows: s.Rows, Strangers: s.Strangers, Drift: []access.Drift{}}
	list, err := a.box.Drift(p.cfg.ID)
	for _, line := range list {
		if line.Ignore == "" {
			d.Open++
		}
		d.Drift = append(d.Drift, line)
	}
	if seen, ok, err := a.box.site.Observed(p.cfg.ID); d.AsOf.IsZero() && ok && err == nil {
		d.AsOf, d.Rows = seen.At, seen.Rows // before the last start
	}
	return d, err
}
