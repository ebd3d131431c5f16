package agent

import (
	"encoding/json"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// How often a PIN may be wrong at the gateway before the next guess has to wait, and how long it then
// waits, at first and at most: doubled with every further one.
const (
	freeTries = 5
	firstWait = time.Minute
	lastWait  = time.Hour
)

const blobTries = "local_failures"

// tries are the wrong guesses in a row, by whom they were made to be; "" are those made to be nobody
// there is.
type tries map[access.PersonID]guesses

type guesses struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"` // by the gateway's clock
}

// wait is how long the next guess has to wait at an instant.
func (g guesses) wait(now time.Time) time.Duration {
	if g.Count < freeTries {
		return 0
	}
	d := lastWait
	if over := g.Count - freeTries; over < 6 {
		d = min(firstWait<<over, lastWait)
	}
	return d - max(now.Sub(g.Last), 0) // a clock that was set back has waited not at all
}

// try counts a guess before it is looked at, or refuses it. A clock that was set back behind the last
// guess starts the wait anew, so that it ends.
func (o *onsite) try(who access.PersonID, now time.Time) (tries, error) {
	t := o.readTries()
	g := t[who]
	if left := g.wait(now); left > 0 {
		if now.Before(g.Last) {
			t[who] = guesses{g.Count, now}
			if err := o.saveTries(t); err != nil {
				return nil, err
			}
		}
		return nil, fault.New(fault.Denied, "let act", "at the gateway", "too many wrong PINs in a row").
			WithRemedy("Wait %s, then try again with the right one.", max(left, time.Second).Round(time.Second))
	}
	t[who] = guesses{g.Count + 1, now}
	return t, o.saveTries(t)
}

// clear forgets the guesses made to be somebody who then gave the right PIN.
func (t tries) clear(who access.PersonID) bool {
	_, ok := t[who]
	delete(t, who)
	return ok
}

// readTries starts anew where the disk damaged the count: it must not keep staff from a revocation.
func (o *onsite) readTries() tries {
	t := tries{}
	raw, err := o.site.Blob(blobTries)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil {
		o.log.Error("the count of wrong PINs cannot be read; it starts anew", "err", err)
		t = nil
	}
	if t == nil { // null is JSON too
		return tries{}
	}
	return t
}

func (o *onsite) saveTries(t tries) error { return saveJSON(o.site, blobTries, t) }
