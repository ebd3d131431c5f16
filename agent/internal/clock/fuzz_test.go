package clock

import (
	"testing"
	"time"
)

// FuzzMemory: whatever the disk kept of the trusted time, the clock works; what it remembers of another start of the box
// makes no time trusted, and what it saves it reads again.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"boot":"boot-1","since_ns":10000000000,"at":"2026-06-01T11:59:40Z","within_ns":1000000000,"source":"ntp"}`))
	f.Add([]byte(`{"boot":"boot-0","since_ns":9223372036854775807,"at":"9999-12-31T23:59:59Z","within_ns":9223372036854775807,"source":"cloud","swayed":true}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, kept []byte) {
		b := &box{t: t, real: noon, wall: noon, boot: "boot-1", since: 24 * time.Hour, keep: memo{b: kept}}
		c, err := New(b.source(), &b.keep, nil)
		b.Clock = c
		a, _, bad := decodeAnchor(kept)
		if (err == nil) != (bad == nil) {
			t.Errorf("%v, %v", err, bad)
		}
		if _, trusted := b.Now(); trusted && (err != nil || a.mark.boot != b.boot) {
			t.Errorf("trusted by %s", kept)
		}
		b.ntp = true
		_ = b.Health()
		b.pass(24 * time.Hour)
		_ = b.Health()
		if b.save(); b.keep.saves > 0 {
			b.start()
		}
	})
}
