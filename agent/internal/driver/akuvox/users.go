package akuvox

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
)

const (
	pageSize = 10     // fixed by the units (§2)
	maxWalks = 4      // how often a list that changes under us is begun anew
	maxRows  = 60_000 // more than any unit holds (§5.1)
)

// List returns every row. One call brings them all where the unit does that (§2); else the pages
// are walked until the total is reached. A list that changes meanwhile is read again, a few times;
// then it is an error, never a short list.
func (p *Panel) List(ctx context.Context) ([]model.Record, error) {
	rows, err := p.all(ctx, users(""))
	if err != nil {
		return nil, err
	}
	if err := p.learnHours(ctx, rows, true); err != nil {
		return nil, err
	}
	p.noteCarried(rows)
	return records(rows, p.facts().hours), nil
}

// Count implements driver.Counter by the total that the first page carries.
func (p *Panel) Count(ctx context.Context) (int, error) {
	pg, err := p.page(ctx, users(""), 1)
	if err != nil {
		return 0, err
	}
	return pg.num, nil
}

const opList = "read users of"

// listing is one list call: what it is for, where, and what the unit shall find.
type listing struct{ op, path, filter string }

// users lists every user, or those that the unit finds for filter.
func users(filter string) listing { return listing{opList, usersPath, filter} }

// all collects every row of a list.
func (p *Panel) all(ctx context.Context, of listing) ([]row, error) {
	if !p.facts().paged[of.path] {
		rows, whole, err := p.atOnce(ctx, of)
		if err != nil || whole {
			return rows, err
		}
	}
	for range maxWalks {
		rows, steady, err := p.walk(ctx, of)
		if err != nil || steady {
			return rows, err
		}
	}
	return nil, fault.New(fault.Timeout, of.op, p.link.subject, "the list kept changing, or did not add up to its own total, in %d attempts", maxWalks).
		WithRemedy("Stop editing the panel from elsewhere for a minute; update its firmware if this lasts.")
}

