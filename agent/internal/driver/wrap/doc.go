// Package wrap holds what every driver needs around its transport and no driver should
// write again: one exchange at a time, a rest after each answer, a deadline for each exchange, and a
// fence that cuts off an instance that was given up.
// It stands here because pacing, retry and metrics are wrappers around a driver, never inside it.
//
// It knows no vendor and imports nothing of the house. Drivers and the agent's assembly may import
// it; the planner, the reconciler and the cloud must not.
package wrap
