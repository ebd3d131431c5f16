package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// kept is a box whose clock NTP holds since a while.
func kept(b *box) *box {
	b.ntp = true
	b.Now()
	b.pass(time.Hour)
	b.is(b.real, ByNTP)
	b.save()
	return b
}

// jump makes NTP show another time.
func (b *box) jump(d time.Duration) { b.wall = b.wall.Add(d) }

// asks asks the cloud, which must be heard.
func (b *box) asks() {
	b.t.Helper()
	if err := b.cloud(200 * time.Millisecond); err != nil {
		b.t.Fatal(err)
	}
}

const tenYears = 10 * 365 * 24 * time.Hour

// TestG6_TimeServersThatLie has the other rows of agent/design/002-clock.md.
func TestG6_TimeServersThatLie(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(*box){
		"NTP steps forward: doubted until it is back": func(b *box) {
			kept(b).jump(tenYears)
			b.is(b.real, ByDoubt)
			b.pass(5 * time.Hour)
			b.is(b.real, ByDoubt)
			b.jump(-tenYears)
			b.is(b.real, ByNTP)
		},
		"NTP steps forward and falls silent: held": func(b *box) {
			kept(b).jump(tenYears)
			b.is(b.real, ByDoubt)
			b.ntp = false
			b.is(b.real, ByHold)
		},
		"stands for six hours: believed": func(b *box) {
			kept(b).jump(tenYears)
			b.Now()
			b.pass(6*time.Hour - time.Second) // the bound, by hand
			b.is(b.real, ByDoubt)
			b.pass(time.Second)
			b.is(b.real.Add(tenYears), ByNTP)
		},
		"stands for six hours, and is right again: at once": func(b *box) {
			kept(b).jump(tenYears)
			b.Now()
			b.pass(lookAgain)
			b.is(b.real.Add(tenYears), ByNTP)
			b.jump(-tenYears)
			b.is(b.real, ByNTP)
			b.jump(tenYears)
			b.is(b.real, ByDoubt) // and is held against what it was before
		},
		"moves while doubted: the six hours begin anew": func(b *box) {
			kept(b).jump(tenYears)
			b.Now()
			b.pass(5 * time.Hour)
			b.jump(time.Hour)
			b.is(b.real, ByDoubt)
			b.pass(5 * time.Hour)
			b.is(b.real, ByDoubt)
		},
		"cloud contradicts: NTP is not believed until they agree": func(b *box) {
			kept(b).jump(tenYears)
			b.Now()
			b.asks()
			b.is(b.real, ByCloud)
			b.pass(24 * time.Hour)
			b.is(b.real, ByHold)
			b.ntp = false // comes and goes
			b.Now()
			b.ntp = true
			b.pass(24 * time.Hour)
			b.is(b.real, ByHold)
			b.jump(-tenYears)
			b.is(b.real, ByNTP)
		},
		"cloud agrees with the step: the box was wrong": func(b *box) {
			kept(b)
			b.real = b.real.Add(2 * time.Hour)
			b.jump(2 * time.Hour)
			b.is(b.real.Add(-2*time.Hour), ByDoubt)
			b.asks()
			b.is(b.real, ByNTP)
		},
		"NTP turned back: doubted, and the cloud contradicts": func(b *box) {
			kept(b).jump(-tenYears)
			b.is(b.real, ByDoubt)
			b.asks()
			b.is(b.real, ByCloud)
			b.pass(24 * time.Hour)
			b.is(b.real, ByHold)
		},
		"NTP turned back, believed after six hours, and then the cloud": func(b *box) {
			kept(b).jump(-tenYears)
			b.Now()
			b.pass(lookAgain)
			b.is(b.real.Add(-tenYears), ByNTP)
			b.save()
			b.start() // the doubt outlives the process
			b.is(b.real.Add(-tenYears), ByNTP)
			b.asks()
			b.is(b.real, ByCloud)
		},
		"creeps: the bound is of the sum": func(b *box) {
			kept(b)
			for range 4 {
				b.jump(time.Minute)
				b.pass(time.Minute)
				b.Now()
			}
			b.is(b.real.Add(4*time.Minute), ByNTP)
			b.jump(2 * time.Minute)
			if h := b.Health(); h.Trusted || h.Now.Sub(b.real) > 5*time.Minute {
				b.t.Errorf("%+v", h)
			}
		},
		"slow drift: within 260 seconds a month": func(b *box) {
			kept(b).ntp = false
			b.pass(30 * 24 * time.Hour)
			b.real = b.real.Add(259 * time.Second) // the quartz was slow
			if h := b.Health(); !h.Trusted || b.real.Sub(h.Now) > h.Within || h.Within > 265*time.Second {
				b.t.Errorf("%+v, really %s", h, b.real)
			}
		},
		"back after a month: the drift is inside the bound": func(b *box) {
			kept(b).ntp = false
			b.pass(30 * 24 * time.Hour)
			b.real = b.real.Add(259 * time.Second)
			b.wall, b.ntp = b.real, true
			b.is(b.real, ByNTP)
		},
		"worse quartz: doubted, then the cloud agrees": func(b *box) {
			kept(b).ntp = false
			b.pass(30 * 24 * time.Hour)
			b.real = b.real.Add(20 * time.Minute)
			b.wall, b.ntp = b.real, true
			b.is(b.real.Add(-20*time.Minute), ByDoubt)
			b.asks()
			b.is(b.real, ByNTP)
		},
		"no NTP for a month: the cloud sharpens": func(b *box) {
			kept(b).ntp = false
			for range 30 {
				b.pass(24 * time.Hour)
				b.real = b.real.Add(8 * time.Second)
				b.asks()
				if h := b.Health(); h.Source != ByCloud || h.Within > time.Second || h.Now.Sub(b.real).Abs() > time.Second {
					b.t.Fatalf("%+v, really %s", h, b.real)
				}
			}
		},
		"drawer: a month off is believed, more is doubted": func(b *box) {
			kept(b)
			b.reboot(29*24*time.Hour, b.wall)
			b.wall, b.ntp = b.real, true
			b.is(b.real, ByNTP)
			b.save()
			was := b.real
			b.reboot(31*24*time.Hour, b.wall)
			b.wall, b.ntp = b.real, true
			b.is(was.Add(20*time.Second), ByDoubt)
			b.pass(lookAgain)
			b.is(b.real, ByNTP)
		},
		"a start before the last trusted instant is doubted": func(b *box) {
			kept(b)
			b.reboot(time.Hour, b.wall)
			b.wall, b.ntp = b.real.Add(-tenYears), true
			if h := b.Health(); h.Source != ByDoubt {
				b.t.Errorf("%+v", h)
			}
			b.asks()
			b.is(b.real, ByCloud)
		},
		"cloud is ahead of a server that fits: the earlier is believed": func(b *box) {
			kept(b)
			m := b.Mark()
			if err := b.Cloud(b.real.Add(tenYears), m, m); err != nil {
				b.t.Fatal(err)
			}
			b.is(b.real, ByNTP)
		},
		"cloud is behind a server that fits: the earlier is believed": func(b *box) {
			b.wall, b.ntp = noon.Add(tenYears), true // wrong from the start
			b.is(b.wall, ByNTP)
			b.asks()
			b.is(b.real, ByCloud)
			b.pass(time.Hour)
			b.is(b.real, ByHold)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c(newBox(t))
		})
	}
}

// TestG6_NoServerMovesTrustedTime: whatever a time server shows, while the cloud is heard now and then a
// trusted time is never more than the bound out; without it, never before the step has stood.
func TestG6_NoServerMovesTrustedTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := kept(newBox(t))
		stood := time.Duration(0) // since the last answer of the cloud
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				d := time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute
				b.pass(d)
				stood += d
			case 2:
				b.jump(time.Duration(rapid.IntRange(-4000, 4000).Draw(rt, "jump minutes")) * time.Minute)
			case 3:
				b.jump(time.Duration(rapid.IntRange(-240, 240).Draw(rt, "creep seconds")) * time.Second)
			case 4:
				b.ntp = !b.ntp
			case 5:
				b.asks()
				stood = 0
			}
			if h := b.Health(); h.Trusted && stood < lookAgain {
				if off := h.Now.Sub(b.real).Abs(); off > maxStep+time.Minute {
					rt.Fatalf("trusted by %s and out by %s", h.Source, off)
				}
			}
		}
	})
}
