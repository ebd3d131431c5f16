package comelitsim_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

const own = "SB0000011" // the address of the standard token's slot

func TestRegistrationsThatAreIgnored(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		c.login(token)
		h := c.open("CTPP", own)
		good := registerPacket(1, own, "SB000001")
		for name, spoil := range map[string]func(k *packet){
			"another slot as source": func(k *packet) { k.from = "SB0000012" },
			"another slot inside":    func(k *packet) { k.body[12] = '2' },
			"to another unit":        func(k *packet) { k.to = "SB000002" },
			"no lease":               func(k *packet) { k.body[14], k.body[15] = 0, 0 },
			"too short":              func(k *packet) { k.body = k.body[:16] },
			"id of 16 bits":          func(k *packet) { k.id = 0x8001 },
			"no source":              func(k *packet) { k.from = "" },
		} {
			k := good
			k.id++
			k.body = append([]byte{}, good.body...)
			spoil(&k)
			c.send(h, k.bytes())
			select {
			case f := <-c.got:
				t.Errorf("%s is answered: % x", name, f.body)
			case <-time.After(time.Second):
			}
		}
		if r.slotOf(0, 1).Registered {
			t.Error("registered")
		}
		c.send(h, good.bytes())
		c.wantPacket(h)
		c.wantPacket(h)
		if !r.slotOf(0, 1).Registered {
			t.Error("not registered")
		}
	})
}

// A two-digit sub-address fills its ten bytes, without a NUL (§4).
func TestASubAddressOfTwoDigitsRegisters(t *testing.T) {
	t.Parallel()
	bubble(t, comelitsim.Options{Token: token, TokenSlot: 15}, func(t *testing.T, r *rig) {
		c, h := r.registered(token, "SB00000115")
		c.send(h, doorPacket(9, "SB00000115", "SB100001", 1).bytes())
		c.released(h, 0)
		if e := r.panel.DoorLog(); len(e) != 1 || e[0].By != "101.15 Gatehouse" {
			t.Errorf("%+v", e)
		}
	})
}

func TestALeaseEndsAfterAnHour(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, _ := r.registered(token, own)
		after(59 * time.Minute)
		if !r.slotOf(0, 1).Registered {
			t.Error("gone before the hour")
		}
		after(2 * time.Minute)
		if r.slotOf(0, 1).Registered {
			t.Error("still registered")
		}
		if _, err := r.panel.Ring(0, ""); err != nil {
			t.Fatal(err)
		}
		c.silence(time.Minute) // the socket is up, no ring, no error
	})
}

// §7.1: one session on the device; the second registration is ignored, not refused.
func TestASecondSessionIsIgnored(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		other := strings.Repeat("c", 32)
		r.edit(comelitsim.Slot{Unit: 1, Slot: 2, Enabled: true, Kind: "app", Name: "Other", Token: other})
		first, _ := r.registered(token, own)
		c := r.dial()
		c.login(other)
		h := c.open("CTPP", "SB0000022")
		ask := registerPacket(0x100, "SB0000022", "SB000002")
		c.send(h, ask.bytes())
		c.silence(30 * time.Second)
		r.fault(comelitsim.FaultManySessions)
		ask.id++
		c.send(h, ask.bytes())
		c.wantPacket(h)
		c.wantPacket(h)
		r.faultOff(comelitsim.FaultManySessions)
		first.nc.Close()
		c.nc.Close()
		after(time.Second)
		r.registered(token, own) // free again
	})
}

func TestAStaleSessionStaysTaken(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, _ := r.registered(token, own)
		r.fault(comelitsim.FaultStaleSession, "60s")
		c.nc.Close()
		after(time.Second)
		d := r.dial()
		d.login(token)
		h := d.open("CTPP", own)
		d.send(h, registerPacket(5, own, "SB000001").bytes())
		d.silence(30 * time.Second)
		after(31 * time.Second)
		d.send(h, registerPacket(6, own, "SB000001").bytes())
		d.wantPacket(h)
		d.wantPacket(h)
	})
}

