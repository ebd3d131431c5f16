package prototest

import (
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for something that must come. It bounds failures only.
const patience = 10 * time.Second

// nextPatience is the same for the next entry of a log: who writes it may be backing off.
const nextPatience = time.Minute

// Log collects values in the order in which they came, and lets a test wait for one. Make it with NewLog.
type Log[T any] struct {
	mu   sync.Mutex
	all  []T
	more chan struct{} // closed when something is added, then replaced
}

// NewLog makes an empty log.
func NewLog[T any]() *Log[T] { return &Log[T]{more: make(chan struct{})} }

// Add appends v and wakes who waits.
func (l *Log[T]) Add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, v)
	close(l.more)
	l.more = make(chan struct{})
}

// All returns what came so far.
func (l *Log[T]) All() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.all...)
}

// Read starts a reader at the beginning, Tail one that sees only what comes from now on.
func (l *Log[T]) Read() *Reader[T] { return &Reader[T]{log: l} }

// Tail starts a reader that sees only what is added from now on.
func (l *Log[T]) Tail() *Reader[T] { return &Reader[T]{log: l, at: len(l.All())} }

func (l *Log[T]) from(at int) ([]T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[at:], l.more
}

// Reader goes through a log once. It belongs to one goroutine.
type Reader[T any] struct {
	log *Log[T]
	at  int
}

// Next returns the next value.
func (r *Reader[T]) Next(t testing.TB, what string) T {
	t.Helper()
	return r.Find(t, what, func(T) bool { return true })
}

// Find skips to the next value that fits and returns it; it fails the test when none comes in time.
func (r *Reader[T]) Find(t testing.TB, what string, fits func(T) bool) T {
	t.Helper()
	late := time.NewTimer(nextPatience)
	defer late.Stop()
	for {
		values, more := r.log.from(r.at)
		for _, v := range values {
			r.at++
			if fits(v) {
				return v
			}
		}
		select {
		case <-more:
		case <-late.C:
			t.Fatalf("waited %s in vain for %s; %d others came", nextPatience, what, len(r.log.All()))
		}
	}
}
