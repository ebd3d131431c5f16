package comelit_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func (b *bench) apply(t *testing.T, op access.Op, r model.Record, native string) error {
	t.Helper()
	step := model.Step{Op: op, Person: "p", Ref: r.Ref, Native: native, Record: r}
	if op == access.OpRemove {
		step.Record = model.Record{}
	}
	return b.panel.Apply(t.Context(), step)
}

func (b *bench) must(t *testing.T, op access.Op, r model.Record) {
	t.Helper()
	native := ""
	if op != access.OpAdd {
		if rows := b.read(t, r.Ref); len(rows) == 1 {
			native = rows[0].Native
		}
	}
	if err := b.apply(t, op, r, native); err != nil {
		t.Fatalf("%s: %v", op, err)
	}
}

func (b *bench) read(t *testing.T, ref model.Ref) []model.Record {
	t.Helper()
	rows, err := b.panel.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (b *bench) list(t *testing.T) []model.Record {
	t.Helper()
	rows, err := b.panel.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func want(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("%v is %v, want %v with %q", err, fault.KindOf(err), kind, words)
	}
}

// A resident with both stands in two slots, the phone and the app, under one name; both ring (rows C5, C18).
func TestTowardsC5_AppAndPhoneAreSyncedAndRing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	phone, app := b.slot(t, 0, 1), b.slot(t, 0, 2)
	if phone.Kind != "phone" || phone.Phone != "+15550101" || phone.Email != "" || !phone.Enabled {
		t.Errorf("the phone's slot is %+v", phone)
	}
	if app.Kind != "app" || app.Email != "t.jones@example.com" || app.Phone != "" || !app.Enabled || app.Name != "T. Jones - Unit 101" {
		t.Errorf("the app's slot is %+v", app)
	}
	ring, err := b.sim.Ring(0, "")
	if err != nil || len(ring.Steps) != 2 || ring.Steps[1].How != "phone" {
		t.Errorf("it rings at %+v, %v; want the monitor and the phone", ring.Steps, err)
	}
	if st := b.sim.Stats(); st.SlotZero != 0 || len(st.Invitations) != 0 {
		t.Errorf("%d writes to slot 0, %d invitations", st.SlotZero, len(st.Invitations))
	}
	if err := b.panel.Invite(t.Context(), jones().Ref); err != nil {
		t.Fatal(err)
	}
	if st := b.sim.Stats(); len(st.Invitations) != 1 || st.Invitations[0].Email != "t.jones@example.com" {
		t.Errorf("invitations %+v", st.Invitations)
	}
	want(t, b.panel.Invite(t.Context(), "GHnobody"), fault.Conflict, "no app slot")
}

// One slot for two: the phone gets it, a ring arrives, the app waits and is said to (row C11).
func TestTowardsC11_OneSlotLeftGoesToThePhone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fillUp(t)
	if _, err := b.sim.Edit("clear", comelitsim.Slot{Unit: 0, Slot: 9}); err != nil {
		t.Fatal(err)
	}
	err := b.apply(t, access.OpAdd, jones(), "")
	want(t, err, fault.Full, "No Empty User IDs in Comelit Panel: the phone is on the panel, the app waits")
	if fault.RemedyOf(err) == "" {
		t.Error("nothing is suggested")
	}
	if s := b.slot(t, 0, 9); s.Phone != "+15550101" || !s.Enabled {
		t.Errorf("slot 9 is %+v", s)
	}
	rows := b.read(t, jones().Ref)
	if len(rows) != 1 || rows[0].Email != "" || rows[0].Phone == "" {
		t.Fatalf("rows %+v", rows)
	}
	// Somebody makes room: the next audit sees it, and the app follows without the phone moving.
	if _, err := b.sim.Edit("clear", comelitsim.Slot{Unit: 0, Slot: 4}); err != nil {
		t.Fatal(err)
	}
	b.list(t)
	b.must(t, access.OpChange, jones())
	if s, p := b.slot(t, 0, 4), b.slot(t, 0, 9); s.Email != "t.jones@example.com" || p.Phone != "+15550101" {
		t.Errorf("slots %+v and %+v", s, p)
	}
}