func TestClosingCTPPEndsTheSession(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		c.send(0, append([]byte{0xef, 1, 3, 0, 2, 0, 0, 0}, byte(h), byte(h>>8)))
		c.want(0)
		if r.slotOf(0, 1).Registered {
			t.Error("still registered")
		}
	})
}

// A renewal wants ack and FIN; a client that leaves them out hears no more rings, and no error (§1.5, §7.6).
func TestRenewals(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		r.fault(comelitsim.FaultRenewal, "20s")
		for range 3 {
			after(20 * time.Second)
			k := c.wantPacket(h)
			if k.flags != 0x60 || k.id != 0x5c8b^0x8000 || len(k.body) != 16 || k.body[2] != 0xac || k.body[3] != 0x23 {
				t.Fatalf("%+v", k)
			}
			c.send(h, packet{id: 0x5c8b, ack: k.seq + 1, from: own, to: "SB000001"}.bytes())
			c.send(h, packet{flags: 0x20, id: 0x5c8b, ack: k.seq + 1, from: own, to: "SB000001"}.bytes())
		}
		after(20 * time.Second)
		c.wantPacket(h) // unanswered
		c.send(h, packet{id: 0x5c8b, from: own, to: "SB000001"}.bytes())
		after(21 * time.Second)
		if r.slotOf(0, 1).Registered {
			t.Error("an ack without FIN keeps the registration")
		}
		c.silence(time.Minute)
		if got := r.panel.Stats().Bridge; got["renewals"] != 4 || got["lapsed"] != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestALapseIsSilent(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		r.fault(comelitsim.FaultLapse)
		if r.slotOf(0, 1).Registered {
			t.Error("still registered")
		}
		c.silence(time.Minute)
		c.send(h, registerPacket(7, own, "SB000001").bytes()) // and once more
		c.wantPacket(h)
		c.wantPacket(h)
		if !r.slotOf(0, 1).Registered {
			t.Error("not registered again")
		}
	})
}

// However many doors a client opens in between, its renewals still count.
func TestRenewalsSurviveManyDoors(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.registered(token, own)
		for id := range uint16(100) {
			c.send(h, doorPacket(id, own, "SB100001", 1).bytes())
			c.released(h, 0)
		}
		r.fault(comelitsim.FaultRenewal, "20s")
		after(20 * time.Second)
		k := c.wantPacket(h)
		c.send(h, packet{id: 0x5c8b, ack: k.seq + 1, from: own, to: "SB000001"}.bytes())
		c.send(h, packet{flags: 0x20, id: 0x5c8b, ack: k.seq + 1, from: own, to: "SB000001"}.bytes())
		after(20 * time.Second)
		c.wantPacket(h)
		if !r.slotOf(0, 1).Registered {
			t.Error("lapsed")
		}
	})
}

// What was ignored is looked at again when it is sent again, also as the same packet.
func TestAnIgnoredRegistrationMayBeRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		first, _ := r.registered(token, own)
		c := r.dial()
		c.login(token)
		h := c.open("CTPP", own)
		ask := registerPacket(5, own, "SB000001").bytes()
		c.send(h, ask)
		c.silence(time.Second)
		first.nc.Close()
		after(time.Second)
		c.send(h, ask)
		c.wantPacket(h)
		c.wantPacket(h)
		c.send(h, registerPacket(6, own, "SB000001").bytes()) // before the hour is over, a new one
		c.wantPacket(h)
		c.wantPacket(h)
		c.send(h, packet{flags: 0x20, id: 5, from: own, to: "SB000001"}.bytes())
		c.silence(time.Second)
		if n := r.panel.Stats().Ignored["no such connection"]; n != 1 {
			t.Errorf("%d packets of the old registration ignored", n)
		}
	})
}
