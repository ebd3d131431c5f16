package outbox

import (
	"os"
	"slices"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// kinds lists what is kept, oldest first.
func (r *rig) kinds() (out []access.EventKind) {
	r.t.Helper()
	c := newCloud()
	c.through = r.stats().Confirmed
	c.known = false
	if err := c.drain(r.box, 1<<20); err != nil {
		r.t.Fatal(err)
	}
	for n := r.stats().Confirmed + 1; n <= c.through; n++ {
		if e, ok := c.events[n]; ok {
			out = append(out, e.Kind)
		} else if c.lost[n] {
			out = append(out, access.EventLost)
		}
	}
	return out
}

func TestFullOutboxGivesUpDoorEventsFirst(t *testing.T) {
	t.Parallel()
	const d, p, s, l = access.EventDoor, access.EventConfirmed, access.EventStarted, access.EventLost
	const ring, alarm = access.EventRing, access.EventTamper
	one := map[access.EventKind]access.Event{d: door(1), p: removal(1), s: started(), ring: {Kind: ring, Device: "lobby"}, alarm: {Kind: alarm, Device: "lobby"}}
	for name, c := range map[string]struct{ in, want []access.EventKind }{
		"fits":                          {[]access.EventKind{d, p, s, d}, []access.EventKind{d, p, s, d}},
		"the oldest door goes":          {[]access.EventKind{s, d, p, d, d}, []access.EventKind{s, l, p, d, d}},
		"a ring goes as a door does":    {[]access.EventKind{s, ring, p, d, d}, []access.EventKind{s, l, p, d, d}},
		"tampering stays longer":        {[]access.EventKind{alarm, d, p, ring, d}, []access.EventKind{alarm, l, p, ring, d}},
		"neighbours become one range":   {[]access.EventKind{d, d, d, s, p, p, p}, []access.EventKind{l, l, l, s, p, p, p}},
		"then others":                   {[]access.EventKind{d, s, p, s, p, p}, []access.EventKind{l, l, p, s, p, p}},
		"proofs stay whatever it costs": {[]access.EventKind{d, p, p, s, p, p, p, p}, []access.EventKind{l, p, p, l, p, p, p, p}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Events = 4
			r := newRig(t, o)
			for _, k := range c.in {
				r.append(one[k])
			}
			if got := r.kinds(); !slices.Equal(got, c.want) {
				t.Errorf("kept %v, want %v", got, c.want)
			}
			lost := 0
			for _, k := range c.want {
				if k == l {
					lost++
				}
			}
			if rep, st := r.verify(nil), r.stats(); !rep.ChainOK || rep.Lost != uint64(lost) || st.Lost != uint64(lost) {
				t.Errorf("%+v %+v", rep, st)
			}
		})
	}
}

func TestLostRangeGrowsInOneRecord(t *testing.T) {
	t.Parallel()
	o := options()
	o.Events = 5
	r := newRig(t, o)
	for n := range 500 {
		r.append(door(n))
	}
	if s := r.stats(); s.Waiting != 6 || s.Lost != 495 || s.First != 495 {
		t.Errorf("%+v", s)
	}
}

func TestLostRangeThatGrowsWhileItIsUnderWay(t *testing.T) {
	t.Parallel()
	o := options()
	o.Events = 5
	r := newRig(t, o)
	c := newCloud()
	for n := range 8 {
		r.append(door(n))
	}
	if err := c.drain(r.box, 200); err != nil {
		t.Fatal(err)
	}
	for n := range 4 { // the receipt is late: what was sent is given up
		r.append(door(n))
	}
	if err := r.box.Confirm(5); err != nil { // within the range that is lost now
		t.Fatal(err)
	}
	if err := c.drain(r.box, 200); err != nil || c.through != 12 {
		t.Errorf("through %d: %v", c.through, err)
	}
	if rep := r.verify(nil); !rep.ChainOK {
		t.Errorf("%+v", rep)
	}
}

func TestLimitOfBytes(t *testing.T) {
	t.Parallel()
	o := options()
	o.Bytes = 4000
	r := newRig(t, o)
	for n := range 100 {
		r.append(door(n))
	}
	if s := r.stats(); s.Bytes > o.Bytes || s.Waiting < 8 || s.Lost != 100-(s.Waiting-1) {
		t.Errorf("%+v", s)
	}
}

// TestG10_RoomFor210000Events is also where the stated file size is measured.
func TestG10_RoomFor210000Events(t *testing.T) {
	o := options()
	o.Boot = "0d1f6c2e-7a53-4f0e-9d2a-5b7a1c9e4f10" // as long as a real one
	r := newRig(t, o)
	batch := make([]access.Event, 1000)
	for i := range batch {
		batch[i] = access.Event{
			Kind: access.EventDoor, At: epoch.Add(123456789 * time.Nanosecond), Device: "lobby-north-1", Person: "person-00017",
			Door: "door-lobby-north", Granted: true, Message: "by PIN",
		}
	}
	for range DefaultEvents / len(batch) {
		r.append(batch...)
	}
	s := r.stats()
	if s.Waiting != DefaultEvents || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	r.append(batch...)
	if s = r.stats(); s.Waiting != DefaultEvents+1 || s.Lost != 1000 {
		t.Errorf("beyond the limit: %+v", s)
	}
	info, err := os.Stat(r.path)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	rep := r.verify(nil)
	t.Logf("%d events: file %d MiB, records %d MiB, verified in %s", s.Waiting, info.Size()>>20, s.Bytes>>20, time.Since(start))
	if !rep.ChainOK || info.Size() > 160<<20 {
		t.Errorf("file of %d bytes, %+v", info.Size(), rep)
	}
}

func BenchmarkAppendWhenFull(b *testing.B) {
	o := options()
	o.Events = 20_000
	r := newRig(b, o)
	for n := range 20 {
		r.append(slices.Repeat([]access.Event{door(n)}, 1000)...)
	}
	for b.Loop() {
		r.append(door(1))
	}
}
