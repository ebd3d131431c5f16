// Package comelitsim is a strict stand-in for a Comelit ViP gateway of a building: the installer's web pages with the
// users' slots, the ICONA bridge on TCP (doors, registration, rings), unicast discovery on UDP, and their bad days.
// It exists so that a driver, the reconciler and the demo can be proven against something that was written from the
// fact sheet alone (reference comelit.md; "§3" in a comment is a section of it) and shares not one line of wire code
// with the driver. Those facts come from single-house monitors; what a building gateway does beyond them, and
// whatever else no source states, is listed in assumptions.md beside it.
//
// Only tests and agent/cmd/gatehouse-sim may import it. It must never be linked into the agent or the cloud, and of
// the house it imports only its own codec, comelitsim/viper.
package comelitsim
