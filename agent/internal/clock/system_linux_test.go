package clock

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemAgreesWithTheKernel(t *testing.T) {
	t.Parallel()
	src, err := System()
	if err != nil {
		t.Fatal(err)
	}
	id, since := src.Boot()
	again, later := src.Boot()
	if len(id) != 36 || id != again || since <= 0 || later < since {
		t.Errorf("%q %s, then %q %s", id, since, again, later)
	}
	if src.Wall().Before(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("the wall is behind this program")
	}
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		t.Fatal(err)
	}
	if src.NTPSynced() != synced(state, tx.Status) {
		t.Error("not what adjtimex says")
	}
}

func TestSynced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state  int
		status int32
		want   bool
	}{
		{unix.TIME_OK, unix.STA_PLL, true},
		{unix.TIME_OK, 0, true},
		{unix.TIME_INS, unix.STA_INS, true},
		{unix.TIME_OK, unix.STA_UNSYNC, false},
		{unix.TIME_ERROR, 0, false},
		{unix.TIME_ERROR, unix.STA_UNSYNC, false},
	} {
		if got := synced(c.state, c.status); got != c.want {
			t.Errorf("state %d, status %#x: %v", c.state, c.status, got)
		}
	}
}
