// Package prometheus holds what operations people give to Prometheus: alert rules with their tests, a runbook
// that says of each alert what it means and what to do, and the table of metrics, which a test of package
// agent makes from the registry. There is no Go in it but tests. Nothing imports it.
package prometheus
