package comelit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// troubled is a gateway with all its sides on loopback, its pages behind a line that can be spoilt.
type troubled struct {
	*bench
	t             *testing.T
	wire          *drivertest.Wire
	p             driver.Panel
	logged        bytes.Buffer
	web, tcp, udp string
}

const gateToken = "00112233445566778899aabbccddeeff"

func newTroubled(t *testing.T) *troubled {
	t.Helper()
	sim, err := comelitsim.New(comelitsim.Options{Password: installer, Token: gateToken, TokenSlot: comelit.SlotsPerUnit})
	if err != nil {
		t.Fatal(err)
	}
	b := &troubled{bench: &bench{sim: sim, memory: &memory{}}, t: t}
	b.wire = drivertest.NewWire(t, http.HandlerFunc(b.serve))
	b.wire.Twist = func(_ drivertest.Trouble, page string) string {
		return strings.NewReplacer("href='", "href=[", ".tar.gz", ".tar", "method=", "method:{}=").Replace(page)
	}
	srv := httptest.NewServer(b.wire)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	b.web = srv.Listener.Addr().String()
	b.serveBridge()
	b.p = b.again(0)
	return b
}

// serveBridge puts the ICONA side and discovery on loopback.
func (b *troubled) serveBridge() {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.tcp, b.udp = l.Addr().String(), pc.LocalAddr().String()
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan error, 2)
	go func() { ended <- b.sim.ServeICONA(ctx, l) }()
	go func() { ended <- b.sim.ServeDiscovery(ctx, pc) }()
	b.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			b.t.Error(err)
		}
	})
}

