package akuvox_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// troubled is a panel behind a line that can be spoilt.
type troubled struct {
	*bench
	t       *testing.T
	wire    *drivertest.Wire
	logged  bytes.Buffer
	moving  atomic.Bool
	crowd   []akuvoxsim.User
	visitor akuvoxsim.User
}

func newTroubled(t *testing.T, model string) *troubled {
	t.Helper()
	sim, err := akuvoxsim.New(akuvoxsim.Options{Model: model, Auth: akuvoxsim.AuthDigest, User: simUser, Password: simPassword})
	if err != nil {
		t.Fatal(err)
	}
	b := &troubled{bench: &bench{sim: sim}, t: t}
	b.wire = drivertest.NewWire(t, http.HandlerFunc(b.serve))
	b.wire.Twist = twist
	srv := httptest.NewServer(b.wire)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	b.panel = b.again(0)
	return b
}

func (b *troubled) again(patience time.Duration) driver.Panel {
	b.t.Helper()
	cfg := driver.Config{ID: "lobby-1", URL: b.url, User: simUser, Password: access.NewSecret(simPassword), Pace: -1, Timeout: patience}
	p, err := akuvox.New(cfg, driver.Deps{Log: slog.New(slog.NewTextHandler(&b.logged, nil)), Now: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// serve lets somebody leave and somebody come after every page that is read, while the list moves.
func (b *troubled) serve(w http.ResponseWriter, r *http.Request) {
	b.sim.ServeHTTP(w, r)
	if r.URL.Path == "/api/user/get" && b.moving.Load() {
		b.edit("del", b.crowd[0])
		b.crowd = append(b.crowd[1:], b.edit("add", akuvoxsim.User{UserID: "81", Name: "Passer-by"}))
	}
}

func (b *troubled) edit(op string, u akuvoxsim.User) akuvoxsim.User {
	b.t.Helper()
	out, err := b.sim.Edit(op, u)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// day is a fault of the simulator as a switch.
func (b *troubled) day(s akuvoxsim.FaultSetting) drivertest.Switch {
	set := func(on bool) func() {
		return func() {
			s.On = on
			if err := b.sim.SetFault(s); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	return drivertest.Switch{On: set(true), Off: set(false)}
}

// twist bends the panel's JSON.
func twist(trouble drivertest.Trouble, body string) string {
	switch trouble {
	case drivertest.OddNames:
		return strings.ReplaceAll(body, "Caretaker", `Care\u001b[2J\u0000\ud800`+"\xfftaker")
	case drivertest.CountLies:
		return regexp.MustCompile(`"num":"?\d+"?`).ReplaceAllString(body, `"num":7`)
	}
	body = regexp.MustCompile(`:\s*("[^"]*")`).ReplaceAllString(body, `:{"x":[$1]}`)
	return regexp.MustCompile(`:\s*(\d+)`).ReplaceAllString(body, `:[$1]`)
}

// kept is the row of ours that stands before a bad day.
func (b *troubled) kept() akuvoxsim.User {
	b.t.Helper()
	for _, u := range b.sim.Users() {
		if strings.HasPrefix(u.UserID, "GH") {
			return u
		}
	}
	b.t.Fatal("no row of ours")
	return akuvoxsim.User{}
}

func (b *troubled) subject() drivertest.Subject {
	return drivertest.Subject{
		Panel: b.panel, Present: b.present, Again: b.again, Secrets: []string{simPassword}, Printed: b.logged.String,
		Stranger: func(name, pin string) string { return b.stranger(b.t, name, pin) },
		Troubles: b.troubles(),
		Opened: func() (n int) {
			for _, e := range b.sim.DoorLog() {
				if e.Granted && e.How == "api" {
					n++
				}
			}
			return n
		},
	}
}

func (b *troubled) troubles() map[drivertest.Trouble]drivertest.Switch {
	sim := func(name, value string, times int) drivertest.Switch {
		return b.day(akuvoxsim.FaultSetting{Name: name, Value: value, Times: times})
	}
	out := b.wire.Switches()
	for name, sw := range map[drivertest.Trouble]drivertest.Switch{
		drivertest.LostOnceDone:    sim(akuvoxsim.FaultDropAfter, "", 1),
		drivertest.LostOnceNot:     sim(akuvoxsim.FaultDropBefore, "", 1),
		drivertest.Restart:         sim(akuvoxsim.FaultReboot, "1h", 0),
		drivertest.PasswordChanged: sim(akuvoxsim.FaultLoginChanged, "", 0),
		drivertest.RightsLost:      {Not: "a login of its API may do everything or nothing (§1.1)"},
		drivertest.SessionLost:     sim(akuvoxsim.FaultStaleNonce, "", 0),
		drivertest.ApiOff:          sim(akuvoxsim.FaultAPIOff, "", 0),
		drivertest.DeviceFull:      sim(akuvoxsim.FaultFull, "", 0),
		drivertest.WritesRefused:   sim(akuvoxsim.FaultWriteLimit, "0", 0),
		drivertest.SilentDrop:      sim(akuvoxsim.FaultSilentDrop, "", 0),
		drivertest.HalfStored:      sim(akuvoxsim.FaultPartialDrop, "", 0),
		drivertest.ClockWrong:      sim(akuvoxsim.FaultClockSkew, "26h", 0),
		drivertest.ReadsUsedUp:     {Not: "its rows can be read as often as one likes"},
		drivertest.HandEdit: {On: func() {
			u := b.kept()
			u.Name, u.PIN = "Changed by hand", "8642"
			b.edit("set", u)
		}},
		drivertest.HandRemoved: {On: func() { b.edit("del", b.kept()) }},
		drivertest.Double: {On: func() {
			u := b.kept()
			u.Name = "The same again"
			b.edit("add", u)
		}},
		drivertest.SamePIN: b.visits(func() { b.visitor = b.edit("add", akuvoxsim.User{UserID: "4712", Name: "Visitor", PIN: "4821"}) }),
		drivertest.Renumbered: b.visits(func() {
			b.visitor = b.edit("set", akuvoxsim.User{ID: b.kept().ID, UserID: "4713", Name: "Newcomer", PIN: "6644", ScheduleRelay: "1001-1"})
		}),
		drivertest.ListMoves: b.moves(),
	} {
		out[name] = sw
	}
	return out
}

// visits puts a second stranger on the panel, whom nobody may touch either.
func (b *troubled) visits(on func()) drivertest.Switch {
	return drivertest.Switch{On: on, Off: func() {
		if got := b.edit("del", akuvoxsim.User{ID: b.visitor.ID}); got.UserID != b.visitor.UserID || got.PIN != b.visitor.PIN || got.Name != b.visitor.Name {
			b.t.Errorf("the other stranger is %+v, was %+v", got, b.visitor)
		}
	}}
}

// moves is a panel of several pages on which people come and go.
func (b *troubled) moves() drivertest.Switch {
	paged := b.day(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultPagedOnly})
	return drivertest.Switch{On: func() {
		for i := range 40 {
			b.crowd = append(b.crowd, b.edit("add", akuvoxsim.User{UserID: fmt.Sprintf("80%02d", i), Name: "Neighbour"}))
		}
		paged.On()
		b.moving.Store(true)
	}, Off: func() {
		b.moving.Store(false)
		paged.Off()
	}}
}

// Not parallel, nor are the next: they count goroutines and descriptors.
func TestTroubles(t *testing.T) {
	drivertest.Troubles(t, func(t *testing.T) drivertest.Subject { return newTroubled(t, "X916").subject() })
}

// bad is a fault of the simulator as the driver may meet it.
type bad struct {
	value string
	drivertest.BadDay
}

// faultDays says of each fault of `gatehouse-sim akuvox --faults` what the driver may say while it is on.
func faultDays() map[string]bad {
	may := func(kinds ...fault.Kind) bad { return bad{BadDay: drivertest.BadDay{Reads: kinds, Writes: kinds}} }
	writes := func(kinds ...fault.Kind) bad { return bad{BadDay: drivertest.BadDay{Writes: kinds}} }
	lost, denied := may(fault.Unreachable, fault.Timeout), may(fault.Denied)
	at := func(b bad, value string) bad { b.value = value; return b }
	slow := lost
	slow.Slow = true
	full := writes(fault.Full, fault.Conflict, fault.Invalid)
	return map[string]bad{
		akuvoxsim.FaultTrailingBytes: {}, akuvoxsim.FaultBadUTF8: {}, akuvoxsim.FaultEmpty200: lost, akuvoxsim.FaultHTTP500: lost,
		akuvoxsim.FaultSlow: slow, akuvoxsim.FaultDropAfter: writes(fault.Timeout), akuvoxsim.FaultDropBefore: writes(fault.Timeout),
		akuvoxsim.FaultDropRead: lost, akuvoxsim.FaultLockup: lost, akuvoxsim.FaultSilentDrop: {}, akuvoxsim.FaultPartialDrop: {},
		akuvoxsim.FaultStaleNonce: {}, akuvoxsim.FaultFull: full, akuvoxsim.FaultNoFilter: {}, akuvoxsim.FaultClockSkew: {},
		akuvoxsim.FaultReboot: lost, akuvoxsim.FaultPowerCut: lost, akuvoxsim.FaultWriteLimit: at(full, "0"), akuvoxsim.FaultPagedOnly: {},
		akuvoxsim.FaultBareInfo: {}, akuvoxsim.FaultAPIOff: denied, akuvoxsim.FaultLoginChanged: denied,
		akuvoxsim.FaultRefuseDuplicates: {}, akuvoxsim.FaultBlankKeeps: {}, akuvoxsim.FaultItemNotList: {}, akuvoxsim.FaultUserIDSpelling: {},
		akuvoxsim.FaultDisplayID: {}, akuvoxsim.FaultStrictSeparator: {}, akuvoxsim.FaultScheduleInUse: {}, akuvoxsim.FaultLogOldestFirst: {},
		akuvoxsim.FaultCompactDates: {}, akuvoxsim.FaultLogIDsWrap: {},
		"code-without-relay": {}, "unknown-variable": {}, "calls-lost": {}, "config-drop": {}, "auth-int-only": {}, "absent-404": {},
		"vendor-words": {}, "status-words": {}, "web-spa": may(fault.Unsupported), "web-legacy": denied, "fcgi-only": may(fault.Invalid, fault.Timeout),
		"redirect": may(fault.Unsupported), "single-connection": {}, "item-key": {}, "guide-realm": {}, "log-type-digits": {}, "user-get-500": lost,
		"bad-utf8-rows": {BadDay: drivertest.BadDay{Distorts: true}}, "fcgi-empty": {}, "fcgi-words": {}, "fcgi-false": {},
		"endless": may(fault.Invalid, fault.Unreachable, fault.Timeout), "drip": slow,
	}
}

// Every fault that the simulator has is lived through; a new one fails here until it is said what a driver may say.
func TestEveryFaultOfTheSimulator(t *testing.T) {
	days := faultDays()
	var names []string
	for _, f := range akuvoxsim.FaultList().Faults {
		names = append(names, f.Name)
	}
	drivertest.Alone(t, names, func(t *testing.T, name string) {
		d, known := days[name]
		if !known {
			t.Fatal("no word of what the driver may say")
		}
		b := newTroubled(t, "E18C")
		d.Switch, d.Reborn = b.day(akuvoxsim.FaultSetting{Name: name, Value: d.value}), true
		drivertest.Live(t, b.subject(), d.BadDay)
		if err := b.panel.Close(); err != nil {
			t.Error(err)
		}
		for _, r := range b.sim.Requests() {
			if strings.HasPrefix(r.Path, "/fcgi/") {
				t.Errorf("asked for %s, which no profile demands (akuvox.md §7)", r.Path)
			}
		}
	})
}

func TestABadMonth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newTroubled(t, "X916")
			drivertest.BadMonth(t, b.subject(), seed)
			if err := b.panel.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