// Revoking takes name, number and app away, and that is read back (row C14).
func TestTowardsC14_RevokingClearsAndReadsBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	b.must(t, access.OpRemove, jones())
	if rows := b.read(t, jones().Ref); len(rows) != 0 || b.panel.Proven(jones().Ref) != access.Exact {
		t.Errorf("rows %+v, proven %s", rows, b.panel.Proven(jones().Ref))
	}
	for n := 1; n <= comelit.SlotsPerUnit; n++ {
		if s := b.slot(t, 0, n); s.Kind != "none" || s.Name != "" || s.Phone != "" || s.Email != "" || s.Enabled {
			t.Errorf("slot %d is %+v", n, s)
		}
	}
}

// A number that changes is written in place (row C13); a name that two of a unit share is told apart (row C2).
func TestTowardsC13_AChangedNumberStaysInItsSlot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	next := jones()
	next.Phone = "+15550188"
	writes := len(b.sim.Stats().Writes)
	b.must(t, access.OpChange, next)
	if s := b.slot(t, 0, 1); s.Phone != "+15550188" || !s.Enabled {
		t.Errorf("slot 1 is %+v", s)
	}
	rows := b.list(t)
	if len(rows) != 1 || !rows[0].Same(next) || rows[0].Unproven {
		t.Errorf("rows %+v", rows)
	}
	if n := len(b.sim.Stats().Writes) - writes; n == 0 || n > 10 {
		t.Errorf("%d writes for one number", n)
	}
}

func TestTowardsC2_TwoOfOneNameInAUnit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	tom := jones()
	tom.Ref, tom.Email, tom.Phone = model.RefOf("p8"), "", "+15550102"
	tom.Aliases = []string{"To. Jones - Unit 101", "Tom Jones - Unit 101"}
	b.must(t, access.OpAdd, tom)
	if s := b.slot(t, 0, 3); s.Name != "To. Jones - Unit 101" {
		t.Errorf("slot 3 is %+v", s)
	}
	for _, r := range b.list(t) {
		if r.Name != "T. Jones - Unit 101" {
			t.Errorf("a driver tells the name that was asked for, got %q", r.Name)
		}
	}
	other := tom // in another unit nobody has the name
	other.Ref, other.Unit, other.Phone = model.RefOf("p9"), "102", "+15550103"
	b.must(t, access.OpAdd, other)
	if s := b.slot(t, 1, 1); s.Name != "T. Jones - Unit 101" {
		t.Errorf("slot 1.1 is %+v", s)
	}
}

// What the panel holds beside ours creates nobody and is not touched (row C1).
func TestTowardsC1_StrangersAndTheMonitorAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, comelitsim.FaultSlotZeroEmpty)
	b.edit(t, comelitsim.Slot{Unit: 0, Slot: 2, Enabled: true, Kind: "internal", Name: "Bedroom"})
	r := jones()
	r.Unit = "SB000001" // the monitors look free, and so carry no name here
	b.must(t, access.OpAdd, r)
	rows := b.list(t)
	if len(rows) != 2 || rows[1].Ref != "" || rows[1].Name != "Bedroom" || rows[1].Native != "0.2" {
		t.Errorf("rows %+v", rows)
	}
	if s := b.slot(t, 0, 3); s.Email == "" {
		t.Errorf("the app is not in the next free slot: %+v", s)
	}
	if st := b.sim.Stats(); st.SlotZero != 0 {
		t.Errorf("%d writes to slot 0", st.SlotZero)
	}
}

