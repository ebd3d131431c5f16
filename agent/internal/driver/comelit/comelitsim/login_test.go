package comelitsim_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func TestTokensThatDoNotLogIn(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.edit(comelitsim.Slot{Unit: 1, Slot: 3, Kind: "app", Name: "Off", Token: strings.Repeat("b", 32)}) // disabled
		for _, bad := range []string{"", "0", strings.Repeat("0", 32), strings.Repeat("a", 32), strings.Repeat("b", 32), token + "0", token[:31]} {
			c := r.dial()
			if m := c.ask(c.open("UAUT", ""), "access", "user-token", bad); code(m) == 200 {
				t.Errorf("%q logs in: %v", bad, m)
			}
			if m := c.ask(c.open("UCFG", ""), "get-configuration", "addressbooks", "none"); code(m) == 200 {
				t.Errorf("%q sees the configuration", bad)
			}
		}
		c := r.dial()
		h := c.open("UAUT", "")
		if m := c.ask(h, "access", "user-token", strings.ToUpper(token)); code(m) != 200 {
			t.Errorf("hex in capitals: %v", m)
		}
		if m := c.ask(h, "access", "user-token", token); code(m) == 200 {
			t.Errorf("a second login on one connection: %v", m)
		}
	})
}

// The activation code made on the web side becomes a token, once, without a login (§3 redeem).
func TestActivation(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		r.edit(comelitsim.Slot{Unit: 2, Slot: 5, Enabled: true, Kind: "app", Name: "Ada", Email: "ada@example.com"})
		if a := r.web("POST", "/create-actcode.html?user=2.5", "", "Referer", usersPage); strings.Contains(a.body, "Invalid") {
			t.Fatalf("%s", a.body)
		}
		pending := r.slotOf(2, 5).Code
		if len(pending) != 6 {
			t.Fatalf("code %q", pending)
		}
		c := r.dial()
		h := c.open("UAUT", "")
		if m := c.ask(h, "user-activation", "activation-code", "wrong1", "description", "x"); code(m) == 200 {
			t.Errorf("a wrong code: %v", m)
		}
		if m := c.ask(h, "user-activation", "activation-code", "", "description", "x"); code(m) == 200 {
			t.Errorf("an empty code: %v", m)
		}
		m := c.ask(h, "user-activation", "activation-code", pending, "description", "phone")
		fresh, _ := m["user-token"].(string)
		if code(m) != 200 || len(fresh) != 32 {
			t.Fatalf("%v", m)
		}
		if m := c.ask(h, "user-activation", "activation-code", pending); code(m) == 200 {
			t.Errorf("the code works twice: %v", m)
		}
		if s := r.slotOf(2, 5); s.Token != fresh || s.Code != "" || s.Name != "Ada" {
			t.Errorf("%+v", s)
		}
		r.dial().login(fresh)
		if inv := r.panel.Stats().Invitations; len(inv) != 1 || inv[0] != (comelitsim.Invitation{Unit: 2, Slot: 5, Email: "ada@example.com"}) {
			t.Errorf("invitations %v", inv)
		}
	})
}

func TestActivationCodesCanExpire(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.edit(comelitsim.Slot{Unit: 1, Slot: 1, Enabled: true, Kind: "app", Name: "Ada", Code: "abc123"})
		r.once(comelitsim.FaultCodeExpired)
		c := r.dial()
		h := c.open("UAUT", "")
		if m := c.ask(h, "user-activation", "activation-code", "abc123"); code(m) == 200 {
			t.Errorf("expired: %v", m)
		}
		if m := c.ask(h, "user-activation", "activation-code", "abc123"); code(m) != 200 {
			t.Errorf("after the fault: %v", m)
		}
	})
}

func TestPushInfoWantsTheSlotsOwnAddress(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		h := c.open("PUSH", "")
		good := []any{
			"apt-address", "SB000001", "apt-subaddress", 1, "bundle-id", "com.comelitgroup.friendhome", "os-type", "ios",
			"profile-id", "3", "device-token", "t",
		}
		if m := c.ask(h, "push-info", good...); code(m) == 200 {
			t.Errorf("without a login: %v", m)
		}
		c.login(token)
		for i, bad := range map[int]any{1: "SB000002", 3: 2, 5: "", 7: "symbian", 11: ""} {
			wrong := append([]any{}, good...)
			wrong[i] = bad
			if m := c.ask(h, "push-info", wrong...); code(m) == 200 {
				t.Errorf("%v: %v", bad, m)
			}
		}
		if m := c.ask(h, "push-info", good...); code(m) != 200 || r.slotOf(0, 1).OS != "ios" {
			t.Errorf("%v, %+v", m, r.slotOf(0, 1))
		}
	})
}

func TestALostTokenIsRefusedWithTheCodeAsked(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		for value, want := range map[string]int{"": 401, "403": 403} {
			r.fault(comelitsim.FaultTokenLost, value)
			c := r.dial()
			if m := c.ask(c.open("UAUT", ""), "access", "user-token", token); code(m) != want {
				t.Errorf("%q: %v", value, m)
			}
		}
		r.faultOff(comelitsim.FaultTokenLost)
		r.dial().login(token)
	})
}

// "Reset user", and a slot overwritten by hand, end the token and who uses it (§7.8).
func TestAResetUserIsThrownOut(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		c.login(token)
		if _, err := r.panel.Edit("reset", comelitsim.Slot{Unit: 0, Slot: 1}); err != nil {
			t.Fatal(err)
		}
		c.gone()
		d := r.dial()
		if m := d.ask(d.open("UAUT", ""), "access", "user-token", token); code(m) == 200 {
			t.Errorf("%v", m)
		}
		if s := r.slotOf(0, 1); s.Name != "Gatehouse" || s.Token != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestTheSameTokenTwice(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		a, b := r.dial(), r.dial()
		a.login(token)
		b.login(token)
		a.silence(time.Second)
		r.fault(comelitsim.FaultKickOlder)
		r.dial().login(token)
		a.gone()
		b.gone()
	})
}
