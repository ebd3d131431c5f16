// Package store keeps everything the cloud must not lose: properties, people and leases, what every
// gateway should make true (numbered, as items), and what gateways told (acks, inventories, events).
//
// There is one set of hand-written statements for SQLite, the embedded default, and PostgreSQL, for
// installations beyond one machine. Both number their placeholders $1, $2, …; times are integers,
// milliseconds since 1970 UTC, 0 where there is none; booleans are 0 and 1. The schema is one file a
// version (folder schema) in SQLite's words, translated for PostgreSQL in migrate.go.
//
// Whatever opens a door (PINs, cards, items of a gateway's state, digest keys) is sealed with
// XChaCha20-Poly1305, bound to its place, so that a copied file or a moved row gives nobody a PIN.
//
// All writing goes through Store.Update, one transaction with a Tx. Every Tx method that works on one
// property or one gateway first takes its row, so that two processes (import beside serve) queue up
// and neither acts on what the other has just replaced. Take properties before gateways.
//
// It may be imported by the assembly (package cloud) alone; consumers declare the small interface
// they need. It never imports policy, publish, intake, pages or any vendor.
package store
