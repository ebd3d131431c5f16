package comelitsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func (r *rig) ring(unit int) comelitsim.RingReport {
	r.t.Helper()
	rep, err := r.panel.Ring(unit, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// The ring of the fact sheet, and how often it comes while nobody acknowledges it (§1.5).
func TestARingIsRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		begin := time.Now()
		rep := r.ring(0)
		var first string
		for _, at := range []time.Duration{0, 600 * time.Millisecond, 1200 * time.Millisecond, 3400 * time.Millisecond, 7500 * time.Millisecond} {
			b := c.want(h)
			if got := time.Since(begin); got != at {
				t.Errorf("came after %v, want %v", got, at)
			}
			if first == "" {
				first = string(b)
			}
			if string(b) != first {
				t.Errorf("a repetition differs: % x", b)
			}
			pattern := "c0 18 ?? ?? ?? ?? 00 28 00 01 53 42 31 30 30 30 30 31 00 00 53 42 30 30 30 30 30 31 00 00 01 00 ?? ?? ?? ?? " +
				"53 42 31 30 30 30 30 31 00 00 50 50 ff ff ff ff 53 42 30 30 30 30 30 31 00 00 53 42 30 30 30 30 30 31 31 00"
			c.like("§1.5 Ring", fmt.Sprintf("% x", b), pattern)
			if call := fmt.Sprintf("%x", b[32:36]); call != rep.Call || b[2]&0x80 != 0 {
				t.Errorf("call %s, want %s", call, rep.Call)
			}
		}
		c.silence(2 * time.Minute) // an unanswered ring is never released
	})
}

// ringing is a client that has acknowledged a ring; id is the one its own packets carry.
func (r *rig) ringing() (c *client, h, id uint16) {
	r.t.Helper()
	c, h = r.registered(token, own)
	r.ring(0)
	k := c.wantPacket(h)
	id = k.id ^ 0x8000
	c.send(h, packet{id: id, ack: k.seq + 1, from: own, to: "SB000001"}.bytes())
	return c, h, id
}

func TestARingThatIsAnswered(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h, id := r.ringing()
		c.silence(10 * time.Second) // acknowledged: no repetition
		c.send(h, doorPacket(3, own, "SB100001", 1).bytes())
		c.released(h, 8) // off the call the panel is busy
		inCall := doorPacket(id, own, "SB100001", 1)
		inCall.flags, inCall.to = 0x40, "SB000001" // as captured in a call (§1.5)
		c.send(h, inCall.bytes())
		if k := c.wantPacket(h); k.flags != 0 || k.ack != inCall.seq+1 {
			t.Errorf("%+v", k)
		}
		if e := r.panel.DoorLog(); len(e) != 2 || e[0].Granted || !e[1].Granted || e[1].How != "call" {
			t.Errorf("%+v", e)
		}
		voice := append(append([]byte{0, 0x70}, pad10("SB100001")...), 1, 0)
		c.send(h, packet{flags: 0x40, id: id, seq: 2, body: voice, from: own, to: "SB000001"}.bytes())
		c.wantPacket(h)
		after(5 * time.Minute) // answered: it stays busy
		c.send(h, doorPacket(4, own, "SB100001", 1).bytes())
		c.released(h, 8)
		c.send(h, packet{flags: 0x40, id: id, seq: 3, body: []byte{0, 0x0e, 0}, from: own, to: "SB000001"}.bytes())
		c.wantPacket(h)
		c.send(h, doorPacket(5, own, "SB100001", 1).bytes())
		c.released(h, 0)
	})
}

func TestAnUnansweredRingKeepsThePanelBusyForAMinute(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h, id := r.ringing()
		if _, err := r.panel.Ring(1, ""); err == nil {
			t.Error("a second visitor rings at the same time")
		}
		c.send(h, packet{flags: 0x20, id: id, from: own, to: "SB000001"}.bytes())
		after(59 * time.Second)
		c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
		c.released(h, 8)
		after(2 * time.Second)
		c.send(h, doorPacket(2, own, "SB100001", 1).bytes())
		c.released(h, 0)
		r.ring(1)
	})
}

func TestARingIsReleasedWithACause(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h, id := r.ringing()
		if err := r.panel.EndRing(300); err == nil {
			t.Error("cause 300")
		}
		if err := r.panel.EndRing(5); err != nil {
			t.Fatal(err)
		}
		if k := c.wantPacket(h); k.flags != 0x40 || k.id != id^0x8000 || string(k.body) != "\x00\x0e\x05" {
			t.Errorf("%+v", k)
		}
		if err := r.panel.EndRing(0); err == nil {
			t.Error("nobody rings, and it can be ended")
		}
	})
}

func TestTheOthersAreReleasedWhenOneAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		other := strings.Repeat("d", 32)
		r.edit(comelitsim.Slot{Unit: 0, Slot: 2, Enabled: true, Kind: "app", Name: "Second", Token: other})
		r.fault(comelitsim.FaultManySessions)
		b, hb := r.registered(other, "SB0000012")
		a, ha, id := r.ringing()
		b.wantPacket(hb)
		voice := append(append([]byte{0, 0x70}, pad10("SB100001")...), 1, 0)
		a.send(ha, packet{flags: 0x40, id: id, seq: 2, body: voice, from: own, to: "SB000001"}.bytes())
		if k := b.wantPacket(hb); string(k.body) != "\x00\x0e\x00" {
			t.Errorf("%+v", k)
		}
		b.silence(time.Minute)
	})
}

