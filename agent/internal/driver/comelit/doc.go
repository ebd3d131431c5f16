// Package comelit drives Comelit ViP door entry on the property's own network: the directory of a unit's slots, that ring
// and open, through the installer's web pages (webui.go); doors, rings, identity and activation codes through the ICONA
// bridge (bridge.go), whose wire is firmware-bridge/icona.
//
// Facts about the wire are from the fact sheet comelit.md; "§3" in a comment is a section of it, and nearly all of it is
// reverse engineered from single-house monitors. README.md says how well each is known and what was chosen where the
// sheet is silent.
//
// The pages show a table only inside a backup, of which the device keeps five and no more. So the driver goes by a
// picture: the newest backup of its own, and what the device accepted since. A row that rests on what was accepted is
// marked model.Record.Unproven. Which slot is whose is in no field of the device; the driver keeps it in driver.Memory.
//
// The bridge serves one session and mixes up two, so the driver keeps at most one, in a slot of its own: the one on which
// rings are heard, or one for a single request. Nothing that opens a door is ever sent twice.
//
// Only the agent's list of drivers may import it: planner, reconciler and other vendors must not. It shares no line with
// its simulator in comelitsim.
package comelit
