package agent

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/agent/internal/reconcile"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// collectors are the agent's own metrics, and the link's.
func (a *Agent) collectors() []prometheus.Collector {
	out := []prometheus.Collector{newGauges(a)}
	if a.link != nil {
		out = append(out, a.link.Collectors()...)
	}
	return out
}

// gauges reads every figure afresh at each scrape.
type gauges struct {
	agent *Agent

	up, refused, waiting, removals, rows, strangers, audited *prometheus.Desc // by device
	revision, trusted, events, lost                          *prometheus.Desc
	forgotten                                                *prometheus.Desc // by device
	restarts, held                                           *prometheus.Desc // by device and why
	unconfirmed                                              *prometheus.Desc // by device
	oldest                                                   *prometheus.Desc
	drift                                                    *prometheus.Desc // by device and kind
	overlays, back                                           *prometheus.Desc
	room                                                     *prometheus.Desc // by what
	bytes, free                                              *prometheus.Desc // by file
	doors, calls                                             *prometheus.Desc // by device and result
	gaps                                                     *prometheus.Desc // by device
}

func newGauges(a *Agent) gauges {
	device := []string{"device"}
	return gauges{
		agent:       a,
		up:          prometheus.NewDesc("gatehouse_device_up", "1 while the device answers.", device, nil),
		refused:     prometheus.NewDesc("gatehouse_device_refused", "1 while the device answers and refuses the gateway's login, or the login has lost its rights there.", device, nil),
		waiting:     prometheus.NewDesc("gatehouse_device_people_waiting", "People whose record on the device is due and not done.", device, nil),
		removals:    prometheus.NewDesc("gatehouse_device_removals_waiting", "Of them removals.", device, nil),
		rows:        prometheus.NewDesc("gatehouse_device_records", "Records on the device at the last full read-back.", device, nil),
		strangers:   prometheus.NewDesc("gatehouse_device_strangers", "Of them not written by this gateway.", device, nil),
		audited:     prometheus.NewDesc("gatehouse_device_audit_timestamp_seconds", "When the device was last read back as a whole.", device, nil),
		revision:    prometheus.NewDesc("gatehouse_state_revision", "Revision of the wanted state on the box.", nil, nil),
		trusted:     prometheus.NewDesc("gatehouse_clock_trusted", "1 while the gateway's clock is trusted.", nil, nil),
		events:      prometheus.NewDesc("gatehouse_outbox_events", "Events that the cloud has not confirmed.", nil, nil),
		forgotten:   prometheus.NewDesc("gatehouse_forgotten_device_records", "People of ours on a device that is not in the configuration any more.", device, nil),
		restarts:    prometheus.NewDesc("gatehouse_device_restarts_total", "Drivers and loops of the device that were replaced, because one panicked (panic, loop) or did not return (stuck).", []string{"device", "why"}, nil),
		unconfirmed: prometheus.NewDesc("gatehouse_unconfirmed_revocations", "Removals that were asked for and that the device has not been seen to have done.", device, nil),
		oldest:      prometheus.NewDesc("gatehouse_oldest_unconfirmed_revocation_seconds", "How long ago the oldest of them, on any device, was asked for; 0 when there is none.", nil, nil),
		held:        prometheus.NewDesc("gatehouse_held_removals", "Removals that wait on purpose: for somebody's word at the cloud (agreement), for the cloud to be reached (contact), or because the device is only reported on (report).", []string{"device", "why"}, nil),
		drift:       prometheus.NewDesc("gatehouse_device_drift", "Rows on the device that are not as this gateway wrote them and that nobody let be, at the last full read-back: ghost, stranger, edit, missing.", []string{"device", "kind"}, nil),
		overlays:    prometheus.NewDesc("gatehouse_local_acts", "Revocations and grants made at the gateway by hand that the cloud has not settled.", nil, nil),
		room:        prometheus.NewDesc("gatehouse_storage_used_ratio", "How much is taken, 0 to 1: of the disk that holds the state directory (disk), of what a database may grow to (site.db, wanted.db).", []string{"what"}, nil),
		bytes:       prometheus.NewDesc("gatehouse_storage_file_bytes", "Size of a database as it is laid out, free pages included.", []string{"file"}, nil),
		free:        prometheus.NewDesc("gatehouse_storage_free_bytes", "Of it, on pages that hold nothing.", []string{"file"}, nil),
		back:        prometheus.NewDesc("gatehouse_held_returns", "People who were revoked and stay out, although a cloud restored from a backup lets them in again: it waits for somebody's word.", nil, nil),
		doors:       prometheus.NewDesc("gatehouse_door_events_total", "What the device's door log told: opened or refused.", []string{"device", "result"}, nil),
		gaps:        prometheus.NewDesc("gatehouse_door_log_gaps_total", "How often more had happened at the device's doors than was read.", device, nil),
		calls:       prometheus.NewDesc("gatehouse_device_calls_total", "Calls that came to events_listen: received or refused; without a device those that no device of this gateway made.", []string{"device", "result"}, nil),
		lost:        prometheus.NewDesc("gatehouse_outbox_lost_events_total", "Events given up for want of room.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.up, g.refused, g.waiting, g.removals, g.rows, g.strangers, g.audited, g.revision, g.trusted, g.events, g.lost, g.forgotten, g.restarts,
		g.unconfirmed, g.oldest, g.held, g.drift, g.overlays, g.back, g.room, g.bytes, g.free, g.doors, g.gaps, g.calls} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, p := range g.agent.panels() {
		s, id := p.status(), string(p.cfg.ID)
		put(g.up, truth(s.Reachable), id)
		put(g.refused, truth(!s.Reachable && s.Fault == fault.Denied.String()), id)
		if p.wrong != nil {
			continue
		}
		for why, n := range map[string]int{"panic": s.Panics, "stuck": s.Stuck, "loop": g.agent.keeper.Falls(p.name())} {
			ch <- prometheus.MustNewConstMetric(g.restarts, prometheus.CounterValue, float64(n), id, why)
		}
		g.happened(ch, p, s)
		put(g.waiting, float64(s.Waiting), id)
		put(g.removals, float64(s.Removals), id)
		put(g.unconfirmed, float64(s.Revocations), id)
		for why, n := range map[string]int{"agreement": s.Held, "contact": s.Stale, "report": s.Reported} {
			put(g.held, float64(n), id, why)
		}
		if !s.Audited.IsZero() {
			for _, kind := range []access.DriftKind{access.DriftGhost, access.DriftStranger, access.DriftEdit, access.DriftMissing} {
				put(g.drift, float64(s.Drift[kind]), id, string(kind))
			}
		}
		put(g.rows, float64(s.Rows), id)
		put(g.strangers, float64(s.Strangers), id)
		if !s.Audited.IsZero() {
			put(g.audited, float64(s.Audited.Unix()), id)
		}
	}
	ch <- prometheus.MustNewConstMetric(g.calls, prometheus.CounterValue, float64(g.agent.strayCalls.Load()), "", "refused")
	put(g.oldest, g.agent.oldestRevocation().Seconds())
	if list, err := g.agent.box.Overlays(); err == nil {
		put(g.overlays, float64(len(list)))
	}
	for _, s := range g.agent.room.spaces() {
		put(g.room, s.Used, s.Name)
		if s.Size.Limit > 0 {
			put(g.bytes, float64(s.Size.File), s.Name)
			put(g.free, float64(s.Size.Free), s.Name)
		}
	}
	put(g.back, float64(len(*g.agent.box.backs.Load())))
	for _, f := range g.agent.forgottenNow() {
		put(g.forgotten, float64(f.people), string(f.device))
	}
	_, trusted := g.agent.box.clock.Now()
	put(g.trusted, truth(trusted))
	put(g.revision, float64(g.agent.box.Position().Revision))
	if s, err := g.agent.box.outbox.Stats(); err == nil {
		put(g.events, float64(s.Waiting))
		ch <- prometheus.MustNewConstMetric(g.lost, prometheus.CounterValue, float64(s.Lost))
	}
}

// happened counts what a device told.
func (g gauges) happened(ch chan<- prometheus.Metric, p *panel, s reconcile.Status) {
	count := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	id := string(p.cfg.ID)
	received, refused := p.calls.count()
	count(g.doors, s.Opened, id, "opened")
	count(g.doors, s.Refusals, id, "refused")
	count(g.gaps, s.Gaps, id)
	count(g.calls, received, id, "received")
	count(g.calls, refused, id, "refused")
}

// oldestRevocation is how long ago the oldest removal was asked for that is not confirmed.
func (a *Agent) oldestRevocation() (oldest time.Duration) {
	now, _ := a.box.clock.Now()
	for _, p := range a.driven() {
		oldest = max(oldest, age(p.status().Oldest, now))
	}
	return oldest
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
