// Package mosquitto holds what operations people give to a Mosquitto broker that stands beside the cloud in place
// of the embedded one: its configuration and its access list, which the test runs with a real Mosquitto. There is no
// Go in it but the test. Nothing imports it.
package mosquitto
