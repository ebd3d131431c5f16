package store

import (
	"encoding/json"
	"math"
	"sync"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// chain numbers events from first on and gives their bytes and the link after them, as an outbox does.
// An event without times happened and was recorded at noon.
func chain(first uint64, prev access.Link, events ...access.Event) ([][]byte, access.Link) {
	var raw [][]byte
	for i, e := range events {
		e.Number = first + uint64(i)
		if e.At.IsZero() {
			e.At = noon()
		}
		if e.Recorded.IsZero() {
			e.Recorded = e.At
		}
		b, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		raw, prev = append(raw, b), access.Chain(prev, b)
	}
	return raw, prev
}

func started(n int) []access.Event {
	out := make([]access.Event, n)
	for i := range out {
		out[i].Kind = access.EventStarted
	}
	return out
}

func tell(t testing.TB, s *Store, first uint64, prev access.Link, raw [][]byte) (uint64, error) {
	t.Helper()
	return s.SaveEvents(t.Context(), Fence{}, "gw1", Events{First: first, Prev: prev, Raw: raw, Received: noon()})
}

func TestG10_EventsExactlyOnce(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		raw, _ := chain(1, access.Link{}, started(9)...)
		links := []access.Link{{}}
		for _, r := range raw {
			links = append(links, access.Chain(links[len(links)-1], r))
		}
		for _, c := range []struct {
			name        string
			from, to    int // events from..to of raw, from 1
			wantThrough uint64
		}{
			{"a gap at the start", 2, 4, 0},
			{"the first three", 1, 3, 3},
			{"the same again", 1, 3, 3},
			{"one of them again", 2, 2, 3},
			{"a gap", 5, 6, 3},
			{"overlapping", 2, 5, 5},
			{"none", 6, 5, 5},
			{"the rest", 6, 9, 9},
			{"all again", 1, 9, 9},
		} {
			got, err := tell(t, s, uint64(c.from), links[c.from-1], raw[c.from-1:c.to])
			if err != nil || got != c.wantThrough {
				t.Errorf("%s: through %d, %v, want %d", c.name, got, err, c.wantThrough)
			}
		}
		got := must(s.Audit(t.Context(), "gw1", 0, 100))(t)
		if len(got) != 9 {
			t.Fatalf("%d events, want 9", len(got))
		}
		for i, e := range got {
			if e.Number != uint64(i+1) || string(e.Raw) != string(raw[i]) || e.Link != links[i+1] || !e.Received.Equal(noon()) {
				t.Errorf("event %d is %+v", i+1, e)
			}
		}
		page := must(s.Audit(t.Context(), "gw1", 4, 2))(t)
		if len(page) != 2 || page[0].Number != 5 || page[1].Number != 6 {
			t.Errorf("a page after 4 is %v", page)
		}
		if g := must(s.Gateway(t.Context(), "gw1"))(t); g.Events != 9 || !g.Contact.Equal(noon()) {
			t.Errorf("gateway: last event %d, contact %v", g.Events, g.Contact)
		}
	})
}

func TestG10_BrokenChainIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		raw, link := chain(1, access.Link{}, started(3)...)
		if _, err := tell(t, s, 1, access.Link{}, raw); err != nil {
			t.Fatal(err)
		}
		forged, _ := chain(3, access.Chain(access.Chain(access.Link{}, raw[0]), raw[1]), access.Event{Kind: access.EventDoor, Granted: true})
		next, _ := chain(4, link, started(2)...)
		for name, c := range map[string]struct {
			first uint64
			prev  access.Link
			raw   [][]byte
			kind  fault.Kind
		}{
			"another past":            {4, access.Link{1}, next, fault.Conflict},
			"a stored event edited":   {3, access.Chain(access.Chain(access.Link{}, raw[0]), raw[1]), forged, fault.Conflict},
			"edited, with a new tail": {3, access.Chain(access.Chain(access.Link{}, raw[0]), raw[1]), append(forged, next...), fault.Conflict},
			"starts over":             {1, access.Link{}, forged, fault.Conflict},
			"number zero":             {0, link, next, fault.Invalid},
			"number overflows":        {math.MaxUint64, link, next, fault.Invalid},
			"wrong number inside":     {4, link, raw[:1], fault.Invalid},
			"not an event":            {4, link, [][]byte{[]byte(`"x"`)}, fault.Invalid},
			"second one bad":          {4, link, [][]byte{next[0], []byte(`{`)}, fault.Invalid},
		} {
			_, err := tell(t, s, c.first, c.prev, c.raw)
			if err == nil || fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v, want %s", name, err, c.kind)
			}
		}
		if got := must(s.Audit(t.Context(), "gw1", 0, 9))(t); len(got) != 3 {
			t.Errorf("%d events after refusals, want the 3", len(got))
		}
		if through, err := tell(t, s, 4, link, next); err != nil || through != 5 {
			t.Errorf("the true ones then: through %d, %v", through, err)
		}
		_, err := s.SaveEvents(t.Context(), Fence{}, "gw9", Events{First: 1, Raw: raw, Received: noon()})
		wantKind(t, err, fault.Invalid, "no such gateway")
	})
}

