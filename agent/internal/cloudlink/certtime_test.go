package cloudlink

import (
	"testing"
	"testing/synctest"
	"time"
)

// sourced is a clock that says where its time comes from.
type sourced struct {
	*memClock
	source string
}

func (c sourced) Health() (bool, string) {
	_, trusted := c.Now()
	return trusted, c.source
}

// TestG6_ALyingTimeServerDoesNotCutOffTheCloud: the wall is years ahead or behind, and the broker's
// certificate is judged by the time that the gateway holds against it.
func TestG6_ALyingTimeServerDoesNotCutOffTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const years = 10 * 365 * 24 * time.Hour
		_, b := virtual(t)
		for _, c := range []struct {
			source  string
			off     time.Duration // of the gateway's clock against the wall
			trusted bool
			want    time.Duration
		}{
			{"doubted", -years, false, -years},
			{"doubted", years, false, years},
			{"held", -years, true, -years},
			{"cloud", years, true, years},
			{"none", -years, false, 0},
			{"none", years, false, years},
		} {
			b.clock.set(c.off, c.trusted)
			b.link.deps.Clock = sourced{b.clock, c.source}
			if got := time.Until(b.link.certificateTime()); got != c.want {
				t.Errorf("%+v: certificates are judged %s from now", c, got)
			}
		}
	})
}
