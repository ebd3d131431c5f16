package rules

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

// day is a small time line: windows in whole minutes after base make touching edges likely.
const day = 60

func base() time.Time { return time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) }

func minute(n int) time.Time { return base().Add(time.Duration(n) * time.Minute) }

func drawWindows(t *rapid.T) []access.Window {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) access.Window {
		var w access.Window
		from := rapid.IntRange(0, day).Draw(t, "from")
		if rapid.IntRange(0, 5).Draw(t, "always begun") > 0 {
			w.From = minute(from)
		}
		if rapid.IntRange(0, 5).Draw(t, "no end") > 0 {
			w.Until = minute(rapid.IntRange(from, day).Draw(t, "until"))
		}
		return w
	}), 0, 6).Draw(t, "windows")
}

func TestOpen_UnionOfWindows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ws := drawWindows(t)
		for n := -1; n <= day+1; n++ {
			want := false
			for _, w := range ws {
				began := w.From.IsZero() || !minute(n).Before(w.From)
				over := !w.Until.IsZero() && !minute(n).Before(w.Until)
				want = want || began && !over
			}
			if got := Open(ws, minute(n)); got != want {
				t.Fatalf("minute %d of %v: open %v, want %v", n, ws, got, want)
			}
		}
	})
}

// TestA7_WindowsUnionWithoutFlicker walks from change to change: between two of them nothing may
// change, at each of them it must, and none is missed.
func TestA7_WindowsUnionWithoutFlicker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ws := drawWindows(t)
		at := minute(-1)
		next := NextChange(ws, at)
		for n := 0; n <= day+1; n++ {
			before, now := Open(ws, minute(n-1)), Open(ws, minute(n))
			if changed := before != now; changed != next.Equal(minute(n)) {
				t.Fatalf("minute %d: changed %v, but the next change announced is %v (windows %v)", n, changed, next, ws)
			}
			if next.Equal(minute(n)) {
				next = NextChange(ws, minute(n))
			}
		}
		if !next.IsZero() {
			t.Fatalf("a change is announced at %v, after the last edge (windows %v)", next, ws)
		}
	})
}

func TestNextChange_TouchingWindowsAreOne(t *testing.T) {
	t.Parallel()
	renewed := []access.Window{{From: minute(10), Until: minute(20)}, {From: minute(20), Until: minute(30)}}
	if got := NextChange(renewed, minute(12)); !got.Equal(minute(30)) {
		t.Errorf("a renewed lease changes at %v, want only at its last end %v", got, minute(30))
	}
	if got := NextChange(renewed, minute(30)); !got.IsZero() {
		t.Errorf("after the end a change is announced at %v", got)
	}
	if got := NextChange(nil, base()); !got.IsZero() {
		t.Errorf("no window changes at %v", got)
	}
	empty := []access.Window{{From: minute(5), Until: minute(5)}}
	if Open(empty, minute(5)) || !NextChange(empty, base()).IsZero() {
		t.Error("a move-out on the move-in's minute gives access for an instant")
	}
}

func TestWindow_EndLiesOutside(t *testing.T) {
	t.Parallel()
	ws := []access.Window{{From: minute(10), Until: minute(20)}}
	for at, want := range map[time.Time]bool{
		minute(10).Add(-1): false, minute(10): true, minute(20).Add(-1): true, minute(20): false,
	} {
		if Open(ws, at) != want {
			t.Errorf("at %v: open %v, want %v", at, !want, want)
		}
	}
}
