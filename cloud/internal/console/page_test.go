package console

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestG5_ThePageTellsWhereEverybodyStands(t *testing.T) {
	t.Parallel()
	page := newSite(t, busy()).page("/property/elm")
	for id, want := range map[string][]string{
		"r000": {"Anna Alvarez", "0101", "from Sep 26, 13:00 CDT (40 days ago)", "no end", "✓ Confirmed exact, read back", "✓ Confirmed presence"},
		"r001": {"from Nov 5, 15:00 CST (in 3 hours)", "Not due yet stored at the gateway opens by itself Nov 5, 15:00 CST"},
		"r005": {"Planned not at the gateway yet"},
		"r007": {"until Nov 5, 11:00 CST (60 minutes ago)", "Removed removed Nov 5, 11:00 CST", "read back, gone Nov 5, 11:00 CST", "Moved out on the move-out date."},
		"r009": {"! Removal failed no answer from 192.0.2.11 within 5 s next try Nov 5, 12:01 CST (in 2 minutes)", "power and network"},
		"r012": {"Written accepted by the panel", "not read back yet"},
		"r015": {"! Refused somebody on this panel already has this PIN", "unprovable"},
		"r020": {"! Removal due should be gone since Nov 5, 10:00 CST"},
		"r023": {"Stored at the gateway", "! Held too many changes at once"},
		"r030": {"Applicant: no lease yet."},
		"r031": {"No longer in the records (r031)", "no access", "Removed"},
		"r033": {"(staff)"},
	} {
		got := page.row(t, id).text()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q lacks %q", id, got, w)
			}
		}
	}
	for _, word := range []string{"Planned", "Stored", "Written", "Confirmed"} {
		dt := page.all("dt", func(n node) bool { return n.text() == word })
		if len(dt) != 1 {
			t.Errorf("%s is explained %d times", word, len(dt))
		}
	}
}

func TestTowardsS1_AgeOfDataAndRunsWithEvidence(t *testing.T) {
	t.Parallel()
	text := newSite(t, busy()).page("/property/elm").text()
	for _, want := range []string{
		"Records as of Nov 5, 09:00 CST (3 hours ago)", "Last import Nov 5, 11:56 CST (4 minutes ago)",
		"! not applied 36 of 70 people would have lost access at once. complete: no", "the file ends in the middle of line 36",
		"✓ applied complete: yes", "70 people, 40 units, 1 skipped", "2 added, 1 changed, 0 removed", "csv residents.csv",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// live gives the sample a live source that is read next at an instant.
func live(next time.Time, running bool) func(*Property) {
	return func(p *Property) {
		p.Overview.Source = &Source{Kind: "rentmanager", Every: 5 * time.Minute, Next: next, Running: running}
	}
}

func TestTowardsS1_NextSync(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Property)
		want   string
	}{
		{"later", live(noon.Add(3*time.Minute), false), "Next sync in 3 minutes (every 5 minutes or so)"},
		{"overdue", live(noon.Add(-time.Second), false), "Next sync now (every"},
		{"never said", live(time.Time{}, false), "Next sync now (every"},
		{"running", live(noon.Add(-time.Second), true), "Next sync being read now (every"},
		{"files only", func(*Property) {}, "Residents come from files: gatehouse-cloud import"},
	} {
		s := newSite(t, elm(tt.change), elm(tt.change, func(p *Property) { p.Overview.ID = "oak" }))
		if text := s.page("/property/elm").text(); !strings.Contains(text, tt.want) {
			t.Errorf("%s: the page lacks %q", tt.name, tt.want)
		}
		buttons := s.page("/property/elm").all("form", is("action", "/property/elm/sync"))
		if (len(buttons) == 1) != strings.HasPrefix(tt.want, "Next") {
			t.Errorf("%s: %d buttons to sync", tt.name, len(buttons))
		}
		home, _, _ := strings.Cut(strings.TrimPrefix(tt.want, "Next sync "), " (every")
		if strings.HasPrefix(home, "Residents") {
			home = "by file"
		}
		if text := s.page("/").text(); strings.Count(text, home) < 2 {
			t.Errorf("%s: the list of properties lacks %q: %s", tt.name, home, text)
		}
	}
}

