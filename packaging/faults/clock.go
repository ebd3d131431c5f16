package main

import "time"

// clock is what the gateway's box is told, by a file: how its clock stands, and where it is to be killed.
type clock struct {
	Offset time.Duration `json:"offset"` // of the wall clock
	Synced bool          `json:"synced"` // a time server holds it, right or wrong
	Boot   string        `json:"boot"`
	Booted time.Time     `json:"booted"`
	Point  string        `json:"point"` // kill at it, "" nowhere
	Count  int           `json:"count"` // when it is passed for this time
}

func newClock() clock { return clock{Synced: true, Boot: "boot-0", Booted: time.Now()} }

func (c clock) honest() bool           { return c.Synced && c.Offset == 0 }
func (c clock) save(path string) error { return saveJSON(path, c) }
