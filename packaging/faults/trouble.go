package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// trouble is something that fails, until it is mended.
type trouble struct {
	what  string
	panel string
	point bool // it happens while something is done: there must be something to do
	disk  bool // of the gateway's disk
	begin func() error
	mend  func() error
}

// points are where the gateway can be killed by name.
func points() []string {
	return []string{"apply:stored", "step:journalled", "step:applied", "step:recorded", "event:published", "receipt:confirmed"}
}

// troubles draws up to three, of different kinds.
func (h *house) troubles(ctx context.Context) []trouble {
	all := [][]trouble{append(h.boxTroubles(), h.diskTroubles(ctx)...), h.lineTroubles(), h.cloudTroubles(), h.clockTroubles()}
	for _, p := range h.panels {
		all = append(all, h.panelTroubles(ctx, p))
	}
	h.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []trouble
	for _, kind := range all[:[]int{0, 1, 1, 2, 2, 3}[h.rand.IntN(6)]] {
		out = append(out, kind[h.rand.IntN(len(kind))])
	}
	return out
}

func none() error { return nil }

// boxTroubles kill the gateway, at any instant or where it says that it is.
func (h *house) boxTroubles() []trouble {
	out := []trouble{
		{what: "gateway killed", begin: func() error { h.killBox(); return nil }, mend: func() error { return h.startBox("") }},
		{what: "gateway killed and started at once", begin: func() error { h.killBox(); return h.startBox("") }, mend: none},
	}
	for _, point := range points() {
		out = append(out, trouble{
			what:  "gateway killed at " + point,
			point: true,
			begin: func() error { h.killBox(); return h.startBox(point) },
			mend:  func() error { return h.pastPoint() },
		})
	}
	return out
}

func (h *house) killBox() {
	h.figures.kills++
	h.box.kill()
}

// pastPoint starts the gateway again when it was killed at its point, and else lets it pass there.
func (h *house) pastPoint() error {
	select {
	case <-h.box.ended:
		h.figures.points++
		h.box.asked = true
		return h.startBox("")
	case <-time.After(time.Second):
		h.clock.Point = ""
		return h.clock.save(h.path("clock.json"))
	}
}

func (h *house) lineTroubles() []trouble {
	heal := func() error { h.line.Heal(); return nil }
	does := func(what string, f func()) trouble {
		return trouble{what: what, begin: func() error { f(); return nil }, mend: heal}
	}
	return []trouble{
		does("line cut", func() { h.line.Refuse(); h.line.Reset() }),
		does("line reset", func() { h.line.Reset() }),
		does("line dead", h.line.Blackhole),
		does("line half closed", func() { h.line.HalfClose() }),
		does("line slow", func() { h.line.Throttle(2000 + h.rand.IntN(6000)) }),
		does("line late", func() { h.line.Delay(time.Duration(20+h.rand.IntN(150)) * time.Millisecond) }),
	}
}

// cloudTroubles kill the cloud or the broker.
func (h *house) cloudTroubles() []trouble {
	out := []trouble{
		{what: "cloud killed", begin: func() error { h.figures.kills++; h.cloud.kill(); return nil }, mend: h.startCloud},
		{what: "cloud killed and started at once", begin: func() error { h.figures.kills++; h.cloud.kill(); return h.startCloud() }, mend: none},
		{what: "cloud restarted", begin: func() error { h.cloud.stop(); return nil }, mend: h.startCloud},
	}
	if m := h.mosquitto; m != nil {
		out = append(out,
			trouble{what: "broker killed", begin: func() error { h.figures.kills++; m.process.kill(); return nil }, mend: m.start},
			trouble{what: "broker restarted", begin: func() error { m.stop(); return m.start() }, mend: none})
	}
	return out
}

// clockTroubles set the gateway's clock, if it is the one that can be set.
func (h *house) clockTroubles() []trouble {
	sets := func(what string, f func(*clock)) trouble {
		set := func(c clock) error { h.clock = c; return h.clock.save(h.path("clock.json")) }
		return trouble{what: what, begin: func() error {
			c := h.clock
			f(&c)
			return set(c)
		}, mend: func() error {
			c := h.clock
			c.Offset, c.Synced = 0, true
			return set(c)
		}}
	}
	reboot := sets("box without battery starts in 1970", func(c *clock) {
		c.Offset, c.Synced, c.Boot, c.Booted = time.Until(time.Unix(1000, 0)), false, fmt.Sprintf("boot-%d", time.Now().UnixNano()), time.Now()
		c.Again = true
	})
	set := reboot.begin
	reboot.begin = func() error {
		h.killBox()
		if err := set(); err != nil {
			return err
		}
		return h.startBox("")
	}
	return []trouble{
		reboot,
		sets("time server says 2036", func(c *clock) { c.Offset = 10 * 365 * 24 * time.Hour }),
		sets("clock jumps back without time server", func(c *clock) { c.Offset, c.Synced = -72*time.Hour, false }),
		sets("clock jumps ahead without time server", func(c *clock) { c.Offset, c.Synced = 400*24*time.Hour, false }),
		sets("time server away", func(c *clock) { c.Synced = false }),
	}
}

// panelTroubles let one panel fail.
func (h *house) panelTroubles(ctx context.Context, p *panel) []trouble {
	fault := func(name, value string, times int) trouble {
		set := func(on bool) error {
			return call(ctx, p.control+"/fault", map[string]any{"name": name, "on": on, "value": value, "times": times}, nil)
		}
		return trouble{what: strings.TrimSpace("panel " + p.device + ": " + name + " " + value), panel: p.device,
			begin: func() error { return set(true) }, mend: func() error { return set(false) }}
	}
	return []trouble{
		fault("power-cut", "700ms", 0), fault("reboot", "400ms", 0), fault("slow", "150ms", 0),
		fault("drop-connection", "", 2), fault("drop-connection-early", "", 2), fault("drop-read", "", 2),
		fault("http-500", "", 2), fault("full", "", 0),
		{what: "panel " + p.device + ": frozen", panel: p.device,
			begin: func() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }, mend: func() error { return p.cmd.Process.Signal(syscall.SIGCONT) }},
	}
}
