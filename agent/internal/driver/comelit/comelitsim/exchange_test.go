package comelitsim_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// step is one line of a conversation of testdata/comelit/exchanges.json.
type step struct {
	Send, Want             string // whole frames, in hex
	Handle                 uint16
	SendText               string
	WantJSON               map[string]any
	SendPacket, WantPacket string
	Silence                string
}

// The conversations of the fact sheet, byte for byte, without any driver.
func TestDocumentedExchanges(t *testing.T) {
	t.Parallel()
	var all struct {
		Token     string
		Exchanges []struct {
			Name, Source, Door string
			Unit, Slot         int
			Steps              []step
		}
	}
	data(t, "exchanges.json", &all)
	if len(all.Exchanges) < 6 {
		t.Fatalf("%d exchanges", len(all.Exchanges))
	}
	for _, x := range all.Exchanges {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel()
			bubble(t, comelitsim.Options{Units: 6}, func(t *testing.T, r *rig) {
				r.edit(comelitsim.Slot{Unit: x.Unit, Slot: x.Slot, Enabled: true, Kind: "app", Name: "A", Token: all.Token})
				c := r.dial()
				for i, s := range x.Steps {
					c.play(fmt.Sprintf("%s, step %d", x.Source, i), s)
				}
				if got := r.opened(); got != x.Door {
					t.Errorf("opened %q, want %q", got, x.Door)
				}
			})
		})
	}
}

func (c *client) play(where string, s step) {
	c.t.Helper()
	switch {
	case s.Send != "":
		c.raw(bytesOf(c.t, s.Send))
	case s.SendText != "":
		c.send(s.Handle, []byte(s.SendText))
	case s.SendPacket != "":
		c.send(s.Handle, bytesOf(c.t, s.SendPacket))
	case s.Want != "":
		body := c.want(0)
		c.like(where, fmt.Sprintf("00 06 %02x %02x 00 00 00 00 % x", byte(len(body)), byte(len(body)>>8), body), s.Want)
	case s.WantPacket != "":
		c.like(where, fmt.Sprintf("% x", c.want(s.Handle)), s.WantPacket)
	case s.WantJSON != nil:
		var got map[string]any
		if err := json.Unmarshal(c.want(s.Handle), &got); err != nil {
			c.t.Fatal(err)
		}
		for k, v := range s.WantJSON {
			if got[k] != v {
				c.t.Errorf("%s: %s is %v, want %v", where, k, got[k], v)
			}
		}
	default:
		d, err := time.ParseDuration(s.Silence)
		if err != nil {
			c.t.Fatal(err)
		}
		c.silence(d)
	}
}

// like compares hex texts; ?? in want stands for any byte.
func (c *client) like(where, got, want string) {
	c.t.Helper()
	g, w := strings.Fields(got), strings.Fields(want)
	same := len(g) == len(w)
	for i := 0; same && i < len(g); i++ {
		same = w[i] == "??" || g[i] == w[i]
	}
	if !same {
		c.t.Errorf("%s:\n got %s\nwant %s", where, got, want)
	}
}

func bytesOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