// dial leads each port of the device to where it is played.
func (b *troubled) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to := b.web
	switch {
	case network == "udp":
		to = b.udp
	case strings.HasSuffix(address, ":64100"):
		to = b.tcp
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func (b *troubled) again(patience time.Duration) driver.Panel {
	b.t.Helper()
	cfg := driver.Config{ID: "gate-1", Host: "192.0.2.10", Password: access.NewSecret(installer), Token: access.NewSecret(gateToken), Pace: -1, Timeout: patience}
	deps := driver.Deps{Log: slog.New(slog.NewTextHandler(&b.logged, nil)), Now: time.Now, Memory: b.memory, Dial: b.dial}
	p, err := comelit.New(cfg, deps)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// after is a switch whose end finds room for backups: somebody has deleted the old ones by hand.
func (b *troubled) after(sw drivertest.Switch) drivertest.Switch {
	off := sw.Off
	sw.Off = func() {
		if off != nil {
			off()
		}
		if err := b.sim.DropBackups(0); err != nil {
			b.t.Error(err)
		}
	}
	return sw
}

// day is faults of the simulator as a switch.
func (b *troubled) day(faults ...comelitsim.FaultSetting) drivertest.Switch {
	set := func(on bool) func() {
		return func() {
			for _, s := range faults {
				s.On = on
				b.fault(b.t, s)
			}
		}
	}
	return b.after(drivertest.Switch{On: set(true), Off: set(false)})
}

func (b *troubled) loses(took bool) drivertest.Switch {
	return b.after(drivertest.Switch{On: func() { b.cut.Store(&took) }})
}

func (b *troubled) subject() drivertest.Subject {
	s := subjectOf(b.t, b.bench)
	s.Panel, s.Opened = b.p, func() (n int) {
		for _, e := range b.sim.DoorLog() {
			if e.Granted {
				n++
			}
		}
		return n
	}
	s.Jones.Unit = "SB000001" // by its address: names of units go bad, too
	s.Again, s.Secrets, s.Printed, s.Troubles = b.again, []string{installer, gateToken}, b.logged.String, b.troubles()
	return s
}

func (b *troubled) troubles() map[drivertest.Trouble]drivertest.Switch {
	sim := func(name, value string) drivertest.Switch {
		return b.day(comelitsim.FaultSetting{Name: name, Value: value})
	}
	out := b.wire.Switches()
	for name, sw := range out {
		out[name] = b.after(sw)
	}
	later := "what was edited by hand since the last backup shows only in the next (README, Limits)"
	for name, sw := range map[drivertest.Trouble]drivertest.Switch{
		drivertest.LostOnceDone:    b.loses(true),
		drivertest.LostOnceNot:     b.loses(false),
		drivertest.Restart:         sim(comelitsim.FaultReboot, "1h"),
		drivertest.PasswordChanged: b.day(comelitsim.FaultSetting{Name: comelitsim.FaultPasswordChanged}, comelitsim.FaultSetting{Name: comelitsim.FaultSessionDrop}),
		drivertest.RightsLost:      sim(comelitsim.FaultAdminLost, ""),
		drivertest.SessionLost:     sim(comelitsim.FaultSessionDrop, ""),
		drivertest.ApiOff:          {Not: "http.cfg has httpAdminEnabled; what the pages answer without it is unknown (§3)"},
		drivertest.DeviceFull:      {Not: later + "; a device that was full before is in the suite"},
		drivertest.WritesRefused:   sim(comelitsim.FaultWriteRefused, ""),
		drivertest.SilentDrop:      sim(comelitsim.FaultWriteLost, ""),
		drivertest.HalfStored:      sim(comelitsim.FaultTruncateNames, "5"),
		drivertest.ClockWrong:      {Not: "nothing on it goes by its clock"},
		drivertest.ReadsUsedUp:     sim(comelitsim.FaultBackupQuota, ""),
		drivertest.HandEdit: b.after(drivertest.Switch{On: func() {
			s := b.slot(b.t, 1, 1)
			s.Name = "Changed by hand"
			b.edit(b.t, s)
		}}),
		drivertest.HandRemoved: b.after(drivertest.Switch{On: func() {
			if _, err := b.sim.Edit("clear", comelitsim.Slot{Unit: 1, Slot: 1}); err != nil {
				b.t.Error(err)
			}
		}}),
		drivertest.Double:     {Not: "a slot carries no reference: a copy of ours is a stranger's"},
		drivertest.SamePIN:    {Not: "it holds no PINs (§5)"},
		drivertest.Renumbered: {Not: later},
		drivertest.ListMoves:  {Not: "its table is one archive of one moment"},
		drivertest.CountLies:  {Not: "it tells no count"},
		drivertest.OddNames:   sim(comelitsim.FaultControlChars, ""),
	} {
		out[name] = sw
	}
	return out
}

// Not parallel, nor is the next: they count goroutines and descriptors.
func TestTroubles(t *testing.T) {
	drivertest.Troubles(t, func(t *testing.T) drivertest.Subject { return newTroubled(t).subject() })
}

// bad is a fault of the simulator as the driver may meet it.
type bad struct {
	value string
	drivertest.BadDay
}

// faultDays says of each fault of `gatehouse-sim comelit --faults` what the driver may say while it is on.
func faultDays() map[string]bad {
	may := func(kinds ...fault.Kind) bad { return bad{BadDay: drivertest.BadDay{Reads: kinds, Writes: kinds}} }
	at := func(b bad, value string) bad { b.value = value; return b }
	lost, denied, broken := may(fault.Unreachable, fault.Timeout), may(fault.Denied), may(fault.Invalid)
	slow := lost
	slow.Slow = true
	odd := broken
	odd.Distorts = true
	days := map[string]bad{
		comelitsim.FaultFreeze: slow, comelitsim.FaultReboot: lost, comelitsim.FaultSleep: at(slow, "1ns"), comelitsim.FaultSlow: slow,

		comelitsim.FaultItalian: {}, comelitsim.FaultPlainLogin: {}, comelitsim.FaultPasswordChanged: denied, comelitsim.FaultAdminLost: denied,
		comelitsim.FaultCookieSession: {}, comelitsim.FaultSessionDrop: denied, comelitsim.FaultSessionLimit: denied, comelitsim.FaultAnyReferer: {},
		comelitsim.FaultHTTP500: lost, comelitsim.FaultEmpty200: lost, comelitsim.FaultRedirect: may(fault.Unsupported), comelitsim.FaultEndless: lost,
		comelitsim.FaultDropBefore: may(fault.Timeout), comelitsim.FaultDropAfter: may(fault.Timeout), comelitsim.FaultWriteLost: broken,
		comelitsim.FaultWriteRefused: broken, comelitsim.FaultTruncateNames: at(bad{}, "5"), comelitsim.FaultHandEdits: {}, comelitsim.FaultSlotTaken: {},
		comelitsim.FaultTokenSurvives: {}, comelitsim.FaultNoCode: {}, comelitsim.FaultCodeFile: {},

		comelitsim.FaultBackupQuota: {}, comelitsim.FaultNoBackup: may(fault.Timeout), comelitsim.FaultLateBackup: at(may(fault.Timeout), "30ms"),
		comelitsim.FaultTruncatedBackup: broken, comelitsim.FaultResetBackup: lost, comelitsim.FaultBombBackup: broken, comelitsim.FaultPlainMembers: {},
		comelitsim.FaultControlChars: odd, comelitsim.FaultUsersFileMissing: broken, comelitsim.FaultSlotZeroEmpty: odd,
	}
	for name, d := range bridgeDays() {
		days[name] = d
	}
	return days
}

// bridgeDays are the faults of the ICONA bridge and of discovery. The pages do not feel them.
func bridgeDays() map[string]bad {
	opens := func(kinds ...fault.Kind) bad { return bad{BadDay: drivertest.BadDay{Opens: kinds}} }
	lost := opens(fault.Unreachable, fault.Timeout)
	slow := lost
	slow.Slow = true
	at := func(b bad, value string) bad { b.value = value; return b }
	return map[string]bad{
		comelitsim.FaultSlowConfig: at(slow, "2s"), comelitsim.FaultResetFrame: lost, comelitsim.FaultHalfFrame: slow, comelitsim.FaultSplitFrames: {},
		comelitsim.FaultLongLength: slow, comelitsim.FaultShortLength: slow, comelitsim.FaultBadMagic: lost, comelitsim.FaultBadJSON: lost,
		comelitsim.FaultWrongTypes: lost, comelitsim.FaultWrongID: slow, comelitsim.FaultNoise: {}, comelitsim.FaultTokenLost: opens(fault.Denied),
		comelitsim.FaultCodeExpired: {}, comelitsim.FaultLapse: {}, comelitsim.FaultRenewal: {}, comelitsim.FaultWorksOnce: {},
		comelitsim.FaultStaleSession: slow, comelitsim.FaultManySessions: {}, comelitsim.FaultKickOlder: {}, comelitsim.FaultRegisterFirst: {},
		comelitsim.FaultStrictSource: {}, comelitsim.FaultDoorCause: opens(fault.Conflict), comelitsim.FaultDoorMute: slow, comelitsim.FaultDoorDead: slow,
		comelitsim.FaultActuatorMute: {}, comelitsim.FaultShortOrigin: {}, comelitsim.FaultMediaChannel: {}, comelitsim.FaultFloorCall: {},
		comelitsim.FaultUDPMute: slow, comelitsim.FaultUDPShort: {},
	}
}

// Every fault that the simulator has is lived through; a new one fails here until it is said what a driver may say.
func TestEveryFaultOfTheSimulator(t *testing.T) {
	days := faultDays()
	var names []string
	for _, f := range comelitsim.FaultList().Faults {
		names = append(names, f.Name)
	}
	drivertest.Alone(t, names, func(t *testing.T, name string) {
		d, known := days[name]
		if !known {
			t.Fatal("no word of what the driver may say")
		}
		b := newTroubled(t)
		d.Switch, d.Reborn = b.day(comelitsim.FaultSetting{Name: name, Value: d.value}), true
		drivertest.Live(t, b.subject(), d.BadDay)
		if err := b.p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A device that is off, or refuses, is not answered for from memory, although all is known: an audit must fail then. Once
// somebody deletes the backups there is room, and edits by hand show.
func TestAListAsksTheDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	b.list(t)
	b.down.Store(true)
	if rows, err := b.panel.List(t.Context()); err == nil {
		t.Errorf("%d rows of a device that is off", len(rows))
	}
	b.down.Store(false)
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultAdminLost, On: true})
	_, err := b.panel.List(t.Context())
	want(t, err, fault.Denied, "rights")
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultAdminLost})
	b.edit(t, comelitsim.Slot{Unit: 0, Slot: 9, Enabled: true, Kind: "phone", Name: "By hand", Phone: "+15550122"})
	made := b.backups()
	if rows := b.list(t); len(rows) != 1 || b.backups() != made {
		t.Errorf("a backup was spent on an audit: %+v", rows)
	}
	if err := b.sim.DropBackups(0); err != nil {
		t.Fatal(err)
	}
	if rows := b.list(t); len(rows) != 2 || rows[1].Name != "By hand" || b.backups() != made+1 {
		t.Errorf("%d backups, rows %+v", b.backups()-made, rows)
	}
}

func TestABadMonth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newTroubled(t)
			drivertest.BadMonth(t, b.subject(), seed)
			if err := b.p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
