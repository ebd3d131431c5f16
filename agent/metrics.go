package agent

import "github.com/prometheus/client_golang/prometheus"

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

	up, waiting, removals, rows, strangers, audited *prometheus.Desc // by device
	revision, trusted, events, lost                 *prometheus.Desc
	forgotten                                       *prometheus.Desc // by device
	restarts                                        *prometheus.Desc // by device and why
}

func newGauges(a *Agent) gauges {
	device := []string{"device"}
	return gauges{
		agent:     a,
		up:        prometheus.NewDesc("gatehouse_device_up", "1 while the device answers.", device, nil),
		waiting:   prometheus.NewDesc("gatehouse_device_people_waiting", "People whose record on the device is due and not done.", device, nil),
		removals:  prometheus.NewDesc("gatehouse_device_removals_waiting", "Of them removals.", device, nil),
		rows:      prometheus.NewDesc("gatehouse_device_records", "Records on the device at the last full read-back.", device, nil),
		strangers: prometheus.NewDesc("gatehouse_device_strangers", "Of them not written by this gateway.", device, nil),
		audited:   prometheus.NewDesc("gatehouse_device_audit_timestamp_seconds", "When the device was last read back as a whole.", device, nil),
		revision:  prometheus.NewDesc("gatehouse_state_revision", "Revision of the wanted state on the box.", nil, nil),
		trusted:   prometheus.NewDesc("gatehouse_clock_trusted", "1 while the gateway's clock is trusted.", nil, nil),
		events:    prometheus.NewDesc("gatehouse_outbox_events", "Events that the cloud has not confirmed.", nil, nil),
		forgotten: prometheus.NewDesc("gatehouse_forgotten_device_records", "People of ours on a device that is not in the configuration any more.", device, nil),
		restarts:  prometheus.NewDesc("gatehouse_device_restarts_total", "Drivers and loops of the device that were replaced, because one panicked (panic, loop) or did not return (stuck).", []string{"device", "why"}, nil),
		lost:      prometheus.NewDesc("gatehouse_outbox_lost_events_total", "Events given up for want of room.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.up, g.waiting, g.removals, g.rows, g.strangers, g.audited, g.revision, g.trusted, g.events, g.lost, g.forgotten, g.restarts} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, p := range g.agent.panels {
		s, id := p.status(), string(p.cfg.ID)
		put(g.up, truth(s.Reachable), id)
		if p.wrong != nil {
			continue
		}
		for why, n := range map[string]int{"panic": s.Panics, "stuck": s.Stuck, "loop": g.agent.keeper.Falls(p.name())} {
			ch <- prometheus.MustNewConstMetric(g.restarts, prometheus.CounterValue, float64(n), id, why)
		}
		put(g.waiting, float64(s.Waiting), id)
		put(g.removals, float64(s.Removals), id)
		put(g.rows, float64(s.Rows), id)
		put(g.strangers, float64(s.Strangers), id)
		if !s.Audited.IsZero() {
			put(g.audited, float64(s.Audited.Unix()), id)
		}
	}
	for _, f := range g.agent.forgotten {
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

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
