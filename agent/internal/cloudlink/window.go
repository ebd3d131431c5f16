package cloudlink

import "time"

// How events travel: in batches that fit a message even where nothing compresses, a few of them ahead of their receipts.
const (
	batchBytes = 88 << 10
	maxFlying  = 8
)

// window is which events are under way. A cloud that gives no receipts gets fewer, later: behind a broker that
// queues, each repetition would lie waiting for it.
type window struct {
	base time.Duration // patience while all is well
	most time.Duration // patience at most

	flying   []flight
	next     uint64 // number of the last event sent; 0: begin at the oldest
	size     int
	patience time.Duration
}

type flight struct {
	last uint64
	sent time.Time
}

func newWindow(base, most time.Duration) *window {
	return &window{base: base, most: max(base, most), size: maxFlying, patience: base}
}

// room says whether another batch may leave.
func (w *window) room() bool { return len(w.flying) < w.size }

// left notes a batch.
func (w *window) left(last uint64, now time.Time) {
	w.flying = append(w.flying, flight{last, now})
	w.next = last
}

// receipt takes what is safe off the window.
func (w *window) receipt(through uint64) {
	for len(w.flying) > 0 && w.flying[0].last <= through {
		w.flying = w.flying[1:]
		w.size, w.patience = maxFlying, w.base
	}
	w.next = max(w.next, through)
}

// missed starts again when the cloud, asked at that time, did not have what had left before: nobody listened then.
func (w *window) missed(through uint64, asked time.Time) {
	if len(w.flying) > 0 && w.flying[0].last > through && w.flying[0].sent.Before(asked) {
		w.flying, w.next = nil, 0
	}
}

// due is when the oldest batch has waited too long; ok is false when none is under way.
func (w *window) due() (at time.Time, ok bool) {
	if len(w.flying) == 0 {
		return time.Time{}, false
	}
	return w.flying[0].sent.Add(w.patience), true
}

// overdue starts again from the last receipt when the oldest batch has waited too long.
func (w *window) overdue(now time.Time) {
	if at, ok := w.due(); ok && !now.Before(at) {
		w.flying, w.next, w.size = nil, 0, 1
		w.patience = min(2*w.patience, w.most)
	}
}
