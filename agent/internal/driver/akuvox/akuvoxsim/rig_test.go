package akuvoxsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// clock is a hand-set clock.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

// monday is 2026-06-01, a Monday, at noon UTC.
func monday() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// rig is a panel behind a loopback server with a clock set by hand.
type rig struct {
	t     *testing.T
	panel *akuvoxsim.Panel
	clock *clock
	url   string
	http  *http.Client
}

func newRig(t *testing.T, o akuvoxsim.Options) *rig {
	t.Helper()
	c := &clock{at: monday()}
	if o.Now == nil {
		o.Now = c.now
	}
	p, err := akuvoxsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return &rig{t: t, panel: p, clock: c, url: s.URL, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// answer is a reply as it came over the wire.
type answer struct {
	Retcode int            `json:"retcode"`
	Action  string         `json:"action"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
	status  int
	header  http.Header
	raw     []byte
}

// items is data.item as rows of strings.
func (a answer) items(t *testing.T) []map[string]any {
	t.Helper()
	list, ok := a.Data["item"].([]any)
	if !ok {
		t.Fatalf("item is not a list: %s", a.raw)
	}
	var rows []map[string]any
	for _, it := range list {
		rows = append(rows, it.(map[string]any))
	}
	return rows
}

// try does one request; the first JSON value of the body is taken apart.
func (r *rig) try(method, path, body string, header ...string) (answer, error) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	if len(raw) > 0 && raw[0] == '{' {
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&a); err != nil {
			r.t.Fatalf("%s %s answered no JSON: %v: %q", method, path, err, raw)
		}
	}
	return a, nil
}

// do is try where a reply is due.
func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	a, err := r.try(method, path, body, header...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.do("GET", path, "")
}

func (r *rig) write(target, action string, items ...map[string]string) answer {
	r.t.Helper()
	return r.do("POST", "/api/"+target+"/set", envelope(target, action, items...))
}

// must is write that has to work.
func (r *rig) must(target, action string, items ...map[string]string) {
	r.t.Helper()
	if a := r.write(target, action, items...); a.Retcode < 0 || a.status != 200 {
		r.t.Fatalf("%s %s refused: %s", target, action, a.raw)
	}
}

func (r *rig) fault(name, value string) {
	r.t.Helper()
	if err := r.panel.SetFault(akuvoxsim.FaultSetting{Name: name, On: true, Value: value}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) faultOff(name string) {
	r.t.Helper()
	if err := r.panel.SetFault(akuvoxsim.FaultSetting{Name: name}); err != nil {
		r.t.Fatal(err)
	}
}

func envelope(target, action string, items ...map[string]string) string {
	b, err := json.Marshal(map[string]any{"target": target, "action": action, "data": map[string]any{"item": items}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// person is a full user item; more pairs of key and value overwrite, and the value "-" takes a key out.
func person(userID, name, pin string, more ...string) map[string]string {
	return with(map[string]string{
		"UserID": userID, "Name": name, "PrivatePIN": pin, "ScheduleRelay": "1001-1", "Schedule-Relay": "1001-1",
		"WebRelay": "0", "LiftFloorNum": "0",
	}, more...)
}

func with(m map[string]string, more ...string) map[string]string {
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "-" {
			delete(m, more[i])
			continue
		}
		m[more[i]] = more[i+1]
	}
	return m
}

// fill puts n users in by hand.
func (r *rig) fill(n int) {
	r.t.Helper()
	for i := range n {
		u := akuvoxsim.User{UserID: "u" + digits(i), Name: "Resident " + digits(i), PIN: "7" + digits(i)}
		if _, err := r.panel.Edit("add", u); err != nil {
			r.t.Fatal(err)
		}
	}
}

// digits writes a number below 100,000 in five digits.
func digits(n int) string {
	s := "00000"
	b := []byte(s)
	for i := 4; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b)
}

// every runs a subtest on each model.
func every(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, m := range akuvoxsim.Models() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			f(t, newRig(t, akuvoxsim.Options{Model: m.Name}))
		})
	}
}
