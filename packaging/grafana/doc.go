// Package grafana holds the dashboard that operations people load into Grafana. There is no Go in it but the
// test, which holds the dashboard against Grafana's form, Prometheus' language and the metrics there are. Nothing imports it.
package grafana
