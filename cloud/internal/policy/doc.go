// Package policy turns leases into access: one pure function from a property's roster to the
// wanted state of its gateways, with a reason in words for everything that is in it and for
// everything that is not.
//
// It stands apart so that what the publisher sends, what a preview shows and what a page explains
// come from the same call and cannot differ. It reads no clock, no store, no network: time is
// passed in. It imports protocol/access, access/fault, access/rules and people/model only; pages
// and publisher import it, vendors and package people never do.
//
// # What begins and ends access
//
// A lease whose status is future or current gives access from its begin date (move-in date or
// lease start, as the property chose; the other where one is absent) at the agreed or the
// property's hour. Both begin by date, so that the gateway switches at the minute by itself (rows
// S6, G6). A current lease without any begin date has always begun. Notice, eviction,
// month-to-month and holdover are current (row T9). No status, an applicant: no access.
//
// An end needs a reason (DESIGN §1.6): the move-out date; the lease end where the property chose
// it, never of a month-to-month lease or a holdover; status past from the moment it was seen.
// Whichever is first ends. An end that lies before the beginning leaves no access at all.
//
// # Who is not sent
//
// Somebody goes to the gateways while a window of theirs is open, to come, or ended less than
// Keep ago (late proofs and corrections still find them there). Others are not sent: what the box
// does not hold, a stolen box cannot tell. Nor are people who never had a window: applicants, and
// staff or vendors for as long as there are no grants by hand. People with a window but without a
// usable credential are sent: the directory needs their names.
package policy
