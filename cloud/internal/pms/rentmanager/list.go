package rentmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/protocol/access/fault"
)

// maxRows bounds one list: the tenants that one property ever had.
const maxRows = 50_000

// listing is a list read page by page, with every doubt whether it is whole.
type listing struct {
	rows  []json.RawMessage
	ids   []string // of the rows that have one
	pages int
	total int    // as the server says it, -1 when it does not
	empty string // how the server said that there is nothing; "" when there is something
	doubt []string
}

func (l *listing) doubts(format string, args ...any) {
	l.doubt = append(l.doubt, fmt.Sprintf(format, args...))
}

// page is one reply of a list.
type page struct {
	rows  []json.RawMessage
	ids   []string
	total int    // -1 when not said
	next  bool   // the server names a next page
	part  bool   // HTTP 206: there is more than this
	empty string // HTTP 404, 204, a body with nothing in it (§1.3)
}

// proven reads a list, puts what proves it, or the doubts, among the evidence, and with a doubt
// makes the snapshot incomplete. A list that came in more than one reply may have moved while it
// was read: rows that change places or leave and join in pairs keep the total. One that came in a
// single reply without a total may have been cut. So the ids are read once more, from the other end
// of the list, and must be the same. Only one reply with a total that agrees is proof by itself.
func (p *pull) proven(ctx context.Context, q query, prove bool) (listing, error) {
	l, err := p.walk(ctx, q, p.cfg.PageSize)
	if err != nil {
		return l, err
	}
	again := prove && len(l.doubt) == 0 && l.empty == "" && (l.pages > 1 || l.total < 0)
	if again {
		second, err := p.walk(ctx, q.ids(), maxPageSize)
		if err != nil {
			return l, err
		}
		l.compare(second)
	}
	p.judge(q, l, again)
	return l, nil
}

func (p *pull) judge(q query, l listing, again bool) {
	for _, d := range l.doubt {
		p.snap.Incomplete(q.what + ": " + d)
	}
	switch {
	case len(l.doubt) > 0:
	case l.empty != "":
		p.snap.Incomplete(fmt.Sprintf("%s: the server says there are none (%s); an empty list never proves that all are gone", q.what, l.empty))
	case again:
		p.snap.Because(fmt.Sprintf("%s: %d on %d %s, %sread again by id from the other end: the same", q.what, len(l.rows), l.pages, plural(l.pages, "page"), l.agreed()))
	default:
		p.snap.Because(fmt.Sprintf("%s: %d in one reply%s", q.what, len(l.rows), strings.TrimSuffix(", "+l.agreed(), ", ")))
	}
}

// agreed says that there was a total: had it not agreed, there would be a doubt.
func (l *listing) agreed() string {
	if l.total < 0 {
		return ""
	}
	return fmt.Sprintf("the server's total of %d agrees, ", l.total)
}

// compare doubts a list whose ids, read again, are not the same.
func (l *listing) compare(second listing) {
	for _, d := range second.doubt {
		l.doubts("read again by id: %s", d)
	}
	if l.total >= 0 && second.total >= 0 && l.total != second.total {
		l.doubts("the total changed from %d to %d while it was read", l.total, second.total)
	}
	gone, come := missingFrom(second.ids, l.ids), missingFrom(l.ids, second.ids)
	if len(gone)+len(come) > 0 {
		l.doubts("rows changed places while it was read: %d ids only in the first reading, %d only in the second (%s)",
			len(gone), len(come), strings.Join(first(append(come, gone...), 5), ", "))
	}
}

