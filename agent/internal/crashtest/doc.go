// Package crashtest shows what a power cut can leave of a program's files. It reads what strace recorded of a real
// process (Parse), keeps account of what was promised to last and what was not (Disk), and lays out in a folder the
// images that a cut at any moment may leave (Walk): whatever was written before a file's last completed sync is there;
// each later write, for itself, is there, not there, or torn at a sector; a changed length or name is there or not.
// It also finds the MQTT messages among what left the process (Publishes), to hold files against what was told.
//
// It is test support: only tests import it. It knows no file format of ours and imports nothing of the house, so that it
// cannot share an error with what it judges.
package crashtest