func TestRingQuirks(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		r.fault(comelitsim.FaultShortOrigin)
		r.fault(comelitsim.FaultMediaChannel)
		r.ring(0)
		b := c.want(0)
		if string(b[8:12]) != "RTPC" || b[0] != 0xcd || b[2] != 1 {
			t.Errorf("% x", b)
		}
		c.send(0, []byte{0xcd, 0xab, 2, 0, 4, 0, 0, 0, b[12], b[13], 0, 0})
		if k := c.wantPacket(h); string(k.body[2:12]) != "B100001\x00\x00\x00" {
			t.Errorf("origin %q", k.body[2:12])
		}
		if r.panel.Stats().Bridge["open-ack"] != 1 {
			t.Error("the open-ack was not counted")
		}
	})
}

func TestRingsOfOtherUnitsAreNotHeard(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, _ := r.registered(token, own)
		r.ring(2)
		c.silence(time.Minute)
		for _, bad := range []struct {
			unit int
			door string
		}{{-1, ""}, {4, ""}, {0, "SB999999"}, {0, "SBIO0255"}} {
			if _, err := r.panel.Ring(bad.unit, bad.door); err == nil {
				t.Errorf("%v rings", bad)
			}
		}
	})
}

// Who rings (the device's side of mission row C18): Android apps first and phones when nobody answers, iOS apps and
// phones at once, everyone in the unit; and why somebody hears nothing.
func TestTowardsC18_WhoRings(t *testing.T) {
	t.Parallel()
	bubble(t, comelitsim.Options{}, func(t *testing.T, r *rig) {
		put := func(slot int, s comelitsim.Slot) {
			s.Unit, s.Slot, s.Enabled, s.Name = 1, slot, s.Name == "", fmt.Sprint("P", slot)
			r.edit(s)
		}
		put(3, comelitsim.Slot{Kind: "phone", Phone: "+15550101"})
		story := func(want string) {
			t.Helper()
			rep := r.ring(1)
			var b strings.Builder
			for _, s := range rep.Steps {
				fmt.Fprintf(&b, "%d %s %s; ", s.Slot, s.How, s.After)
			}
			for _, s := range rep.Silent {
				fmt.Fprintf(&b, "%d silent: %s; ", s.Slot, s.Why)
			}
			if b.String() != want {
				t.Errorf("rings %s\nwant  %s", b.String(), want)
			}
			if err := r.panel.EndRing(0); err != nil {
				t.Fatal(err)
			}
		}
		story("0 monitor 0s; 3 phone 0s; ")
		put(4, comelitsim.Slot{Kind: "app", Token: strings.Repeat("a", 32), OS: "android"})
		story("0 monitor 0s; 3 phone 30s; 4 app-push 0s; ")
		put(5, comelitsim.Slot{Kind: "app", Token: strings.Repeat("b", 32), OS: "ios"})
		story("0 monitor 0s; 3 phone 0s; 4 app-push 0s; 5 app-push 0s; ")
		put(5, comelitsim.Slot{Kind: "app", Token: strings.Repeat("b", 32)})
		put(6, comelitsim.Slot{Kind: "app", Code: "abc123"})
		put(7, comelitsim.Slot{Kind: "app"})
		put(8, comelitsim.Slot{Kind: "phone"})
		put(9, comelitsim.Slot{Kind: "phone", Phone: "+15550102", Name: "off"})
		story("0 monitor 0s; 3 phone 30s; 4 app-push 0s; 5 silent: activated, door entry not set up; " +
			"6 silent: invited, not activated; 7 silent: not invited; 8 silent: no number; 9 silent: disabled; ")
	})
}

// What a client may not say in a ring is acknowledged and does nothing.
func TestNonsenseInARing(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h, id := r.ringing()
		short := doorPacket(id, own, "SB100001", 1)
		short.body = short.body[:12]
		nobody := doorPacket(id, own, "SB100009", 1)
		voice := append(append([]byte{0, 0x70}, pad10("SB100001")...), 2, 0)
		for i, k := range []packet{short, nobody, {body: voice}, {body: voice[:13]}, {body: []byte{0}}} {
			k.flags, k.id, k.seq, k.from, k.to = 0x40, id, byte(i), own, "SB000001"
			c.send(h, k.bytes())
			if a := c.wantPacket(h); a.flags != 0 || a.ack != byte(i)+1 {
				t.Errorf("%+v", a)
			}
		}
		if r.opened() != "" || r.panel.Stats().Ignored["voice status"] != 2 {
			t.Errorf("opened %q, %v", r.opened(), r.panel.Stats().Ignored)
		}
		c.send(0, append([]byte{0xef, 1, 3, 0, 2, 0, 0, 0}, byte(h), byte(h>>8)))
		c.want(0)
		if err := r.panel.EndRing(0); err != nil {
			t.Fatal(err)
		}
		c.silence(time.Second) // its leg went with the channel
	})
}
