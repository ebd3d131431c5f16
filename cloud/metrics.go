package cloud

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/cloud/internal/intake"
	"gatehouse/cloud/internal/store"
)

const scrapeLimit = 5 * time.Second

// metrics is the cloud's registry, served at /metrics.
func (c *Cloud) metrics(in *intake.Intake, link *brokerlink.Link) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(c.collectors(in, link)...)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 3, Timeout: scrapeLimit})
}

func (c *Cloud) collectors(in *intake.Intake, link *brokerlink.Link) []prometheus.Collector {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatehouse_build_info", Help: "Always 1; the label says what is running.",
		ConstLabels: prometheus.Labels{"version": c.deps.Version},
	})
	build.Set(1)
	return []prometheus.Collector{build, newGauges(c, in), newBrokerGauges(link)}
}

// brokerGauges tell how the cloud stands to its broker.
type brokerGauges struct {
	link            *brokerlink.Link
	connected, ends *prometheus.Desc
}

func newBrokerGauges(link *brokerlink.Link) brokerGauges {
	return brokerGauges{
		link:      link,
		connected: prometheus.NewDesc("gatehouse_broker_connected", "1 while the cloud has a connection to the broker on which its own test messages come back, so that it hears gateways.", nil, nil),
		ends:      prometheus.NewDesc("gatehouse_broker_certificate_expiry_timestamp_seconds", "When the broker's certificate ends, as last seen in a handshake; 0 none was seen.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g brokerGauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.connected; ch <- g.ends }

// Collect implements prometheus.Collector.
func (g brokerGauges) Collect(ch chan<- prometheus.Metric) {
	st := g.link.State()
	connected, ends := 0.0, 0.0
	if st.Connected {
		connected = 1
	}
	if !st.CertificateEnds.IsZero() {
		ends = float64(st.CertificateEnds.Unix())
	}
	ch <- prometheus.MustNewConstMetric(g.connected, prometheus.GaugeValue, connected)
	ch <- prometheus.MustNewConstMetric(g.ends, prometheus.GaugeValue, ends)
}

// gauges reads every figure afresh at each scrape.
type gauges struct {
	cloud  *Cloud
	intake *intake.Intake

	synced, complete, conflicts, people *prometheus.Desc // by property
	contact, waiting, behind, held      *prometheus.Desc // by gateway
	revoking, oldest                    *prometheus.Desc // by property
	certificate                         *prometheus.Desc // by gateway
	refused, keys, dropped              *prometheus.Desc
}

func newGauges(c *Cloud, in *intake.Intake) gauges {
	property, gateway := []string{"property"}, []string{"property", "gateway"}
	return gauges{
		cloud: c, intake: in,
		synced:      prometheus.NewDesc("gatehouse_property_sync_timestamp_seconds", "When the property's source was read last, whatever came of it.", property, nil),
		complete:    prometheus.NewDesc("gatehouse_property_complete_sync_timestamp_seconds", "When it was last read as a whole and nothing was held: how old the data is.", property, nil),
		conflicts:   prometheus.NewDesc("gatehouse_property_conflicts", "Open questions that a person must look at.", property, nil),
		people:      prometheus.NewDesc("gatehouse_property_people", "People in the roster.", property, nil),
		contact:     prometheus.NewDesc("gatehouse_gateway_contact_timestamp_seconds", "When the gateway was last heard, verified.", gateway, nil),
		waiting:     prometheus.NewDesc("gatehouse_gateway_waiting_events", "Events in the gateway's outbox when it last said hello.", gateway, nil),
		behind:      prometheus.NewDesc("gatehouse_gateway_revisions_behind", "Published revisions that the gateway has not stored.", gateway, nil),
		held:        prometheus.NewDesc("gatehouse_gateway_held_people", "People whose loss of access waits for somebody's word at the gateway.", gateway, nil),
		certificate: prometheus.NewDesc("gatehouse_gateway_certificate_expiry_timestamp_seconds", "When the certificate of the gateway's present keys ends. A revoked gateway has no metrics.", gateway, nil),
		revoking:    prometheus.NewDesc("gatehouse_unconfirmed_revocations", "People and panels whose access is over without proof that the panel forgot them; held ones left out.", property, nil),
		oldest:      prometheus.NewDesc("gatehouse_oldest_unconfirmed_revocation_seconds", "Age of the oldest of them; 0 there is none.", property, nil),
		refused:     prometheus.NewDesc("gatehouse_intake_refused_messages_total", "Messages of gateways that were refused.", []string{"reason"}, nil),
		keys:        prometheus.NewDesc("gatehouse_intake_refused_keys_total", "Next keys that gateways asked for and that were refused.", []string{"reason"}, nil),
		dropped:     prometheus.NewDesc("gatehouse_intake_dropped_messages_total", "Messages dropped because the queue was full; gateways repeat them.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.synced, g.complete, g.conflicts, g.people, g.contact, g.waiting, g.behind, g.held, g.revoking, g.oldest, g.certificate, g.refused, g.keys, g.dropped} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.cloud.ctx), scrapeLimit)
	defer cancel()
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	g.properties(ctx, put)
	g.gateways(ctx, put)
	g.revocations(ctx, put)
	counts := g.intake.Counts()
	for reason, n := range counts.Refused {
		ch <- prometheus.MustNewConstMetric(g.refused, prometheus.CounterValue, float64(n), string(reason))
	}
	for reason, n := range counts.Keys {
		ch <- prometheus.MustNewConstMetric(g.keys, prometheus.CounterValue, float64(n), string(reason))
	}
	ch <- prometheus.MustNewConstMetric(g.dropped, prometheus.CounterValue, float64(counts.Dropped))
}

func (g gauges) properties(ctx context.Context, put func(*prometheus.Desc, float64, ...string)) {
	all, err := g.cloud.store.Overview(ctx)
	if err != nil {
		g.cloud.log.Error("metrics: properties cannot be read", "err", err)
	}
	for _, o := range all {
		id := string(o.Property.ID)
		put(g.conflicts, float64(o.Conflicts), id)
		put(g.people, float64(o.People), id)
		if o.Last != nil {
			put(g.synced, float64(o.Last.Finished.Unix()), id)
		}
		if o.Applied != nil {
			put(g.complete, float64(o.Applied.Finished.Unix()), id)
		}
	}
}

func (g gauges) gateways(ctx context.Context, put func(*prometheus.Desc, float64, ...string)) {
	all, err := g.cloud.store.Gateways(ctx)
	if err != nil {
		g.cloud.log.Error("metrics: gateways cannot be read", "err", err)
	}
	for _, gw := range all {
		if !gw.Revoked.IsZero() {
			continue // its silence is wanted
		}
		labels := []string{string(gw.Property), string(gw.ID)}
		put(g.held, float64(gw.Told.Held), labels...)
		put(g.waiting, float64(gw.Told.Waiting), labels...)
		if gw.Stored.Epoch == gw.Published.Epoch || gw.Stored.Revision == 0 {
			put(g.behind, float64(gw.Published.Revision)-float64(gw.Stored.Revision), labels...)
		}
		if !gw.CertificateEnds.IsZero() {
			put(g.certificate, float64(gw.CertificateEnds.Unix()), labels...)
		}
		if !gw.Contact.IsZero() {
			put(g.contact, float64(gw.Contact.Unix()), labels...)
		}
	}
}

// revocations tells of every property, also of those without any open one.
func (g gauges) revocations(ctx context.Context, put func(*prometheus.Desc, float64, ...string)) {
	now := g.cloud.now()
	open, err := g.cloud.store.OpenRevocations(ctx, now)
	if err != nil {
		g.cloud.log.Error("metrics: open revocations cannot be read", "err", err)
		return
	}
	for _, p := range g.cloud.cfg.Properties {
		n, oldest := 0, time.Duration(0)
		for _, v := range open {
			if v.Property != p.ID || v.State == store.Held {
				continue
			}
			n++
			if !v.Asked.IsZero() {
				oldest = max(oldest, now.Sub(v.Asked))
			}
		}
		put(g.revoking, float64(n), string(p.ID))
		put(g.oldest, oldest.Seconds(), string(p.ID))
	}
}