// atOnce asks without a page. whole is false when the answer does not prove itself complete: then
// the pages must be walked, and a unit that showed less than its total is not asked so again.
func (p *Panel) atOnce(ctx context.Context, of listing) (rows []row, whole bool, err error) {
	pg, err := p.page(ctx, of, 0)
	switch k := fault.KindOf(err); {
	case err != nil && (k == fault.Invalid || k == fault.Unsupported && of.path == usersPath):
		p.onlyPages(of) // it wants a page, or the whole is too large for us
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	n := len(distinct(pg.rows))
	switch {
	case n != len(pg.rows):
		return nil, false, nil
	case pg.num == n && n != pageSize, pg.num < 0 && n == 0:
		return pg.rows, true, nil
	case pg.num > n:
		p.onlyPages(of)
	}
	return nil, false, nil
}

func (p *Panel) onlyPages(of listing) {
	p.learn(func(k *known) {
		paged := map[string]bool{of.path: true}
		maps.Copy(paged, k.paged)
		k.paged = paged
	})
}

// page does one list call; number 0 asks without a page.
func (p *Panel) page(ctx context.Context, of listing, number int) (page, error) {
	q := url.Values{}
	if of.filter != "" {
		q.Set("NameOrPerID", of.filter)
	}
	if number > 0 {
		q.Set("page", strconv.Itoa(number))
	}
	r, err := p.link.get(ctx, of.op, of.path, q)
	if err != nil {
		return page{}, err
	}
	pg, err := decodePage(r.data)
	if err != nil {
		return page{}, fault.New(fault.Invalid, of.op, p.link.subject, "%w", err).WithRemedy("%s", remedyWeb)
	}
	if len(pg.rows) > maxRows {
		return page{}, p.tooMany()
	}
	if of.path == usersPath {
		p.study(pg.rows)
	}
	for _, r := range pg.rows {
		if of.filter != "" && !mentions(r, of.filter) {
			return page{}, errIgnored
		}
	}
	return pg, nil
}

// errIgnored is a unit that answers a search with rows that do not match. It ends a walk at once,
// so that finding this out costs the same on every panel.
var errIgnored = errors.New("the panel ignores the search")

func (p *Panel) tooMany() error {
	return fault.New(fault.Invalid, opList, p.link.subject, "the list does not end: more than %d rows", maxRows).
		WithRemedy("Restart the panel and update its firmware.")
}

// study learns from rows how this unit writes its lists.
func (p *Panel) study(rows []row) {
	p.learn(func(k *known) {
		for _, r := range rows {
			if t := tailOf(r.pairs()); t != "" {
				k.tail = t
			}
			if s := strings.TrimRight(r.pairs(), "; ,"); strings.ContainsAny(s, ";,") {
				k.sep = s[strings.IndexAny(s, ";,"):][:1]
			}
			if c := r.get(fieldCards); strings.ContainsAny(c, ";,") {
				k.cards = c[strings.IndexAny(c, ";,"):][:1]
			}
			if _, ok := r[fieldRefTwin]; ok {
				k.refTwin = true
			}
		}
	})
}

// walk reads page after page. steady is false when the pages contradict each other.
func (p *Panel) walk(ctx context.Context, of listing) (rows []row, steady bool, err error) {
	w := walk{seen: map[string]bool{}, total: -1}
	for n := 1; ; n++ {
		pg, err := p.page(ctx, of, n)
		if err != nil {
			return nil, false, err
		}
		switch w.take(n, pg) {
		case walkDone:
			return w.rows, true, nil
		case walkTorn:
			return nil, false, nil
		}
		if len(w.rows) > maxRows {
			return nil, false, p.tooMany()
		}
	}
}

type walkState int

const (
	walkOn walkState = iota
	walkDone
	walkTorn // the pages contradict each other: begin anew
)

// walk is the pages of one list put together.
type walk struct {
	rows    []row
	seen    map[string]bool
	total   int  // what the unit claims; -1 nothing
	counts  bool // num turned out to be the count of one page, not the total
	perPage int  // rows on the first page
}

// take adds page n and decides. It survives units that ignore page (every page is the same), that
// show the last page again past the end, that name no total, and that take a page's count for it.
func (w *walk) take(n int, pg page) walkState {
	fresh := w.add(pg.rows)
	if n == 1 {
		w.perPage, w.total = len(pg.rows), pg.num
		if fresh < len(pg.rows) {
			return walkTorn // the same row twice on one page
		}
	}
	if n == 2 && fresh > 0 && w.total == w.perPage {
		w.counts, w.total = true, -1
	}
	switch {
	case len(pg.rows) == 0:
		return w.finish() // whatever num says past the end
	case !w.counts && pg.num != w.total:
		return walkTorn
	case n > 1 && fresh == 0:
		return w.again(n)
	case fresh < len(pg.rows):
		return walkTorn // rows moved between the pages
	case w.total >= 0 && len(w.rows) >= w.total && !(n == 1 && w.total == pageSize):
		return w.finish()
	}
	return walkOn
}

// add keeps the rows that were not seen yet and counts them.
func (w *walk) add(rows []row) (fresh int) {
	for _, r := range rows {
		if k := r.key(); !w.seen[k] {
			w.seen[k] = true
			w.rows = append(w.rows, r)
			fresh++
		}
	}
	return fresh
}

// again judges a page that brought nothing new. Without a total, a second page equal to a full
// first one could also be a unit that never shows more: that proves nothing.
func (w *walk) again(n int) walkState {
	if w.total < 0 && n == 2 && w.perPage == pageSize {
		return walkTorn
	}
	return w.finish()
}

func (w *walk) finish() walkState {
	if w.total >= 0 && len(w.rows) != w.total {
		return walkTorn
	}
	return walkDone
}

// key tells rows apart: by the unit's id, else by all they show.
func (r row) key() string {
	if id := r.get(fieldID); id != "" {
		return "id " + id
	}
	all, err := json.Marshal(r)
	if err != nil {
		return strings.Join(slices.Sorted(maps.Keys(r)), " ") // cannot happen: it was JSON
	}
	return "row " + string(all)
}

func distinct(rows []row) map[string]bool {
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.key()] = true
	}
	return seen
}
