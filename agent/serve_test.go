package agent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol/prototest"
)

// still is a listener at which nobody knocks, until it breaks.
type still struct{ broken chan struct{} }

func (s still) Accept() (net.Conn, error) {
	<-s.broken
	return nil, errors.New("the interface is gone")
}

func (s still) Close() error {
	select {
	case <-s.broken:
	default:
		close(s.broken)
	}
	return nil
}

func (still) Addr() net.Addr { return &net.UnixAddr{} }

// TestServerListensAgain: an address that is taken is tried ever more rarely, logged once; one that was lost is listened
// on anew; and all ends with the context.
func TestServerListensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := lines{prototest.NewLog[string]()}
		began := time.Now()
		var taken atomic.Bool
		taken.Store(true)
		tries, made := prototest.NewLog[time.Duration](), prototest.NewLog[still]()
		s := &server{address: "here", handler: http.NotFoundHandler(), log: log.logger(), listen: func() (net.Listener, error) {
			tries.Add(time.Since(began))
			if taken.Load() {
				return nil, errors.New("somebody is there")
			}
			ln := still{make(chan struct{})}
			made.Add(ln)
			return ln, nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.keep(ctx, s.open()) }()
		sleepFor(200 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 75 * time.Second, 135 * time.Second, 195 * time.Second}
		if !slices.Equal(tries.All(), want) {
			t.Errorf("tried at %v, want %v", tries.All(), want)
		}
		if n := strings.Count(log.text(), `"ERROR"`); n != 1 {
			t.Errorf("%d errors logged of one failure", n)
		}
		taken.Store(false)
		sleepFor(time.Hour)
		synctest.Wait()
		if n := len(tries.All()); n != len(want)+1 || len(made.All()) != 1 {
			t.Fatalf("%d tries, want one more than %d: it listens now", n, len(want))
		}
		must(t, made.All()[0].Close()) // the interface goes
		sleepFor(2 * firstListen)
		synctest.Wait()
		if n := len(made.All()); n != 2 {
			t.Errorf("listened %d times; the listener broke and was not made anew", n)
		}
		cancel()
		<-done
	})
}
