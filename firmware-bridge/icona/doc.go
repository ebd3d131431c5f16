// Package icona speaks with the ICONA bridge ("viper") of Comelit ViP door entry, TCP 64100: frames, channels, JSON requests and the binary
// packets (CTP) by which a client registers, opens doors and hears rings; and the unicast INFO of UDP 24199.
//
// A Session is one connection with at most one CTPP channel and all traffic on it, because devices serve one such session and mix up two.
// It says "opened", "refused" or ErrUnanswered, and never sends an opening twice: a door that opens twice is worse than one that stays shut.
//
// Facts about the wire come from the reference sheet comelit.md; "§1.5" in a comment is a section of it. All of it is reverse engineered
// from single-house devices. How well a fact is known:
//
//	[R] read in third-party code, tests or notes
//	[T] tried with third-party clients
//	[I] inferred
//	[?] unknown: what was chosen instead stands in assumptions.md
//
// It is a plain codec: it knows nothing of people, leases or credentials and imports nothing of the house. The Comelit driver under
// agent/internal/driver imports it. Simulators must not, or both would be wrong together.
package icona
