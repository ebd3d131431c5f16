package clock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// memo is a keeper in memory.
type memo struct {
	b     []byte
	saves int
	fail  error
}

func (m *memo) SaveClock(b []byte) error {
	if m.fail == nil {
		m.b, m.saves = b, m.saves+1
	}
	return m.fail
}

func (m *memo) LoadClock() ([]byte, error) { return m.b, nil }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// box is a gateway whose clocks a test turns by hand. real is the true time.
type box struct {
	t     testing.TB
	real  time.Time
	wall  time.Time
	boot  string
	since time.Duration
	ntp   bool
	keep  memo
	*Clock
}

func newBox(t testing.TB) *box {
	b := &box{t: t, real: noon, wall: noon, boot: "boot-1", since: 30 * time.Second}
	b.start()
	return b
}

func (b *box) source() Source {
	return Source{
		Wall:      func() time.Time { return b.wall },
		Boot:      func() (string, time.Duration) { return b.boot, b.since },
		NTPSynced: func() bool { return b.ntp },
	}
}

// start starts the agent's process.
func (b *box) start() {
	c, err := New(b.source(), &b.keep, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Clock = c
}

// reboot starts the box: off for a while, then up, showing what its battery-less wall shows.
func (b *box) reboot(off time.Duration, wall time.Time) {
	b.real = b.real.Add(off)
	b.boot, b.since, b.wall, b.ntp = b.boot+"+", 20*time.Second, wall, false
	b.real = b.real.Add(b.since)
	b.start()
}

func (b *box) pass(d time.Duration) {
	b.real, b.wall, b.since = b.real.Add(d), b.wall.Add(d), b.since+d
}

func (b *box) save() {
	b.t.Helper()
	if err := b.Save(); err != nil {
		b.t.Fatal(err)
	}
}

// cloud asks the cloud; the answer takes round.
func (b *box) cloud(round time.Duration) error {
	sent := b.Mark()
	b.pass(round / 2)
	at := b.real
	b.pass(round - round/2)
	return b.Cloud(at, sent, b.Mark())
}

func (b *box) is(want time.Time, source string) {
	b.t.Helper()
	h := b.Health()
	if !h.Now.Equal(want) || h.Source != source || h.Trusted != (source != ByNone && source != ByDoubt) {
		b.t.Errorf("%s by %s, trusted %v; want %s by %s", h.Now, h.Source, h.Trusted, want, source)
	}
	if now, trusted := b.Now(); !now.Equal(want) || trusted != h.Trusted || now.Location() != time.UTC {
		b.t.Errorf("Now says %s, %v", now, trusted)
	}
}

// TestG6_WhatTheClockSays has the rows of agent/design/002-clock.md without a time server that lies.
func TestG6_WhatTheClockSays(t *testing.T) {
	t.Parallel()
	y1970, y2036 := time.Unix(5, 0).UTC(), time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC)
	trusted := func(b *box) { b.ntp = true; b.Now(); b.save(); b.ntp = false }
	for name, c := range map[string]func(*box){
		"fresh: the wall, not trusted": func(b *box) {
			b.is(noon, ByNone)
			b.pass(time.Hour)
			b.is(noon.Add(time.Hour), ByNone)
		},
		"NTP holds the wall": func(b *box) {
			b.ntp = true
			b.is(noon, ByNTP)
		},
		"NTP lost: held": func(b *box) {
			trusted(b)
			b.pass(40 * 24 * time.Hour)
			b.is(b.real, ByHold)
		},
		"wall jumps to 2036 and back": func(b *box) {
			trusted(b)
			b.wall = y2036
			b.pass(time.Minute)
			b.is(b.real, ByHold)
			b.wall = y1970
			b.pass(time.Minute)
			b.is(b.real, ByHold)
		},
		"process restarts on a running box: trust stays": func(b *box) {
			trusted(b)
			b.pass(3 * time.Hour)
			b.wall = y1970
			b.start()
			b.is(b.real, ByHold)
		},
		"start in 1970: last trusted instant goes on": func(b *box) {
			trusted(b)
			b.pass(time.Hour)
			b.save()
			was := b.real
			b.reboot(5*24*time.Hour, y1970)
			b.is(was.Add(20*time.Second), ByNone)
			b.pass(time.Hour)
			b.is(was.Add(time.Hour+20*time.Second), ByNone)
		},
		"start ahead: the wall is not looked at": func(b *box) {
			trusted(b)
			b.reboot(time.Hour, y2036)
			b.is(noon.Add(20*time.Second), ByNone)
		},
		"NTP restores trust after a start": func(b *box) {
			trusted(b)
			b.reboot(time.Hour, y1970)
			b.wall, b.ntp = b.real, true
			b.is(b.real, ByNTP)
		},
		"cloud restores trust after a start": func(b *box) {
			trusted(b)
			b.reboot(time.Hour, y1970)
			if err := b.cloud(200 * time.Millisecond); err != nil {
				b.t.Fatal(err)
			}
			b.is(b.real, ByCloud)
			b.pass(time.Hour)
			b.is(b.real, ByHold)
		},
		"cloud trust outlives the process": func(b *box) {
			_ = b.cloud(time.Second)
			b.save()
			b.pass(time.Hour)
			b.start()
			b.is(b.real, ByHold)
		},
		"cloud corrects downwards what NTP left behind": func(b *box) {
			b.wall, b.ntp = y2036, true
			b.Now()
			b.wall, b.ntp = noon, false
			if err := b.cloud(100 * time.Millisecond); err != nil {
				b.t.Fatal(err)
			}
			b.is(b.real, ByCloud)
		},
		"a slow answer that fits does not blur a sharp clock": func(b *box) {
			trusted(b)
			m := b.Mark()
			b.pass(8 * time.Second)
			if err := b.Cloud(b.real, m, b.Mark()); err != nil {
				b.t.Fatal(err)
			}
			b.is(b.real, ByHold)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c(newBox(t))
		})
	}
}

func TestCloudRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(*box) error{
		"too slow":            func(b *box) error { return b.cloud(maxRound + time.Millisecond) },
		"no time":             func(b *box) error { return b.Cloud(time.Time{}, b.Mark(), b.Mark()) },
		"answer before asked": func(b *box) error { m := b.Mark(); b.pass(1); return b.Cloud(noon, b.Mark(), m) },
		"asked before the box started": func(b *box) error {
			m := b.Mark()
			b.reboot(time.Hour, noon)
			return b.Cloud(noon, m, b.Mark())
		},
		"never asked": func(b *box) error { return b.Cloud(noon, Mark{}, b.Mark()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			if err := f(b); err == nil {
				t.Error("taken")
			}
			if _, trusted := b.Now(); trusted {
				t.Error("trusted")
			}
		})
	}
}

func TestUncertaintyGrowsWhileHeld(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	if err := b.cloud(2 * time.Second); err != nil {
		t.Fatal(err)
	}
	if h := b.Health(); h.Within != time.Second {
		t.Errorf("within %s at once", h.Within)
	}
	b.pass(30 * 24 * time.Hour)
	if h := b.Health(); h.Within < 4*time.Minute || h.Within > 5*time.Minute {
		t.Errorf("within %s after a month", h.Within)
	}
	if err := b.cloud(2 * time.Second); err != nil {
		t.Fatal(err)
	}
	if h := b.Health(); h.Within != time.Second || h.Source != ByCloud {
		t.Errorf("a fresh answer does not sharpen: %+v", h)
	}
}

func TestSaveOnlyTrustedInstantsEveryTenMinutes(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.save()
	if b.keep.saves != 0 {
		t.Error("an untrusted instant was remembered")
	}
	b.ntp = true
	for range 20 * 60 {
		b.pass(time.Second)
		b.save()
	}
	if b.keep.saves != 2 {
		t.Errorf("%d saves in twenty minutes", b.keep.saves)
	}
	b.wall = b.wall.Add(-time.Minute) // a step is remembered at once
	b.save()
	if b.keep.saves != 3 {
		t.Errorf("%d saves after a step", b.keep.saves)
	}
}

func TestFailedSaveIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.ntp = true
	b.keep.fail = errors.New("disk full")
	if err := b.Save(); !errors.Is(err, b.keep.fail) {
		t.Errorf("got %v", err)
	}
	b.keep.fail = nil
	b.save()
	if b.keep.saves != 1 {
		t.Error("not tried again")
	}
}

