// Command checker looks at a house from outside and says whether it is as it should be. It shares no code with the product
// and none with the program that lets things fail: it reads the exports itself, asks the panels what they hold, reads the
// cloud's database with SQL and recomputes the chain of events by the words of the contract. So a mistake in the product's
// own rules cannot hide itself here. packaging/checks holds it to the standard library and the SQLite driver.
//
// It is given a journal (what was imported when, what failed when) and prints one JSON object. It waits for what may take
// a moment, for as long as the journal says; what must never be, it says at once.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
	_ "time/tzdata" // the house's zone must be known everywhere
)

// journal is what there is to look at.
type journal struct {
	Zone, Database, Gateway, Within string
	Panels                          []panel
	Strangers                       map[string][]json.RawMessage
	Exports                         []export
	Troubles                        []trouble
	Refused                         []refused
}

type panel struct{ Device, Relay, Control string }

type export struct {
	File            string
	Began, Accepted time.Time
	Changes         int
}

type trouble struct {
	What, Panel string
	From, To    time.Time // a zero To: not over
}

type refused struct {
	At         time.Time
	Panel, PIN string
}

// verdict is what is printed.
type verdict struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
	Words    string   `json:"words"`
	Events   int      `json:"events"`
	Requests int      `json:"requests"`
	LatestMS int64    `json:"latest_ms"`
}

func main() {
	v := look(context.Background(), os.Args[1:])
	_ = json.NewEncoder(os.Stdout).Encode(v) // whoever reads nothing takes it for wrong
	if !v.OK {
		os.Exit(1)
	}
}

func look(ctx context.Context, args []string) (v verdict) {
	c, err := newCheck(args)
	if err == nil {
		defer c.close()
		err = c.wait(ctx)
	}
	if err == nil {
		err = c.judge(&v)
	}
	if err != nil {
		v.Problems = append(v.Problems, err.Error())
	}
	v.OK = len(v.Problems) == 0
	return v
}

// judge says what was wrong on the way, once all has come right.
func (c *check) judge(v *verdict) error {
	v.Events = len(c.log)
	v.Problems = append(v.Problems, c.lockouts()...)
	late, latest, err := c.lateness()
	if err != nil {
		return err
	}
	v.Problems = slices.Concat(v.Problems, late, c.order(), c.proofs())
	v.Requests = c.requests
	v.LatestMS = latest.Milliseconds()
	v.Words = fmt.Sprintf("%d on the panels, %d events", c.expected, v.Events)
	return nil
}
