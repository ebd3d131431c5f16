package store

import (
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestG8_PairedDevicesAreKeptSealed over a restart, each with the event that tells of it; one that is damaged is named, and
// the others are read.
func TestG8_PairedDevicesAreKeptSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if all, err := s.Paired(); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	for _, id := range []access.DeviceID{"d1", "d2"} {
		if err := s.SavePaired(id, []byte(`{"password":"swordfish"}`), access.Event{Message: "paired"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SavePaired("d1", nil, access.Event{Message: "refuse"}); err == nil {
		t.Error("the journal's refusal is lost")
	}
	wantFault(t, s.SavePaired("no id", []byte("x")), fault.Internal)
	s, j := again(t, s, dir)
	all, err := s.Paired()
	if err != nil || len(all) != 2 || string(all["d1"]) != `{"password":"swordfish"}` || len(j.all(t, s)) != 2 {
		t.Errorf("%v %v", all, err)
	}
	flip(t, s.file, "d1", bucketPaired)
	if all, err := s.Paired(); !isDamage(err) || len(all) != 2 || all["d1"] != nil || all["d2"] == nil {
		t.Errorf("damaged: %v %v", all, err)
	}
	for range 2 {
		if err := s.SavePaired("d1", nil); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.Paired(); err != nil || len(all) != 1 {
		t.Errorf("forgotten: %v %v", all, err)
	}
}