func TestTowardsS2_SyncNowOnThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm(live(noon.Add(time.Minute), false)), elm(func(p *Property) { p.Overview.ID = "oak" }))
	post := func(path, origin string) *http.Response {
		r := httptest.NewRequest("POST", path, nil)
		r.Header.Set("Sec-Fetch-Site", origin)
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		return w.Result()
	}
	if r := post("/property/elm/sync", "same-origin"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/property/elm?refresh=5#imports" {
		t.Errorf("asked: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if want := []access.PropertyID{"elm"}; !slices.Equal(s.fake.asked, want) {
		t.Errorf("asked for %q, want %q", s.fake.asked, want)
	}
	if r := post("/property/elm/sync", "cross-site"); r.StatusCode != http.StatusForbidden || len(s.fake.asked) != 1 {
		t.Errorf("from another site: %d, asked %d times", r.StatusCode, len(s.fake.asked))
	}
	if r := s.get("/property/elm/sync"); r.StatusCode != http.StatusNotFound || len(s.fake.asked) != 1 {
		t.Errorf("a link: %d, asked %d times", r.StatusCode, len(s.fake.asked))
	}
	r := post("/property/oak/sync", "same-origin")
	if b, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusConflict || !strings.Contains(string(b), "it has no live source") || !strings.Contains(string(b), "Import a file.") {
		t.Errorf("without a source: %d, %v: %s", r.StatusCode, err, b)
	}
}

func TestS14_OpenConflictsWithRemedy(t *testing.T) {
	t.Parallel()
	text := newSite(t, busy()).page("/property/elm").text()
	for _, want := range []string{"The PIN of Dmitri Gray begins with 9. bad_pin, r017 Choose another PIN in the source. Nov 2, 12:00 CST (3 days ago)", "2 open questions in the records."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestGatewaysOnThePage(t *testing.T) {
	t.Parallel()
	text := newSite(t, busy()).page("/property/elm").text()
	for _, want := range []string{
		"elm-1 ✓ online", "Last contact Nov 5, 11:59 CST (just now)", "has revision 1041 of 1042, stored Nov 5, 09:00 CST", "trusted, from ntp", "Events still on the box 3",
		"Garage panel akuvox E18 18.30.3.20 garage (relay A), gate (relay B) ! no since Nov 5, 11:00 CST", "no answer within 5 s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	off := newSite(t, elm(func(p *Property) {
		g := &p.Gateways[0]
		g.ClockOff, g.Online, g.Devices, p.People = -90*time.Second, false, nil, p.People[:1]
	})).page("/property/elm").text()
	for _, want := range []string{"-1m30s off ours", "disconnected", "has not reported its panels yet", "Lobby"} {
		if strings.Contains(off, want) != (want != "Lobby") {
			t.Errorf("%q on the page: %v", want, !strings.Contains(off, want))
		}
	}
	if !strings.Contains(off, "lobby (no longer reported)") {
		t.Error("a panel that is gone from the inventory is not shown although somebody is on it")
	}
}

