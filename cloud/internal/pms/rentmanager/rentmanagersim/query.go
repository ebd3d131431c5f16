package rentmanagersim

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxPage is the vendor's cap of a page, and the page when none is asked for (reference pms.md §1.3).
const maxPage = 1000

// badQuery is what a 400 says: the argument and what is wrong with it (ModelState).
type badQuery struct{ argument, message string }

func (e *badQuery) Error() string { return e.argument + ": " + e.message }

func bad(argument, format string, args ...any) *badQuery {
	return &badQuery{argument, fmt.Sprintf(format, args...)}
}

// query is a list or instance request, understood.
type query struct {
	filters []filter
	shape   *shape
	order   []ordering
	size    int // 0 when none was asked for
	number  int
}

// arguments are the known ones by lower-case name; the vendor does not mind their case.
type arguments map[string]string

// aliases maps every spelling to one. getOptions and saveOptions are taken and ignored.
func aliases() map[string]string {
	return map[string]string{
		"filters": "filters", "embeds": "embeds", "embed": "embeds", "fields": "fields",
		"orderby": "orderby", "orderingoptions": "orderby", "pagesize": "pagesize", "pagenumber": "pagenumber",
		"getoptions": "getoptions", "saveoptions": "saveoptions", "nocontent": "nocontent",
	}
}

func readArguments(raw string) (arguments, *badQuery) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, bad("query", "the query string cannot be read: %v", err)
	}
	out, known := arguments{}, aliases()
	for name, v := range values {
		arg, ok := known[strings.ToLower(name)]
		if !ok {
			return nil, bad(name, "there is no such argument")
		}
		if _, twice := out[arg]; twice || len(v) != 1 {
			return nil, bad(name, "the argument is given more than once")
		}
		out[arg] = v[0]
	}
	return out, nil
}

// read understands the arguments of a request for rows of t.
func (s schema) read(t *table, a arguments) (*query, *badQuery) {
	q := &query{number: 1}
	var err *badQuery
	if q.shape, err = s.readShape(t, a["embeds"], a["fields"]); err != nil {
		return nil, err
	}
	if q.filters, err = s.readFilters(t, a["filters"]); err != nil {
		return nil, err
	}
	if q.order, err = readOrder(t, a["orderby"]); err != nil {
		return nil, err
	}
	if q.size, err = readCount(a, "pagesize", 0); err != nil {
		return nil, err
	}
	q.number, err = readCount(a, "pagenumber", 1)
	return q, err
}

func readCount(a arguments, name string, without int) (int, *badQuery) {
	v, given := a[name]
	if !given {
		return without, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, bad(name, "%q is not a number from 1", v)
	}
	return n, nil
}

// list splits a comma-separated argument.
func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// ordering is one term of orderby.
type ordering struct {
	by   column
	down bool
}

func readOrder(t *table, s string) ([]ordering, *badQuery) {
	var out []ordering
	for _, term := range list(s) {
		name, dir, _ := strings.Cut(term, " ")
		c, ok := t.column(name)
		switch {
		case strings.Contains(name, "."):
			return nil, bad("orderby", "%s: embedded data cannot be sorted by", name)
		case !ok:
			return nil, bad("orderby", "%s has no field %q", t.name, name)
		case dir != "" && !strings.EqualFold(dir, "DESC") && !strings.EqualFold(dir, "ASC"):
			return nil, bad("orderby", "%q is not DESC", dir)
		}
		out = append(out, ordering{c, strings.EqualFold(dir, "DESC")})
	}
	return out, nil
}

// compareRows compares two rows by the ordering; equal rows keep their order by key.
func compareRows(order []ordering, x, y *node) int {
	for _, o := range order {
		c := compareValues(x.values[o.by.name], y.values[o.by.name])
		if o.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
