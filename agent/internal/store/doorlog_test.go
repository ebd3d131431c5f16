package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

func doorEvent(at time.Time, n int) access.Event {
	return access.Event{Kind: access.EventDoor, Device: "front", Log: at.UTC().Format("20060102T150405Z") + fmt.Sprintf("-00112233445566ff-%d", n)}
}

// TestTowardsG10_ADoorLogIsToldOnce: what was told is passed over, in one transaction and over a restart; what has no
// identity is always new.
func TestTowardsG10_ADoorLogIsToldOnce(t *testing.T) {
	t.Parallel()
	dir, at := t.TempDir(), time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	s, _ := openSite(t, dir, Options{})
	undated := access.Event{Kind: access.EventDoor, Device: "front"}
	first := []access.Event{doorEvent(at, 1), doorEvent(at, 2), undated}
	fresh, err := s.TellLog("front", first)
	if d := cmp.Diff(first, fresh); d != "" || err != nil {
		t.Fatalf("%v %s", err, d)
	}
	must(s.Close())
	s, j := openSite(t, dir, Options{})
	second := []access.Event{doorEvent(at, 1), doorEvent(at, 2), undated, doorEvent(at, 3)}
	fresh, err = s.TellLog("front", second)
	if d := cmp.Diff(second[2:], fresh); d != "" || err != nil {
		t.Fatalf("%v %s", err, d)
	}
	if fresh, err = s.TellLog("rear", second[:1]); len(fresh) != 1 || err != nil {
		t.Errorf("another device's: %v %v", fresh, err)
	}
	if n := len(j.all(t, s)); n != 6 {
		t.Errorf("%d events in the journal, want 6", n)
	}
	if _, err := s.TellLog("front", []access.Event{doorEvent(at, 9), {Message: "refuse"}}); err == nil {
		t.Error("the journal refused and the log was told")
	}
	if fresh, err := s.TellLog("front", []access.Event{doorEvent(at, 9)}); err != nil || len(fresh) != 1 {
		t.Errorf("what the journal refused counts as told: %v", err)
	}
	for _, bad := range []string{"x", "cursor", "20261122T150000Z", "-20261122T150000Z-1"} {
		if fresh, err := s.TellLog("front", []access.Event{{Log: bad}}); err == nil || len(fresh) > 0 {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := s.TellLog("no/id", nil); err == nil {
		t.Error("a device that is no id is taken")
	}
}

// TestWhereADoorLogBegins: when it was first asked for; anew where its dates are read by another zone or the record is
// damaged; and behind what was forgotten.
func TestWhereADoorLogBegins(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	from := func(zone string, at, want time.Time) {
		t.Helper()
		if got, err := s.LogFrom("front", zone, at); err != nil || !got.Equal(want) {
			t.Errorf("from %v, %v; want %v", got, err, want)
		}
	}
	from("America/Chicago", now.Add(time.Millisecond), now)
	from("America/Chicago", now.Add(time.Hour), now)
	from("UTC", now.Add(time.Hour), now.Add(time.Hour))
	must(s.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketDoorLog)).Bucket([]byte("front")).Put([]byte(keyCursor), []byte("torn"))
	}))
	from("UTC", now.Add(2*time.Hour), now.Add(2*time.Hour))
	for i := range 3 {
		var evs []access.Event
		for k := range keepLog / 2 {
			evs = append(evs, doorEvent(now.Add(time.Duration(3+i)*time.Hour), k))
		}
		if fresh, err := s.TellLog("front", evs); err != nil || len(fresh) != len(evs) {
			t.Fatalf("%d, %v", len(fresh), err)
		}
	}
	from("UTC", now, now.Add(3*time.Hour+time.Second))
	if fresh, err := s.TellLog("front", []access.Event{doorEvent(now.Add(4*time.Hour), 7)}); err != nil || len(fresh) > 0 {
		t.Errorf("what is still kept is told again: %v %v", fresh, err)
	}
}