// missingFrom are the ids of want that have lacks.
func missingFrom(have, want []string) []string {
	known := map[string]bool{}
	for _, id := range have {
		known[id] = true
	}
	return slices.DeleteFunc(slices.Clone(want), func(id string) bool { return known[id] })
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func first(s []string, n int) []string { return s[:min(n, len(s))] }

// walk reads the pages in order and stops when the list is whole, ends early or does not move on.
// Pages are asked for by number; the addresses in Link are never followed, because they might lead
// the token elsewhere.
func (p *pull) walk(ctx context.Context, q query, size int) (listing, error) {
	l := listing{total: -1}
	seen := map[string]bool{}
	for {
		r, err := p.get(ctx, q.what, q.path, q.values(l.pages+1, size))
		if err != nil {
			return l, err
		}
		pg, err := p.readPage(q, r)
		if err != nil {
			return l, err
		}
		l.pages++
		if done := l.take(pg, seen); done {
			return l, nil
		}
		if len(l.rows) > maxRows {
			return l, fault.New(fault.Invalid, "read "+q.what+" from", p.subject(), "the list does not end: more than %d rows", maxRows)
		}
	}
}

// take adds a page; true when there is no more to read.
func (l *listing) take(pg page, seen map[string]bool) bool {
	fresh := l.addIDs(pg, seen)
	l.rows = append(l.rows, pg.rows...)
	switch {
	case pg.total < 0:
	case l.total >= 0 && pg.total != l.total:
		l.doubts("the total changed from %d to %d on page %d", l.total, pg.total, l.pages)
		l.total = pg.total
	default:
		l.total = pg.total
	}
	more := l.total > len(l.rows) || l.total < 0 && pg.next
	switch {
	case pg.empty != "" && l.pages == 1 && l.total <= 0:
		l.empty = pg.empty
		return true
	case pg.empty != "":
		l.doubts("page %d is empty (%s), with %d rows read and a total of %d", l.pages, pg.empty, len(l.rows), l.total)
		return true
	case more && fresh == 0:
		l.doubts("page %d brings nothing new, with %d rows read and a total of %d", l.pages, len(l.rows), l.total)
		return true
	case more:
		return false
	}
	l.settle(pg)
	return true
}

// addIDs counts the rows that were not seen on this walk.
func (l *listing) addIDs(pg page, seen map[string]bool) int {
	fresh := 0
	for _, id := range pg.ids {
		if seen[id] {
			l.doubts("id %.40q came twice", id)
			continue
		}
		seen[id] = true
		fresh++
		l.ids = append(l.ids, id)
	}
	if n := len(pg.rows) - len(pg.ids); n > 0 {
		l.doubts("%d rows on page %d have no id", n, l.pages)
	}
	return fresh
}

// settle judges a list after its last page.
func (l *listing) settle(last page) {
	switch {
	case l.total >= 0 && l.total != len(l.rows):
		l.doubts("%d rows were read, the server's total is %d", len(l.rows), l.total)
	case l.total < 0 && (last.part || l.pages > 1):
		l.doubts("the server says that there is more than one page and does not say the total")
	}
}

// readPage takes a reply apart. An error is of kind unreachable for a web page (it is not the API
// that answers), and invalid for JSON that is no list.
func (p *pull) readPage(q query, r reply) (page, error) {
	pg := page{total: -1, part: r.status == http.StatusPartialContent}
	op := "read " + q.what + " from"
	if n, err := strconv.Atoi(strings.TrimSpace(r.header.Get("X-Total-Results"))); err == nil && n >= 0 {
		pg.total = n
	}
	pg.next = hasNext(r.header)
	switch {
	case isPage(r.body):
		return pg, fault.New(fault.Unreachable, op, p.subject(), "a web page answers instead of the API (HTTP %d)", r.status).WithRemedy("If this lasts: %s", remedyURL)
	case r.status == http.StatusNotFound, r.status == http.StatusNoContent:
		pg.empty, pg.next = fmt.Sprintf("HTTP %d", r.status), false
		return pg, nil
	case len(r.body) == 0, string(r.body) == "null":
		pg.empty, pg.next = fmt.Sprintf("HTTP %d with an empty body", r.status), false
		return pg, nil
	}
	if err := json.Unmarshal(listOf(r.body, q.key), &pg.rows); err != nil {
		return pg, fault.New(fault.Invalid, op, p.subject(), "the answer is no list (HTTP %d)%s", r.status, p.said(r)).WithRemedy("%s", remedyLater)
	}
	if len(pg.rows) == 0 {
		pg.empty, pg.next = fmt.Sprintf("HTTP %d with an empty list", r.status), false
	}
	pg.ids = idsOf(pg.rows, q.key)
	return pg, nil
}

// listOf puts the brackets back around a list of one that came without (§9): an object with the
// list's key.
func listOf(body []byte, key string) []byte {
	var row map[string]json.RawMessage
	if body[0] == '{' && json.Unmarshal(body, &row) == nil && idIn(row, key) != "" {
		return slices.Concat([]byte("["), body, []byte("]"))
	}
	return body
}

var nextLink = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?next\b`)

func hasNext(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Link"), nextLink.MatchString)
}

// idsOf reads the key of every row that has one. The name's case does not matter, as in decoding.
func idsOf(rows []json.RawMessage, key string) []string {
	var out []string
	for _, raw := range rows {
		var row map[string]json.RawMessage
		if json.Unmarshal(raw, &row) != nil {
			continue
		}
		if id := idIn(row, key); id != "" {
			out = append(out, id)
		}
	}
	return out
}

func idIn(row map[string]json.RawMessage, key string) string {
	for name, v := range row {
		var t text
		if strings.EqualFold(name, key) && t.UnmarshalJSON(v) == nil && t.id() != "" {
			return t.id()
		}
	}
	return ""
}

// decode reads the rows that can be read.
func decode[T any](rows []json.RawMessage) []T {
	out := make([]T, 0, len(rows))
	for _, raw := range rows {
		var v T
		if json.Unmarshal(raw, &v) == nil {
			out = append(out, v)
		}
	}
	return out
}

// rowsOf is decode for the snapshot: a row that cannot be read may hide somebody, so it is listed
// and the snapshot is not complete. The cause is not shown, it could quote a value.
func rowsOf[T any](p *pull, l listing, what string) []T {
	out := decode[T](l.rows)
	if n := len(l.rows) - len(out); n > 0 {
		for i, raw := range l.rows {
			var v T
			if json.Unmarshal(raw, &v) != nil {
				p.snap.Skip(0, what, fmt.Sprintf("row %d", i+1), "it is not of the vendor's shape")
			}
		}
		p.snap.Incomplete(fmt.Sprintf("%s rows that could not be read: %d (see skipped); somebody in them may look gone, so nobody is taken for gone", what, n))
	}
	return out
}
