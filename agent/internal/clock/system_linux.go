package clock

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// System is the box's own source. It fails when the kernel gives no boot id.
func System() (Source, error) {
	const path = "/proc/sys/kernel/random/boot_id"
	b, err := os.ReadFile(path)
	id := strings.TrimSpace(string(b))
	if err != nil || id == "" {
		return Source{}, fmt.Errorf("clock: no boot id in %s: %w", path, err)
	}
	return Source{
		Wall:      time.Now,
		Boot:      func() (string, time.Duration) { return id, sinceBoot() },
		NTPSynced: ntpSynced,
	}, nil
}

func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock: CLOCK_BOOTTIME: " + err.Error()) // every kernel since 2.6.39 has it
	}
	return time.Duration(ts.Nano())
}

// ntpSynced asks the kernel, as adjtimex(2) tells: state TIME_ERROR or the bit STA_UNSYNC mean
// that nobody disciplines the clock. Setting the clock by hand sets that bit.
func ntpSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && synced(state, t.Status)
}

func synced(state int, status int32) bool {
	return state != unix.TIME_ERROR && status&unix.STA_UNSYNC == 0
}
