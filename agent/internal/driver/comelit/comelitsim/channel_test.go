package comelitsim_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func TestOpensThatADevicePassesOver(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		bad := openBody("INFO", 0x100, "")
		bad[2] = 5 // the sequence
		c.send(0, bad)
		c.silence(time.Second)
		c.send(0, openBody("NOPE", 0x100, ""))
		c.silence(time.Second)
		c.send(0, openBody("INFO", 0, ""))
		c.silence(time.Second)
		c.send(0, openBody("CTPP", 0x100, "SB0000011")) // before the login
		c.silence(time.Second)
		c.send(0, []byte{1, 2, 3})
		c.silence(time.Second)
		c.login(token)
		c.send(0, openBody("UAUT", 0x101, "")) // a second one on this connection
		c.silence(time.Second)
		c.send(0, openBody("CTPP", 0x102, "SB0000012")) // not its own address
		c.silence(time.Second)
		h := c.open("CSPB", "")
		c.send(0, openBody("INFO", h, "")) // a handle in use
		c.silence(time.Second)
		want := "handle sequence unknown"
		got := r.panel.Stats().Ignored
		if got["open: sequence"] != 1 || got["open: unknown channel"] != 1 || got["open: handle"] != 2 || got["management"] != 1 ||
			got["open: second UAUT"] != 1 || got["open: not logged in"] != 1 || got["open: not the slot's own address"] != 1 {
			t.Errorf("ignored %v, want %s and more", got, want)
		}
	})
}

// §1.2: whatever number stands in front of the name, and with one NUL more, the channel opens.
func TestOpensOfEveryKnownClient(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		for i, n := range []byte{7, 2, 20, 16, 17, 0xff} {
			b := openBody("INFO", uint16(0x200+i), "")
			b[4] = n
			c.send(0, append(b, make([]byte, i%2)...))
			if ack := c.want(0); binary.LittleEndian.Uint16(ack[8:]) != uint16(0x200+i) {
				t.Errorf("% x", ack)
			}
		}
	})
}

func TestAHandleNobodyOpenedIsAnsweredWithAClose(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		c.tell(0x999, "server-info")
		if b := c.want(0); string(b) != "\xef\x01\x03\x00\x02\x00\x00\x00\x00\x00" {
			t.Errorf("% x", b)
		}
		h := c.open("INFO", "")
		c.ask(h, "server-info")
		c.send(0, append([]byte{0xef, 1, 3, 0, 2, 0, 0, 0}, byte(h), byte(h>>8)))
		c.want(0)
		c.tell(h, "server-info")
		if b := c.want(0); b[2] != 3 {
			t.Errorf("a closed channel still answers: % x", b)
		}
	})
}

func TestAConnectionKeepsFewChannels(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		for range 32 {
			c.open("INFO", "")
		}
		c.send(0, openBody("INFO", 0x10, ""))
		c.silence(time.Second)
	})
}

// A panel takes so many connections, and one more after one has gone.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		var all []*client
		for range 32 {
			c := r.dial()
			c.open("INFO", "")
			all = append(all, c)
		}
		r.dial().gone()
		all[0].nc.Close()
		after(time.Second)
		r.dial().open("INFO", "")
	})
}

// A client that asks and never reads is hung up on; nobody else waits for it.
func TestAClientThatDoesNotReadIsHungUpOn(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		near := r.dial() // its reader takes everything
		deaf := r.dialDeaf()
		for range 200 {
			b := openBody("NOPE", 1, "")
			deaf.send(0, b)
			deaf.send(5, []byte("{}"))
		}
		after(time.Second)
		near.open("INFO", "")
		if n, err := deaf.nc.Write([]byte{0}); err == nil {
			t.Errorf("the connection still takes %d", n)
		}
	})
}

func TestServerInfoNeedsNoLogin(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		m := c.ask(c.open("INFO", ""), "server-info")
		if code(m) != 200 || m["message-id"] != 7.0 || m["message-type"] != "response" || m["model"] != "Extd" || m["version"] == "" {
			t.Errorf("%v", m)
		}
		if caps, _ := m["capabilities"].([]any); len(caps) != 8 {
			t.Errorf("capabilities %v", m["capabilities"])
		}
	})
}

func TestConfigurationIsTheViewOfOneSlot(t *testing.T) {
	t.Parallel()
	bubble(t, comelitsim.Options{Token: token, TokenSlot: 12}, func(t *testing.T, r *rig) {
		c := r.dial()
		h := c.open("UCFG", "")
		if m := c.ask(h, "get-configuration", "addressbooks", "all"); code(m) == 200 {
			t.Errorf("without a login: %v", m)
		}
		c.login(token)
		if m := c.ask(h, "get-configuration", "addressbooks", "some"); code(m) == 200 {
			t.Errorf("some address books: %v", m)
		}
		m := c.ask(h, "get-configuration", "addressbooks", "all")
		vip := m["vip"].(map[string]any)
		if vip["apt-address"] != "SB000001" || vip["apt-subaddress"] != 12.0 || m["viper-client"].(map[string]any)["description"] != "Gatehouse" {
			t.Errorf("%v", m)
		}
		doors := vip["user-parameters"].(map[string]any)["opendoor-address-book"].([]any)
		first, second := doors[0].(map[string]any), doors[1].(map[string]any)
		if len(doors) != 3 || first["apt-address"] != "SB100001" || first["output-index"] != 1.0 || first["id"] != second["id"] {
			t.Errorf("doors %v", doors)
		}
		none := c.ask(h, "get-configuration", "addressbooks", "none")["vip"].(map[string]any)
		if _, there := none["user-parameters"]; there || none["apt-subaddress"] != 12.0 {
			t.Errorf("none gives %v", none)
		}
	})
}

// What is no request of a channel's own is passed over in silence.
func TestMessagesThatAreIgnored(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		c := r.dial()
		info, uaut := c.open("INFO", ""), c.open("UAUT", "")
		for _, text := range []string{
			`{"message":"server-info","message-type":"response","message-id":1}`,
			`{"message":"server-info","message-type":"request","message-id":"x"}`,
			`{"message":"server-info","message-type":"request"}`,
			`{"message":"server-info","message-type":"request","message-id":1}{}`,
			`{"message":"server-info","message-type":"request","message-id":1`,
			`{"message":1}`,
			`text`,
			`{"message":"access","message-type":"request","message-id":1,"user-token":"` + token + `"}`, // on INFO
			``,
		} {
			c.send(info, []byte(text))
			c.silence(time.Second)
		}
		c.tell(uaut, "server-info")
		c.silence(time.Second)
		c.send(info, []byte(`{"message":"server-info","message-type":"request","message-id":9}`+"\n")) // as some clients end it
		if b := c.want(info); !strings.Contains(string(b), `"message-id":9`) {
			t.Errorf("%s", b)
		}
		if c.open("FRCG", ""); code(c.ask(c.next, "rcg-get-params")) != 200 {
			t.Error("rcg-get-params is refused")
		}
	})
}
