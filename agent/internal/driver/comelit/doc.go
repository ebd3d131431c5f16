// Package comelit is where the driver of Comelit ViP door entry will stand: the directory of a unit's slots through
// the installer's web pages, and doors, rings and discovery through the ICONA bridge on the property's own network.
//
// There is no driver yet. README.md holds what is known of the devices and what its builder must not get wrong; the
// simulator in comelitsim was written first, from the fact sheet comelit.md alone, so that the two share no line of
// wire code and cannot be wrong together.
//
// Only the agent's list of drivers may come to import it; planner, reconciler and other vendors must not.
package comelit
