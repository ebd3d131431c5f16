// Package systemd holds the units that the packages install. There is no Go in it but the test, which has
// systemd's own tools judge them. The agent's unit is made from the template in agent/internal/osservice,
// whose test compares the two. Nothing imports it.
package systemd
