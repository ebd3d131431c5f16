package akuvox

import (
	"context"
	"hash/maphash"
	"sort"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
)

const (
	opLog = "read the door log of"

	// mostLogPages bounds one reading at either end of the log: a hundred entries in half a minute are
	// more than people can make at a door.
	mostLogPages = 10
	// mostTold is how many entries are remembered at least. Twice that many stay in memory.
	mostTold = 8192
)

// told remembers entries by a fingerprint under a key of this process: what an entry shows holds a
// PIN or card (§2.7). Neither order nor ids of a log are relied on, so this is all that tells old
// from new. Entries that are seen again stay, the others are forgotten in the order of time.
type told struct {
	seed   maphash.Seed
	now    map[uint64]bool
	before map[uint64]bool
	begun  bool // the log was read once
}

// add remembers an entry; false when it was known.
func (t *told) add(r row) bool {
	if t.now == nil {
		t.seed, t.now = maphash.MakeSeed(), map[uint64]bool{}
	}
	key := strings.Join([]string{r.get(fieldID), r.get("Date"), r.get("Time"), r.get("Code")}, "\x00")
	print := maphash.String(t.seed, key)
	known := t.now[print] || t.before[print]
	if t.now[print] = true; len(t.now) >= mostTold {
		t.now, t.before = map[uint64]bool{}, t.now
	}
	return !known
}

// DoorLog implements driver.DoorLogger. The first time the whole log is read where the unit gives it
// in one answer. After that the first page is read and the last, and from each as many as bring
// anything new: which end is the newest is unknown (§2.7). The zone of the dates is unknown, too;
// ask.Zone is believed. In the hour that autumn repeats, the first is meant.
func (p *Panel) DoorLog(ctx context.Context, ask driver.DoorLogAsk) (driver.DoorLog, error) {
	rows, gap, err := p.logRows(ctx)
	if err != nil {
		return driver.DoorLog{}, err
	}
	out := driver.DoorLog{Gap: gap}
	p.mu.Lock()
	first := !p.told.begun
	p.told.begun = true
	p.mu.Unlock()
	for _, r := range rows {
		if e := entryOf(r, ask); !first || !e.At.Before(ask.Since) {
			out.Entries = append(out.Entries, e)
		}
	}
	sort.SliceStable(out.Entries, func(i, j int) bool {
		a, b := out.Entries[i], out.Entries[j]
		return a.At.Before(b.At) || a.At.Equal(b.At) && a.Relay < b.Relay
	})
	return out, nil
}

// logRows are the rows that were not told yet. After an error nothing counts as told: the entries that
// were read come again.
func (p *Panel) logRows(ctx context.Context) (fresh []row, gap bool, err error) {
	p.mu.Lock()
	t := p.told.copy()
	p.mu.Unlock()
	of := listing{op: opLog, path: logPath}
	if !t.begun && !p.facts().paged[logPath] {
		rows, whole, err := p.atOnce(ctx, of)
		if err != nil {
			return nil, false, err
		}
		if whole {
			fresh = t.take(rows)
			p.remember(t)
			return fresh, false, nil
		}
	}
	fresh, gap, err = p.logEnds(ctx, of, &t)
	if err == nil {
		p.remember(t)
	}
	return fresh, gap, err
}

func (p *Panel) remember(t told) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = t
}

// logEnds reads from both ends of the log until a page brings nothing new.
func (p *Panel) logEnds(ctx context.Context, of listing, t *told) (fresh []row, gap bool, err error) {
	last, read := 1, 0
	for n := 1; n <= mostLogPages; n++ {
		pg, err := p.page(ctx, of, n)
		if err != nil {
			return nil, false, err
		}
		if n == 1 && pg.num > 0 {
			last = (pg.num + pageSize - 1) / pageSize
		}
		news := t.take(pg.rows)
		fresh, read = append(fresh, news...), n
		if len(news) == 0 || len(pg.rows) < pageSize && pg.num < 0 {
			break
		}
		gap = n == mostLogPages
	}
	for n := last; n > read && n > last-mostLogPages; n-- {
		pg, err := p.page(ctx, of, n)
		if err != nil {
			return nil, false, err
		}
		news := t.take(pg.rows)
		if fresh = append(fresh, news...); len(news) == 0 {
			return fresh, gap, nil
		}
		gap = gap || n == last-mostLogPages+1
	}
	return fresh, gap && last > read, nil
}

// take remembers rows and gives those that are new.
func (t *told) take(rows []row) (out []row) {
	for _, r := range rows {
		if t.add(r) {
			out = append(out, r)
		}
	}
	return out
}

// copy shares nothing that add changes.
func (t *told) copy() told {
	out := *t
	out.now = make(map[uint64]bool, len(t.now))
	for k := range t.now {
		out.now[k] = true
	}
	if t.now == nil {
		out.now = nil
	}
	return out
}

// entryOf reads a row. Its code is shown to ask.Whose and then forgotten.
func entryOf(r row, ask driver.DoorLogAsk) driver.DoorEntry {
	e := driver.DoorEntry{
		At: logTime(r.get("Date"), r.get("Time"), ask.Zone), Relay: logRelay(r.get("Relay")),
		How: logHow(r.get(fieldType)),
	}
	switch strings.ToLower(r.get("Status")) {
	case "succ", "success":
		e.Granted = true
	}
	if code := r.get("Code"); code != "" && ask.Whose != nil {
		e.By = ask.Whose(access.NewSecret(strings.ToUpper(code)))
	}
	return e
}

// logTime reads the two forms that dates have (§2.7); zero for any other.
func logTime(date, clock string, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	for _, form := range []string{"2006-01-02 15:04:05", "20060102 15:04:05"} {
		if t, err := time.ParseInLocation(form, date+" "+clock, zone); err == nil {
			return t
		}
	}
	return time.Time{}
}

// logRelay reads "A", "RelayA" and "1" as relay A.
func logRelay(s string) string {
	s = strings.TrimSpace(strings.TrimPrefix(strings.ToUpper(s), "RELAY"))
	if len(s) == 1 && s[0] >= '1' && s[0] < '1'+mostRelays {
		return string(s[0] - '1' + 'A')
	}
	if _, ok := relayDigit(s); ok {
		return s
	}
	return ""
}

// logHow reads the type in words or digits (§2.7).
func logHow(s string) string {
	switch s = strings.ToLower(s); s {
	case "pin", "2":
		return "pin"
	case "card", "1":
		return "card"
	case "public", "3":
		return "public"
	case "face", "4":
		return "face"
	case "http api":
		return "api"
	}
	return ""
}