// Five backups and no more: what was accepted after the last is known and told as unprovable, and a removal still acts.
func TestTheQuotaIsKeptAndThenSaidSo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	if rows := b.read(t, jones().Ref); !rows[0].Unproven || b.backups() != 1 {
		t.Errorf("an addition waits to be read back with others: %+v after %d backups", rows, b.backups())
	}
	if rows := b.list(t); rows[0].Unproven || b.backups() != 2 {
		t.Errorf("the list reads it back: %+v after %d backups", rows, b.backups())
	}
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultBackupQuota, On: true})
	next := jones()
	next.Phone = "+15550188"
	b.must(t, access.OpChange, next)
	if rows := b.list(t); !rows[0].Unproven || !rows[0].Same(next) {
		t.Errorf("rows %+v", rows)
	}
	if _, lim, err := b.panel.Probe(t.Context()); err != nil || lim.Grade != access.Unprovable {
		t.Errorf("grade %s, %v", lim.Grade, err)
	}
	b.must(t, access.OpRemove, next)
	if rows := b.read(t, next.Ref); len(rows) != 0 || b.panel.Proven(next.Ref) != access.Unprovable {
		t.Errorf("rows %+v, proven %s", rows, b.panel.Proven(next.Ref))
	}
	if s := b.slot(t, 0, 1); s.Kind != "none" {
		t.Errorf("slot 1 is %+v", s)
	}
	// The slots are not known to be clear: nobody else gets them. A person's hand makes room for backups.
	other := nth(0)
	b.must(t, access.OpAdd, other)
	if s := b.slot(t, 0, 3); s.Phone != other.Phone {
		t.Errorf("slot 3 is %+v", s)
	}
	if err := b.sim.DropBackups(1); err != nil {
		t.Fatal(err)
	}
	b.list(t)
	if b.panel.Proven(next.Ref) != access.Exact || b.panel.Proven(other.Ref) != access.Exact {
		t.Error("once there is room everything is read back")
	}
	b.must(t, access.OpAdd, nth(4))
	if s := b.slot(t, 0, 1); s.Phone != nth(4).Phone {
		t.Errorf("a slot that was seen to be clear is used again: %+v", s)
	}
}

// A driver that starts with its memory needs no new backup and knows what is its own; one without, on a device that
// makes no more, adds nobody: it cannot know which slots are free.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(t, access.OpAdd, jones())
	b.list(t)
	made := b.backups()
	b.restart(t)
	if rows := b.read(t, jones().Ref); len(rows) != 1 || rows[0].Unproven || b.backups() != made {
		t.Errorf("rows %+v after %d more backups", rows, b.backups()-made)
	}
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultBackupQuota, On: true})
	b.memory = &memory{}
	b.restart(t)
	rows := b.list(t)
	if len(rows) != 2 || rows[0].Ref != "" || !rows[0].Unproven {
		t.Errorf("without a memory all are strangers, from an old picture: %+v", rows)
	}
	err := b.apply(t, access.OpAdd, nth(0), "")
	want(t, err, fault.Full, "cannot be read")
	if !errors.Is(err, comelit.ErrQuota) {
		t.Errorf("%v does not name the quota", err)
	}
}

// A memory that cannot be written stops the write: what is not known to be ours could never be taken away.
func TestNothingIsWrittenThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.list(t)
	b.memory.err = errors.New("disk full")
	want(t, b.apply(t, access.OpAdd, jones(), ""), fault.Internal, "disk full")
	if n := len(b.sim.Stats().Writes); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// A token that outlives its slot is not taken for gone (row C15), and its slot is not given to anybody.
func TestTowardsC15_ATokenThatSurvivesIsNotGone(t *testing.T) {
	t.Parallel()
	b := newBench(t, comelitsim.FaultTokenSurvives)
	b.must(t, access.OpAdd, jones())
	s := b.slot(t, 0, 2)
	s.Token = strings.Repeat("ab", 16)
	b.edit(t, s)
	b.must(t, access.OpRemove, jones())
	rows := b.read(t, jones().Ref)
	if len(rows) != 1 || rows[0].Native != "0.2" || rows[0].Same(jones()) {
		t.Errorf("rows %+v", rows)
	}
	if _, err := b.sim.Edit("reset", comelitsim.Slot{Unit: 0, Slot: 2}); err != nil {
		t.Fatal(err)
	}
	b.must(t, access.OpRemove, jones())
	if rows := b.read(t, jones().Ref); len(rows) != 0 || b.panel.Proven(jones().Ref) != access.Exact {
		t.Errorf("rows %+v", rows)
	}
}

// Writes that are lost, refused or undone by hand show when they are read back; none passes for done.
func TestWhatIsNotStoredIsNotThere(t *testing.T) {
	t.Parallel()
	for name, same := range map[string]bool{comelitsim.FaultWriteLost: false, comelitsim.FaultTruncateNames: false, comelitsim.FaultHandEdits: false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fault(t, comelitsim.FaultSetting{Name: name, On: true, Value: map[string]string{comelitsim.FaultTruncateNames: "5"}[name]})
			_ = b.apply(t, access.OpAdd, jones(), "")
			for _, r := range b.list(t) {
				if r.Same(jones()) != same {
					t.Errorf("%+v passes for what was wanted", r)
				}
			}
		})
	}
	b := newBench(t)
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultWriteRefused, On: true})
	want(t, b.apply(t, access.OpAdd, jones(), ""), fault.Invalid, "refuses")
}

