package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func load(t *testing.T, text string) (Config, string, error) {
	t.Helper()
	dir := t.TempDir()
	p := filepath.Join(dir, "cloud.toml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(p)
	return c, dir, err
}

const good = `
state_dir = "cloud"
listen = "127.0.0.1:8000"
broker_listen = "127.0.0.1:8800"
broker_address = "tls://cloud.example.com:8883"
log_level = "debug"
[[property]]
id = "maple-court"
name = "Maple Court"
zone = "America/New_York"
begin = "lease_start"
end = ["move_out", "lease_end"]
move_in_time = "09:00"
types = ["primary"]
[[property.door]]
id = "lobby"
name = "Lobby"
[[property.door]]
id = "pool"
[[property.group]]
id = "amenities"
name = "Residents Amenities"
doors = ["pool"]
common = true
`

func TestLoad(t *testing.T) {
	c, dir, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if c.StateDir != filepath.Join(dir, "cloud") || c.Database != "sqlite://"+filepath.Join(dir, "cloud", "cloud.db") || c.BrokerAddress != "tls://cloud.example.com:8883" {
		t.Errorf("paths: %q %q %q", c.StateDir, c.Database, c.BrokerAddress)
	}
	p := c.Properties[0]
	want := model.Settings{Begin: model.BeginLeaseStart, EndMoveOut: true, EndLeaseEnd: true, MoveInTime: "09:00", MoveOutTime: "11:00", Types: []string{"primary"}}
	if diff := cmp.Diff(want, p.Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	doors, groups := p.Places()
	if diff := cmp.Diff([]access.Door{{ID: "lobby", Name: "Lobby"}, {ID: "pool", Name: "pool"}}, doors); diff != "" {
		t.Errorf("doors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]access.Group{{ID: "amenities", Name: "Residents Amenities", Doors: []access.DoorID{"pool"}, Common: true}}, groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// TestTowardsC2_FormOfNames: a property has its own, and one that cannot be is named with the reason.
func TestTowardsC2_FormOfNames(t *testing.T) {
	const text = "[[property]]\nid = \"a\"\nzone = \"UTC\"\ndirectory_name = "
	c, _, err := load(t, text+"\"{last} {unit}\"\n")
	if err != nil || c.Properties[0].Settings().Names != "{last} {unit}" {
		t.Errorf("%+v, %v", c.Properties, err)
	}
	if _, _, err = load(t, text+"\"{surname} {unit}\"\n"); err == nil || !strings.Contains(err.Error(), "directory_name: check directory name") || !strings.Contains(err.Error(), "unknown placeholder {surname}") {
		t.Errorf("a wrong one: %v", err)
	}
}

func TestTowardsS1_ALiveSourceHasItsOwnFileAndInterval(t *testing.T) {
	text := "[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.pms]\nkind = \"rentmanager\"\nconfig = \"rm.toml\"\n"
	c, dir, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	want := &PMS{Kind: "rentmanager", File: filepath.Join(dir, "rm.toml"), Every: DefaultEvery}
	if diff := cmp.Diff(want, c.Properties[0].PMS); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c, _, err = load(t, text+"every = \"90s\"\n"); err != nil || c.Properties[0].PMS.Every != 90*time.Second {
		t.Errorf("every is %v (%v), want 90s", c.Properties[0].PMS, err)
	}
}

func TestWithoutAFile(t *testing.T) {
	c, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.BrokerAddress != "tls://127.0.0.1:8883" || !filepath.IsAbs(c.StateDir) || len(c.Properties) != 0 {
		t.Errorf("defaults are %+v", c)
	}
}

func TestTowardsT5_WithoutGroupsAllDoorsAreTheResidentsEntrance(t *testing.T) {
	p := Property{Doors: []Door{{ID: "lobby"}, {ID: "garage"}}}
	_, groups := p.Places()
	want := []access.Group{{ID: "entrance", Name: "Residents Entrance", Doors: []access.DoorID{"lobby", "garage"}, Common: true}}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(model.DefaultSettings(), p.Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// TestTowardsE4_AnOutsideBroker: nothing listens, and gateways dial what the cloud joins unless the file says otherwise.
func TestTowardsE4_AnOutsideBroker(t *testing.T) {
	c, _, err := load(t, "broker = \"tls://broker.example.com:8883\"\n")
	if err != nil || c.Broker != "tls://broker.example.com:8883" || c.BrokerAddress != c.Broker || c.BrokerListen != "" {
		t.Errorf("broker %q, gateways dial %q, listens on %q: %v", c.Broker, c.BrokerAddress, c.BrokerListen, err)
	}
	c, _, err = load(t, "broker = \"tls://10.0.0.5:8883\"\nbroker_address = \"tls://broker.example.com:443\"\n")
	if err != nil || c.Broker != "tls://10.0.0.5:8883" || c.BrokerAddress != "tls://broker.example.com:443" || c.BrokerListen != "" {
		t.Errorf("broker %q, gateways dial %q, listens on %q: %v", c.Broker, c.BrokerAddress, c.BrokerListen, err)
	}
	if c, _, err = load(t, "broker = \"\"\n"); err != nil || c.BrokerListen != "127.0.0.1:8883" || c.BrokerAddress != "tls://127.0.0.1:8883" {
		t.Errorf("the embedded broker listens on %q, gateways dial %q: %v", c.BrokerListen, c.BrokerAddress, err)
	}
}

// TestEveryMistakeIsNamed: with its place, in words, all at once where the file can be read.
func TestEveryMistakeIsNamed(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"unknown keys":  {"listenn = \"x\"\n[[property]]\nid=\"a\"\nzone=\"UTC\"\nmove_in = 1\n", []string{"listenn is not a key here", "property.move_in is not a key here"}},
		"wrong type":    {"listen = 7\n", []string{"listen"}},
		"syntax":        {"listen = \"127.0.0.1:1\"\nx = = 1\n", []string{"line 2"}},
		"addresses":     {"listen = \"here\"\nbroker_listen = \"there\"\nbroker_address = \"tcp://x:1\"\n", []string{"listen is \"here\"", "broker_listen is \"there\"", "broker_address is \"tcp://x:1\""}},
		"zone":          {"[[property]]\nid = \"a\"\nzone = \"Mars/Olympus\"\n", []string{`property 1 (a)`, `"Mars/Olympus" is not a known IANA name`}},
		"no zone":       {"[[property]]\nid = \"a\"\n", []string{"want an IANA name"}},
		"same id twice": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[[property]]\nid = \"a\"\nzone = \"UTC\"\n", []string{`property "a" stands twice`}},
		"policy": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\nbegin = \"soon\"\nend = [\"never\"]\nmove_in_time = \"3pm\"\nmove_out_time = \"25:00\"\n",
			[]string{`begin is "soon"`, `end names "never"`, `move_in_time is "3pm"`, `move_out_time is "25:00"`}},
		"pms":                      {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.pms]\nconfig = \"rm.toml\"\n", []string{"pms.kind is missing"}},
		"pms file":                 {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.pms]\nkind = \"rentmanager\"\n", []string{"pms.config is missing"}},
		"pms every":                {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.pms]\nkind = \"rentmanager\"\nconfig = \"x\"\nevery = \"1ms\"\n", []string{"pms.every is 1ms, want 1s to 24h"}},
		"a broker for everybody":   {"broker_listen = \":8883\"\n", []string{"broker_address is missing"}},
		"an outside broker":        {"broker = \"broker.example.com:8883\"\n", []string{`broker is "broker.example.com:8883", want tls://host:port`}},
		"a plain broker":           {"broker = \"tcp://broker.example.com:1883\"\n", []string{`broker is "tcp://broker.example.com:1883", want tls://host:port`}},
		"a broker nowhere":         {"broker = \"tls://0.0.0.0:8883\"\n", []string{`broker is "tls://0.0.0.0:8883"`}},
		"a broker with a password": {"broker = \"tls://me:secret@broker.example.com:8883/x\"\n", []string{`broker is "tls://me:xxxxx@broker.example.com:8883/x", want tls://host:port`}},
		"gateways nowhere":         {"broker_address = \"tls://:8883\"\n", []string{`broker_address is "tls://:8883"`}},
		"two brokers": {"broker = \"tls://broker.example.com:8883\"\nbroker_listen = \"127.0.0.1:8883\"\n",
			[]string{"broker and broker_listen contradict each other", "remove one of the two"}},
		"a broker anywhere": {"broker_listen = \"0.0.0.0:8883\"\n", []string{"broker_address is missing"}},
		"gateway": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.gateway]\nhello_every = \"1ms\"\n[property.gateway.stale_after_at]\nlobby = \"36h\"\n",
			[]string{"hello_every is 1ms: want 1s to 24h0m0s", `stale_after_at names door "lobby"`}},
		"gateway drift": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.gateway]\ndrift = { lobby = \"mend\" }\n", []string{`drift.lobby is "mend"`}},
		"gateway keys":  {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[property.gateway]\nhello = \"5m\"\n", []string{"property.gateway.hello is not a key here"}},
		"a group twice": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[[property.group]]\nid = \"g\"\n[[property.group]]\nid = \"g\"\n", []string{`group "g" stands twice`}},
		"places": {"[[property]]\nid = \"a\"\nzone = \"UTC\"\n[[property.door]]\nid = \"x y\"\n[[property.door]]\nid = \"d\"\n[[property.door]]\nid = \"d\"\n[[property.group]]\nid = \"g\"\ndoors = [\"e\"]\n",
			[]string{`"x y"`, `door "d" stands twice`, `group "g" names door "e"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, tt.text)
			if err == nil {
				t.Fatal("no error")
			}
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("kind %v, want invalid", fault.KindOf(err))
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not said in:\n%s", want, err)
				}
			}
		})
	}
}

func TestMissingAndHugeFiles(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.toml"))
	if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
		t.Errorf("a missing file gives %v", err)
	}
	if _, _, err := load(t, strings.Repeat("# nothing\n", 200_000)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a file of 2 MB gives %v", err)
	}
}

func TestTowardsE6_GatewaySettings(t *testing.T) {
	c, _, err := load(t, good+"[property.gateway]\nhello_every = \"1m\"\nlog_level = \"debug\"\nstale_after = \"72h\"\ndrift = { lobby-panel = \"report\" }\nstale_after_at = { pool = \"36h\" }\nbrake = { least = 5, share = 20 }\n")
	if err != nil {
		t.Fatal(err)
	}
	want := &access.Settings{
		ID: access.GatewayItem, Hello: access.Span(time.Minute), Log: "debug", Stale: access.Span(72 * time.Hour), Brake: access.Brake{Least: 5, Share: 20},
		Drift: map[access.DeviceID]access.DriftPolicy{"lobby-panel": access.DriftReport}, StaleAt: map[access.DoorID]access.Span{"pool": access.Span(36 * time.Hour)},
	}
	if d := cmp.Diff(want, c.Properties[0].GatewaySettings()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if c, _, err = load(t, good); err != nil || c.Properties[0].GatewaySettings() != nil {
		t.Errorf("without a table: %v", err)
	}
}
