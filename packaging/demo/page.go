package main

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// row is one line of a table of the page: the HTML of each cell by the heading of its column.
type row map[string]string

var (
	rowsOf  = regexp.MustCompile(`(?s)<tr role="row"[^>]*>(.*?)</tr>`)
	cellsOf = regexp.MustCompile(`(?s)<td [^>]*data-label="([^"]*)">(.*?)</td>`)
	timesOf = regexp.MustCompile(`<time datetime="([^"]+)">`)
	tags    = regexp.MustCompile(`<[^>]*>`)
)

// read is HTML as staff read it.
func read(s string) string {
	s = tags.ReplaceAllString(strings.ReplaceAll(s, "</li><li>", "; "), " ")
	return strings.Join(strings.Fields(html.UnescapeString(s)), " ")
}

// page is a property's page, with a name or unit searched for.
func (s *stage) page(ctx context.Context, p *property, search string) (string, error) {
	raw, err := fetch(ctx, s.cloudURL+"/property/"+p.id+"?q="+url.QueryEscape(search), nil)
	return string(raw), err
}

// table is the table under a heading.
func table(page, heading string) (out []row) {
	_, section, _ := strings.Cut(page, `<h2 id="`+heading+`">`)
	section, _, _ = strings.Cut(section, "</section>")
	for _, r := range rowsOf.FindAllStringSubmatch(section, -1) {
		line := row{}
		for _, c := range cellsOf.FindAllStringSubmatch(r[1], -1) {
			line[c[1]] = c[2]
		}
		if len(line) > 0 { // the headings have none
			out = append(out, line)
		}
	}
	return out
}

// count is how many people the page counts under a word such as "In place".
func count(page, word string) int {
	m := regexp.MustCompile(`<span class="n">(\d+)</span> ` + word + `<`).FindStringSubmatch(page)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // it is digits
	return n
}

// shows is nil when the page has each person once, in the unit, with the gateway up to date, and says a
// word of them in each column, with the story's minute or up to ten seconds later as the last time there.
func (s *stage) shows(ctx context.Context, p *property, columns []string, word, unit string, people ...resident) error {
	for _, who := range people {
		page, err := s.page(ctx, p, who.name())
		if err != nil {
			return err
		}
		lines := table(page, "people")
		if len(lines) != 1 || !strings.Contains(page, "has the newest, revision") || !strings.Contains(lines[0]["Unit"], unit) {
			return fmt.Errorf("the page of %s does not show %s once, in unit %s, and the newest revision at the gateway: %v", p.name, who.name(), unit, lines)
		}
		for _, c := range columns {
			if shown := lines[0][c]; !strings.Contains(shown, word) || !s.then(shown) {
				return fmt.Errorf("the page of %s shows %s under %s as %q, want %q of %s", p.name, who.name(), c, read(shown), word, s.clock(s.minute))
			}
		}
	}
	return nil
}

// then says that the last time in a cell is the story's minute.
func (s *stage) then(cell string) bool {
	times := timesOf.FindAllStringSubmatch(cell, -1)
	if len(times) == 0 {
		return false
	}
	t, err := time.Parse(time.RFC3339, html.UnescapeString(times[len(times)-1][1]))
	late := t.Sub(s.minute)
	return err == nil && late >= 0 && late <= 10*time.Second
}

// provedNothing is the reason that the page gives, when the last two readings of a property were not
// complete for a reason with that word in it, and removed nobody.
func (s *stage) provedNothing(ctx context.Context, p *property, word string) (string, error) {
	page, err := s.page(ctx, p, "")
	if err != nil {
		return "", err
	}
	runs := table(page, "imports")
	for _, r := range runs[:min(2, len(runs))] {
		result, people, why := read(r["Result"]), read(r["People"]), read(r["Evidence"])
		if !strings.Contains(result, "complete: no") || !strings.Contains(people, " 0 removed") || !strings.Contains(why, word) {
			return "", fmt.Errorf("the page of %s shows: %s; %s; %s", p.name, result, people, why)
		}
	}
	if len(runs) < 2 {
		return "", fmt.Errorf("the page of %s shows %d readings", p.name, len(runs))
	}
	return read(runs[0]["Evidence"]), nil
}
