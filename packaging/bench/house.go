package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const property = "maples"

// house is a property: a cloud, a gateway behind a link, and its panels.
type house struct {
	*rig
	panels       []simulator
	link         *link
	page, local  string // addresses of cloud and gateway
	cloud, agent *program
}

// newHouse starts a cloud, a gateway that knows nobody yet and n panels. source is added to the property in the cloud's file.
func newHouse(r *rig, n int, source string, panelArgs ...string) (*house, error) {
	h := &house{rig: r}
	for i := range n {
		p, err := r.simulate(fmt.Sprintf("panel-%d.log", i+1), "gatehouse-sim", append([]string{"akuvox"}, panelArgs...)...)
		if err != nil {
			return nil, err
		}
		h.panels = append(h.panels, p)
	}
	broker, err := h.addresses()
	if err != nil {
		return nil, err
	}
	if err := h.configure(broker, source); err != nil {
		return nil, err
	}
	for _, step := range []func() error{h.enrol, h.startCloud, h.startAgent, h.connected} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *house) addresses() (broker string, err error) {
	var errs [3]error
	h.page, errs[0] = freeAddress()
	h.local, errs[1] = freeAddress()
	broker, errs[2] = freeAddress()
	if err := errors.Join(errs[:]...); err != nil {
		return "", err
	}
	if h.link, err = openLink(broker); err == nil {
		h.closers = append(h.closers, h.link)
	}
	return broker, err
}

// configure writes what an installer would. The simulated panels need no rest between requests.
func (h *house) configure(broker, source string) error {
	cloud := fmt.Sprintf("state_dir = \"cloud\"\nlisten = %q\nbroker_listen = %q\nbroker_address = \"tls://%s\"\n\n[[property]]\nid = %q\nname = \"The Maples\"\nzone = \"America/New_York\"\n%s",
		h.page, broker, h.link.address(), property, source)
	agent := fmt.Sprintf("state_dir = \"agent\"\nforce_state_dir = true\nlisten = %q\nreconnect_max = \"1s\"\n", h.local)
	for i, p := range h.panels {
		cloud += fmt.Sprintf("[[property.door]]\nid = \"door%d\"\n", i+1)
		agent += fmt.Sprintf("[[device]]\nid = \"panel%[1]d\"\nkind = \"akuvox\"\nurl = %[2]q\npace = \"0s\"\ndoors = { door%[1]d = \"A\" }\n", i+1, p.url)
	}
	return errors.Join(h.write("cloud.toml", cloud), h.write("agent.toml", agent))
}

