package comelitsim_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// rawAnswer asks server-info on a fresh connection and returns every byte that comes within a minute; ended says the
// panel closed the connection.
func (r *rig) rawAnswer(before func()) (all []byte, ended bool) {
	r.t.Helper()
	c := r.dialDeaf()
	type chunk struct {
		b   []byte
		err error
	}
	got := make(chan chunk, 10_000)
	go func() {
		defer close(got)
		for {
			b := make([]byte, 1<<12)
			n, err := c.nc.Read(b)
			got <- chunk{b[:n], err}
			if err != nil {
				return
			}
		}
	}()
	c.send(0, openBody("INFO", 0x4142, ""))
	for n := 0; n < 20; {
		n += len((<-got).b)
	}
	before()
	c.tell(0x4142, "server-info")
	for {
		select {
		case k := <-got:
			all = append(all, k.b...)
			if k.err != nil {
				return all, errors.Is(k.err, io.EOF) || errors.Is(k.err, io.ErrClosedPipe)
			}
		case <-time.After(time.Minute):
			return all, false
		}
	}
}

func TestFrameFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		good, ended := r.rawAnswer(func() {})
		size := len(good) - 8
		length := func(n int) []byte { return []byte{0, 6, byte(n), byte(n >> 8)} }
		if ended || !bytes.Equal(good[:4], length(size)) || !json.Valid(good[8:]) {
			t.Fatalf("ended %v: % x", ended, good[:8])
		}
		half := good[:len(good)/2]
		for name, want := range map[string]struct {
			head  []byte
			size  int
			ended bool
		}{
			comelitsim.FaultResetFrame:  {length(size), len(half), true},
			comelitsim.FaultHalfFrame:   {length(size), len(half), false},
			comelitsim.FaultSplitFrames: {length(size), len(good), false},
			comelitsim.FaultLongLength:  {[]byte{0, 6, byte(size) + 9, byte(size >> 8)}, len(good), false},
			comelitsim.FaultShortLength: {[]byte{0, 6, byte(size) - 3, byte(size >> 8)}, len(good), false},
			comelitsim.FaultBadMagic:    {[]byte{0, 7, byte(size), byte(size >> 8)}, len(good), false},
			comelitsim.FaultBadJSON:     {length(size / 2), 8 + size/2, false},
			comelitsim.FaultFreeze:      {nil, 0, false},
		} {
			got, ended := r.rawAnswer(func() { r.fault(name) })
			r.faultOff(name)
			if len(got) != want.size || !bytes.HasPrefix(got, want.head) || ended != want.ended {
				t.Errorf("%s: %d bytes, ended %v: % x", name, len(got), ended, got[:min(8, len(got))])
			}
		}
	})
}

func TestJSONFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		h := c.open("INFO", "")
		r.once(comelitsim.FaultWrongID)
		if m := c.ask(h, "server-info"); m["message-id"] != 8.0 {
			t.Errorf("%v", m["message-id"])
		}
		r.once(comelitsim.FaultWrongTypes)
		m := c.ask(h, "server-info")
		if _, text := m["response-code"].(string); !text {
			t.Errorf("%v", m)
		}
		if _, number := m["model"].(float64); !number {
			t.Errorf("%v", m)
		}
		r.once(comelitsim.FaultNoise)
		if m := c.ask(h, "server-info"); m["message-type"] != "notification" {
			t.Errorf("%v", m)
		}
		if b := c.want(h); !bytes.Contains(b, []byte(`"response"`)) {
			t.Errorf("%s", b)
		}
	})
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		c.login(token)
		h := c.open("UCFG", "")
		r.fault(comelitsim.FaultSlowConfig, "12s")
		c.tell(h, "get-configuration", "addressbooks", "none")
		c.silence(11 * time.Second)
		c.want(h)
		r.faultOff(comelitsim.FaultSlowConfig)
		r.fault(comelitsim.FaultSlow, "3s")
		c.tell(h, "get-configuration", "addressbooks", "none")
		c.silence(2 * time.Second)
		c.want(h)
		c.tell(h, "get-configuration", "addressbooks", "none")
		c.tell(h, "get-configuration", "addressbooks", "none")
		began := time.Now()
		c.want(h)
		c.want(h)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("two answers took %v", took) // each is late, not one after the other
		}
		c.tell(h, "get-configuration", "addressbooks", "none")
		after(time.Second)
		c.nc.Close() // the answer is on its way: nobody waits for it
	})
}

