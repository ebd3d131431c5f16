package cloud

import (
	"context"
	"testing"
	"time"

	"gatehouse/protocol"
)

// sends runs a publisher with the given poll and returns what it hands to the broker.
func sends(t testing.TB, c *Cloud, poll time.Duration) <-chan string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, done := make(chan string, 100), make(chan error, 1)
	pub := c.publisher(poll, func(_ context.Context, topic string, _ []byte) error { out <- topic; return nil })
	go func() { done <- pub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return out
}

// next waits for one of what is sent.
func next(t testing.TB, from <-chan string, what string) string {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case topic := <-from:
		return topic
	case <-late.C:
		t.Fatalf("waited %s in vain: %s", patience, what)
		return ""
	}
}

func TestWhatThisProcessAcceptsIsSentWithoutWaitingForThePoll(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	sent := sends(t, c, time.Hour)
	b := enrol(t, c, "maples") // a first state, without any resident
	want := protocol.DownTopic(b.ID, protocol.TypeState)
	if got := next(t, sent, "the state of a new gateway"); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	for n := 1; n <= 3; n++ {
		load(t, c, export(t, residents(n)...))
		if got := next(t, sent, "an import"); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
	load(t, c, export(t, residents(3)...))
	select {
	case topic := <-sent:
		t.Errorf("an import that changed nothing sent %s", topic)
	default:
	}
}

func TestWhatAnotherProcessAcceptsIsSentByThePoll(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c, other := r.open(), r.open()
	b := enrol(t, other, "maples")
	if got, want := next(t, sends(t, c, time.Millisecond), "the other's gateway"), protocol.DownTopic(b.ID, protocol.TypeState); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// BenchmarkAcceptedToSent is how long it takes from the beginning of a change of one door's name to
// the moment its message is handed to the broker: told at once, and with the poll alone.
func BenchmarkAcceptedToSent(b *testing.B) {
	for name, told := range map[string]bool{"told": true, "polled": false} {
		b.Run(name, func(b *testing.B) {
			c := newRig(b, maples).open()
			sent := sends(b, c, 0)
			if !told {
				c.store.OnChange(func() {})
			}
			enrol(b, c, "maples")
			next(b, sent, "the first state")
			p, err := c.property("maples")
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				p.Doors[0].Name = []string{"Front door", "Lobby"}[i%2]
				if err := c.configure(b.Context()); err != nil {
					b.Fatal(err)
				}
				next(b, sent, "the change")
			}
		})
	}
}
