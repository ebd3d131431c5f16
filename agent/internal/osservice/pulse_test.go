package osservice

import (
	"testing"
	"testing/synctest"
	"time"
)

func after(d time.Duration) { <-time.After(d) }

func TestPulses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pulses
		if err := p.Alive(); err != nil {
			t.Errorf("without any promise: %v", err)
		}
		p.Beat("panel lobby", 10*time.Second)
		p.Beat("panel garage", time.Minute)
		after(10 * time.Second)
		if err := p.Alive(); err != nil {
			t.Errorf("at the last moment: %v", err)
		}
		after(2 * time.Second)
		if err := p.Alive(); err == nil || err.Error() != "panel lobby is late by 2s" {
			t.Errorf("one is late: %v", err)
		}
		after(time.Minute)
		if err := p.Alive(); err == nil || err.Error() != "panel garage is late by 12s, panel lobby is late by 1m2s" {
			t.Errorf("both are late: %v", err)
		}
		p.Beat("panel lobby", time.Second)
		p.End("panel garage")
		if err := p.Alive(); err != nil {
			t.Errorf("one came back, one ended: %v", err)
		}
	})
}

// TestTheLastPromiseCounts: a shorter one after a longer one as well.
func TestTheLastPromiseCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pulses
		p.Beat("loop", time.Hour)
		p.Beat("loop", time.Second)
		after(2 * time.Second)
		if p.Alive() == nil {
			t.Error("the old promise still counts")
		}
	})
}
