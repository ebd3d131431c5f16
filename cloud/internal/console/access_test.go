package console

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What people with a screen reader, a keyboard or weak eyes need (WCAG 2.2).
func TestThePagesAreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t, busy(), elm(doors(3), func(p *Property) { p.Overview.ID = "oak" }))
	for _, path := range []string{"/", "/property/oak", "/property/oak/events", "/property/elm", "/property/elm?q=zzz", "/nowhere"} {
		page := s.page(path)
		wants := func(good bool, format string, args ...any) {
			t.Helper()
			if !good {
				t.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
			}
		}
		wants(page.all("html")[0].attr("lang") == "en", "no language")
		wants(len(page.all("h1")) == 1 && len(page.all("main")) == 1, "not one h1 and one main")
		wants(page.all("title")[0].text() != "", "no title")
		ids := map[string]int{}
		for _, n := range page.all("") {
			if id := n.attr("id"); id != "" {
				ids[id]++
				wants(ids[id] == 1, "id %s is there twice", id)
			}
		}
		for _, n := range page.all("") {
			if id := n.attr("aria-labelledby"); id != "" {
				wants(ids[id] == 1, "%s is labelled by %q, which is nowhere", n.Data, id)
			}
		}
		for _, in := range page.all("input", func(n node) bool { return n.attr("type") != "hidden" }) {
			wants(len(page.all("label", is("for", in.attr("id")))) == 1, "an input has no label")
		}
		level := 1
		for _, h := range page.all("", func(n node) bool { return regexp.MustCompile(`^h[1-6]$`).MatchString(n.Data) }) {
			now := int(h.Data[1] - '0')
			wants(now <= level+1, "heading %q skips a level", h.text())
			level = now
		}
		for _, table := range page.all("table") {
			checkTable(t, path, table)
		}
		for _, m := range page.all("time") {
			wants(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`).MatchString(m.attr("datetime")), "time %q", m.attr("datetime"))
		}
	}
}

func checkTable(t *testing.T, path string, table node) {
	t.Helper()
	if len(table.all("caption")) != 1 || table.all("caption")[0].text() == "" {
		t.Errorf("%s: a table without a caption", path)
	}
	var columns []string
	for _, th := range table.all("th") {
		if s := th.attr("scope"); s != "col" && s != "row" {
			t.Errorf("%s: heading %q has scope %q", path, th.text(), s)
		}
		if th.attr("scope") == "col" {
			columns = append(columns, th.text())
		}
	}
	roles := map[string]string{"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
	for _, n := range append(table.all(""), table) {
		if want := roles[n.Data]; want != "" && n.attr("role") != want {
			t.Errorf("%s: <%s> loses its role when it becomes a card", path, n.Data)
		}
	}
	for _, tr := range table.all("tbody")[0].all("tr") {
		cells := tr.all("", func(n node) bool { return n.Parent == tr.Node && (n.Data == "td" || n.Data == "th") })
		if len(cells) != len(columns) {
			t.Fatalf("%s: a row of %d cells under %d columns", path, len(cells), len(columns))
		}
		for i, c := range cells {
			if c.Data == "td" && c.attr("data-label") != columns[i] {
				t.Errorf("%s: a cell under %q calls itself %q", path, columns[i], c.attr("data-label"))
			}
		}
	}
}

func TestMeaningIsNotInColourAlone(t *testing.T) {
	t.Parallel()
	page := newSite(t, busy()).page("/property/elm")
	marks := map[string]string{}
	for _, b := range page.all("span", class("badge")) {
		level := strings.TrimPrefix(b.attr("class"), "badge ")
		mark := b.all("span", class("mark"))
		if len(mark) != 1 || mark[0].attr("aria-hidden") != "true" || len(strings.Fields(b.text())) < 2 {
			t.Errorf("badge %q lacks a mark or a word", b.text())
			continue
		}
		marks[level] = mark[0].text()
	}
	var seen []string
	for level, m := range marks {
		if slices.Contains(seen, m) {
			t.Errorf("%s shares its mark with another level", level)
		}
		seen = append(seen, m)
	}
	if len(marks) < 5 {
		t.Errorf("only %v", marks)
	}
}

func TestContrastInLightAndDark(t *testing.T) {
	t.Parallel()
	css, err := files.ReadFile("page/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(css), "@media (prefers-color-scheme:dark)")
	for name, part := range map[string]string{"light": light, "dark": rest[:strings.Index(rest, "}}")]} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+):#([0-9a-f]{3,6})\b`).FindAllStringSubmatch(part, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, pair := range [][2]string{
			{"fg", "bg"}, {"soft", "bg"}, {"soft", "band"}, {"fg", "band"}, {"link", "bg"}, {"ok", "okb"}, {"prog", "progb"}, {"bad", "badb"}, {"fut", "futb"},
			{"gone", "goneb"}, {"fg", "badb"}, {"fg", "okb"}, {"ok", "band"}, {"prog", "band"}, {"bad", "band"}, {"fut", "band"}, {"focus", "bg"},
		} {
			a, okA := colours[pair[0]]
			b, okB := colours[pair[1]]
			if !okA || !okB {
				t.Fatalf("%s: no colour %v", name, pair)
			}
			if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.1f, want 4.5", name, pair[0], pair[1], ratio)
			}
		}
	}
}

// luminance is the relative luminance of a colour in hex (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	out := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		out += weight * c
	}
	return out
}

func TestGoldenFragments(t *testing.T) {
	t.Parallel()
	page := newSite(t, busy()).page("/property/elm")
	for what, c := range map[string]struct {
		n    node
		want string
	}{
		"a removal that failed": {page.row(t, "r009").all("td", is("data-label", "Garage panel"))[0],
			`<td role="cell" data-label="Garage panel"><div><span class="badge problem"><span class="mark" aria-hidden="true">!</span> Removal failed</span><br/>` +
				`<span class="line">no answer from 192.0.2.11 within 5 s</span><br/><span class="line">next try <time datetime="2026-11-05T12:01:30-06:00">Nov 5, 12:01 CST</time> ` +
				`<span class="rel">(in 2 minutes)</span></span><br/><span class="line">See that the panel has power and network; the gateway goes on trying.</span></div></td>`},
		"an open end": {page.row(t, "r000").all("p", class("span"))[0],
			`<p class="span">from <time datetime="2026-09-26T13:00:00-05:00">Sep 26, 13:00 CDT</time> <span class="rel">(40 days ago)</span>, ` +
				`<span class="nb">no end</span><br/><span class="why">Lives here since Sep 26, month to month.</span></p>`},
		"a filter": {page.all("a", class("chip"), class("problem"))[0],
			`<a class="chip problem" href="/property/elm?state=problem#people"><span class="n">4</span> Need attention</a>`},
	} {
		var b strings.Builder
		if err := html.Render(&b, c.n.Node); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", what, b.String(), c.want)
		}
	}
}
