package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// TestTowardsE2_WhatFillsIsToldOnceAndWhenItHasRoomAgain: one line as it passes 90 %, one as it falls below 85 %, none while
// it hangs about the limit.
func TestTowardsE2_WhatFillsIsToldOnceAndWhenItHasRoomAgain(t *testing.T) {
	t.Parallel()
	logs, used := lines{prototest.NewLog[string]()}, 0.0
	r := &room{log: logs.logger(), spaces: func() []space {
		return []space{{Name: "disk", Used: used, words: "the disk", do: "Make room."}, {Name: "site.db", Used: .1, words: "the database site.db"}}
	}}
	if r.words() != "" {
		t.Errorf("before the first look: %q", r.words())
	}
	for _, c := range []struct {
		used         float64
		fills, clear int // lines so far
		words        string
	}{
		{.899, 0, 0, ""}, {.9, 1, 0, "the disk is 90 % full"}, {.95, 1, 0, "the disk is 95 % full"}, {.86, 1, 0, "the disk is 86 % full"},
		{.9, 1, 0, "the disk is 90 % full"}, {.84, 1, 1, ""}, {.89, 1, 1, ""}, {1, 2, 1, "the disk is 100 % full"}, {0, 2, 2, ""},
	} {
		used = c.used
		r.look()
		text := logs.text()
		if n, m := strings.Count(text, "it fills: the disk"), strings.Count(text, "it has room again: the disk"); n != c.fills || m != c.clear {
			t.Errorf("at %.3f it was told %d and %d times, want %d and %d:\n%s", c.used, n, m, c.fills, c.clear, text)
		}
		if got := r.words(); got != c.words {
			t.Errorf("at %.3f: %q, want %q", c.used, got, c.words)
		}
	}
	if !strings.Contains(logs.text(), "Make room.") {
		t.Error("no remedy")
	}
}

// TestTowardsE7_StorageIsShown on the page, in /metrics and in what status says.
func TestTowardsE7_StorageIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	for _, what := range []string{"disk", "site.db", "wanted.db"} {
		var used float64
		if _, err := fmt.Sscan(h.metric(`gatehouse_storage_used_ratio{what="`+what+`"}`), &used); err != nil || used <= 0 || used > 1 {
			t.Errorf("%s: %f %v", what, used, err)
		}
	}
	for _, name := range []string{"bytes", "free_bytes"} {
		var n float64
		if name == "bytes" {
			name = "file_bytes"
		}
		if _, err := fmt.Sscan(h.metric(`gatehouse_storage_`+name+`{file="site.db"}`), &n); err != nil || n < 0 || n > 1<<20 {
			t.Errorf("%s: %f %v", name, n, err)
		}
	}
	full := []string{"disk"}
	h.agent.room.alarms.Store(&full)
	if page, says := h.get("/"), h.agent.Says(); !strings.Contains(page, "Storage") || !strings.Contains(says, "the disk that holds "+h.cfg.StateDir) || !strings.Contains(says, "% full") {
		t.Errorf("said %q; page %s", says, page)
	}
}

// TestNightIsTheProperties: three o'clock there, whatever the box's clock counts in.
func TestNightIsTheProperties(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.store(1, places()...)
	p, err := h.agent.box.Places()
	must(t, err)
	loc, err := p.Property.Location()
	must(t, err)
	now, _ := h.agent.box.clock.Now()
	if want := now.In(loc).Hour() == 3; h.agent.isNight() != want {
		t.Errorf("%s at the property: night %v", now.In(loc), !want)
	}
	h.agent.room.compact() // a young gateway's files are small
	if strings.Contains(h.logs.text(), "written anew") {
		t.Error("small files were written anew")
	}
}

// TestWhatWasRepairedIsToldWhenItCanBe: a disk without room keeps no gateway from starting.
func TestWhatWasRepairedIsToldWhenItCanBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTestBox(t, dir)
	must(t, b.site.Snapshot())
	must(t, b.Close())
	must(t, os.Remove(filepath.Join(dir, store.SiteFile)))
	b = openTestBox(t, dir)
	if s, err := b.outbox.Stats(); b.untold != nil || err != nil || b.site.Restored() == "" || s.Waiting != 2 { // the lost range, and why
		t.Errorf("with room: %v, %+v %v", b.untold, s, err)
	}
	must(t, b.site.Close()) // nothing can be recorded any more
	b.tellRepairs()
	if len(b.untold) != 1 || b.untold[0].Kind != access.EventDrift {
		t.Errorf("%+v", b.untold)
	}
	a := &Agent{box: b, log: quiet()}
	if evs := a.started(); len(evs) != 2 || evs[0].Kind != access.EventDrift || evs[1].Kind != access.EventStarted {
		t.Errorf("%+v", evs)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	a.tellStarted(ctx)
	must(t, b.wanted.Close())
}

// TestStorageIsToldInWords, for status: the disk and what lies on it.
func TestStorageIsToldInWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.stop()
	got := Storage(h.cfg)
	for _, words := range []string{h.cfg.StateDir, "% full", "site.db has ", "wanted.db has ", "MiB"} {
		if !strings.Contains(got, words) {
			t.Errorf("%q does not say %q", got, words)
		}
	}
}

// TestCheckConfigWarnsWhereNothingLasts, as the agent would refuse it; one who insists knows.
func TestCheckConfigWarnsWhereNothingLasts(t *testing.T) {
	t.Parallel()
	const memory = "/dev/shm" // a tmpfs wherever Linux is set up as usual; else there is nothing to warn of
	for _, force := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "agent.toml")
		must(t, os.WriteFile(path, []byte(fmt.Sprintf("state_dir = %q\nforce_state_dir = %v\n", memory+"/gatehouse-check", force)), 0o600))
		_, doubts, err := CheckConfig(path, quiet())
		must(t, err)
		warned := slices.ContainsFunc(doubts, func(d string) bool { return strings.Contains(d, "the agent does not start so") })
		if want := !force && store.Lasts(memory) != nil; warned != want {
			t.Errorf("force %v: warned %v, want %v: %q", force, warned, want, doubts)
		}
	}
}
