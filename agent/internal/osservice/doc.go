// Package osservice joins the agent to the operating system's service manager: it runs the work under
// it, tells it the truth about readiness and life, and installs, starts, stops and shows the service.
//
// It stands apart from the assembly because a manager's rules are not about doors: start must return
// at once, stop has a deadline, a ping that nobody earned hides a dead door. It knows nothing of
// panels, files or the cloud; the assembly says when doors are enforced and what proves life.
// Only gatehouse-agent's main package and the assembly import it. No driver, store or loop may: a
// loop that wants to show that it is alive takes a func(time.Duration) from the assembly.
//
// What it heeds of github.com/kardianos/service v1.3.0 (reference/libraries.md §1.3):
//
//   - The built-in unit waits two minutes after a crash, has no watchdog and runs as root: ours replaces it.
//   - Custom units are written in the 1.3 dialect, {{Name}} and {{range Key}}; a 1.2 one does not render.
//   - Install refuses when a unit is there and leaves an empty one when it fails half-way: we bring our own
//     up to date ourselves, and take an empty one away.
//   - Platform detection guesses: outside a running systemd nothing is installed.
//   - Status takes "deactivating" for not installed: systemd is asked directly.
//   - Stop has no deadline: ours ends after Grace, and the manager does the rest.
//   - Run waits for SIGTERM and SIGINT only, even when the work is over: ours ends with the work.
//   - The system logger needs a syslog socket: nothing here uses it, logs go to stderr.
package osservice
