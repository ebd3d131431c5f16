package akuvox_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
)

const (
	simUser     = "gate"
	simPassword = "correct horse"
)

// bench is one simulated panel on loopback, and a driver connected to it.
type bench struct {
	sim   *akuvoxsim.Panel
	panel driver.Panel
	url   string
	down  atomic.Bool
}

func newBench(t *testing.T, o akuvoxsim.Options) *bench {
	t.Helper()
	if o.Auth != "" && o.Auth != akuvoxsim.AuthNone {
		o.User, o.Password = simUser, simPassword
	}
	sim, err := akuvoxsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{sim: sim}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.down.Load() {
			panic(http.ErrAbortHandler)
		}
		sim.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	b.panel = newPanel(t, driver.Config{URL: srv.URL, User: o.User, Password: access.NewSecret(o.Password)})
	return b
}

// newPanel makes a driver without pauses.
func newPanel(t *testing.T, cfg driver.Config) *akuvox.Panel {
	t.Helper()
	return newPanelAt(t, cfg, time.Now)
}

// newPanelAt makes one whose gateway has another time.
func newPanelAt(t *testing.T, cfg driver.Config, now func() time.Time) *akuvox.Panel {
	t.Helper()
	if cfg.Pace == 0 {
		cfg.Pace = -1
	}
	if cfg.ID == "" {
		cfg.ID = "lobby-1"
	}
	p, err := akuvox.New(cfg, driver.Deps{Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*akuvox.Panel)
}

func (b *bench) fault(t *testing.T, s akuvoxsim.FaultSetting) {
	t.Helper()
	s.On = true
	if err := b.sim.SetFault(s); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) present(code string) []string {
	for _, c := range []akuvoxsim.Credential{{PIN: code}, {Card: code}} {
		if out := b.sim.Present(c); out.Granted {
			return out.Doors
		}
	}
	return nil
}

func (b *bench) stranger(t *testing.T, name, pin string) string {
	t.Helper()
	u, err := b.sim.Edit("add", akuvoxsim.User{UserID: "4711", Name: name, PIN: pin})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}

func subject(o akuvoxsim.Options) func(*testing.T) drivertest.Subject {
	return func(t *testing.T) drivertest.Subject {
		b := newBench(t, o)
		s := drivertest.Subject{
			Panel: b.panel, Present: b.present, Down: b.down.Store,
			Stranger: func(name, pin string) string { return b.stranger(t, name, pin) },
			Full:     func() { b.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultFull}) },
			Cut: func(took bool) {
				name := akuvoxsim.FaultDropBefore
				if took {
					name = akuvoxsim.FaultDropAfter
				}
				b.fault(t, akuvoxsim.FaultSetting{Name: name, Times: 1})
			},
		}
		if o.Auth != "" && o.Auth != akuvoxsim.AuthNone {
			s.WrongPassword = func() driver.Panel {
				return newPanel(t, driver.Config{URL: b.url, User: simUser, Password: access.NewSecret("wrong")})
			}
		}
		return s
	}
}

// twoRelays names the models that have the relays of the suite's people.
func twoRelays() (out []string) {
	for _, m := range akuvoxsim.Models() {
		if m.Relays >= 2 {
			out = append(out, m.Name)
		}
	}
	return out
}

func TestDriverSuite(t *testing.T) {
	t.Parallel()
	for _, m := range twoRelays() {
		for _, auth := range []akuvoxsim.Auth{akuvoxsim.AuthNone, akuvoxsim.AuthBasic, akuvoxsim.AuthDigest} {
			t.Run(m+" "+string(auth), func(t *testing.T) {
				t.Parallel()
				drivertest.Run(t, subject(akuvoxsim.Options{Model: m, Auth: auth}))
			})
		}
	}
}

// The suite holds on every bad day that a driver can be expected to live with.
func TestDriverSuiteOnBadDays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		akuvoxsim.FaultTrailingBytes, akuvoxsim.FaultBadUTF8, akuvoxsim.FaultStaleNonce, akuvoxsim.FaultNoFilter,
		akuvoxsim.FaultPagedOnly, akuvoxsim.FaultBareInfo, akuvoxsim.FaultItemNotList, akuvoxsim.FaultUserIDSpelling,
		akuvoxsim.FaultBlankKeeps, akuvoxsim.FaultRefuseDuplicates, akuvoxsim.FaultClockSkew,
		akuvoxsim.FaultDisplayID, akuvoxsim.FaultScheduleInUse, akuvoxsim.FaultAuthIntOnly, akuvoxsim.FaultAbsent404,
		akuvoxsim.FaultVendorWords,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := akuvoxsim.FaultSetting{Name: name, On: true}
			if name == akuvoxsim.FaultClockSkew {
				f.Value = "2m" // more, and hours are refused
			}
			drivertest.Run(t, subject(akuvoxsim.Options{Model: "E18C", Auth: akuvoxsim.AuthDigest, Faults: []akuvoxsim.FaultSetting{f}}))
		})
	}
}

// raw is a write of another system.
func raw(t *testing.T, url, path, body string) {
	t.Helper()
	resp, err := http.Post(url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || strings.Contains(string(b), `"retcode":-`) {
		t.Fatalf("%s: %s, %v", path, b, err)
	}
}
