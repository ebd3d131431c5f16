package console

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// site is a console under test.
type site struct {
	t    *testing.T
	h    http.Handler
	fake *fake
	log  bytes.Buffer
}

func newSite(t *testing.T, all ...Property) *site {
	t.Helper()
	s := &site{t: t, fake: &fake{all: all}}
	s.h = New(s.fake, s.fake, Options{Now: func() time.Time { return noon }, Version: "1.2.3"}, slog.New(slog.NewTextHandler(&s.log, nil)))
	return s
}

func (s *site) get(path string) *http.Response { return s.ask("GET", path) }

func (s *site) ask(method, path string) *http.Response {
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Result()
}

func (s *site) body(path string) string {
	s.t.Helper()
	b, err := io.ReadAll(s.get(path).Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// page is a parsed page.
func (s *site) page(path string) node {
	s.t.Helper()
	n, err := html.Parse(strings.NewReader(s.body(path)))
	if err != nil {
		s.t.Fatal(err)
	}
	return node{n}
}

type node struct{ *html.Node }

func (n node) attr(key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// all lists the elements below n that are of a tag ("" any) and fit.
func (n node) all(tag string, fits ...func(node) bool) []node {
	var out []node
	for d := range n.Descendants() {
		e := node{d}
		good := d.Type == html.ElementNode && (tag == "" || d.Data == tag)
		for _, f := range fits {
			good = good && f(e)
		}
		if good {
			out = append(out, e)
		}
	}
	return out
}

func is(key, value string) func(node) bool {
	return func(n node) bool { return n.attr(key) == value }
}

func class(name string) func(node) bool {
	return func(n node) bool { return strings.Contains(" "+n.attr("class")+" ", " "+name+" ") }
}

// text is what somebody reads, blanks joined.
func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			b.WriteString(" " + d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// row is the line of a person in the main table.
func (n node) row(t *testing.T, id string) node {
	t.Helper()
	rows := n.all("tr", is("id", "p-"+id))
	if len(rows) != 1 {
		t.Fatalf("%d rows of %s", len(rows), id)
	}
	return rows[0]
}

func (n node) names() []string {
	var out []string
	for _, tr := range n.all("tr", func(n node) bool { return strings.HasPrefix(n.attr("id"), "p-") }) {
		out = append(out, strings.TrimPrefix(tr.attr("id"), "p-"))
	}
	return out
}
