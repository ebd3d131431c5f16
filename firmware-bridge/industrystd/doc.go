// Package industrystd speaks the "Industry Standard" protocol with which a property's computer asks a lock system to make, copy, read and
// cancel guest keys. SALTO (Space, ProAccess) and Onity (HT22, HT24, HT28) speak it in two dialects, over TCP and over serial lines alike.
//
// The lock system owns the site's keys and drives the encoder; this package only says "a key for room 101, from then to then". A Job says
// what is wanted, Build turns it into a Message or refuses it in words, Session carries it over a Link and returns a Result: done, refused,
// or unknown. Unknown means that the frame may have been acted on and nobody said how; such a job is never sent again by this package,
// because a second new key makes the first one worthless. It is resolved by reading the card, or by a person.
//
// Facts about the wire come from the reference sheet encoders.md; "§1.4" in a comment is a section of it. How well a fact is known:
//
//	[V] documented by the vendor
//	[T] read in third-party code that works with real systems
//	[M] measured: another implementation emits or accepts the same bytes
//	[I] inferred
//	[U] unknown; what was chosen instead stands in assumptions.md
//
// It is a plain codec: it knows nothing of people, leases or doors, imports nothing of the house but
// firmware-bridge/ascii, and is imported by the
// encoder drivers under agent/internal/driver. Simulators of encoders must not import it, or both would be wrong together.
package industrystd
