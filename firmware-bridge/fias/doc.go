// Package fias holds the records with which a property's computer asks a lock system for keys over FIAS: KR makes a key, KD cancels a
// reservation's keys, KA answers; LS, LD, LR, LA and LE keep the link. It is the key part of FIAS over TCP, where a frame has no
// checksum; the link layer of serial lines is unknown to us and not here.
//
// Partner is the other end as far as it has told us about itself; it and the rest are values and functions without input or output,
// so a driver may listen or dial. Facts are from the reference sheet encoders.md §2; [T] is read in third-party documents, [I]
// inferred, [U] unknown: what was chosen instead stands in assumptions.md.
//
// It knows nothing of people, leases or doors, imports nothing of the house but firmware-bridge/ascii, and is imported by encoder
// drivers under agent/internal/driver. Simulators must not import it.
package fias