// enrol makes the gateway known by the two files.
func (h *house) enrol() error {
	for _, c := range [][]string{
		{"gatehouse-agent", "enroll", "request", "--config", "agent.toml", "--out", "request"},
		{"gatehouse-cloud", "gateway", "add", "--config", "cloud.toml", "--property", property, "--request", "request", "--out", "bundle"},
		{"gatehouse-agent", "enroll", "accept", "--config", "agent.toml", "bundle"},
	} {
		if _, err := h.do(c[0], c[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// startCloud returns when the cloud hears its broker: what gateways say before that they say again only after half a minute.
func (h *house) startCloud() (err error) {
	if h.cloud, err = h.start("cloud.log", nil, nil, "gatehouse-cloud", "serve", "--config", "cloud.toml"); err != nil {
		return err
	}
	return h.until("the cloud hears its broker", 50*time.Millisecond, 30*time.Second, func() error {
		raw, err := h.fetch("http://"+h.page+"/metrics", nil)
		if err == nil && parseMetrics(raw)["gatehouse_broker_connected"] != 1 {
			err = errors.New("it does not")
		}
		return err
	})
}

func (h *house) startAgent() (err error) {
	h.agent, err = h.start("agent.log", nil, nil, "gatehouse-agent", "run", "--config", "agent.toml")
	return err
}

// connected waits until the gateway hears its cloud, and both have said what they had to say.
func (h *house) connected() error {
	return h.until("the gateway is connected", 20*time.Millisecond, time.Minute, func() error {
		m, err := h.metrics()
		if err == nil && (m["gatehouse_cloudlink_connected"] != 1 || m["gatehouse_outbox_events"] != 0) {
			err = errors.New("it is not")
		}
		return err
	})
}

// metrics are the gateway's, summed over labels.
func (h *house) metrics() (map[string]float64, error) {
	raw, err := h.fetch("http://"+h.local+"/metrics", nil)
	return parseMetrics(raw), err
}

func parseMetrics(raw []byte) map[string]float64 {
	out := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(line, "#") {
			name, _, _ = strings.Cut(name, "{")
			out[name] += v
		}
	}
	return out
}

// resident is a line of the export; number tells people apart.
type resident struct {
	number, pin int
	past        bool
}

// residents are n people who live there.
func residents(n int) []resident {
	out := make([]resident, n)
	for i := range out {
		out[i] = resident{number: i, pin: 1_000_000 + 137*i}
	}
	return out
}

// export is a whole export of the property, as cloud/internal/pms/csv/README.md has it.
func export(people []resident) string {
	rows := make([]string, len(people))
	for i, p := range people {
		status, out := "Current", ""
		if p.past {
			status, out = "Past", "2026-01-05"
		}
		rows[i] = fmt.Sprintf("Maples,%d,R%d,L%d,%s,Primary,Ada,Number%d,,,2020-05-01,%s,2020-05-01,,%d,\n",
			100+p.number, p.number, p.number, status, p.number, out, p.pin)
	}
	return closedExport(rows)
}

// closedExport is an export that says it is whole.
func closedExport(rows []string) string {
	var b strings.Builder
	b.WriteString("property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card\n")
	for _, row := range rows {
		b.WriteString(row)
	}
	sum := sha256.Sum256([]byte(b.String()))
	fmt.Fprintf(&b, "#end,rows=%d,sha256=%x\n", len(rows), sum)
	return b.String()
}

// load imports people, by a process of its own beside the running cloud, and returns when that is committed.
func (h *house) load(people []resident) error {
	if err := h.write("residents.csv", export(people)); err != nil {
		return err
	}
	_, err := h.do("gatehouse-cloud", "import", "--config", "cloud.toml", "--property", property, "--file", "residents.csv")
	return err
}

// settled waits until the panels hold n people each, nothing is waiting and the cloud has every event.
func (h *house) settled(n int, within time.Duration) error {
	every := max(100*time.Millisecond, time.Duration(n)*50*time.Microsecond) // a page of metrics costs the gateway milliseconds
	return h.until(fmt.Sprintf("%d people on each panel", n), every, within, func() error {
		m, err := h.metrics()
		if err != nil {
			return err
		}
		if w, o := m["gatehouse_device_people_waiting"], m["gatehouse_outbox_events"]; w+o > 0 {
			return fmt.Errorf("%v people and %v events wait", w, o)
		}
		for _, p := range h.panels {
			users, err := h.users(p)
			if err != nil || len(users) != n {
				return errors.Join(err, fmt.Errorf("one holds %d", len(users)))
			}
		}
		return nil
	})
}

// user is a row of a panel, as far as anybody here asks.
type user struct{ PIN string }

func (h *house) users(p simulator) (out []user, err error) {
	return out, h.call(p.control+"/users", nil, &out)
}

// stats are a panel's count of requests.
type stats struct {
	Requests int
	Mutating []request
}

type request struct {
	Start, End time.Time
	Path       string
	Action     string
}

func (q request) removal() bool { return q.Action == "del" || strings.HasSuffix(q.Path, "/del") }

func (h *house) stats(p simulator) (out stats, err error) {
	return out, h.call(p.control+"/stats", nil, &out)
}

// logged returns when the gateway logged a message for the first time after an instant.
func (p *program) logged(msg string, after time.Time) (time.Time, error) {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return time.Time{}, err
	}
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		var line struct {
			Time time.Time
			Msg  string
		}
		if json.Unmarshal(s.Bytes(), &line) == nil && line.Msg == msg && line.Time.After(after) {
			return line.Time, nil
		}
	}
	return time.Time{}, fmt.Errorf("its log does not say %q", msg)
}

const storedMsg = "wanted state stored"

// stored waits until the gateway has stored a state after an instant, and returns when that was.
func (h *house) stored(after time.Time, within time.Duration) (at time.Time, err error) {
	err = h.until("the gateway stores the state", 20*time.Millisecond, within, func() error {
		at, err = h.agent.logged(storedMsg, after)
		return err
	})
	return at, err
}
