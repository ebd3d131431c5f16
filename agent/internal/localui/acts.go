package localui

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Staff is what the page for people on site needs (row G11). The assembly judges everything: who
// somebody is by a PIN of theirs, what they may do, and what follows.
type Staff interface {
	// SignIn believes somebody by name and PIN. It slows guessing down by itself.
	SignIn(ctx context.Context, who, pin string) (Who, error)
	// Find is the one person whom words name: an id, or the exact name of a person or unit.
	Find(ctx context.Context, words string) (Who, error)
	// Do does it, or says why not; what somebody may do is looked up each time.
	Do(ctx context.Context, by access.PersonID, a Ask) error
	Site() Site
}

// Who is a person as the page names them.
type Who struct {
	ID         access.PersonID
	Name, Unit string
}

// Ask is one act that somebody wants done.
type Ask struct {
	Do     access.Right
	Person string // an id, or words for Find
	Door   string
	Hours  float64
	Reason string
}

// Site is what the page shows to somebody who signed in.
type Site struct {
	Property string
	Zone     *time.Location
	Now      time.Time // by the gateway's clock
	Doors    []access.Door
	Acts     []Act
}

// Act is what was done here and holds.
type Act struct {
	Kind   access.OverlayKind
	Person Who
	Door   string
	From   time.Time
	Until  time.Time // of a grant
	By     string
	Reason string
}

const (
	cookieName   = "gatehouse_onsite"
	idle         = 10 * time.Minute // after which somebody is signed out
	mostSessions = 16
	mostForm     = 4 << 10 // bytes
	mostPosts    = 30      // a minute, from one address
	mostAll      = 120     // a minute, from all
)

// session is somebody who signed in.
type session struct {
	who    Who
	until  time.Time
	notice string // shown once
}

// acts is the page. Sessions live in memory: a restart signs everybody out.
type acts struct {
	staff Staff
	host  string           // as configured
	mono  func() time.Time // for waits: nobody can set it

	mu       sync.Mutex
	sessions map[string]*session
	minute   time.Time
	posts    map[string]int // by address, in this minute
	all      int
}

// Acts serves the page at / of an address. A form from another site is refused, and so is a page that
// is asked for under a name that is not this gateway's: another site's name may be made to lead here.
func Acts(s Staff, address string) http.Handler {
	host, _, _ := net.SplitHostPort(address)
	a := &acts{staff: s, host: host, mono: time.Now, sessions: map[string]*session{}, posts: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("POST /sign-out", a.signOut)
	for _, do := range []access.Right{access.MayRevoke, access.MayGrant, access.MayLift} {
		mux.HandleFunc("POST /"+string(do), func(w http.ResponseWriter, r *http.Request) { a.act(w, r, do) })
	}
	return a.guard(http.NewCrossOriginProtection().Handler(mux))
}

func (a *acts) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header(), "'self'")
		switch {
		case !a.own(r.Host):
			http.Error(w, "Open this page by the gateway's address, not by another name.", http.StatusMisdirectedRequest)
		case r.Method == http.MethodPost && !a.mayPost(r.RemoteAddr):
			http.Error(w, "Too many forms were sent. Wait a minute.", http.StatusTooManyRequests)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, mostForm)
			next.ServeHTTP(w, r)
		}
	})
}

// own says whether a request names this gateway: by an address, or by the configured name.
func (a *acts) own(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || host == a.host || net.ParseIP(strings.Trim(host, "[]")) != nil
}

// mayPost counts forms, by address and in all.
func (a *acts) mayPost(remote string) bool {
	host, _, _ := net.SplitHostPort(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.mono(); now.Sub(a.minute) >= time.Minute {
		a.minute, a.all = now, 0
		clear(a.posts)
	}
	if a.all >= mostAll || a.posts[host] >= mostPosts {
		return false
	}
	a.all++
	a.posts[host]++
	return true
}

// session is who sends a request; nil: nobody who signed in.
func (a *acts) session(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[c.Value]
	if s == nil || a.mono().After(s.until) {
		delete(a.sessions, c.Value)
		return nil
	}
	s.until = a.mono().Add(idle)
	return s
}

// begin makes a session, in the place of the one that was idle longest when there are too many.
func (a *acts) begin(w http.ResponseWriter, who Who) {
	token := rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := ""
	for t, s := range a.sessions {
		if oldest == "" || s.until.Before(a.sessions[oldest].until) {
			oldest = t
		}
	}
	if len(a.sessions) >= mostSessions {
		delete(a.sessions, oldest)
	}
	a.sessions[token] = &session{who: who, until: a.mono().Add(idle)}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func (a *acts) home(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	if s == nil {
		a.show(w, http.StatusOK, signInPage(a.staff.Site().Property, nil))
		return
	}
	a.mu.Lock()
	notice := s.notice
	s.notice = ""
	a.mu.Unlock()
	a.show(w, http.StatusOK, actsPage(a.staff.Site(), s.who, notice, nil))
}

func (a *acts) signIn(w http.ResponseWriter, r *http.Request) {
	who, err := a.staff.SignIn(r.Context(), field(r, "who"), field(r, "pin"))
	if err != nil {
		a.show(w, status(err), signInPage(a.staff.Site().Property, err))
		return
	}
	a.begin(w, who)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// field is a field of a form. Only plain forms are read: nobody sends files here.
func field(r *http.Request, name string) string {
	if err := r.ParseForm(); err != nil {
		return ""
	}
	return r.PostForm.Get(name)
}

func (a *acts) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		a.mu.Lock()
		delete(a.sessions, c.Value)
		a.mu.Unlock()
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// act does what a form asks for, once somebody has seen whom and what it is about and said yes.
func (a *acts) act(w http.ResponseWriter, r *http.Request, do access.Right) {
	s := a.session(r)
	if s == nil {
		a.show(w, http.StatusForbidden, signInPage(a.staff.Site().Property, fault.New(fault.Denied, "act", "at the gateway", "you are not signed in, or were signed out")))
		return
	}
	hours, _ := strconv.ParseFloat(field(r, "hours"), 64) // 0 is refused where it matters
	ask := Ask{Do: do, Person: field(r, "person"), Door: field(r, "door"), Hours: hours, Reason: strings.TrimSpace(field(r, "reason"))}
	whom, err := a.staff.Find(r.Context(), ask.Person)
	if err == nil && field(r, "sure") != "yes" {
		a.show(w, http.StatusOK, confirmPage(a.staff.Site(), whom, ask))
		return
	}
	if err == nil {
		ask.Person = string(whom.ID)
		err = a.staff.Do(r.Context(), s.who.ID, ask)
	}
	if err != nil {
		a.show(w, status(err), actsPage(a.staff.Site(), s.who, "", err))
		return
	}
	a.mu.Lock()
	s.notice = done[do] + whom.called() + "."
	a.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var done = map[access.Right]string{
	access.MayRevoke: "All access is taken from ", access.MayGrant: "The door opens for ", access.MayLift: "Taken back is what was done here about ",
}

// status is the HTTP status of an error.
func status(err error) int {
	switch fault.KindOf(err) {
	case fault.Denied:
		return http.StatusForbidden
	case fault.Invalid, fault.Conflict:
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

func (a *acts) show(w http.ResponseWriter, code int, page string) {
	w.WriteHeader(code)
	_, _ = w.Write([]byte(page)) // the client hung up; nobody to tell
}