func TestG10_LateEventsAreMarked(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		ago := func(d time.Duration) time.Time { return noon().Add(-d) }
		raw, _ := chain(1, access.Link{},
			access.Event{Kind: access.EventDoor, At: ago(time.Minute), Recorded: ago(time.Minute)},
			access.Event{Kind: access.EventDoor, At: ago(access.LateAfter), Recorded: ago(access.LateAfter)},
			access.Event{Kind: access.EventDoor, At: ago(6 * time.Minute), Recorded: ago(6 * time.Minute)},         // arrived late
			access.Event{Kind: access.EventDoor, At: ago(7 * time.Minute), Recorded: ago(time.Minute)},             // recorded late
			access.Event{Kind: "from_a_newer_gateway", At: noon().Add(time.Hour), Recorded: noon().Add(time.Hour)}) // its clock is ahead
		if _, err := tell(t, s, 1, access.Link{}, raw); err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, e := range must(s.Audit(t.Context(), "gw1", 0, 9))(t) {
			got = append(got, e.Late)
		}
		wantSame(t, "late", got, []bool{false, false, true, true, false})
	})
}

// Two replicas that both believe they serve the gateway deliver the same events at once.
func TestG10_TwoReceivers(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		stores := []*Store{withGateway(t, dsn), openStore(t, dsn)}
		raw, _ := chain(1, access.Link{}, started(40)...)
		links := []access.Link{{}}
		for _, r := range raw {
			links = append(links, access.Chain(links[len(links)-1], r))
		}
		var wait sync.WaitGroup
		for _, s := range stores {
			wait.Go(func() {
				for at := 0; at < 40; {
					through, err := s.SaveEvents(t.Context(), Fence{}, "gw1", Events{First: uint64(at + 1), Prev: links[at], Raw: raw[at:min(at+3, 40)], Received: noon()})
					if err != nil || through <= uint64(at) {
						t.Errorf("from %d: through %d, %v", at+1, through, err)
						return
					}
					at = int(through)
				}
			})
		}
		wait.Wait()
		if got := must(stores[0].Audit(t.Context(), "gw1", 0, 100))(t); len(got) != 40 {
			t.Errorf("%d events, want 40", len(got))
		}
	})
}

// TestG10_ALostRangeIsAccountedFor: an outbox that ran out of room tells of the range it gave up by
// one event; the numbers go on and the chain begins anew behind it. A hole without such an event
// is never passed over.
func TestG10_ALostRangeIsAccountedFor(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		raw, link := chain(1, access.Link{}, started(3)...)
		lost, _ := chain(9, access.Link{9}, access.Event{Kind: access.EventLost, First: 4, Last: 9})
		hole, _ := chain(9, access.Link{9}, access.Event{Kind: access.EventLost, First: 5, Last: 9})
		after, _ := chain(10, access.Link{7}, started(2)...)
		early, _ := chain(3, access.Link{8}, access.Event{Kind: access.EventLost, First: 2, Last: 3})
		for _, c := range []struct {
			name  string
			first uint64
			prev  access.Link
			raw   [][]byte
			want  uint64
		}{
			{"before it", 1, access.Link{}, raw, 3},
			{"behind the hole", 10, access.Link{7}, after, 3},
			{"a range that leaves event 4 out", 9, access.Link{9}, hole, 3},
			{"given up after it came here", 3, access.Link{8}, early, 3},
			{"the lost range", 9, access.Link{9}, lost, 9},
			{"the lost range again", 9, access.Link{9}, lost, 9},
			{"behind it", 10, access.Link{7}, after, 11},
			{"again what came before", 1, access.Link{}, raw, 11},
		} {
			if got, err := tell(t, s, c.first, c.prev, c.raw); err != nil || got != c.want {
				t.Fatalf("%s: through %d, %v; want %d", c.name, got, err, c.want)
			}
		}
		if _, err := tell(t, s, 12, link, after); fault.KindOf(err) == fault.Internal || err == nil {
			t.Errorf("a chain that does not continue behind event 11 gives %v", err)
		}
		if all, err := s.Audit(t.Context(), "gw1", 0, 100); err != nil || len(all) != 6 {
			t.Errorf("%d events are stored (%v), want the 3, the lost range and the 2", len(all), err)
		}
	})
}