func TestDamagedMemoryLeavesAWorkingClock(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"{", "{}", `{"boot":"b","since_ns":-1,"at":"2026-01-01T00:00:00Z"}`} {
		b := &box{t: t, wall: noon, boot: "b", keep: memo{b: []byte(bad)}}
		c, err := New(b.source(), &b.keep, nil)
		if err == nil || c == nil {
			t.Fatalf("%s: %v", bad, err)
		}
		if now, trusted := c.Now(); trusted || !now.Equal(noon) {
			t.Errorf("%s: %s %v", bad, now, trusted)
		}
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.ntp = true
	if d := b.Until(noon.Add(time.Minute)); d != time.Minute {
		t.Errorf("%s", d)
	}
	if d := b.Until(noon.Add(-time.Minute)); d != 0 {
		t.Errorf("%s", d)
	}
}

func TestChangedTellsStepsAndTrustOnly(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	told := func(what string, want bool) {
		t.Helper()
		ch := b.Changed()
		switch what {
		case "trust":
			b.ntp = !b.ntp
		case "step":
			b.wall = b.wall.Add(time.Minute)
		case "lie":
			b.wall = b.wall.Add(time.Hour)
		case "time":
			b.pass(time.Hour)
		}
		b.Now()
		select {
		case <-ch:
			if !want {
				t.Errorf("%s: told", what)
			}
		default:
			if want {
				t.Errorf("%s: not told", what)
			}
		}
	}
	told("time", false)
	told("trust", true) // NTP comes
	told("time", false)
	told("step", true)
	told("lie", true) // a step that is not believed: trust is gone
	told("time", false)
	told("trust", true) // NTP goes: held, trusted again
	told("time", false)
}

func TestRunRemembersAndWakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		keep, ntp := &memo{}, make(chan bool, 1)
		ntp <- false
		src := Source{
			Wall: time.Now,
			Boot: func() (string, time.Duration) { return "boot", time.Since(start) },
			NTPSynced: func() bool {
				v := <-ntp
				ntp <- v
				return v
			},
		}
		c, err := New(src, keep, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.Run(ctx); close(done) }()
		changed := c.Changed()
		time.AfterFunc(10*time.Minute, func() { <-ntp; ntp <- true })
		<-changed // nobody asks for the time: Run notices
		if d := time.Since(start); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("noticed after %s", d)
		}
		<-time.After(time.Hour)
		cancel()
		<-done
		if keep.saves < 6 || keep.saves > 8 {
			t.Errorf("%d saves in an hour", keep.saves)
		}
		if d := c.Until(start.Add(2 * time.Hour)); d <= 0 || d > 51*time.Minute {
			t.Errorf("until gives %s", d)
		}
	})
}

// TestG6_TrustedTimeIsNeverFarOut: whatever happens to the wall, to NTP, the cloud and the power,
// a time that is called trusted is right, and one that is not is never too late.
func TestG6_TrustedTimeIsNeverFarOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBox(t)
		b.wall = noon.Add(-time.Duration(rapid.IntRange(0, 1e6).Draw(rt, "behind")) * time.Second)
		known := false
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 7).Draw(rt, "what") {
			case 0, 1:
				b.pass(time.Duration(rapid.IntRange(1, 1e5).Draw(rt, "pass")) * time.Second)
			case 2:
				b.ntp = false
				b.wall = time.Unix(int64(rapid.IntRange(0, 2e9).Draw(rt, "wall")), 0)
			case 3:
				b.wall, b.ntp = b.real, true
			case 4:
				b.ntp = false
			case 5:
				b.start()
			case 6:
				b.reboot(time.Duration(rapid.IntRange(1, 1e6).Draw(rt, "off"))*time.Second, time.Unix(5, 0))
			case 7:
				if err := b.cloud(time.Duration(rapid.IntRange(0, 9000).Draw(rt, "round")) * time.Millisecond); err != nil {
					rt.Fatal(err)
				}
			}
			h := b.Health()
			b.save()
			known = known || h.Trusted
			if off := h.Now.Sub(b.real).Abs(); h.Trusted && off > h.Within {
				rt.Fatalf("trusted by %s, out by %s, said to be within %s", h.Source, off, h.Within)
			}
			if !h.Trusted && known && h.Now.After(b.real.Add(maxRound/2)) {
				rt.Fatalf("untrusted and early by %s", h.Now.Sub(b.real))
			}
		}
	})
}
