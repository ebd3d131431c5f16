package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// event is one row of the cloud's log.
type event struct {
	number    uint64
	raw, link []byte
	body
}

// body is what the checker reads of an event.
type body struct {
	N        uint64    `json:"n"`
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Recorded time.Time `json:"recorded"`
	Device   string    `json:"device"`
	Person   string    `json:"person"`
	Op       string    `json:"op"`
	Grade    string    `json:"grade"`
	Unsure   bool      `json:"unsure"`
	Asked    time.Time `json:"asked"`
	Stored   time.Time `json:"stored"`
}

// readEvents reads the log, and which id each resident has.
func (c *check) readEvents(ctx context.Context) error {
	c.log, c.people = nil, map[string]string{}
	rows, err := c.db.QueryContext(ctx, "SELECT n, raw, link FROM events ORDER BY gateway, n")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e event
		if err := rows.Scan(&e.number, &e.raw, &e.link); err != nil {
			return err
		}
		if err := json.Unmarshal(e.raw, &e.body); err != nil {
			return errWrong{fmt.Errorf("event %d: %w", e.number, err)}
		}
		c.log = append(c.log, e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return c.readPeople(ctx)
}

func (c *check) readPeople(ctx context.Context) error {
	rows, err := c.db.QueryContext(ctx, "SELECT ref, id FROM people")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var ref, id string
		if err := rows.Scan(&ref, &id); err != nil {
			return err
		}
		c.people[ref] = id
	}
	return rows.Err()
}

// chain holds the log to its numbers and hashes: 1, 2, 3 …, each link the SHA-256 of a fixed text, the link before and
// the bytes as they came, none lost, and nothing told twice.
func (c *check) chain() error {
	link := make([]byte, sha256.Size)
	seen := map[string]uint64{}
	for i, e := range c.log {
		sum := sha256.Sum256(bytes.Join([][]byte{[]byte("gatehouse event v1\x00"), link, e.raw}, nil))
		link = sum[:]
		content := strings.Replace(string(e.raw), fmt.Sprintf("\"n\":%d,", e.number), "", 1)
		switch was, twice := seen[content]; {
		case e.number != uint64(i+1) || e.N != e.number:
			return fmt.Errorf("event %d stands where number %d should, and calls itself %d", e.number, i+1, e.N)
		case !bytes.Equal(link, e.link):
			return fmt.Errorf("event %d: the chain is broken, %x is stored and %x is right", e.number, e.link, link)
		case e.Kind == "lost":
			return fmt.Errorf("event %d says that events were lost: %s", e.number, e.raw)
		case twice:
			return fmt.Errorf("event %d tells the same as event %d: %s", e.number, was, e.raw)
		}
		seen[content] = e.number
	}
	return nil
}

// told compares the log with what the exports and so the panels say: the last word about everybody on each panel must be
// that they were seen there, or seen gone. A box that still has something to tell is waited for.
func (c *check) told(ctx context.Context) error {
	var page string
	if err := get(ctx, c.job.Gateway, &page); err != nil {
		return err
	}
	if !strings.Contains(page, "\ngatehouse_outbox_events 0\n") {
		return fmt.Errorf("the gateway still has events to tell")
	}
	last := map[[2]string]body{}
	ever := map[[2]string]bool{}
	for _, e := range c.log {
		if key := [2]string{e.Device, e.Person}; e.Kind == "written" || e.Kind == "confirmed" {
			last[key] = e.body
			ever[key] = ever[key] || e.Op != "remove"
		}
	}
	for _, p := range c.job.Panels {
		for ref, r := range c.residents[len(c.residents)-1] {
			key := [2]string{p.Device, c.people[ref]}
			if err := word(p, r, last[key], ever[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// word judges the last word about somebody on a panel; ever says whether they were written there at all.
func word(p panel, r resident, e body, ever bool) error {
	switch lives := r.lives(time.Now()); {
	case lives && (e.Kind != "confirmed" || e.Op == "remove" || e.Grade != "exact"):
		return fmt.Errorf("panel %s: nobody has told that %s was seen there; the last word is %+v", p.Device, r.shown(), e)
	case !lives && ever && (e.Kind != "confirmed" || e.Op != "remove" || e.Grade != "exact"):
		return fmt.Errorf("panel %s: nobody has told that %s was seen gone; the last word is %+v", p.Device, r.shown(), e)
	}
	return nil
}

// clockError is how far the clocks of cloud and gateway may be apart while the gateway trusts its own.
const clockError = time.Second

// proofs holds every removal that was seen done to what it must prove: when it was asked for, before it was done, and when
// the box knew.
func (c *check) proofs() (problems []string) {
	for _, e := range c.log {
		if e.Kind != "confirmed" || e.Op != "remove" {
			continue
		}
		if e.Asked.IsZero() || e.Stored.IsZero() || !e.Unsure && e.Asked.After(e.At.Add(clockError)) {
			problems = append(problems, fmt.Sprintf("event %d proves no removal: %s", e.number, e.raw))
		}
	}
	return problems
}
