package cloudlink

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the link's own; the caller registers them where it wants them seen.
type metrics struct {
	connected prometheus.Gauge
	contact   prometheus.Gauge
	short     prometheus.Counter
	messages  *prometheus.CounterVec
	refused   *prometheus.CounterVec
	bytes     *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_cloudlink_connected", Help: "1 while the gateway has a connection on which it hears its cloud."}),
		contact: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_cloudlink_last_contact_timestamp_seconds", Help: "When the cloud was last heard, by the gateway's clock; 0 never since start."}),
		short: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_cloudlink_short_connections_total", Help: "Connections that were closed soon after they were made; many mean that another box uses this gateway's id."}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_cloudlink_messages_total", Help: "Messages by direction and type."}, []string{"direction", "type"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_cloudlink_refused_messages_total", Help: "Messages that were not acted on, by reason."}, []string{"reason"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_cloudlink_bytes_total", Help: "Bytes of MQTT by direction, without TLS."}, []string{"direction"}),
	}
}

// Collectors are the link's metrics.
func (l *Link) Collectors() []prometheus.Collector {
	m := l.metrics
	return []prometheus.Collector{m.connected, m.contact, m.short, m.messages, m.refused, m.bytes}
}

func (m *metrics) contactAt(t time.Time) { m.contact.Set(float64(t.UnixMilli()) / 1000) }