func TestAttention(t *testing.T) {
	t.Parallel()
	gateway := func(f func(*Gateway)) func(*Property) { return func(p *Property) { f(&p.Gateways[0]) } }
	for _, c := range []struct {
		name   string
		change func(*Property)
		want   string // "": nothing
	}{
		{"all is well", func(*Property) {}, ""},
		{"a gateway is silent", gateway(func(g *Gateway) { g.Contact = noon.Add(-16 * time.Minute) }), "Gateway elm-1 is silent; it goes on by the dates it has. last heard Nov 5, 11:44 CST"},
		{"a gateway was never there", gateway(func(g *Gateway) { g.Contact, g.Hello = time.Time{}, time.Time{} }), "has never been heard of"},
		{"an untrusted clock", gateway(func(g *Gateway) { g.ClockTrusted = false }), "ends still act, nothing new opens"},
		{"no gateway", func(p *Property) { p.Gateways, p.People = nil, nil }, "No gateway is enrolled"},
		{"never imported", func(p *Property) { p.Overview.Last, p.Overview.Applied = nil, nil }, "Nothing was imported yet."},
		{"never complete", func(p *Property) { p.Overview.Applied = nil }, "No import has been complete yet."},
		{"incomplete", func(p *Property) { p.Overview.Last = &Run{Finished: noon} }, "nobody was removed for being absent"},
		{"old", func(p *Property) {
			old := *p.Overview.Last
			old.Finished = noon.Add(-27 * time.Hour)
			p.Overview.Last, p.Overview.Applied = &old, &old
		}, "The records are old. Last complete import Nov 4, 09:00 CST"},
		{"a zone that is none", func(p *Property) { p.Overview.Zone = "Mars/Olympus" }, "times are shown in UTC"},
	} {
		page := newSite(t, elm(c.change)).page("/property/elm")
		var got string
		for _, s := range page.all("section", class("attention")) {
			got += s.text()
		}
		if c.want == "" != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if well := len(page.all("p", class("allwell"))); well != map[bool]int{true: 1}[c.want == ""] {
			t.Errorf("%s: says %d times that all is well", c.name, well)
		}
	}
}

func TestAttention_ManyPeopleAreCounted(t *testing.T) {
	t.Parallel()
	page := newSite(t, elm(func(p *Property) {
		for i := range 20 {
			p.People[i].Panels[0].State = Held
		}
	})).page("/property/elm")
	items := page.all("section", class("attention"))[0].all("li")
	if n := len(items); n != maxAlerts+1 || !strings.Contains(items[n-1].text(), "And 12 people more.") {
		t.Errorf("%d items, the last %q", n, items[n-1].text())
	}
}

// TestAttention_OneLineAPerson: also of somebody with trouble on every panel; and those without a PIN and a card are one
// line together, with a link to them, after what concerns gateways.
func TestAttention_OneLineAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm(func(p *Property) {
		p.Gateways[0].Contact = noon.Add(-time.Hour)
		for k := range p.People[3].Panels {
			p.People[3].Panels[k].State = Held
		}
		for i := 10; i < 40; i++ {
			p.People[i].Bare = true
			for k := range p.People[i].Panels {
				on := &p.People[i].Panels[k]
				on.State, on.Fault, on.Message = Refused, "invalid", "has no PIN and no card"
			}
		}
	}))
	items := s.page("/property/elm").all("section", class("attention"))[0].all("li")
	var said []string
	for _, li := range items {
		said = append(said, li.text())
	}
	if len(said) != 3 || !strings.HasPrefix(said[0], "Gateway elm-1 is silent") || !strings.Contains(said[1], "and on 1 other panel") ||
		!strings.HasPrefix(said[2], "30 people have no PIN or card that can be used, so nothing opens to them.") {
		t.Fatalf("%q", said)
	}
	link := items[2].all("a")[0].attr("href")
	if got := s.page("/property/elm" + strings.TrimSuffix(link, "#people")).names(); len(got) != 30 {
		t.Errorf("%s leads to %d people", link, len(got))
	}
}

func TestHostileNamesAreText(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}'--`
	p := busy()
	p.Overview.Name = evil
	for i := range p.People {
		who := &p.People[i]
		who.Name, who.Units, who.Why = evil, []string{evil}, evil
		for k := range who.Grants {
			who.Grants[k].Reason = evil
		}
		for k := range who.Panels {
			who.Panels[k].Message = evil
		}
	}
	p.Gateways[0].ID, p.Gateways[0].Software, p.Gateways[0].Devices[0].Name, p.Gateways[0].Devices[1].Message = access.GatewayID(evil), evil, evil, evil
	p.Conflicts[0].Text, p.Conflicts[0].Remedy, p.Conflicts[0].Subject = evil, evil, evil
	p.Runs[0].Source, p.Runs[0].Held, p.Runs[0].Evidence = evil, evil, []string{evil}
	two := p
	two.Overview.ID = "two"
	s := newSite(t, p, two)
	for _, path := range []string{"/", "/property/elm", "/property/elm?q=" + url.QueryEscape(evil), "/property/" + url.PathEscape(evil), "/" + url.PathEscape(evil)} {
		page := s.page(path)
		if n := len(page.all("script")) + len(page.all("img")); n > 0 {
			t.Errorf("%s: %d elements came out of a name", path, n)
		}
		for _, n := range page.all("") {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s %s=…>", path, n.Data, a.Key)
				}
			}
		}
		if path == "/property/elm" && !strings.Contains(page.text(), `"><script>alert(1)</script>`) {
			t.Error("the name is not there as it is")
		}
	}
}

