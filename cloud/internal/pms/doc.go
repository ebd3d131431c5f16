// Package pms is the neutral picture of a property that every property-management system is
// reduced to: properties, units, people, leases and work orders, each value either known, absent
// or marked as unreadable, never guessed. It also holds the hygiene all sources share: civil dates
// without sentinels, status labels, e-mail classes, phone numbers, names, PINs and cards that
// went through a number format.
//
// It stands here so that one vendor's folder (pms/<vendor>) knows this package and no other
// vendor, and so that people and policy meet one shape. It decides nothing about access: no rule
// of a property, no clock, no store. Nothing on the gateway's side may import it, nor may policy,
// console or api, which see what the assembly makes of it.
package pms
