package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestRecordIsOneTransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	e := access.LedgerEntry{Person: "p1", Ref: "GHp1", State: access.Written, Secrets: []string{s.Fingerprint([]byte("1234"))}}
	if err := s.Record("d1", "p1", &e, access.Event{Kind: access.EventWritten, Person: "p1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Record("d1", "p2", &access.LedgerEntry{Person: "p2"}, access.Event{Message: "refuse"}); err == nil {
		t.Fatal("the journal's refusal is lost")
	}
	_ = s.Close()
	s, j := openSite(t, dir, Options{})
	got, found, err := s.Entry("d1", "p1")
	if err != nil || !found || !cmp.Equal(got, e) {
		t.Errorf("%v %v %s", found, err, cmp.Diff(e, got))
	}
	if _, found, _ := s.Entry("d1", "p2"); found {
		t.Error("a change stays without its event")
	}
	if evs := j.all(t, s); len(evs) != 1 || evs[0].Person != "p1" {
		t.Errorf("events: %+v", evs)
	}
	if err := s.Record("d1", "p1", nil); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.Entry("d1", "p1"); found {
		t.Error("not deleted")
	}
	if err := s.Record("d7", "p1", nil); err != nil {
		t.Errorf("deleting what is absent: %v", err)
	}
}

func TestRecordAllKeepsDevicesApart(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	var changes []Change
	for n := range pageSize + 5 {
		changes = append(changes, Change{"d1", person(n), &access.LedgerEntry{Person: person(n), Attempts: n}})
	}
	changes = append(changes, Change{"d2", "p1", &access.LedgerEntry{Person: "p1"}})
	if err := s.RecordAll(changes); err != nil {
		t.Fatal(err)
	}
	for dev, want := range map[access.DeviceID]int{"d1": pageSize + 5, "d2": 1, "d3": 0} {
		n := 0
		err := s.Entries(t.Context(), dev, func(e access.LedgerEntry) error { n++; return nil })
		if n != want || err != nil {
			t.Errorf("%s: %d entries, %v", dev, n, err)
		}
	}
	if devs, err := s.LedgerDevices(); err != nil || !cmp.Equal(devs, []access.DeviceID{"d1", "d2"}) {
		t.Errorf("%v %v", devs, err)
	}
	wantFault(t, s.Record("d1", "p1", &access.LedgerEntry{Person: "p2"}), fault.Internal)
	wantFault(t, s.Record("d/1", "p1", nil), fault.Internal)
}

func TestTowardsG11_OverlaySurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	o := access.Overlay{ID: "o1", Kind: access.OverlayRevoke, Person: "p1", By: "p2", Reason: "lost phone"}
	if err := s.PutOverlay(o, access.Event{Kind: access.EventOverlay}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s, j := openSite(t, dir, Options{})
	if got, err := s.Overlays(); err != nil || !cmp.Equal(got, []access.Overlay{o}) {
		t.Errorf("%v %v", got, err)
	}
	if err := s.DeleteOverlay("o1", access.Event{Kind: access.EventOverlay}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Overlays(); len(got) != 0 || len(j.all(t, s)) != 2 {
		t.Errorf("%v, %d events", got, len(j.all(t, s)))
	}
	wantFault(t, s.PutOverlay(access.Overlay{}), fault.Internal)
}

func TestCommandJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	begin := func(id string, wantKnown bool, want string) {
		t.Helper()
		reply, known, err := s.BeginCommand(id)
		if err != nil || known != wantKnown || string(reply) != want {
			t.Errorf("%s: %q, known %v, %v", id, reply, known, err)
		}
	}
	begin("c1", false, "")
	begin("c2", false, "")
	if err := s.FinishCommand("c1", json.RawMessage(`{"result":"done"}`), access.Event{}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s, _ = openSite(t, dir, Options{})
	begin("c1", true, `{"result":"done"}`)
	begin("c2", true, "") // the crash in between: unknown
	wantFault(t, s.FinishCommand("c9", nil), fault.Internal)
	_, _, err := s.BeginCommand("no id")
	wantFault(t, err, fault.Invalid)
}

func TestCommandJournalForgetsTheOldest(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	s.db.NoSync = true // a thousand fsyncs prove nothing here
	for n := range keepCommands + 2 {
		if _, known, err := s.BeginCommand(fmt.Sprint("c", n)); known || err != nil {
			t.Fatal(n, known, err)
		}
	}
	for id, want := range map[string]bool{"c0": false, "c3": true, "c1001": true} {
		if _, known, err := s.BeginCommand(id); known != want || err != nil {
			t.Errorf("%s: known %v, %v", id, known, err)
		}
	}
}

func TestBlobsClockAndInventory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if b, err := s.Blob("tls"); b != nil || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if b, err := s.LoadClock(); b != nil || err != nil {
		t.Errorf("%q %v", b, err)
	}
	for _, err := range []error{s.SaveBlob("tls", []byte("a private key")), s.SaveBlob("empty", nil), s.SaveClock([]byte("then"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		content string
		want    uint64
	}{{"a", 1}, {"a", 1}, {"b", 2}, {"a", 3}} {
		if n, err := s.InventoryNumber([]byte(c.content)); n != c.want || err != nil {
			t.Errorf("%d: %d, %v", i, n, err)
		}
	}
	_ = s.Close()
	raw, _ := os.ReadFile(s.path)
	if bytes.Contains(raw, []byte("a private key")) {
		t.Error("a blob stands in clear")
	}
	s, _ = openSite(t, dir, Options{})
	blob, _ := s.Blob("tls")
	empty, _ := s.Blob("empty")
	clock, _ := s.LoadClock()
	if string(blob) != "a private key" || empty == nil || len(empty) != 0 || string(clock) != "then" {
		t.Errorf("%q %v %q", blob, empty, clock)
	}
	if n, err := s.InventoryNumber([]byte("a")); n != 3 || err != nil {
		t.Errorf("%d %v", n, err)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	other, err := OpenSite(t.TempDir(), testKey(2), &notes{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	a, b := s.Fingerprint([]byte("1234")), s.Fingerprint([]byte("1235"))
	if len(a) != 16 || a == b || a != s.Fingerprint([]byte("1234")) || a == other.Fingerprint([]byte("1234")) {
		t.Errorf("%q %q", a, b)
	}
}

func TestTellAlone(t *testing.T) {
	t.Parallel()
	s, j := openSite(t, t.TempDir(), Options{})
	if err := s.Tell(access.Event{Kind: access.EventStarted}); err != nil {
		t.Fatal(err)
	}
	if evs := j.all(t, s); len(evs) != 1 || evs[0].Kind != access.EventStarted {
		t.Errorf("%+v", evs)
	}
}
