package clock

import "time"

// Ago is the mark d before m, on the same start of the box.
func (m Mark) Ago(d time.Duration) Mark { return Mark{m.boot, m.since - d} }