func TestAReboot(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c, _ := r.registered(token, own)
		r.installer()
		r.fault(comelitsim.FaultReboot, "20s")
		c.gone()
		r.dial().gone()
		if a := r.web("GET", "/users.html", ""); !a.cut {
			t.Errorf("%+v", a)
		}
		if _, err := r.panel.Ring(0, ""); err == nil {
			t.Error("a restarting panel rings")
		}
		after(21 * time.Second)
		if a := r.web("GET", "/users.html", ""); a.body != "LOGIN_IS_REQUIRED" {
			t.Errorf("the web session outlived it: %s", a.body)
		}
		if r.slotOf(0, 1).Registered {
			t.Error("the registration outlived it")
		}
		r.registered(token, own)
		r.fault(comelitsim.FaultReboot)
		r.faultOff(comelitsim.FaultReboot)
		r.registered(token, own)
	})
}

// §7.5: asleep after a while without a word; a ring wakes it.
func TestSleep(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.fault(comelitsim.FaultSleep, "15s")
		c, h := r.registered(token, own)
		after(10 * time.Second)
		c.send(h, doorPacket(1, own, "SB100001", 1).bytes())
		c.released(h, 0)
		after(16 * time.Second)
		c.send(h, doorPacket(2, own, "SB100001", 1).bytes())
		c.silence(time.Minute)
		r.ring(0)
		c.wantPacket(h)
		r.fault(comelitsim.FaultSleep, "15s") // switching it wakes, too
		c.wantPacket(h)
	})
}

func TestAFreezeHoldsThePagesUntilItThaws(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.fault(comelitsim.FaultFreeze)
		got := make(chan answer, 1)
		go func() { got <- r.web("GET", "/users.html", "") }()
		select {
		case a := <-got:
			t.Fatalf("%+v", a)
		case <-time.After(time.Hour):
		}
		r.faultOff(comelitsim.FaultFreeze)
		if a := <-got; a.body != "LOGIN_IS_REQUIRED" {
			t.Errorf("%+v", a)
		}
	})
}

func TestFaultSettings(t *testing.T) {
	t.Parallel()
	p, err := comelitsim.New(comelitsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range comelitsim.FaultList().Faults {
		if seen[f.Name] || f.Line == "" {
			t.Errorf("%s is listed twice or without a line", f.Name)
		}
		seen[f.Name] = true
		for _, on := range []bool{true, false} {
			if err := p.SetFault(comelitsim.FaultSetting{Name: f.Name, On: on}); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	for _, bad := range []comelitsim.FaultSetting{
		{Name: "rain"},
		{Name: comelitsim.FaultSlow, Value: "soon"},
		{Name: comelitsim.FaultSlow, Value: "-1s"},
		{Name: comelitsim.FaultDoorCause, Value: "256"},
		{Name: comelitsim.FaultDoorCause, Value: "x"},
		{Name: comelitsim.FaultFreeze, Value: "1s"},
		{Name: comelitsim.FaultFreeze, Times: -1},
	} {
		if err := p.SetFault(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
		if _, err := comelitsim.New(comelitsim.Options{Faults: []comelitsim.FaultSetting{bad}}); err == nil {
			t.Errorf("%+v was taken at the start", bad)
		}
	}
}

func TestOptionsThatMakeNoPanel(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]comelitsim.Options{
		"no units":   {Units: -1},
		"too many":   {Units: 2001},
		"slot":       {TokenSlot: 16},
		"short":      {Token: "abc"},
		"null token": {Token: "00000000000000000000000000000000"},
	} {
		if _, err := comelitsim.New(o); err == nil {
			t.Errorf("%s: a panel", name)
		}
	}
}

// Also deep inside: a client that reads the configuration must expect every type everywhere.
func TestWrongTypesReachTheConfiguration(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		c.login(token)
		h := c.open("UCFG", "")
		r.once(comelitsim.FaultWrongTypes)
		m := c.ask(h, "get-configuration", "addressbooks", "all")
		vip, _ := m["vip"].(map[string]any)
		books, _ := vip["user-parameters"].(map[string]any)
		doors, _ := books["opendoor-address-book"].([]any)
		if len(doors) != 3 || vip["enabled"] != "yes" || vip["apt-subaddress"] != "7" || doors[0].(map[string]any)["apt-address"] != 8.0 {
			t.Errorf("%v", m)
		}
	})
}
