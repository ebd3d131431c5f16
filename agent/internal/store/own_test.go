package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
)

func TestTowardsE6_ItemsAboutTheGatewayStopNobody(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	settings := access.Settings{ID: access.GatewayItem, Hello: access.Span(time.Minute), Log: "debug"}
	keys := access.CloudKeys{ID: access.GatewayItem, Keys: [][]byte{make([]byte, 32)}}
	apply(t, w, m.snapshot(1, 1))
	if own, err := w.Own(); err != nil || !cmp.Equal(own, Own{}) {
		t.Errorf("nothing was said: %+v, %v", own, err)
	}
	if a := apply(t, w, m.delta(1, 2, m.put(settings, keys))); !a.Own || a.Places || len(a.People) != 0 {
		t.Errorf("applied: %+v", a)
	}
	if own, err := w.Own(); err != nil || !cmp.Equal(own, Own{Settings: &settings, CloudKeys: &keys}) {
		t.Errorf("%+v, %v", own, err)
	}
	k := access.Key{Kind: access.KindSettings, ID: access.GatewayItem}
	m[k] = access.Item{Key: k, Value: []byte(`{"id":"gateway","log_level":"loud"}`)}
	if a := apply(t, w, m.delta(1, 3, []access.Item{m[k]})); !a.Own || a.Places {
		t.Errorf("applied: %+v", a)
	}
	own, err := w.Own()
	if err != nil || own.Settings != nil || own.Bad[access.KindSettings] == nil || len(own.Bad) != 1 || own.CloudKeys == nil {
		t.Errorf("%+v, %v", own, err)
	}
	if _, err := w.Places(); err != nil || w.Damaged() {
		t.Errorf("settings that make no sense reach the places: %v", err)
	}
	flip(t, w.file, access.GatewayItem, bucketItems, string(access.KindCloudKeys))
	own, err = w.Own()
	var u *Unreadable
	if err != nil || !errors.As(own.Bad[access.KindCloudKeys], &u) || !w.Damaged() {
		t.Errorf("damage: %+v, %v", own, err)
	}
	delete(m, k)
	if a := apply(t, w, m.snapshot(1, 4)); !a.Own || a.Places {
		t.Errorf("a snapshot without settings: %+v", a)
	}
	if own, err := w.Own(); err != nil || !cmp.Equal(own, Own{CloudKeys: &keys}) {
		t.Errorf("%+v, %v", own, err)
	}
}

func TestTowardsG11_SettlementsAreToldOnceAndHinderNobody(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 1))
	adopted := access.Settlement{ID: "o1", Person: "p1", State: access.OverlayAdopted}
	a := apply(t, w, m.delta(1, 2, m.put(adopted)))
	if !slices.Equal(a.Settled, []access.Settlement{adopted}) || !slices.Equal(a.People, []access.PersonID{"p1"}) || a.Places {
		t.Errorf("applied: %+v", a)
	}
	if a := apply(t, w, m.snapshot(1, 3)); len(a.Settled)+len(a.People) != 0 {
		t.Errorf("told again: %+v", a)
	}
	if s, found, err := w.Settlement("o1"); s != adopted || !found || err != nil {
		t.Errorf("%+v %v %v", s, found, err)
	}
	if _, found, err := w.Settlement("o2"); found || err != nil {
		t.Errorf("one that nobody settled: %v %v", found, err)
	}
	k := access.Key{Kind: access.KindSettlement, ID: "o1"}
	m[k] = access.Item{Key: k, Value: []byte(`{"id":"o1","person":"p1","state":"perhaps"}`)}
	if a := apply(t, w, m.delta(1, 4, []access.Item{m[k]})); len(a.Settled) != 0 {
		t.Errorf("one that makes no sense: %+v", a)
	}
	if _, found, err := w.Settlement("o1"); found || err == nil {
		t.Errorf("one that makes no sense: %v %v", found, err)
	}
	h, found, err := w.Holder("p1")
	if err != nil || !found || len(h.Unread) != 0 || len(h.Grants) != 2 {
		t.Errorf("the person: %+v, %v", h, err)
	}
	if _, err := w.Places(); err != nil {
		t.Errorf("places: %v", err)
	}
	flip(t, w.file, "o1", bucketItems, string(access.KindSettlement))
	if h, _, err := w.Holder("p1"); err != nil || len(h.Unread) != 0 {
		t.Errorf("a damaged one: %+v, %v", h, err)
	}
	if _, _, err := w.Settlement("o1"); err == nil || !w.Damaged() {
		t.Errorf("a damaged one: %v", err)
	}
}

func TestG7_StagedChunksAreKnownAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	if s, found := w.Staged(); found {
		t.Errorf("an empty store has staged %+v", s)
	}
	m := court(3)
	apply(t, w, m.snapshot(1, 1))
	next := court(9)
	chunks := split(next.snapshot(2, 7), 5)
	for _, i := range []int{4, 1, 4} {
		apply(t, w, chunks[i])
	}
	_ = w.Close()
	w = openWanted(t, dir)
	want := Staged{Position: access.Position{Epoch: 2, Revision: 7}, Of: 5, Have: []int{2, 5}}
	if s, found := w.Staged(); !found || !cmp.Equal(s, want) {
		t.Errorf("%+v %v", s, found)
	}
	for _, i := range []int{0, 2, 3} { // only what is missing
		apply(t, w, chunks[i])
	}
	same(t, w, next)
	if s, found := w.Staged(); found {
		t.Errorf("still staged: %+v", s)
	}
	put := next.put(resident(20, "1234")...)
	u := split(next.delta(2, 8, put), 2)[0]
	apply(t, w, u)
	if s, found := w.Staged(); !found || s.Base != 7 || !slices.Equal(s.Have, []int{1}) {
		t.Errorf("a delta: %+v %v", s, found)
	}
	flip(t, w.file, "stage", bucketState)
	if s, found := w.Staged(); found {
		t.Errorf("what cannot be read is believed: %+v", s)
	}
}
