package osservice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Pulses is what each loop of the program promised about itself. A loop that keeps no promise does not
// turn any more, and the watchdog must not be told that it does. The zero Pulses is ready to use; its
// methods may be called from any goroutine. Promises count by the monotonic clock, so that setting the
// box's clock breaks none.
type Pulses struct {
	mu  sync.Mutex
	due map[string]time.Time
}

// Beat says that the named loop turns now and will say so again within d. The last promise counts. A
// loop that is about to sleep promises the length of its sleep, one that is about to ask a device the
// longest time this may take, each with a margin.
func (p *Pulses) Beat(name string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due == nil {
		p.due = map[string]time.Time{}
	}
	p.due[name] = time.Now().Add(d)
}

// End takes a loop's promise back: it ended as it should. A loop that never beat needs none.
func (p *Pulses) End(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.due, name)
}

// Alive is nil while every promise holds; otherwise it names each loop that is late, and by how much.
func (p *Pulses) Alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var late []string
	for _, name := range slices.Sorted(maps.Keys(p.due)) {
		if over := time.Since(p.due[name]); over > 0 {
			late = append(late, fmt.Sprintf("%s is late by %s", name, over.Round(time.Second)))
		}
	}
	if len(late) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(late, ", "))
}
