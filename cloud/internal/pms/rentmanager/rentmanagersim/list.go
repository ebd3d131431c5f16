package rentmanagersim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// get answers a list or instance request.
func (s *Server) get(c *call, rawQuery string) *reply {
	args, err := readArguments(rawQuery)
	if err != nil {
		return refuse(err)
	}
	q, err := s.schema.read(c.table, args)
	if err != nil {
		return refuse(err)
	}
	if a := s.bites(FaultEmbedDropped, c.resource); a != nil {
		q.shape = q.shape.without(a.Value)
	}
	if c.id != 0 {
		return s.instance(c, q)
	}
	if a := s.emptied(c.resource); a != nil {
		return a
	}
	return s.page(c, q, args, s.find(c.table.name, q))
}

// search is the same question in a body, for queries that are too long for an address.
func (s *Server) search(c *call) *reply {
	var in map[string]any
	if err := json.Unmarshal(c.body, &in); err != nil {
		return refuse(bad("model", "the body is not a JSON object"))
	}
	query := url.Values{}
	for k, v := range in {
		query.Set(k, fmt.Sprint(v))
	}
	return s.get(c, query.Encode())
}

// find is the rows that pass the filters, in order.
func (s *Server) find(collection string, q *query) []*node {
	var out []*node
	for _, n := range s.rows()[collection] {
		if !slices.ContainsFunc(q.filters, func(f filter) bool { return !f.match(n) }) {
			out = append(out, n)
		}
	}
	if len(q.order) > 0 {
		slices.SortStableFunc(out, func(x, y *node) int { return compareRows(q.order, x, y) })
	}
	return out
}

func (s *Server) instance(c *call, q *query) *reply {
	for _, n := range s.find(c.table.name, q) {
		if n.id() == c.id {
			a := newReply(http.StatusOK, s.encodeRows(c.resource, q.shape.render(n, s.style(c.resource))))
			a.rows = 1
			return a
		}
	}
	return fail(http.StatusNotFound, "There is no such row.")
}

// emptied plays the faults that answer a list as if nothing matched.
func (s *Server) emptied(resource string) *reply {
	for _, f := range []struct{ name, style string }{
		{FaultEmpty404, "404"}, {FaultEmpty204, "204"}, {FaultEmpty200, "200"}, {FaultEmptyList, "[]"},
	} {
		if s.bites(f.name, resource) != nil {
			return nothing(f.style)
		}
	}
	return nil
}

// nothing is no match, in one of the styles seen (reference pms.md §1.3).
func nothing(style string) *reply {
	switch style {
	case "204":
		return newReply(http.StatusNoContent, nil)
	case "200":
		return newReply(http.StatusOK, nil)
	case "[]":
		return newReply(http.StatusOK, []byte("[]"))
	}
	return fail(http.StatusNotFound, "No rows match the request.")
}

func (s *Server) noMatch() *reply {
	switch {
	case s.on(FaultNoMatch204):
		return nothing("204")
	case s.on(FaultNoMatch200):
		return nothing("200")
	case s.on(FaultNoMatchList):
		return nothing("[]")
	}
	return nothing("404")
}

// page answers with the page that was asked for: 200 when it is all there is, else 206 with the way to the rest.
func (s *Server) page(c *call, q *query, args arguments, rows []*node) *reply {
	size := maxPage
	if a := s.faults.On(FaultPageClamp); a != nil {
		size = a.Count
	}
	if q.size > 0 {
		size = min(size, q.size)
	}
	from := (q.number - 1) * size
	if from >= len(rows) {
		return s.noMatch()
	}
	total, paged := len(rows), len(rows) > size
	if paged && q.number == 2 && s.bites(FaultRowsSwapped, c.resource) != nil {
		rows = slices.Clone(rows)
		rows[from-1], rows[from] = rows[from], rows[from-1]
	}
	shown := rows[from:min(from+size, len(rows))]
	if s.bites(FaultSilentHalf, c.resource) != nil {
		shown, paged = shown[:(len(shown)+1)/2], false
	}
	if len(shown) > 1 {
		if a := s.bites(FaultPageCut, c.resource); a != nil {
			shown = shown[:max(1, len(shown)-a.Count)]
		}
	}
	a := s.list(c, q, shown)
	if paged {
		s.paging(c, a, args, q.number, size, total)
	}
	return a
}

func (s *Server) list(c *call, q *query, shown []*node) *reply {
	st := s.style(c.resource)
	body := make([]any, len(shown))
	for i, n := range shown {
		body[i] = q.shape.render(n, st)
	}
	a := newReply(http.StatusOK, s.encodeRows(c.resource, body))
	a.rows = len(shown)
	return a
}

// paging adds what makes a page a part of something.
func (s *Server) paging(c *call, a *reply, args arguments, number, size, total int) {
	a.status = http.StatusPartialContent
	last := (total + size - 1) / size
	if number > 1 && s.bites(FaultTotalChanges, c.resource) != nil {
		total++
	}
	a.header.Set("X-Results", strconv.Itoa(a.rows))
	if s.bites(FaultNoTotal, c.resource) == nil {
		a.header.Set("X-Total-Results", strconv.Itoa(total))
	}
	if s.bites(FaultNoLink, c.resource) != nil {
		return
	}
	a.header.Set("Link", strings.Join(s.links(c, args, number, size, last), ", "))
}

// links are the ways to other pages.
func (s *Server) links(c *call, args arguments, number, size, last int) (links []string) {
	scheme, host := "http", c.http.Host
	if c.http.TLS != nil {
		scheme = "https"
	}
	link := func(rel, host string, n int) {
		links = append(links, fmt.Sprintf(`<%s://%s%s?%s>; rel="%s"`, scheme, host, c.http.URL.Path, args.at(n, size), rel))
	}
	link("first", host, 1)
	if number > 1 {
		link("previous", host, number-1)
	}
	if number < last {
		next, to := host, number+1
		if s.bites(FaultLinkLoop, c.resource) != nil {
			to = number
		}
		if s.bites(FaultLinkForeign, c.resource) != nil {
			next = "elsewhere.example.net"
		}
		link("next", next, to)
	}
	link("last", host, last)
	return links
}

// at is the query string that asks the same for another page.
func (a arguments) at(number, size int) string {
	v := url.Values{}
	for name, value := range a {
		v.Set(name, value)
	}
	v.Set("pagenumber", strconv.Itoa(number))
	v.Set("pagesize", strconv.Itoa(size))
	return v.Encode()
}

func (s *Server) style(resource string) style {
	return style{offsets: s.bites(FaultOffsetDates, resource) != nil, sentinels: s.bites(FaultSentinelDates, resource) != nil}
}

// encodeRows plays the faults that change the form of the data. A list at the top stays a list for null-lists:
// it is never empty here.
func (s *Server) encodeRows(resource string, v any) []byte {
	for _, f := range []struct {
		name   string
		change func(any) any
	}{{FaultWrongTypes, asStrings}, {FaultOneElement, alone}, {FaultNullLists, absent}} {
		if s.bites(f.name, resource) != nil {
			v = rewrite(v, f.change)
		}
	}
	return encode(v)
}
