// Package clock answers what time it is and whether that can be relied on.
//
// Boxes have no battery: after a power cut they wake in 1970, or wherever a file left them. So the
// wall clock is believed only while the system says that NTP holds it, and a step of NTP only when
// the cloud agrees or it has stood for hours (agent/design/002-clock.md has the table). Otherwise the time is the
// last trusted instant plus what the boot clock, which nobody can set, has counted since; a signed
// answer of the cloud to a fresh nonce makes an instant trusted too, and may correct downwards.
// Only trusted instants are remembered. After a start of the box without either, time goes on
// from the last trusted instant, too late rather than too early, and is not trusted: nothing new
// opens then, and ends still end.
//
// It imports nothing of the house. Package plan must not import it: it is given an instant.
package clock

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxRound is the longest round trip from which an answer of the cloud sets the clock; half of
	// it is how far the clock may then be out.
	maxRound = 10 * time.Second

	// driftPPM bounds how a cheap quartz runs without correction.
	driftPPM = 100

	ntpError = time.Second      // how far a clock that NTP holds may be out
	lookGap  = time.Minute      // trust is looked at this often when nobody asks
	saveGap  = 10 * time.Minute // trusted instants are remembered this often: flash wears
	stepSize = time.Second      // a correction that sleepers should hear of
)

// Source is where time comes from. Every field is required.
type Source struct {
	Wall      func() time.Time                        // what the system shows
	Boot      func() (id string, since time.Duration) // this start of the box, and time since then, sleep included
	NTPSynced func() bool                             // whether the system's clock is held by NTP
}

// Keeper remembers the last trusted instant across restarts.
type Keeper interface {
	SaveClock([]byte) error
	LoadClock() ([]byte, error) // nil: nothing was ever saved
}

// Health is how the clock stands.
type Health struct {
	Trusted bool
	Source  string // "ntp", "cloud", "held" (by the boot clock since one of these), "doubted", "none"
	Now     time.Time
	Within  time.Duration // how far Now may be out; 0 when not trusted
}

// The sources of trust.
const (
	ByNTP   = "ntp"
	ByCloud = "cloud"
	ByHold  = "held"
	ByNone  = "none"
	// ByDoubt is the held time while a time server says something else that is not believed yet. It is
	// not trusted, but it is right unless the box itself was wrong before.
	ByDoubt = "doubted"
)

// heldAfter is how long an answer of the cloud counts as its source; later the clock is held.
const heldAfter = 15 * time.Minute

// Mark is a point on the boot clock, taken when a question is sent and when its answer arrives.
type Mark struct {
	boot  string
	since time.Duration
}

// anchor ties a trusted instant to the boot clock.
type anchor struct {
	mark   Mark
	at     time.Time
	within time.Duration
	source string
}

// Clock is safe for concurrent use.
type Clock struct {
	src  Source
	keep Keeper
	log  *slog.Logger

	mu      sync.Mutex
	anchor  anchor // zero at: never trusted
	base    anchor // what NTP is held against; zero at: nothing
	doubt   doubt  // zero wall: none
	firm    anchor // the base before it was swayed, in this process
	swayed  bool   // the base rests on a second look: NTP's word alone, against the boot clock
	saved   anchor
	trusted bool          // as last seen
	changed chan struct{} // closed at a step or a change of trust
}

// New makes a clock that remembers what keep knows. A memory that cannot be read is an error and
// leaves a working clock that knows nothing, so that a damaged record does not keep doors shut.
func New(src Source, keep Keeper, log *slog.Logger) (*Clock, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Clock{src: src, keep: keep, log: log, changed: make(chan struct{})}
	b, err := keep.LoadClock()
	if err == nil && b != nil {
		c.anchor, c.swayed, err = decodeAnchor(b)
		c.saved, c.base = c.anchor, c.anchor
	}
	_, c.trusted = c.Now()
	if err != nil {
		return c, fmt.Errorf("clock: the last trusted instant cannot be read: %w", err)
	}
	return c, nil
}

// Mark is now on the boot clock.
func (c *Clock) Mark() Mark {
	boot, since := c.src.Boot()
	return Mark{boot, since}
}

