package console

import (
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// frame is what every page has around its content.
type frame struct {
	Title, Version string
	Style          template.CSS
	Refresh        int    // seconds; 0: the page stays as it is
	Faster, Stay   string // links that start and stop reloading
	Made           *Stamp
	Broker         *Broker // nil: nothing is said of it
	BrokerSince    *Stamp
	at             *url.URL
}

func (c *console) frame(r *http.Request, title string) frame {
	f := frame{Title: title, Version: c.Version, Style: c.style, at: r.URL, Made: clock{c.Now(), time.UTC}.stamp(c.Now())}
	if n, err := strconv.Atoi(r.URL.Query().Get("refresh")); err == nil && n > 0 {
		f.Refresh = min(n, 3600)
	}
	if c.Broker != nil {
		b := c.Broker()
		f.Broker, f.BrokerSince = &b, clock{c.Now(), time.UTC}.stamp(b.Since)
	}
	f.Faster, f.Stay = f.link("refresh", "5"), f.link("refresh", "")
	return f
}

// link is this page with one setting changed; "" takes it away.
func (f frame) link(key, value string) string {
	q := maps.Clone(f.at.Query())
	q.Del(key)
	if value != "" {
		q.Set(key, value)
	}
	if len(q) == 0 {
		return f.at.EscapedPath()
	}
	return f.at.EscapedPath() + "?" + q.Encode()
}

// filter chooses people.
type filter struct {
	Query string
	State Level // "": any
	All   bool  // no limit on rows
}

func readFilter(r *http.Request) filter {
	q := r.URL.Query()
	f := filter{Query: strings.TrimSpace(q.Get("q")), All: q.Get("all") != ""}
	if s := Level(q.Get("state")); s == Bare || slices.Contains(levels, s) {
		f.State = s
	}
	return f
}

// finds reports whether name, units or id contain every word of the query, in any case and with or
// without accents.
func (f filter) finds(p judged) bool {
	have := plain(p.Name + " " + strings.Join(p.Units, " ") + " " + string(p.ID))
	for _, word := range strings.Fields(plain(f.Query)) {
		if !strings.Contains(have, word) {
			return false
		}
	}
	return true
}

func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
	return strings.ToLower(s)
}

// errorPage says what went wrong.
type errorPage struct {
	frame
	Text, Remedy string
}
