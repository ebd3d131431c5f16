package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/prototest"
)

// house is a cloud, a gateway with two panels, and what lies between them.
type house struct {
	dir, bin string
	rand     *rand.Rand
	town     *town
	figures  figures
	number   int // rounds so far

	page, local string // addresses of cloud and gateway
	line        *prototest.Proxy
	mosquitto   *mosquitto // nil: the broker is in the cloud
	cloud, box  *process
	wrap        []string // words before the gateway's program; nil: its disk is good
	panels      []*panel
	watch       *watch
	clock       clock
	journal     journal
}

// panel is a simulated panel.
type panel struct {
	*process
	device, relay string
	api, control  string
}

// newHouse builds a house of which everything works.
func newHouse(ctx context.Context, dir, bin string, r *rand.Rand, outside bool) (h *house, err error) {
	h = &house{dir: dir, bin: bin, rand: r}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.town, err = newTown(r); err != nil {
		return nil, err
	}
	if h.clock, err = newClock(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for i, device := range []string{"front", "back"} {
		p, err := h.newPanel(device, string(rune('A'+i)))
		if err != nil {
			return nil, err
		}
		h.panels = append(h.panels, p)
	}
	if err := h.connect(outside); err != nil {
		return nil, err
	}
	if err := h.enrol(ctx); err != nil {
		return nil, err
	}
	return h, h.open(ctx)
}

func (h *house) path(name string) string    { return filepath.Join(h.dir, name) }
func (h *house) program(name string) string { return filepath.Join(h.bin, name) }

// newPanel starts a simulator.
func (h *house) newPanel(device, relay string) (*panel, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := launch(h.program("gatehouse-sim"), h.path(device+".log"), w, "akuvox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	_ = w.Close()
	if err != nil {
		return nil, err
	}
	out := &panel{process: p, device: device, relay: relay}
	var said struct{ Listen, Control string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		p.kill()
		return nil, fmt.Errorf("the panel does not say its addresses: %w", err)
	}
	out.api, out.control = "http://"+said.Listen, "http://"+said.Control
	return out, nil
}

// connect writes the files of cloud and gateway and lays the line between them.
func (h *house) connect(outside bool) error {
	var addresses [3]string
	for i := range addresses {
		var err error
		if addresses[i], err = freeAddress(); err != nil {
			return err
		}
	}
	page, local, broker := addresses[0], addresses[1], addresses[2]
	h.page, h.local = "http://"+page, "http://"+local
	line, err := prototest.OpenProxy(broker)
	if err != nil {
		return err
	}
	h.line = line
	where := fmt.Sprintf("broker_listen = %q", broker)
	if outside {
		where = fmt.Sprintf("broker = \"tls://%s\"", broker)
		if h.mosquitto, err = newMosquitto(h.path("mosquitto"), broker); err != nil {
			return err
		}
	}
	cloud := fmt.Sprintf("state_dir = \"cloud\"\nlisten = %q\n%s\nbroker_address = \"tls://%s\"\n[[property]]\nid = \"maples\"\nname = \"The Maples\"\nzone = %q\nmove_in_time = \"00:00\"\n",
		page, where, line.Addr(), zone)
	agent := fmt.Sprintf("state_dir = \"agent\"\nforce_state_dir = true\nlisten = %q\nhello_every = \"1s\"\naudit_every = \"1m\"\nreconnect_max = \"200ms\"\n", local)
	for _, p := range h.panels {
		cloud += fmt.Sprintf("[[property.door]]\nid = %q\n", p.device)
		agent += fmt.Sprintf("[[device]]\nid = %[1]q\nkind = \"akuvox\"\nurl = %[2]q\npace = \"0s\"\ntimeout = \"2s\"\ndoors = { %[1]s = %[3]q }\n", p.device, p.api, p.relay)
	}
	return errors.Join(h.write("cloud.toml", cloud), h.write("agent.toml", agent), h.clock.save(h.path("clock.json")))
}

func (h *house) write(name, text string) error {
	return os.WriteFile(h.path(name), []byte(text), 0o600)
}

// enrol makes the gateway known by the two files, and gives Mosquitto its certificate.
func (h *house) enrol(ctx context.Context) error {
	steps := [][]string{
		{"gatehouse-agent", "enroll", "request", "--config", "agent.toml", "--out", "request"},
		{"gatehouse-cloud", "gateway", "add", "--config", "cloud.toml", "--property", "maples", "--request", "request", "--out", "bundle"},
		{"gatehouse-agent", "enroll", "accept", "--config", "agent.toml", "bundle"},
	}
	if h.mosquitto != nil {
		steps = append(steps, []string{"gatehouse-cloud", "broker", "certificate", "--config", "cloud.toml", "--out", h.mosquitto.dir})
	}
	for _, s := range steps {
		if _, err := do(ctx, h.program(s[0]), h.dir, s[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// open starts everything and imports the first residents; strangers stand on the panels before.
func (h *house) open(ctx context.Context) error {
	h.journal = journal{Zone: zone, Database: h.path("cloud/cloud.db"), Gateway: h.local + "/metrics", Strangers: map[string][]json.RawMessage{}}
	for _, p := range h.panels {
		h.journal.Panels = append(h.journal.Panels, panelEntry{p.device, p.relay, p.control})
		for i := range 2 {
			if err := h.stranger(ctx, p, i); err != nil {
				return err
			}
		}
	}
	if h.mosquitto != nil {
		if err := h.mosquitto.start(); err != nil {
			return err
		}
	}
	if err := errors.Join(h.startCloud(), h.startBox("")); err != nil {
		return err
	}
	if err := h.healthy(ctx); err != nil {
		return err
	}
	return h.imports(ctx, 0)
}

// movedIn waits until the first residents are on the panels; from then on they must be let in.
func (h *house) movedIn(ctx context.Context, within string) error {
	_, err := h.check(ctx, within)
	h.watch = newWatch(h)
	return err
}

// stranger is a row that somebody made at the panel by hand.
func (h *house) stranger(ctx context.Context, p *panel, i int) error {
	var row json.RawMessage
	user := map[string]any{"user_id": fmt.Sprintf("S%d", i), "name": fmt.Sprintf("Caretaker %d", i), "pin": fmt.Sprint(7001 + i)}
	err := call(ctx, p.control+"/edit", map[string]any{"op": "add", "user": user}, &row)
	h.journal.Strangers[p.device] = append(h.journal.Strangers[p.device], row)
	return err
}

func (h *house) startCloud() (err error) {
	h.cloud, err = launch(h.program("gatehouse-cloud"), h.path("cloud.log"), nil, "serve", "--config", "cloud.toml")
	return err
}

// startBox starts the gateway: as it is shipped or, as often, with a clock that can be set and points where it may be
// killed; point names one, "" none.
func (h *house) startBox(point string) (err error) {
	if h.box != nil && h.box.runs() {
		return nil // another trouble ended with its start
	}
	h.clock.Point, h.clock.Count = point, 1+h.rand.IntN(2)
	if err := h.clock.save(h.path("clock.json")); err != nil {
		return err
	}
	words := []string{h.program("box"), "run", "agent.toml", "clock.json"}
	if point == "" && h.clock.honest() && !h.clock.Again && h.rand.IntN(3) == 0 {
		words = []string{h.program("gatehouse-agent"), "run", "--config", "agent.toml"}
	}
	words = append(slices.Clone(h.wrap), words...)
	h.box, err = launch(words[0], h.path("agent.log"), nil, words[1:]...)
	return err
}

// imports gives the cloud the newest export.
func (h *house) imports(ctx context.Context, changes int) error {
	name := fmt.Sprintf("export-%03d.csv", len(h.journal.Exports))
	if err := h.write(name, h.town.export()); err != nil {
		return err
	}
	e := exportEntry{File: h.path(name), Began: time.Now(), Changes: changes}
	_, err := do(ctx, h.program("gatehouse-cloud"), h.dir, "import", "--config", "cloud.toml", "--property", "maples", "--file", name)
	e.Accepted = time.Now()
	h.journal.Exports = append(h.journal.Exports, e)
	return err
}

// healthy waits until everything runs and the gateway has all that was published.
func (h *house) healthy(ctx context.Context) error {
	return eventually(ctx, "everything works again", 40*time.Second, func() error {
		if err := h.linked(ctx); err != nil {
			return err
		}
		var status struct {
			Property struct {
				Gateways []struct {
					Online            bool
					Stored, Published uint64
				}
			}
		}
		if err := call(ctx, h.page+"/status.json?property=maples", nil, &status); err != nil {
			return err
		}
		if g := status.Property.Gateways; len(g) != 1 || !g[0].Online || g[0].Stored != g[0].Published {
			return fmt.Errorf("the cloud says %+v", g)
		}
		return nil
	})
}

// linked is nil when the gateway hears its cloud, trusts its clock and reaches its panels.
func (h *house) linked(ctx context.Context) error {
	var page string
	if err := call(ctx, h.local+"/metrics", nil, &page); err != nil {
		return err
	}
	want := []string{"gatehouse_cloudlink_connected 1\n", "gatehouse_clock_trusted 1\n"}
	for _, p := range h.panels {
		want = append(want, fmt.Sprintf("gatehouse_device_up{device=%q} 1\n", p.device))
	}
	for _, w := range want {
		if !strings.Contains(page, "\n"+w) {
			return fmt.Errorf("the gateway does not say %s", w)
		}
	}
	return nil
}

// close ends everything.
func (h *house) close() {
	if h.watch != nil {
		h.watch.close()
	}
	for _, p := range []*process{h.box, h.cloud} {
		if p != nil {
			p.stop()
		}
	}
	for _, p := range h.panels {
		p.stop()
	}
	if h.mosquitto != nil {
		h.mosquitto.stop()
	}
	if h.line != nil {
		h.line.Close()
	}
}