// Pages that say nothing are errors with a kind, never an empty list (rows C8, C16).
func TestTowardsC16_BadDaysAreErrors(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]fault.Kind{
		comelitsim.FaultAdminLost:        {fault.Denied},
		comelitsim.FaultPasswordChanged:  {fault.Denied},
		comelitsim.FaultSessionDrop:      {fault.Denied},
		comelitsim.FaultHTTP500:          {fault.Unreachable},
		comelitsim.FaultEmpty200:         {fault.Unreachable},
		comelitsim.FaultRedirect:         {fault.Unsupported},
		comelitsim.FaultEndless:          {fault.Unreachable, fault.Timeout},
		comelitsim.FaultDropBefore:       {fault.Timeout},
		comelitsim.FaultNoBackup:         {fault.Timeout},
		comelitsim.FaultTruncatedBackup:  {fault.Invalid},
		comelitsim.FaultResetBackup:      {fault.Unreachable},
		comelitsim.FaultBombBackup:       {fault.Invalid},
		comelitsim.FaultUsersFileMissing: {fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, name)
			rows, err := b.panel.List(t.Context())
			ok := false
			for _, k := range kinds {
				ok = ok || err != nil && fault.KindOf(err) == k
			}
			if !ok || fault.RemedyOf(err) == "" {
				t.Errorf("%d rows, %v (%v, remedy %q), want %v", len(rows), err, fault.KindOf(err), fault.RemedyOf(err), kinds)
			}
		})
	}
}

// Bytes that are no text come through a backup and are kept from names (control characters are the reader's to show).
func TestControlCharactersInNames(t *testing.T) {
	t.Parallel()
	b := newBench(t, comelitsim.FaultControlChars)
	b.edit(t, comelitsim.Slot{Unit: 0, Slot: 1, Enabled: true, Kind: "phone", Name: "Bob", Phone: "+15550111"})
	rows := b.list(t)
	if len(rows) != 1 || !strings.HasPrefix(rows[0].Name, "Bob\x1b") || strings.Contains(rows[0].Name, "\xff") {
		t.Errorf("rows %+v", rows)
	}
}

// A backup that is listed late is waited for.
func TestALateBackupIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultLateBackup, On: true, Value: "30ms"})
	if rows := b.list(t); len(rows) != 0 || b.backups() != 1 {
		t.Errorf("rows %+v after %d backups", rows, b.backups())
	}
}

func TestRefusedBeforeTheWire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, tt := range map[string]struct {
		edit func(*model.Record)
		kind fault.Kind
	}{
		"a PIN":             {func(r *model.Record) { r.PIN = access.NewSecret("4821") }, fault.Unsupported},
		"no way to call":    {func(r *model.Record) { r.Email, r.Phone = "", "" }, fault.Invalid},
		"a quote":           {func(r *model.Record) { r.Name = `T. "Tom" Jones` }, fault.Invalid},
		"a control in it":   {func(r *model.Record) { r.Phone = "+1\n555" }, fault.Invalid},
		"a long name":       {func(r *model.Record) { r.Aliases = []string{strings.Repeat("x", 40)} }, fault.Invalid},
		"a unit not there":  {func(r *model.Record) { r.Unit = "999" }, fault.Invalid},
		"another reference": {func(r *model.Record) { r.Ref = "GHx" }, fault.Invalid},
	} {
		r := jones()
		tt.edit(&r)
		err := b.panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Ref: jones().Ref, Record: r})
		if fault.KindOf(err) != tt.kind || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(b.sim.Stats().Writes); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestNewNamesTheKey(t *testing.T) {
	t.Parallel()
	for _, cfg := range []driver.Config{
		{}, {Host: "a/b"}, {Host: "192.0.2.1", WebPort: 70000}, {URL: "ftp://x"}, {URL: "http://u:p@x"}, {URL: "http://x/y"}, {URL: "https://x", TLSPin: "12"},
	} {
		if _, err := comelit.New(cfg, driver.Deps{}); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	for _, cfg := range []driver.Config{{Host: "192.0.2.1"}, {Host: "panel.example", WebPort: 81}, {URL: "https://192.0.2.1:8443", TLSPin: strings.Repeat("ab", 32)}} {
		if _, err := comelit.New(cfg, driver.Deps{}); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