// Now is the time in UTC and whether it is trusted. It never goes backwards while it is trusted,
// except by a correction.
func (c *Clock) Now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.read()
	return h.Now, h.Trusted
}

// Health is Now with its reasons.
func (c *Clock) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// Until is how long until t by this clock: zero when t has come. What sleeps for it must also
// listen to Changed.
func (c *Clock) Until(t time.Time) time.Duration {
	now, _ := c.Now()
	return max(t.Sub(now), 0)
}

// Changed is closed when the clock makes a step or its trust changes; ask again for the next
// time. Run notices within a minute.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// read computes the time, moving the anchor along while NTP holds the clock, so that it is fresh
// when NTP is lost.
func (c *Clock) read() Health {
	m := c.mark()
	if !c.src.NTPSynced() {
		c.doubt = doubt{denied: c.doubt.denied}
		return c.sees(c.held(m))
	}
	a := anchor{m, c.src.Wall().Round(0).UTC(), ntpError, ByNTP}
	if c.believes(a) {
		c.move(a)
		return c.sees(Health{true, ByNTP, a.at, a.within})
	}
	h := c.held(m)
	if !c.doubt.denied { // two sources contradict each other, and nobody says which is right
		h = Health{Source: ByDoubt, Now: h.Now}
	}
	return c.sees(h)
}

// held is the time without NTP.
func (c *Clock) held(m Mark) Health {
	a := c.anchor
	switch {
	case a.at.IsZero():
		return Health{Source: ByNone, Now: c.src.Wall().Round(0).UTC()}
	case a.mark.boot != m.boot || m.since < a.mark.since:
		return Health{Source: ByNone, Now: a.at.Add(m.since)}
	}
	gone := m.since - a.mark.since
	h := Health{true, ByHold, a.at.Add(gone), a.within + drift(gone)}
	if a.source == ByCloud && gone < heldAfter {
		h.Source = ByCloud
	}
	return h
}

func drift(d time.Duration) time.Duration { return d / 1_000_000 * driftPPM }

// sees tells the sleepers when trust changed.
func (c *Clock) sees(h Health) Health {
	if h.Trusted != c.trusted {
		c.trusted = h.Trusted
		c.tell()
	}
	return h
}

func (c *Clock) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// move takes a new anchor and tells the sleepers when that is a step.
func (c *Clock) move(a anchor) {
	step := !c.anchor.at.IsZero() && c.anchor.mark.boot == a.mark.boot &&
		c.anchor.at.Add(a.mark.since-c.anchor.mark.since).Sub(a.at).Abs() >= stepSize
	c.anchor = a
	if step {
		c.tell()
	}
}

// Cloud takes the time of a verified answer of the cloud to a question with a fresh nonce. sent and
// received are Marks around the question and the answer. While NTP holds the clock the answer only
// judges it (see arbitrate). Otherwise it is taken when it is surer than what the clock knows, or
// when the two cannot both be right; it may move time either way. An answer that took too long is
// refused.
func (c *Clock) Cloud(at time.Time, sent, received Mark) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read()
	round := received.since - sent.since
	boot, _ := c.src.Boot()
	switch {
	case sent.boot != boot || received.boot != boot || round < 0:
		return errors.New("clock: question and answer are not of this start of the box")
	case at.IsZero():
		return errors.New("clock: the answer names no time")
	case round > maxRound:
		return fmt.Errorf("clock: the answer took %s, at most %s can set the clock", round, maxRound)
	}
	a := anchor{received, at.Add(round / 2).Round(0).UTC(), round / 2, ByCloud}
	theirs := a
	theirs.mark = c.mark()
	theirs.at = a.at.Add(theirs.mark.since - received.since)
	switch {
	case c.src.NTPSynced():
		if !c.arbitrate(theirs) {
			c.read()
			return nil
		}
	case now.Trusted:
		off := theirs.at.Sub(now.Now)
		if off.Abs() <= a.within+now.Within && now.Within < a.within {
			return nil
		}
		c.log.Info("clock corrected by the cloud", "by", off)
	}
	c.base, c.swayed = a, false
	c.move(a)
	c.read()
	return nil
}
