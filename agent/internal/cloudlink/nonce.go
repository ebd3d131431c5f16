package cloudlink

import (
	"crypto/rand"
	"sync"
	"time"
)

// asked is a hello that may still be answered.
type asked struct {
	nonce    string
	at       time.Time
	answered bool
}

// nonces remembers the last few hellos, so that an answer proves by echoing one that it was made after it.
type nonces struct {
	limit time.Duration // an answer that took longer proves nothing

	mu   sync.Mutex
	last []asked
}

// remembered is how many hellos may be under way at once; urgent ones overtake each other.
const remembered = 4

// issue makes the nonce of a hello that leaves now.
func (n *nonces) issue(now time.Time) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	nonce := rand.Text()
	n.last = append(n.last, asked{nonce: nonce, at: now})
	if len(n.last) > remembered {
		n.last = n.last[1:]
	}
	return nonce
}

// echo says whether a message that came now and carries nonce answers a hello, when that hello left, and whether it
// is the first to do so. Only the first gives time: later ones tell less.
func (n *nonces) echo(nonce string, now time.Time) (sent time.Time, fresh, first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.last {
		a := &n.last[i]
		if nonce == "" || a.nonce != nonce || now.Sub(a.at) > n.limit {
			continue
		}
		first, a.answered = !a.answered, true
		return a.at, true, first
	}
	return time.Time{}, false, false
}
