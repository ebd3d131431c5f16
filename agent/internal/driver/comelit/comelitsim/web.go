package comelitsim

import (
	"gatehouse/protocol/simkit"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	loginRequired  = "LOGIN_IS_REQUIRED" // the whole body without a session, status 200 (§3)
	invalidRequest = "Invalid request"   // in a page, status 200 (§3)
	cookieName     = "EXTSESSION"
	maxForm        = 1 << 16
)

// page is an answer of the web side before it goes out.
type page struct {
	status   int
	kind     string // content type; empty means HTML
	body     []byte
	cookie   string
	location string
	cut      simkit.Cut
	endless  bool
	delay    time.Duration
}

// Web is the installer's pages (§3), one language, sessions by the caller's address.
func (p *Panel) Web() http.Handler { return http.HandlerFunc(p.serveWeb) }

func (p *Panel) serveWeb(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	form, err := readForm(r)
	if !p.awake(r) {
		simkit.Reset(w)
		return
	}
	a := page{status: http.StatusBadRequest}
	if err == nil {
		a = p.webAnswer(r, form)
	}
	simkit.Wait(r.Context(), a.delay)
	a.send(w, r)
}

// readForm takes the body's form alone: the query is not part of it.
func readForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return url.Values{}, nil
	}
	err := r.ParseForm()
	return r.PostForm, err
}

// awake waits while the panel is silent; false when the caller left before.
func (p *Panel) awake(r *http.Request) bool {
	for {
		p.mu.Lock()
		silent, stirred := p.silent(), p.stirred
		p.mu.Unlock()
		if !silent {
			return true
		}
		select {
		case <-stirred:
		case <-r.Context().Done():
			return false
		}
	}
}

// webAnswer decides and carries out: outage first, then the faults that hide the pages, then the page itself.
func (p *Panel) webAnswer(r *http.Request, form url.Values) page {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down() {
		return page{cut: simkit.CutAll}
	}
	do, known := routes()[r.Method+" "+routeOf(r.URL.Path)]
	if known {
		p.stats.Web[r.Method+" "+routeOf(r.URL.Path)]++
	} else {
		p.stats.Web["other"]++
	}
	if p.bites(FaultSessionDrop) {
		clear(p.web)
	}
	switch {
	case p.bites(FaultHTTP500):
		return page{status: http.StatusInternalServerError}
	case p.bites(FaultEmpty200):
		return page{status: http.StatusOK}
	case p.bites(FaultRedirect):
		return page{status: http.StatusFound, location: "http://elsewhere.example" + r.URL.Path}
	case !known:
		return page{status: http.StatusNotFound}
	case do.write && p.bites(FaultDropBefore):
		return page{cut: simkit.CutAll}
	case !do.open && !p.inSession(r):
		return page{status: http.StatusOK, body: []byte(loginRequired)}
	}
	a := do.serve(p, r, form)
	a.delay = p.lateness(FaultSlow)
	a.endless = p.bites(FaultEndless)
	if do.write && p.bites(FaultDropAfter) {
		a.cut = simkit.CutAll
	}
	return a
}

// route is one page of §3.
type route struct {
	serve func(p *Panel, r *http.Request, form url.Values) page
	open  bool // needs no session
	write bool
}

func routes() map[string]route {
	return map[string]route{
		"GET /":                     {serve: (*Panel).pageLogin, open: true},
		"GET /login.html":           {serve: (*Panel).pageLogin, open: true},
		"POST /do-login.html":       {serve: (*Panel).doLogin, open: true},
		"GET /config-backup.html":   {serve: (*Panel).pageBackups},
		"POST /create-backup.html":  {serve: (*Panel).createBackup, write: true},
		"GET /backup":               {serve: (*Panel).download},
		"GET /users.html":           {serve: (*Panel).pageUsers},
		"POST /update.html":         {serve: (*Panel).update, write: true},
		"POST /create-actcode.html": {serve: (*Panel).createCode, write: true},
		"GET /user-file.mug":        {serve: (*Panel).codeFile},
	}
}

// routeOf names all backups alike.
func routeOf(path string) string {
	name, is := strings.CutSuffix(strings.TrimPrefix(path, "/"), ".tar.gz")
	if is && name != "" && strings.Trim(name, "0123456789") == "" {
		return "/backup"
	}
	if path == "/backup" {
		return ""
	}
	return path
}

// sessionKey is what a session belongs to: the caller's address, or its cookie with the cookie-session fault.
func (p *Panel) sessionKey(r *http.Request) string {
	if p.on(FaultCookieSession) {
		c, err := r.Cookie(cookieName)
		if err != nil {
			return ""
		}
		return "cookie " + c.Value
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return "address " + host
}

// inSession says whether the caller is logged in, and keeps it so.
func (p *Panel) inSession(r *http.Request) bool {
	key := p.sessionKey(r)
	last, in := p.web[key]
	if !in || key == "" || p.now().Sub(last) > webIdle {
		delete(p.web, key)
		return false
	}
	p.web[key] = p.now()
	return true
}
