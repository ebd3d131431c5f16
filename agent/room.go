package agent

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/store"
)

// An alarm comes when this share of the disk, or of what a database may grow to, is taken, and goes when less than the
// second is: what hangs about the limit is told once.
const (
	roomAlarm = 0.90
	roomClear = 0.85
)

// space is one thing that can be full.
type space struct {
	Name  string     // "disk", or the database's file name
	Used  float64    // 0 to 1
	Size  store.Size // of a database
	words string     // what it is, for the log and the page
	do    string     // when it fills
}

// room watches how full the disk and the databases are. One goroutine looks; any may ask.
type room struct {
	spaces func() []space
	box    *box
	log    *slog.Logger
	alarms atomic.Pointer[[]string] // what fills, by name
}

func newRoom(b *box, dir string, log *slog.Logger) *room {
	return &room{spaces: func() []space { return spacesOf(b, dir) }, box: b, log: log}
}

// spacesOf reads them; what cannot be read is left out.
func spacesOf(b *box, dir string) (out []space) {
	if used, ok := store.DiskUse(dir); ok {
		out = append(out, space{Name: "disk", Used: used, words: "the disk that holds " + dir, do: "Make room there; when it is full additions and changes wait, and in the end removals cannot be recorded."})
	}
	for name, f := range map[string]func() (store.Size, error){store.SiteFile: b.site.Size, store.WantedFile: b.wanted.Size} {
		if size, err := f(); err == nil {
			out = append(out, space{name, size.Used(), size, "the database " + name, "Reach the cloud, so that it takes the events that wait; if it is reached, call whoever installed the gateway."})
		}
	}
	return out
}

// look tells what has begun to fill since the last look, and what has room again.
func (r *room) look() {
	var was, now []string
	if old := r.alarms.Load(); old != nil {
		was = *old
	}
	for _, s := range r.spaces() {
		before, percent := slices.Contains(was, s.Name), fmt.Sprintf("%.0f %%", 100*s.Used)
		switch {
		case !before && s.Used >= roomAlarm:
			r.log.Warn("it fills: "+s.words, "used", percent, "remedy", s.do)
		case before && s.Used < roomClear:
			r.log.Info("it has room again: "+s.words, "used", percent)
			continue
		case !before:
			continue
		}
		now = append(now, s.Name)
	}
	r.alarms.Store(&now)
}

// words is what fills, for the page and for status; "" while nothing does.
func (r *room) words() string {
	var out []string
	alarms := r.alarms.Load()
	if alarms == nil || len(*alarms) == 0 {
		return ""
	}
	for _, s := range r.spaces() {
		if slices.Contains(*alarms, s.Name) {
			out = append(out, fmt.Sprintf("%s is %.0f %% full", s.words, 100*s.Used))
		}
	}
	return strings.Join(out, ", ")
}

// compact writes anew what is more than half empty.
func (r *room) compact() {
	for name, f := range map[string]func() (bool, error){store.SiteFile: r.box.site.Compact, store.WantedFile: r.box.wanted.Compact} {
		if _, err := f(); err != nil {
			r.log.Error("a database cannot be made smaller; it stays as it is", "file", name, "err", err)
		}
	}
}

// isNight is the hour at the property in which doors and panels have least to do.
func (a *Agent) isNight() bool {
	now, _ := a.box.clock.Now()
	zone := time.UTC
	if places, err := a.box.Places(); err == nil {
		if loc, err := places.Property.Location(); err == nil {
			zone = loc
		}
	}
	return now.In(zone).Hour() == 3
}

// Storage says how full the disk of a state directory is and how large the databases on it are; "" where nothing can be told.
func Storage(cfg Config) string {
	var out []string
	if used, ok := store.DiskUse(cfg.StateDir); ok {
		out = append(out, fmt.Sprintf("the disk that holds %s is %.0f %% full", cfg.StateDir, 100*used))
	}
	for _, name := range []string{store.SiteFile, store.WantedFile} {
		if info, err := os.Stat(filepath.Join(cfg.StateDir, name)); err == nil {
			out = append(out, fmt.Sprintf("%s has %.1f MiB", name, float64(info.Size())/(1<<20)))
		}
	}
	return strings.Join(out, ", ")
}

// Says is what somebody who asks for the service's status should know beside that it runs; "" nothing.
func (a *Agent) Says() string { return a.room.words() }
