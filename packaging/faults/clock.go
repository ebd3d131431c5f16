package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// clock is what the gateway's box is told, by a file: how its clock stands, and where it is to be killed.
type clock struct {
	Offset time.Duration `json:"offset"` // of the wall clock
	Synced bool          `json:"synced"` // a time server holds it, right or wrong
	Boot   string        `json:"boot"`
	Booted time.Time     `json:"booted"`
	Again  bool          `json:"again"` // it was started again since: not the machine's own any more
	Point  string        `json:"point"` // kill at it, "" nowhere
	Count  int           `json:"count"` // when it is passed for this time
}

// newClock is the machine's own: the program that is shipped, which knows no other, must not take a start for another
// boot of hours ago.
func newClock() (clock, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return clock{}, err
	}
	up, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return clock{}, err
	}
	var seconds float64
	if _, err := fmt.Sscan(string(up), &seconds); err != nil {
		return clock{}, fmt.Errorf("/proc/uptime: %w", err)
	}
	return clock{Synced: true, Boot: strings.TrimSpace(string(boot)), Booted: time.Now().Add(-time.Duration(seconds * float64(time.Second)))}, nil
}

func (c clock) honest() bool           { return c.Synced && c.Offset == 0 }
func (c clock) save(path string) error { return saveJSON(path, c) }
