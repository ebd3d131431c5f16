package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// round changes who lives there while things fail, mends everything and asks the checker. It returns what it did.
func (h *house) round(ctx context.Context, trouble bool) (story string, err error) {
	h.number++
	h.watch.follow(h.town)
	said := h.town.change()
	h.watch.follow(h.town)
	h.figures.changes += len(said)
	troubles := h.troubles(ctx)
	if !trouble {
		troubles = nil
	}
	for _, t := range troubles {
		said = append(said, t.what)
	}
	story = strings.Join(said, "; ")
	if err := h.suffer(ctx, troubles, len(said)); err != nil {
		return story, err
	}
	verdict, err := h.check(ctx, comesRight)
	return story + "; " + verdict.Words, err
}

// comesRight is how long all may take to come right once everything works. What was removed while the disk took no record,
// by a box that was killed before it did, is found by the read-back a minute after the start (agent/internal/reconcile).
const comesRight = "90s"

// suffer lets the troubles happen around an import, at drawn instants, and mends them.
func (h *house) suffer(ctx context.Context, troubles []trouble, changes int) error {
	before := h.rand.IntN(len(troubles) + 1)
	if slices.ContainsFunc(troubles, func(t trouble) bool { return t.point }) {
		before = len(troubles)
	}
	first := len(h.journal.Troubles)
	for i, t := range troubles {
		if i == before {
			if err := h.imports(ctx, changes); err != nil {
				return err
			}
		}
		pause(ctx, time.Duration(h.rand.IntN(120))*time.Millisecond)
		h.figures.troubles++
		if t.disk {
			h.figures.disks++
		}
		h.journal.Troubles = append(h.journal.Troubles, troubleEntry{What: t.what, Panel: t.panel, From: time.Now()})
		if err := t.begin(); err != nil {
			return fmt.Errorf("%s: %w", t.what, err)
		}
	}
	if before == len(troubles) {
		if err := h.imports(ctx, changes); err != nil {
			return err
		}
	}
	pause(ctx, time.Duration(100+h.rand.IntN(500))*time.Millisecond)
	if h.wrap != nil { // strace takes its time
		pause(ctx, time.Second)
	}
	return h.mend(ctx, troubles, first)
}

// mend ends the troubles, and notes when they are over: when everything works again.
func (h *house) mend(ctx context.Context, troubles []trouble, first int) error {
	for _, t := range troubles {
		if err := t.mend(); err != nil {
			return fmt.Errorf("mending %s: %w", t.what, err)
		}
	}
	if err := h.alive(); err != nil {
		return err
	}
	err := h.healthy(ctx)
	for i := range h.journal.Troubles[first:] {
		h.journal.Troubles[first+i].To = time.Now()
	}
	return err
}

// alive is nil unless a program ended that nobody ended.
func (h *house) alive() error {
	for name, p := range map[string]*process{"gateway": h.box, "cloud": h.cloud} {
		if !p.runs() && !p.asked {
			return fmt.Errorf("the %s ended by itself: %s", name, p.cmd.ProcessState)
		}
	}
	return nil
}

// verdict is what the checker prints.
type verdict struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
	Words    string   `json:"words"`
	Events   int      `json:"events"`
	Requests int      `json:"requests"`
	LatestMS int64    `json:"latest_ms"`
}

// check asks the checker, a program of its own.
func (h *house) check(ctx context.Context, within string) (v verdict, err error) {
	h.journal.Within = within
	if h.watch != nil {
		h.journal.Refused = h.watch.lockouts()
	}
	if err := saveJSON(h.path("journal.json"), h.journal); err != nil {
		return v, err
	}
	raw, ran := do(ctx, h.program("checker"), h.dir, "journal.json")
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, errors.Join(ran, err)
	}
	h.figures.events, h.figures.requests = v.Events, v.Requests
	h.figures.latest = max(h.figures.latest, time.Duration(v.LatestMS)*time.Millisecond)
	if !v.OK {
		return v, errors.New("  " + strings.Join(v.Problems, "\n  "))
	}
	return v, nil
}
