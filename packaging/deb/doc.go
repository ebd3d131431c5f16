// Package deb holds what makes the gateway's Debian packages: build.sh, the description in nfpm.yaml, the
// maintainer scripts, the default configuration and the README that is installed. There is no Go in it
// but the test, which installs, upgrades, removes and purges. Nothing imports it.
package deb
