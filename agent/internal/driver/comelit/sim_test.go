package comelit_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

const installer = "correct horse"

// bench is one simulated gateway on loopback, and a driver connected to it.
type bench struct {
	sim    *comelitsim.Panel
	panel  *comelit.Panel
	url    string
	memory *memory
	down   atomic.Bool
	cut    atomic.Pointer[bool] // the next field write: before it takes effect, or the last of a slot after
}

// memory is driver.Memory without a disk.
type memory struct {
	mu    sync.Mutex
	parts map[string][]byte
	// err fails every Save.
	err error
}

func (m *memory) Load(part string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parts[part], nil
}

func (m *memory) Save(parts map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.parts == nil {
		m.parts = map[string][]byte{}
	}
	for part, b := range parts {
		m.parts[part] = b
	}
	return nil
}

func newBench(t *testing.T, faults ...string) *bench {
	t.Helper()
	o := comelitsim.Options{Password: installer}
	for _, name := range faults {
		o.Faults = append(o.Faults, comelitsim.FaultSetting{Name: name, On: true})
	}
	sim, err := comelitsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{sim: sim, memory: &memory{}}
	srv := httptest.NewServer(http.HandlerFunc(b.serve))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	b.panel = b.connect(t, installer)
	return b
}

// serve loses answers as drivertest wants it: the first request of a row, or the last of the two slots of jones.
func (b *bench) serve(w http.ResponseWriter, r *http.Request) {
	if b.down.Load() {
		panic(http.ErrAbortHandler)
	}
	cut := b.cut.Load()
	if cut == nil || r.URL.Path != "/update.html" || *cut && !strings.Contains(r.URL.RawQuery, "0.2_4=1") {
		b.sim.Web().ServeHTTP(w, r)
		return
	}
	b.cut.Store(nil)
	if *cut {
		b.sim.Web().ServeHTTP(httptest.NewRecorder(), r)
	}
	panic(http.ErrAbortHandler)
}

func (b *bench) connect(t *testing.T, password string) *comelit.Panel {
	t.Helper()
	cfg := driver.Config{ID: "gate-1", URL: b.url, Password: access.NewSecret(password), Pace: -1}
	p, err := comelit.New(cfg, driver.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now, Memory: b.memory})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*comelit.Panel)
}

// restart is the driver after a power cut: it has nothing but its memory.
func (b *bench) restart(t *testing.T) {
	t.Helper()
	if err := b.panel.Close(); err != nil {
		t.Error(err)
	}
	b.panel = b.connect(t, installer)
}

func (b *bench) fault(t *testing.T, s comelitsim.FaultSetting) {
	t.Helper()
	if err := b.sim.SetFault(s); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) edit(t *testing.T, s comelitsim.Slot) {
	t.Helper()
	if _, err := b.sim.Edit("set", s); err != nil {
		t.Fatal(err)
	}
}

// slot is one slot as it stands on the device.
func (b *bench) slot(t *testing.T, unit, slot int) comelitsim.Slot {
	t.Helper()
	for _, s := range b.sim.Users(true) {
		if s.Unit == unit && s.Slot == slot {
			return s
		}
	}
	t.Fatalf("no slot %d.%d", unit, slot)
	return comelitsim.Slot{}
}

// backups is how many the device was asked to make.
func (b *bench) backups() int { return b.sim.Stats().Web["POST /create-backup.html"] }

// jones has an app and a telephone in unit 101.
func jones() model.Record {
	return model.Record{
		Ref: model.RefOf("p7"), Name: "T. Jones - Unit 101", Unit: "101", Email: "t.jones@example.com", Phone: "+15550101",
		Relays: []string{"A"},
	}
}

func moved() model.Record {
	r := jones()
	r.Name, r.Unit, r.Email, r.Phone = "T. Jones - Unit 103", "103", "tom@example.com", "+15550199"
	return r
}

func nth(i int) model.Record {
	unit := fmt.Sprint(101 + i%4)
	return model.Record{
		Ref: model.RefOf(access.PersonID(fmt.Sprintf("q%d", i))), Name: fmt.Sprintf("Q. Person %d - Unit %s", i, unit),
		Unit: unit, Phone: fmt.Sprintf("+155502%02d", i), Relays: []string{"A"},
	}
}

// fillUp gives every free slot to somebody.
func (b *bench) fillUp(t *testing.T) {
	t.Helper()
	for _, s := range b.sim.Users(true) {
		if s.Slot > 0 && s.Kind == "none" {
			b.edit(t, comelitsim.Slot{Unit: s.Unit, Slot: s.Slot, Enabled: true, Kind: "phone", Name: "Somebody", Phone: "+15550111"})
		}
	}
}

func subject(faults ...string) func(*testing.T) drivertest.Subject {
	return func(t *testing.T) drivertest.Subject { return subjectOf(t, newBench(t, faults...)) }
}

func subjectOf(t *testing.T, b *bench) drivertest.Subject {
	t.Helper()
	return drivertest.Subject{
		Panel: b.panel, Jones: jones(), Moved: moved(), Nth: nth, Down: b.down.Store,
		Stranger: func(name, _ string) string {
			b.edit(t, comelitsim.Slot{Unit: 0, Slot: 1, Enabled: true, Kind: "phone", Name: name, Phone: "+15550177"})
			t.Cleanup(func() {
				if s := b.slot(t, 0, 1); s.Name != name || s.Phone != "+15550177" || !s.Enabled {
					t.Errorf("the stranger's slot is %+v", s)
				}
			})
			return "0.1"
		},
		Full:          func() { b.fillUp(t) },
		Cut:           func(took bool) { b.cut.Store(&took) },
		WrongPassword: func() driver.Panel { return b.connect(t, "wrong") },
	}
}

func TestDriverSuite(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, subject())
}

// The suite holds on every bad day that a driver can be expected to live with.
func TestDriverSuiteOnBadDays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		comelitsim.FaultItalian, comelitsim.FaultPlainLogin, comelitsim.FaultCookieSession, comelitsim.FaultAnyReferer,
		comelitsim.FaultPlainMembers, comelitsim.FaultCodeFile, comelitsim.FaultManySessions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, subject(name))
		})
	}
}
