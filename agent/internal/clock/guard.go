package clock

import "time"

// The bounds of what a time server is believed. They, and why, stand in agent/design/002-clock.md.
const (
	// maxStep is how far NTP may be from the base carried on by the boot clock, beyond the base's own
	// error and what a quartz drifts: honest corrections are seconds.
	maxStep = 5 * time.Minute

	// maxOff is how far NTP may be ahead of the last trusted instant after a start of the box: it is
	// not known how long the box was off.
	maxOff = 30 * 24 * time.Hour

	// lookAgain is how long a step must stand before it is believed without the cloud: ten times the
	// slowest polling of a time server, and seventy times the hello to the cloud.
	lookAgain = 6 * time.Hour
)

// doubt is a step of NTP that is not yet believed, or that the cloud has contradicted.
type doubt struct {
	first  Mark
	wall   time.Time // what NTP showed then
	denied bool      // the cloud says otherwise: no waiting makes it right
}

// same says whether NTP still shows the step that was doubted.
func (d doubt) same(m Mark, wall time.Time) bool {
	return !d.wall.IsZero() && d.first.boot == m.boot && d.wall.Add(m.since-d.first.since).Sub(wall).Abs() <= maxStep
}

// believes says whether an instant shown under NTP is taken: it fits the base, or it has stood for
// long enough. It keeps the base and the doubt.
//
// The base is the last instant that did not rest on NTP's word of the moment alone. NTP's own later
// words do not move it, so that many small steps are no way around the bound.
func (c *Clock) believes(a anchor) bool {
	if c.swayed && !c.firm.at.IsZero() && a.fits(c.firm) { // the server is right again
		c.base, c.firm, c.swayed = c.firm, anchor{}, false
	}
	if c.base.at.IsZero() || a.fits(c.base) {
		if c.base.mark.boot != a.mark.boot {
			c.base = a // from now on the boot clock tells exactly
		}
		c.doubt = doubt{}
		return true
	}
	off, _, _ := a.offBase(c.base)
	if !c.doubt.same(a.mark, a.at) {
		c.doubt = doubt{first: a.mark, wall: a.at, denied: c.doubt.denied}
		c.log.Warn("the time server made a step, which is not believed yet", "by", off)
	}
	if c.doubt.denied || a.mark.since-c.doubt.first.since < lookAgain {
		return false
	}
	c.log.Warn("the time server keeps to its step and nobody contradicts: it is believed", "by", off)
	if !c.swayed {
		c.firm = c.base
	}
	c.base, c.doubt, c.swayed = a, doubt{}, true
	return true
}

// offBase is how far an instant is ahead of a base carried on by the boot clock, and how far it may
// be ahead or behind. After a start of the box the base carried on is the earliest that it can be.
func (a anchor) offBase(base anchor) (off, ahead, behind time.Duration) {
	gone := a.mark.since
	here := base.mark.boot == a.mark.boot && gone >= base.mark.since
	if here {
		gone -= base.mark.since
	}
	behind = maxStep + base.within + drift(gone)
	if ahead = behind; !here {
		ahead = maxOff
	}
	return a.at.Sub(base.at.Add(gone)), ahead, behind
}

func (a anchor) fits(base anchor) bool {
	off, ahead, behind := a.offBase(base)
	return off <= ahead && -off <= behind
}

// arbitrate hears a time server and the cloud together; theirs is the cloud's time now. It reports
// whether the cloud's is to be taken. When they agree, the time server is right and any doubt over.
// When they do not, a server that made a step is not believed, and else the earlier of the two is:
// too late harms one door for a while, too early empties every panel.
func (c *Clock) arbitrate(theirs anchor) bool {
	wall := anchor{theirs.mark, c.src.Wall().Round(0).UTC(), ntpError, ByNTP}
	off := wall.at.Sub(theirs.at)
	switch {
	case off.Abs() <= maxStep+theirs.within:
		c.base, c.doubt, c.swayed = theirs, doubt{}, false // not the wall: its small error must not add up
		return false
	case off < 0 && c.doubt.wall.IsZero() && !c.swayed:
		c.log.Warn("the cloud's time and the time server's differ; the earlier is believed", "cloud_ahead_by", -off)
		return false
	}
	c.log.Warn("the cloud contradicts the time server, which is not believed until they agree", "by", off)
	c.doubt = doubt{first: theirs.mark, wall: wall.at, denied: true}
	return true
}

func (c *Clock) mark() Mark {
	boot, since := c.src.Boot()
	return Mark{boot, since}
}
