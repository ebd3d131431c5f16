package cloudlink

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Status is how the link stands.
type Status struct {
	Connected   bool      // the gateway has a connection on which it hears its cloud
	Since       time.Time // of the last change of Connected, by the wall clock
	LastContact time.Time // when the cloud was last heard for certain, by the gateway's clock; zero: not since start
	LastError   string    // why there is no link, or why it is doubtful; empty while all is well
}

// Detection of two boxes with one id: they take the connection from each other, each for as long as the other waits.
const (
	twinLosses = 3
	twinWindow = 10 * time.Minute
)

type status struct {
	connected bool
	since     time.Time
	contact   time.Time
	err       error
	short     []time.Time // when connections were taken away soon after they were made
}

// Status reports how the link stands.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Connected: l.status.connected, Since: l.status.since, LastContact: l.status.contact}
	if twins := l.twins(); twins != nil {
		s.LastError = twins.Error()
	} else if l.status.err != nil {
		s.LastError = l.status.err.Error()
	}
	return s
}

// twins says in words that another box seems to use this gateway's id. The caller holds mu.
func (l *Link) twins() error {
	now := l.deps.Now()
	l.status.short = slices.DeleteFunc(l.status.short, func(t time.Time) bool { return now.Sub(t) > twinWindow })
	if len(l.status.short) < twinLosses {
		return nil
	}
	return fmt.Errorf("the broker closed the connection within %s of making it %d times in %s: another box probably uses the gateway id %q; "+
		"if there is none, the broker refuses what this one sends", l.cfg.Limits.Short, len(l.status.short), twinWindow, l.cfg.Gateway)
}

func (l *Link) setConnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.connected, l.status.since, l.status.err = true, l.deps.Now(), nil
	l.metrics.connected.Set(1)
}

func (l *Link) setFailed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.err = err
}

// setLost notes the end of a connection.
func (l *Link) setLost(began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.deps.Now()
	if l.status.connected {
		l.status.connected, l.status.since = false, now
		l.metrics.connected.Set(0)
	}
	l.status.err = err
	if !errors.Is(err, errEnded) || now.Sub(began) > l.cfg.Limits.Short {
		return // ended from this side, or by silence, or after a good while
	}
	l.metrics.short.Inc()
	l.status.short = append(l.status.short, now)
	if twins := l.twins(); twins != nil && len(l.status.short) == twinLosses {
		l.log.Error("two boxes may share one id", "error", twins)
	}
}

// heard notes that the cloud was there just now.
func (l *Link) heard() {
	at, _ := l.deps.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.contact = at
	l.metrics.contactAt(at)
}
