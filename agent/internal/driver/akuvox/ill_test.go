package akuvox_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
)

// hostileTo is a driver that does not wait long for a request.
func hostileTo(t *testing.T, url string, patience time.Duration) driver.Panel {
	t.Helper()
	return newPanel(t, driver.Config{URL: url, User: simUser, Password: access.NewSecret(simPassword), Timeout: patience})
}

// Not parallel: it counts goroutines and descriptors.
func TestHostileAnswers(t *testing.T) {
	drivertest.AgainstHostile(t, drivertest.Jones(), []string{simPassword}, func(t *testing.T, address string) driver.Panel {
		return hostileTo(t, "http://"+address, 150*time.Millisecond)
	})
}

// Lists that are well formed and meant ill: what cannot be a panel's is an error, and an error alone.
func TestHostileLists(t *testing.T) {
	rows := func(n int, row string) string {
		return `{"retcode":0,"data":{"num":` + num(n) + `,"item":[` + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + `]}}`
	}
	for name, tt := range map[string]struct {
		body string
		good bool
	}{
		"a hundred thousand rows":     {rows(100_000, `{"ID":"1"}`), false},
		"more rows than said":         {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1"},{"ID":"2"}]}}`, false},
		"fewer rows than said":        {`{"retcode":0,"data":{"num":5,"item":[{"ID":"1"},{"ID":"2"}]}}`, false},
		"a number without an end":     {`{"retcode":0,"data":{"num":99999999999999999999,"item":[{"ID":"1"}]}}`, true},
		"a number below zero":         {`{"retcode":0,"data":{"num":-5,"item":[{"ID":"1"}]}}`, true},
		"keys twice":                  {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","UserID":"a","UserID":"GHp7","userid":"b"}]}}`, true},
		"fields of any type":          {`{"retcode":0,"data":{"num":1,"item":[{"ID":1,"UserID":{},"Name":[],"PrivatePIN":null,"CardCode":true,"ScheduleRelay":{"a":1}}]}}`, true},
		"a name of a megabyte":        {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","Name":"` + strings.Repeat("x", 1<<20) + `"}]}}`, true},
		"schedules of a megabyte":     {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","ScheduleRelay":"` + strings.Repeat("1001-1;", 1<<17) + `"}]}}`, true},
		"cards of a megabyte":         {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","CardCode":"` + strings.Repeat(";", 1<<20) + `"}]}}`, true},
		"controls in every field":     {`{"retcode":0,"data":{"num":1,"item":[{"ID":"\u0000","UserID":"\u001b[2J","Name":"\u202e\ud800"}]}}`, true},
		"a row with a field too deep": {`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}]}}`, true},
	} {
		before := drivertest.Held()
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if _, err := w.Write([]byte(tt.body)); err != nil {
					return // it had enough
				}
			}))
			defer srv.Close()
			p := hostileTo(t, srv.URL, 10*time.Second)
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			if got, err := p.List(t.Context()); (err == nil) != tt.good {
				t.Errorf("%d rows, %v", len(got), err)
			}
		})
		before.Gone(t, name)
	}
}

func num(n int) string {
	b, err := json.Marshal(n)
	if err != nil {
		return ""
	}
	return string(b)
}

// A panel that leads a login elsewhere shows it to nobody, whatever the request.
func TestALoginIsNotLedElsewhere(t *testing.T) {
	wire := drivertest.NewWire(t, http.NotFoundHandler())
	srv := httptest.NewServer(wire)
	t.Cleanup(srv.Close)
	wire.Switches()[drivertest.Elsewhere].On()
	p, err := akuvox.New(driver.Config{URL: srv.URL, User: simUser, Password: access.NewSecret(simPassword), Pace: -1}, driver.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	drivertest.AskAll(t, p, drivertest.Jones(), []string{simPassword})
}
