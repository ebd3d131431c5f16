// Package akuvox drives Akuvox door panels over their local HTTP API: the `/api/*` JSON dialect on
// ports 80 and 443, logins none, basic and digest. Known from X916, E18, E18C, X915S, R20K, R20A
// and A08S; other models get cautious limits. The web dialects of other units are recognised and
// named for the installer, not spoken.
//
// Units can be made to call the gateway when something happens (Action URLs): hints, while the door log stays the truth.
//
// Facts about the wire are from the reference sheet akuvox.md; "§2.3" in a comment is a section of
// it. What the sheet calls unknown is not relied on: README.md lists what was chosen instead.
//
// Only the agent's list of drivers may import it: planner, reconciler and other vendors must not.
// It shares no wire code with its simulator in akuvoxsim.
package akuvox
