// Package akuvoxsim is a strict stand-in for an Akuvox door panel on the LAN: the `/api/*` JSON dialect, its
// logins, its door logic and its bad days. It exists so that the driver, the reconciler and the demo can be
// proven against something that was written from the fact sheet alone (reference akuvox.md) and shares not one
// line of wire code with the driver. It is stricter than a real panel where that finds faults in a client;
// assumptions.md beside it lists every behaviour that no source states.
//
// Only tests and agent/cmd/gatehouse-sim may import it. It must never be linked into the agent or the cloud,
// and it imports nothing of the house.
package akuvoxsim
