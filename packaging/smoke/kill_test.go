package smoke

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

const crowd = 150

func pinOf(i int) string { return fmt.Sprint(20011 + 137*i) }

// export is a whole export of n residents who live there.
func export(n int) string {
	var b strings.Builder
	b.WriteString("property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card\n")
	firsts := []string{"Ada", "Ben", "Cora", "Dan", "Eva", "Finn", "Gus", "Hal", "Ivy", "Jon", "Kim", "Lea", "Max"}
	lasts := []string{"Abbott", "Baker", "Carver", "Dyer", "Eliot", "Fisher", "Glover", "Hunter", "Irving", "Joiner", "Keeler", "Lister", "Mason"}
	for i := range n {
		fmt.Fprintf(&b, "Maples,%d,R%d,L%d,Current,Primary,%s,%s,,,2020-05-01,,2020-05-01,,%s,\n", 100+i, i, i, firsts[i%13], lasts[i/13%13], pinOf(i))
	}
	sum := sha256.Sum256([]byte(b.String()))
	fmt.Fprintf(&b, "#end,rows=%d,sha256=%x\n", n, sum)
	return b.String()
}

// house is a cloud, a gateway and a slow panel.
type house struct {
	site
	panel        panel
	page, local  string // addresses of cloud and gateway
	cloud, agent *program
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s := newSite(t)
	h := &house{site: s, panel: s.panel("--fault", "slow=12ms")}
	page, broker, local := freePort(t), freePort(t), freePort(t)
	h.page, h.local = fmt.Sprintf("http://127.0.0.1:%d", page), fmt.Sprintf("http://127.0.0.1:%d", local)
	h.write("cloud.toml", fmt.Sprintf(`state_dir = "cloud"
listen = "127.0.0.1:%d"
broker_listen = "127.0.0.1:%d"
[[property]]
id = "maples"
name = "The Maples"
zone = "America/New_York"
[[property.door]]
id = "lobby"
name = "Lobby"
`, page, broker))
	h.write("agent.toml", fmt.Sprintf(`state_dir = "agent"
force_state_dir = true
listen = "127.0.0.1:%d"
reconnect_max = "200ms"
[[device]]
id = "front"
kind = "akuvox"
url = %q
pace = "0s"
doors = { lobby = "A" }
`, local, h.panel.url))
	return h
}

func (h *house) startCloud() {
	h.cloud = h.start("cloud.log", nil, "gatehouse-cloud", "serve", "--config", "@cloud.toml")
}

func (h *house) startAgent() {
	h.agent = h.start("agent.log", nil, "gatehouse-agent", "run", "--config", "@agent.toml")
}

// enrol makes the gateway known by the two files.
func (h *house) enrol() {
	h.t.Helper()
	h.must("gatehouse-agent", "enroll", "request", "--config", "@agent.toml", "--out", "@request")
	h.must("gatehouse-cloud", "gateway", "add", "--config", "@cloud.toml", "--property", "maples", "--request", "@request", "--out", "@bundle")
	h.must("gatehouse-agent", "enroll", "accept", "--config", "@agent.toml", "@bundle")
}

// loaded waits until the panel holds at least n people.
func (h *house) loaded(n int) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("%d people on the panel", n), patience, func() error {
		if got := len(h.panel.users()); got < n {
			return fmt.Errorf("it holds %d", got)
		}
		return nil
	})
}

// TestE4_G10_KilledInTheMiddleOfABulkLoad kills the gateway, then the cloud, then both at once while
// a slow panel is being loaded. Afterwards everybody is on the panel once, and the cloud shows it.
func TestE4_G10_KilledInTheMiddleOfABulkLoad(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol()
	h.startCloud()
	h.startAgent()
	h.write("residents.csv", export(crowd))
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
	h.loaded(25)
	h.agent.kill()
	h.startAgent()
	h.loaded(60)
	h.cloud.kill()
	h.startCloud()
	h.loaded(95)
	h.cloud.kill()
	h.agent.kill()
	if n := len(h.panel.users()); n >= crowd {
		t.Fatalf("the panel held all %d before the last kill; nothing was interrupted", n)
	}
	h.startAgent()
	h.startCloud()
	h.loaded(crowd)
	eventually(t, "the cloud shows everybody confirmed", patience, h.allConfirmed)
	h.everybodyOnce()
	h.outboxGood()
	var report struct{ Added, Changed, Ended int }
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv", "--json").oneObject(t, &report)
	if report.Added+report.Changed+report.Ended != 0 {
		t.Errorf("the same export once more changes something: %+v", report)
	}
}

// allConfirmed is nil when the cloud's page has everybody confirmed on the panel.
func (h *house) allConfirmed() error {
	var status struct {
		Property struct {
			Gateways []struct {
				Online            bool
				Stored, Published uint64
			}
			Residents []struct {
				Name   string
				Panels []struct{ Device, State, Grade string }
			}
		}
	}
	if err := call(h.t, h.page+"/status.json?property=maples", nil, &status); err != nil {
		return err
	}
	p := status.Property
	if len(p.Residents) != crowd || len(p.Gateways) != 1 || p.Gateways[0].Stored != p.Gateways[0].Published || !p.Gateways[0].Online {
		return fmt.Errorf("%d residents, gateways %+v", len(p.Residents), p.Gateways)
	}
	for _, r := range p.Residents {
		if len(r.Panels) != 1 || r.Panels[0].State != "confirmed" || r.Panels[0].Grade != "exact" {
			return fmt.Errorf("%s is %+v", r.Name, r.Panels)
		}
	}
	return nil
}

// everybodyOnce looks for double rows at the panel: by name, PIN and our reference.
func (h *house) everybodyOnce() {
	t := h.t
	t.Helper()
	users := h.panel.users()
	if len(users) != crowd {
		t.Errorf("the panel holds %d rows, want %d", len(users), crowd)
	}
	for _, key := range []string{"name", "pin", "user_id"} {
		seen := map[any]bool{}
		for _, u := range users {
			if v := u[key]; v == nil || v == "" || seen[v] {
				t.Errorf("%s %v is missing or there twice", key, v)
			} else {
				seen[v] = true
			}
		}
	}
}

// outboxGood checks the chain of events while the gateway runs, and again from its files.
func (h *house) outboxGood() {
	t := h.t
	t.Helper()
	for _, state := range []string{"running", "killed"} {
		var o struct {
			OK          bool
			ChainOK     bool `json:"chain_ok"`
			First, Last uint64
		}
		a := h.must("gatehouse-agent", "outbox", "verify", "--config", "@agent.toml", "--json")
		a.oneObject(t, &o)
		if !o.OK || !o.ChainOK {
			t.Errorf("outbox of the %s gateway: %s", state, a.stdout)
		}
		h.agent.kill()
	}
}
