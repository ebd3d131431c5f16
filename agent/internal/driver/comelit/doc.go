// Package comelit drives the directory of Comelit ViP door entry: the slots of a unit that ring and open, through the
// installer's web pages on the property's own network. Doors, rings and discovery through the ICONA bridge are not in
// it yet.
//
// Facts about the wire are from the fact sheet comelit.md; "§3" in a comment is a section of it, and nearly all of it is
// reverse engineered from single-house monitors. README.md says how well each is known and what was chosen where the
// sheet is silent.
//
// The pages show a table only inside a backup, of which the device keeps five and no more. So the driver goes by a
// picture: the newest backup of its own, and what the device accepted since. A row that rests on what was accepted is
// marked model.Record.Unproven. Which slot is whose is in no field of the device; the driver keeps it in driver.Memory.
//
// Only the agent's list of drivers may import it: planner, reconciler and other vendors must not. It shares no line with
// its simulator in comelitsim.
package comelit
