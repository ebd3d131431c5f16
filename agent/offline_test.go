package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/clock"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// site is one property's box and panel in virtual time. The panel and the state directory outlive
// the agent, as they do in a building.
type site struct {
	t     *testing.T
	dir   string
	panel *memory.Panel
	log   *slog.Logger
	boot  int       // starts of the box
	since time.Time // of this start
	ntp   atomic.Bool
	ahead atomic.Int64             // of the wall clock against the true time, in ns
	slow  atomic.Int64             // parts per million by which the quartz is
	more  map[string]*memory.Panel // beside the one called front
	text  string                   // [[device]] tables instead of those of memory
	kinds []driver.Kind            // for them

	agent *Agent
	end   func()
}

func newSite(t *testing.T) *site {
	s := &site{t: t, dir: t.TempDir(), panel: memory.New(0, time.Now), log: quiet(), since: time.Now()}
	s.ntp.Store(true)
	return s
}

func (s *site) source() clock.Source {
	return clock.Source{
		Wall: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Boot: func() (string, time.Duration) {
			since := time.Since(s.since)
			return fmt.Sprint("boot", s.boot), since - since/1_000_000*time.Duration(s.slow.Load())
		},
		NTPSynced: s.ntp.Load,
	}
}

func (s *site) start() {
	s.t.Helper()
	text := `listen = ""` + s.text
	for _, id := range append(slices.Sorted(maps.Keys(s.more)), "front") {
		if s.text != "" {
			break
		}
		text += fmt.Sprintf("\n[[device]]\nid = %q\nkind = \"memory\"\nurl = \"http://192.0.2.1\"\ndoors = { lobby = \"A\" }\n", id)
	}
	cfg, err := LoadConfigText(text, s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.StateDir = s.dir
	s.agent, err = New(s.t.Context(), cfg, Deps{
		Log: s.log, Source: s.source(), Rand: rand.New(rand.NewPCG(1, 2)),
		Kinds: append([]driver.Kind{{Name: "memory", New: func(c driver.Config, _ driver.Deps) (driver.Panel, error) {
			return cmp.Or(s.more[string(c.ID)], s.panel), nil
		}}}, s.kinds...),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var g sync.WaitGroup
	s.agent.makeLoops(ctx)
	s.agent.enforce(ctx, &g)
	s.end = func() {
		cancel()
		g.Wait()
		if err := s.agent.Close(); err != nil {
			s.t.Error(err)
		}
	}
	synctest.Wait()
}

// restart ends the agent and starts it again after a while; with power the box starts anew too,
// and finds a time server for a moment.
func (s *site) restart(off time.Duration, power bool) {
	s.end()
	sleepFor(off)
	if power {
		s.boot++
		s.since = time.Now()
		s.ntp.Store(true)
	}
	s.start()
	s.ntp.Store(false)
}

func sleepFor(d time.Duration) { <-time.After(d) }

// publish stores a snapshot as if it had come from the cloud.
func (s *site) publish(revision uint64, nouns ...access.Noun) {
	s.t.Helper()
	u := access.Update{Position: access.Position{Epoch: 1, Revision: revision}, Chunk: 1, Of: 1, Issued: time.Now(), DigestKey: make([]byte, 32)}
	for _, n := range nouns {
		it, err := access.Encode(n)
		if err != nil {
			s.t.Fatal(err)
		}
		u.Put = append(u.Put, it)
		u.Digest.Toggle(u.DigestKey, it)
	}
	if done, err := (linkWanted{s.agent}).Apply(u); err != nil || !done {
		s.t.Fatalf("the state was not stored: %v %v", done, err)
	}
	synctest.Wait()
}

func places() []access.Noun {
	return []access.Noun{
		access.Property{ID: "maple", Name: "Maple Court", Zone: "America/New_York"},
		access.Unit{ID: "u1", Name: "101"},
		access.Door{ID: "lobby", Name: "Lobby"},
		access.Group{ID: "entrance", Name: "Residents Entrance", Doors: []access.DoorID{"lobby"}, Common: true},
	}
}

func resident(n int, w access.Window) []access.Noun {
	id := fmt.Sprint("p", n)
	g := access.Grant{ID: access.GrantID("g" + id), Person: access.PersonID(id), Group: "entrance", Window: w, Reason: "lives in unit 101"}
	if !w.Until.IsZero() {
		g.Ends = access.EndMoveOut
	}
	return []access.Noun{
		access.Person{ID: access.PersonID(id), Kind: access.Resident, First: "Tom", Last: fmt.Sprint("Jones", n)},
		access.Residency{ID: access.ResidencyID("r" + id), Person: access.PersonID(id), Unit: "u1", Window: w},
		access.Credential{ID: access.CredentialID("c" + id), Person: access.PersonID(id), Kind: access.PIN, Secret: access.NewSecret(fmt.Sprint(10000 + n))},
		g,
	}
}

// move is somebody moving in or out.
type move struct {
	at     time.Time
	person int
	in     bool
}

// TestG6_E4_SixtyDaysWithoutACloud: 200 moves in 60 days without a cloud and through 20 restarts,
// half of them power cuts; every one happens at its minute, or when the box is back if it was off.
func TestG6_E4_SixtyDaysWithoutACloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		begin := time.Now().Truncate(time.Minute)
		r := rand.New(rand.NewPCG(7, 11))
		moves, nouns := drawMoves(r, begin)
		s.publish(1, append(places(), nouns...)...)
		s.ntp.Store(false) // from here on the box has neither cloud nor time server

		up := make([]time.Time, 0, 20) // when the box was back after each restart
		down := make([]time.Time, 0, 20)
		for i := range 20 {
			sleepFor(time.Until(begin.Add(time.Duration(i+1) * 60 * 24 * time.Hour / 21)))
			down = append(down, time.Now())
			s.restart(time.Duration(r.IntN(120))*time.Minute, i%2 == 1)
			up = append(up, time.Now())
		}
		sleepFor(time.Until(begin.Add(61 * 24 * time.Hour)))
		checkMoves(t, s.panel.Log(), moves, down, up)
	})
}

