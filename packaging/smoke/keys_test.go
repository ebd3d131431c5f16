package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud"
)

// longAgo is when a certificate was made that has less than half a year left.
const longAgo = -(9*365 + 220) * 24 * time.Hour

// enrolLongAgo makes the gateway known by the two files, the cloud's half of it by a clock of long ago.
func (h *house) enrolLongAgo() {
	t := h.t
	t.Helper()
	h.must("gatehouse-agent", "enroll", "request", "--config", "@agent.toml", "--out", "@request")
	cfg, err := cloud.LoadConfig(h.path("cloud.toml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloud.Open(t.Context(), cfg, cloud.Deps{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(longAgo) }})
	if err != nil {
		t.Fatal(err)
	}
	_, bundle, err := c.AddGateway(context.WithoutCancel(t.Context()), "maples", []byte(h.read("request")))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	h.write("bundle", string(bundle))
	h.must("gatehouse-agent", "enroll", "accept", "--config", "@agent.toml", "@bundle")
}

// startBox starts the agent as packaging/faults does: it dies at a named point of its work, "" at none.
func (h *house) startBox(point string) {
	h.t.Helper()
	raw, err := json.Marshal(map[string]any{"Synced": true, "Boot": "boot-1", "Booted": time.Now(), "Point": point, "Count": 1})
	if err != nil {
		h.t.Fatal(err)
	}
	h.agent = h.start("agent.log", nil, "box", "run", h.path("agent.toml"), h.write("clock.json", string(raw)))
}

// dies waits until the agent is dead. One that is sooner than its cloud is not heard, and says it again half a minute later.
func (h *house) dies(point string) {
	h.t.Helper()
	select {
	case <-h.agent.done:
	case <-time.After(patience):
		h.t.Fatalf("the agent never came to %s", point)
	}
}

// gateway is what the cloud's command lists.
type gateway struct {
	ID, Property      string
	Contact           time.Time
	CertificateEnds   time.Time `json:"certificate_ends"`
	NextKeys          time.Time `json:"next_keys"`
	Revoked           time.Time
	Stored, Published uint64
}

func (h *house) gateway() gateway {
	h.t.Helper()
	var o struct {
		OK       bool
		Gateways []gateway
	}
	h.must("gatehouse-cloud", "gateway", "list", "--config", "@cloud.toml", "--property", "maples", "--json").oneObject(h.t, &o)
	if !o.OK || len(o.Gateways) != 1 {
		h.t.Fatalf("listed: %+v", o)
	}
	return o.Gateways[0]
}

// changed is nil when the gateway was heard by its next keys.
func (h *house) changed() error {
	if g := h.gateway(); !g.NextKeys.IsZero() || g.CertificateEnds.Before(time.Now().AddDate(9, 0, 0)) || g.Stored != g.Published {
		return fmt.Errorf("%+v", g)
	}
	return nil
}

// history is what was done about the gateway, the newest first.
func (h *house) history() (out []string) {
	h.t.Helper()
	var status struct {
		Property struct {
			Gateways []struct{ History []struct{ What string } }
		}
	}
	if err := call(h.t, h.page+"/status.json?property=maples", nil, &status); err != nil {
		h.t.Fatal(err)
	}
	for _, a := range status.Property.Gateways[0].History {
		out = append(out, a.What)
	}
	return out
}

// moveIn brings n residents in and waits until the panel has them.
func (h *house) moveIn(n int) {
	h.t.Helper()
	h.write("residents.csv", export(n))
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
	h.loaded(n)
}

// verified checks the gateway's events at the cloud, signed by whichever key.
func (h *house) verified() {
	h.t.Helper()
	var o struct {
		OK     bool
		Events int
	}
	h.must("gatehouse-cloud", "events", "verify", "--config", "@cloud.toml", "--gateway", "gw1", "--json").oneObject(h.t, &o)
	if !o.OK || o.Events < 20 {
		h.t.Errorf("verified: %+v", o)
	}
}

// TestTowardsG7_KeysAreRenewedThroughEveryPowerCut: whole programs, over both brokers. A gateway whose certificate has
// less than half a year left renews its keys by itself, while it is killed after every step and the cloud between them.
// It ends at the new keys, goes on where it was, and what was copied from it before is refused.
func TestTowardsG7_KeysAreRenewedThroughEveryPowerCut(t *testing.T) {
	t.Parallel()
	for _, broker := range []string{"embedded", "mosquitto"} {
		t.Run(broker, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			begin := h.startCloud
			if broker == "mosquitto" {
				m := h.outside()
				begin = func() { m.Start(); h.startCloud() }
			}
			h.enrolLongAgo()
			if left := time.Until(h.gateway().CertificateEnds); left < 0 || left > 180*24*time.Hour {
				t.Fatalf("the certificate ends in %s", left)
			}
			h.startBox("keys:made") // nobody was told of them: the link runs beside, but there is no broker yet
			h.dies("keys:made")
			h.copied()
			begin()
			h.write("residents.csv", export(20))
			h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
			h.startBox("apply:stored") // its first state is stored, the keys have not taken over
			h.dies("apply:stored")
			h.cloud.kill()
			h.startCloud()
			h.startBox("keys:changed") // they took over, the cloud has not heard of it
			h.dies("keys:changed")
			h.cloud.kill()
			h.startBox("") // the cloud is away
			h.startCloud()
			h.loaded(20)
			eventually(t, "the cloud hears the gateway by its next keys", patience, h.changed)
			if got := strings.Join(h.history(), " "); got != "changed certified enrolled" {
				t.Errorf("its history: %s", got)
			}
			h.moveIn(25)
			eventually(t, "every event is receipted", patience, func() error { return h.figure(h.local, "gatehouse_outbox_events", "0") })
			h.verified()
			if broker == "embedded" {
				h.refusesTheCopy()
				h.revoked()
			}
		})
	}
}

// copied copies what the dead agent has, as a thief would.
func (h *house) copied() {
	h.t.Helper()
	err := os.Remove(h.path("agent/agent.sock"))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.CopyFS(h.path("copy"), os.DirFS(h.path("agent")))
	}
	if err == nil {
		err = os.Chmod(h.path("copy/key"), 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// refusesTheCopy starts a box with the keys and the certificate of before the change: the broker lets it in no more, and
// the true one stays.
func (h *house) refusesTheCopy() {
	t := h.t
	t.Helper()
	text := strings.Replace(h.read("agent.toml"), `state_dir = "agent"`, `state_dir = "copy"`, 1)
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "listen") {
			line = fmt.Sprintf("listen = \"127.0.0.1:%d\"\n", freePort(t))
		}
		lines = append(lines, line)
	}
	h.write("copy.toml", strings.Join(lines, "")+"mode = \"report\"\n")
	copied := h.start("copy.log", nil, "gatehouse-agent", "run", "--config", "@copy.toml")
	eventually(t, "the copy is refused", patience, func() error {
		if !strings.Contains(h.read("copy.log"), "not Authorized") {
			return errors.New("its log does not say so")
		}
		return nil
	})
	copied.kill()
	h.moveIn(30)
	if got := strings.Join(h.history(), " "); got != "changed certified enrolled" {
		t.Errorf("after the copy its history is: %s", got)
	}
}

// revoked takes the gateway's word away while it is connected: it is cut off, nothing more reaches it, and it goes on.
func (h *house) revoked() {
	t := h.t
	t.Helper()
	h.must("gatehouse-cloud", "gateway", "revoke", "--config", "@cloud.toml", "--reason", "the box was stolen", "--json", "gw1")
	eventually(t, "it is cut off and not let in", patience, func() error { return h.figure(h.local, "gatehouse_cloudlink_connected", "0") })
	h.write("residents.csv", export(31))
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
	if g := h.gateway(); g.Revoked.IsZero() || g.Stored >= g.Published {
		t.Errorf("revoked: %+v", g)
	}
	if n := len(h.panel.users()); n != 30 {
		t.Errorf("its panel holds %d people, want the 30 of before", n)
	}
	if a := h.do("gatehouse-cloud", "gateway", "add", "--config", "@cloud.toml", "--property", "maples", "--request", "@request", "--out", "@bundle"); a.code != 3 || !strings.Contains(a.stderr, "--replace gw1") {
		t.Errorf("its request again: exit %d, %s", a.code, a.stderr)
	}
}
