package comelitsim_test

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// atDoor is a logged-in client with CTPP open and no registration.
func (r *rig) atDoor() (*client, uint16) {
	r.t.Helper()
	c := r.dial()
	c.login(token)
	return c, c.open("CTPP", own)
}

func TestDoorsOpenOnceAnOpening(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		ask := doorPacket(1, own, "SB100001", 2)
		c.send(h, ask.bytes())
		c.released(h, 0)
		c.send(h, ask.bytes()) // the same packet again: answered, not done again
		c.released(h, 0)
		c.send(h, packet{flags: 0x20, id: 1, from: own, to: "SB100001"}.bytes())
		c.send(h, ask.bytes()) // after the FIN it is a new one
		c.released(h, 0)
		c.send(h, doorPacket(2, own, "SB100002", 1).bytes())
		c.released(h, 0)
		if got := r.opened(); got != "SB100001/2 SB100001/2 SB100002/1" {
			t.Errorf("opened %s", got)
		}
		if e := r.panel.DoorLog()[0]; e.By != "101.1 Gatehouse" || e.How != "api" || e.Name != "Bicycle room" || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
	})
}

func TestDoorsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		c.send(h, doorPacket(1, own, "SB100009", 1).bytes())
		c.released(h, 1)
		c.send(h, doorPacket(2, own, "SB100001", 9).bytes())
		c.released(h, 1)
		wrong := doorPacket(3, own, "SB100001", 1)
		wrong.to = "SB100002" // not the door of the body
		c.send(h, wrong.bytes())
		short := doorPacket(4, own, "SB100001", 1)
		short.body = short.body[:12]
		c.send(h, short.bytes())
		c.send(h, packet{flags: 0x40, id: 5, body: wrong.body, from: own, to: "SB000001"}.bytes()) // data without a call
		c.send(h, []byte("nonsense"))
		c.silence(time.Minute)
		if got := r.opened(); got != "" {
			t.Errorf("opened %s", got)
		}
	})
}

func TestActuators(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		act := packet{flags: 0xc0, id: 1, body: []byte{0, 0x20, 0xff, 1}, from: own, to: "SBIO0255"}
		c.send(h, act.bytes())
		c.released(h, 0)
		act.id, act.body = 2, []byte{0, 0x20, 0xff, 2}
		c.send(h, act.bytes())
		c.released(h, 1)
		act.id, act.body = 3, []byte{0, 0x20, 0xff}
		c.send(h, act.bytes())
		c.silence(time.Second)
		r.once(comelitsim.FaultActuatorMute)
		act.id, act.body = 4, []byte{0, 0x20, 0xff, 1}
		c.send(h, act.bytes())
		c.silence(time.Minute)
		if got := r.opened(); got != "SBIO0255/255/1 SBIO0255/255/1" {
			t.Errorf("opened %s", got)
		}
	})
}

func TestCallsAreRefusedAsBusy(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		c.send(h, packet{flags: 0xc0, id: 1, body: make([]byte, 40), from: own, to: "SB100001"}.bytes()) // opcode 0
		if k := c.wantPacket(h); len(k.body) != 0 {
			t.Errorf("%+v", k)
		}
		call := make([]byte, 40)
		call[1] = 1
		c.send(h, packet{flags: 0xc0, id: 2, body: call, from: own, to: "SB100001"}.bytes())
		c.released(h, 8)
	})
}

func TestDoorFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault, value string
		cause        int // negative: no answer
		opens        string
	}{
		"busy":           {comelitsim.FaultDoorCause, "", 8, ""},
		"another cause":  {comelitsim.FaultDoorCause, "3", 3, ""},
		"mute":           {comelitsim.FaultDoorMute, "", -1, "SB100001/1"},
		"dead":           {comelitsim.FaultDoorDead, "", -1, ""},
		"register first": {comelitsim.FaultRegisterFirst, "", -1, ""},
		"frozen":         {comelitsim.FaultFreeze, "", -1, ""},
		"none":           {"", "", 0, "SB100001/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, standard(), func(t *testing.T, r *rig) {
				c, h := r.atDoor()
				if tc.fault != "" {
					r.fault(tc.fault, tc.value)
				}
				c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
				if tc.cause < 0 {
					c.silence(time.Minute)
				} else {
					c.released(h, byte(tc.cause))
				}
				if got := r.opened(); got != tc.opens {
					t.Errorf("opened %q, want %q", got, tc.opens)
				}
			})
		})
	}
}

func TestRegisterFirstLetsARegisteredClientOpen(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.fault(comelitsim.FaultRegisterFirst)
		c, h := r.registered(token, own)
		c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
		c.released(h, 0)
		c.send(h, packet{flags: 0xc0, id: 2, body: []byte{0, 0x20, 0xff, 1}, from: own, to: "SBIO0255"}.bytes())
		c.released(h, 0)
		if got := r.opened(); got != "SB100001/1 SBIO0255/255/1" {
			t.Errorf("opened %q", got)
		}
	})
}

// §1.6: a client puts the output where its sub-address belongs; devices open all the same, a strict one does not.
func TestAWrongSource(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		c.send(h, doorPacket(1, "SB0000012", "SB100001", 2).bytes())
		c.released(h, 0)
		r.fault(comelitsim.FaultStrictSource)
		c.send(h, doorPacket(2, "SB0000012", "SB100001", 2).bytes())
		c.silence(time.Minute)
		if n := r.panel.Stats().Ignored["source"]; n != 1 {
			t.Errorf("%d ignored", n)
		}
	})
}

// §7.2: once, then nothing until a new connection.
func TestWorksOnce(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.fault(comelitsim.FaultWorksOnce)
		c, h := r.atDoor()
		c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
		c.released(h, 0)
		c.send(h, doorPacket(2, own, "SB100001", 1).bytes())
		c.silence(time.Minute)
		c, h = r.atDoor()
		c.send(h, doorPacket(2, own, "SB100001", 1).bytes())
		c.released(h, 0)
	})
}

// Connections within a connection are forgotten, the oldest first: a client that never sends FIN does no harm.
func TestManyOpenings(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, h := r.atDoor()
		for id := range uint16(200) {
			c.send(h, doorPacket(id, own, "SB100001", 1).bytes())
			c.released(h, 0)
		}
		if n := len(r.panel.DoorLog()); n != 200 {
			t.Errorf("%d openings", n)
		}
	})
}