func drawMoves(r *rand.Rand, begin time.Time) (moves []move, nouns []access.Noun) {
	minute := func() time.Time { return begin.Add(time.Duration(1+r.IntN(60*24*60-1)) * time.Minute) }
	for n := range 100 { // a hundred move out, a hundred in
		out, in := minute(), minute()
		nouns = append(nouns, resident(n, access.Window{From: begin.Add(-time.Hour), Until: out})...)
		nouns = append(nouns, resident(100+n, access.Window{From: in})...)
		moves = append(moves, move{out, n, false}, move{in, 100 + n, true})
	}
	slices.SortFunc(moves, func(a, b move) int { return cmp.Compare(a.at.Unix(), b.at.Unix()) })
	return moves, nouns
}

// checkMoves holds every move against the panel's own record of when it was changed.
func checkMoves(t *testing.T, log []memory.Request, moves []move, down, up []time.Time) {
	t.Helper()
	done := map[string]time.Time{}
	for _, r := range log {
		if r.Mutating {
			done[r.What+" "+string(r.Ref)] = r.At
		}
	}
	if len(moves) != 200 {
		t.Fatalf("%d moves, want 200", len(moves))
	}
	for _, m := range moves {
		want := m.at
		for i := range down {
			if !want.Before(down[i]) && want.Before(up[i]) {
				want = up[i]
			}
		}
		what := "remove"
		if m.in {
			what = "add"
		}
		got, ok := done[what+" "+string(model.RefOf(access.PersonID(fmt.Sprint("p", m.person))))]
		if !ok {
			t.Errorf("p%d: %s due %s never happened", m.person, what, want.Format(time.DateTime))
		} else if late := got.Sub(want); late < 0 || late > time.Second {
			t.Errorf("p%d: %s due %s happened %s later", m.person, what, want.Format(time.DateTime), late)
		}
	}
}

// TestG6_PowerCutWithoutAnyTime: a box that wakes without time server or cloud ends access but
// opens nothing new, until its time is trusted again.
func TestG6_PowerCutWithoutAnyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		now := time.Now()
		nouns := append(places(), resident(1, access.Window{From: now.Add(-time.Hour), Until: now.Add(3 * time.Hour)})...)
		s.publish(1, append(nouns, resident(2, access.Window{From: now.Add(2 * time.Hour)})...)...)
		s.end()
		s.boot, s.since = 1, time.Now()
		s.ntp.Store(false)
		s.start()
		sleepFor(5 * time.Hour)
		synctest.Wait()
		if len(s.panel.Present("10001")) != 0 {
			t.Error("the end did not come")
		}
		if len(s.panel.Present("10002")) != 0 {
			t.Error("somebody new can open although the time is not trusted")
		}
		s.ntp.Store(true)
		sleepFor(2 * time.Minute) // the clock looks once a minute
		synctest.Wait()
		if len(s.panel.Present("10002")) == 0 {
			t.Error("the time is trusted again and the move-in did not happen")
		}
	})
}
