package drivertest

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// Holding is how many goroutines and descriptors the process has.
type Holding struct{ goroutines, descriptors int }

// Held counts them. Other tests must not run beside the one that counts.
func Held() Holding { return Holding{runtime.NumGoroutine(), descriptors()} }

// descriptors is -1 where the system does not tell.
func descriptors() int {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return -1
	}
	return len(open)
}

// Gone wants no more of either than before, as soon as what was closed has gone.
func (h Holding) Gone(t *testing.T, after string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(5 * time.Second)
	defer late.Stop()
	for {
		now := Held()
		if now.goroutines <= h.goroutines && now.descriptors <= h.descriptors {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			stacks := make([]byte, 64<<10)
			t.Errorf("%s leaves something behind: %+v before, %+v now\n%s", after, h, now, stacks[:runtime.Stack(stacks, true)])
			return
		}
	}
}

// Alone runs a test for each name, and wants nothing to be left of any when all are over. The test that calls it must
// not run beside others.
func Alone[Name ~string](t *testing.T, names []Name, test func(t *testing.T, name Name)) {
	t.Helper()
	before := Held()
	t.Run("each", func(t *testing.T) {
		for _, name := range names {
			t.Run(string(name), func(t *testing.T) {
				t.Parallel() // with each other
				test(t, name)
			})
		}
	})
	before.Gone(t, t.Name())
}