func TestNoViewCanHoldASecret(t *testing.T) {
	t.Parallel()
	secret := reflect.TypeFor[access.Secret]()
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, path string) {
		switch {
		case typ == secret:
			t.Errorf("%s can hold a PIN or card", path)
		case seen[typ]:
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem(), path)
		case reflect.Struct:
			for f := range typ.Fields() {
				walk(f.Type, path+"."+f.Name)
			}
		}
	}
	walk(reflect.TypeFor[Property](), "Property")
	walk(reflect.TypeFor[status](), "status")
	if len(seen) < 20 {
		t.Errorf("looked at %d types only", len(seen))
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s := newSite(t, busy())
	for query, want := range map[string]string{
		"q=r009":                         "r009",
		"q=Jansen+jonas":                 "r009",
		"q=DIAZ+0102":                    "r003",
		"q=hoang+hugo":                   "r007",
		"q=0140":                         "r069",
		"q=nobody+at+all":                "",
		"state=problem":                  "r009 r015 r020 r023",
		"state=progress":                 "r005 r012",
		"state=future":                   "r001 r004",
		"state=gone":                     "r007 r031",
		"state=none":                     "r030",
		"state=problem&q=ben":            "r015",
		"state=future&q=Jansen":          "",
		"state=%22%3E%3Cscript%3E&q=r01": "r010 r011 r012 r013 r014 r015 r016 r017 r018 r019",
	} {
		page := s.page("/property/elm?" + query)
		if got := strings.Join(page.names(), " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if want == "" && !strings.Contains(page.text(), "Nobody fits this search.") {
			t.Errorf("%s: nobody is found and nobody says so", query)
		}
	}
	if n := len(s.page("/property/elm").names()); n != 70 {
		t.Errorf("%d people without a filter", n)
	}
}

func TestFilters_LinksKeepTheRest(t *testing.T) {
	t.Parallel()
	page := newSite(t, busy()).page("/property/elm?q=ben&state=problem&refresh=60")
	chips := page.all("a", class("chip"))
	if len(chips) != 7 {
		t.Fatalf("%d chips", len(chips))
	}
	for _, c := range chips {
		u, err := url.Parse(c.attr("href"))
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("q") != "ben" || q.Get("refresh") != "60" || u.Path != "/property/elm" {
			t.Errorf("%s forgets the search", c.attr("href"))
		}
		if current := c.attr("aria-current") != ""; current != (u.Query().Get("state") == "problem") {
			t.Errorf("%s is current: %v", c.text(), current)
		}
	}
	form := page.all("form")[0]
	hidden := map[string]string{}
	for _, in := range form.all("input", is("type", "hidden")) {
		hidden[in.attr("name")] = in.attr("value")
	}
	if hidden["state"] != "problem" || hidden["refresh"] != "60" || form.all("input", is("name", "q"))[0].attr("value") != "ben" {
		t.Errorf("the form forgets: %v", hidden)
	}
}

func TestAUnitIsNamedOnce(t *testing.T) {
	t.Parallel()
	page := newSite(t, elm(func(p *Property) { p.People[0].Units = []string{"0101", "0212", "0101"} })).page("/property/elm")
	if got := page.row(t, "r000").all("td", is("data-label", "Unit"))[0].text(); got != "0101, 0212" {
		t.Errorf("units %q", got)
	}
}

func TestRefreshOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm())
	for query, want := range map[string]string{
		"": "", "?refresh=5": "5", "?refresh=0": "", "?refresh=-3": "", "?refresh=x": "", "?refresh=99999": "3600", "?q=a&refresh=7": "7", "?refresh=5;url=http://example.com": "",
	} {
		var got string
		for _, m := range s.page("/property/elm"+query).all("meta", is("http-equiv", "refresh")) {
			got = m.attr("content")
		}
		if got != want {
			t.Errorf("%q: refresh %q, want %q", query, got, want)
		}
	}
}

func TestAPageOfManyIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm(func(p *Property) {
		for i := 70; i < 1000; i++ {
			p.People = append(p.People, resident(i))
		}
	}))
	page := s.page("/property/elm")
	if n := len(page.names()); n != maxRows || !strings.Contains(page.text(), "Only the first are shown. Show all 1000") {
		t.Errorf("%d rows", n)
	}
	if n := len(s.page("/property/elm?all=1").names()); n != 1000 {
		t.Errorf("all: %d rows", n)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	two := elm(func(p *Property) {
		p.Overview.ID, p.Overview.Name, p.Overview.Zone, p.Overview.Last = "oak", "", "Europe/Madrid", nil
	})
	text := newSite(t, busy(), two).page("/").text()
	for _, want := range []string{"Elm Court 40 70 1 2 Nov 5, 09:00 CST (3 hours ago) Nov 5, 11:56 CST (4 minutes ago) ! last import not applied", "oak 40 70 1 0 Nov 5, 16:00 CET (3 hours ago) never ! nothing imported yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if text := newSite(t).page("/").text(); !strings.Contains(text, "There is no property yet.") {
		t.Errorf("empty: %q", text)
	}
	r := newSite(t, elm()).get("/?refresh=5")
	if r.StatusCode != http.StatusFound || r.Header.Get("Location") != "/property/elm?refresh=5" {
		t.Errorf("with one property: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestErrorsAreWords(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm())
	for _, c := range []struct {
		method, path string
		code         int
		says         string
	}{
		{"GET", "/property/oak", 404, "there is no such property"},
		{"GET", "/elsewhere", 404, "there is no such page"},
		{"POST", "/property/elm", 405, "Method Not Allowed"},
		{"DELETE", "/", 405, "Method Not Allowed"},
		{"HEAD", "/property/elm", 200, ""},
	} {
		r := s.ask(c.method, c.path)
		if r.StatusCode != c.code {
			t.Errorf("%s %s: %d", c.method, c.path, r.StatusCode)
		}
		if c.method == "GET" && !strings.Contains(s.body(c.path), c.says) {
			t.Errorf("%s lacks %q", c.path, c.says)
		}
	}
	if s.log.Len() > 0 {
		t.Errorf("a wrong address is logged: %s", s.log.String())
	}
	s.fake.err = fault.New(fault.Full, "read", "database", "the disk is full").WithRemedy("Make room on the disk.")
	for _, path := range []string{"/", "/property/elm"} {
		page := s.page(path).text()
		if s.get(path).StatusCode != 503 || !strings.Contains(page, "the disk is full") || !strings.Contains(page, "Make room on the disk.") || !strings.Contains(page, "Doors go on working") {
			t.Errorf("%s: %q", path, page)
		}
	}
	if !strings.Contains(s.log.String(), "the disk is full") {
		t.Errorf("log: %q", s.log.String())
	}
}

func TestHeadersLetNothingElseIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, busy())
	for _, path := range []string{"/property/elm", "/", "/nowhere", "/status.json"} {
		h := s.get(path).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: %q lacks %q", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
	body := s.body("/property/elm")
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := fmt.Sprintf("'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:])); !strings.Contains(s.get("/property/elm").Header.Get("Content-Security-Policy"), want) {
		t.Error("the browser would refuse the page's own style")
	}
	for _, n := range newSite(t, busy()).page("/property/elm").all("") {
		for _, a := range n.Attr {
			away := a.Key == "src" || a.Key == "style" || (a.Key == "href" || a.Key == "action") && !slices.Contains([]byte("/#?"), a.Val[0])
			if away || strings.HasPrefix(a.Val, "//") {
				t.Errorf("<%s %s=%q> needs something from elsewhere", n.Data, a.Key, a.Val)
			}
		}
	}
}
