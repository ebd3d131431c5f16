// Package console is the cloud's own page: what a property's staff want to know at a glance, and
// what a script wants to read. All that can be done on it is to ask for a sync. It needs no script in
// the browser and loads nothing from elsewhere. It shows no PIN and no card: the views it reads have
// no field for one.
//
// It declares the Reader and the Operator it needs; the assembly hands them in. It imports access and fault only; no
// other package but the assembly imports it.
//
// # Pages
//
//	/                      every property; with only one, its page
//	/property/ID           one property
//	  ?q=                  only people whose name, unit or id contains every word
//	  ?state=              only people of a level: problem, progress, ok, future, gone, none; or bare: without PIN and card
//	  ?all=1               no limit on the number of rows
//	  ?refresh=5           reloads every 5 seconds (1 to 3600)
//	  /events              what happened at its doors: ?person=ID of one person, ?before=GATEWAY:NUMBER older
//	  /sync (POST)         its live source is to be read now; leads back to the page
//	/status.json           {"now","version","broker":{…},"properties":[overview]}
//	/status.json?property= {"now","version","broker":{…},"property":{…}}; takes q and state too
//
// # status.json
//
// Keys are stable; more may be added. Instants are RFC 3339 in the property's zone; absent ones are
// left out.
//
//	broker     connected, embedded, address, since, problem, remedy, certificate_ends
//	overview   id, name, zone, units, people, gateways, conflicts, last (run), applied (run),
//	           source {kind, every (seconds), next, running}: without it only files are imported
//	run        source, started, finished, complete, evidence, held, people, units, skipped, added, changed, removed
//	property   the overview's keys, but conflicts [{kind, subject, text, remedy, first_seen}] and gateways [gateway] in full; and:
//	           level (problem or ok), attention [{text, remedy}], counts {level: people}, runs [run], residents [person]
//	gateway    id, software, online, contact, silent, epoch, stored, stored_at, published, clock_trusted, clock_source, waiting,
//	           certificate_ends, next_keys (since when it may take them up), revoked, history [{at, what, words, times}],
//	           devices [{id, name, kind, model, firmware, doors, reachable, since, message}],
//	           drift [{device, entry, count, kind, person, name, native, words, first_seen, act, to, reason, failed}]: records not as the gateway
//	           wrote them; one without entry counts those that it does not tell one by one,
//	           waiting_people [{device, person, name, cause, revision, since, why}], replies [{id, what, device, door, result, fault, message, at}]
//	person     id, name, kind, units, level, from, until, why, bare (no PIN and no card that can be used), grants [{from, until, ends, reason}], panels [panel]
//	panel      gateway, device, name, shown, headline (a sentence that staff know), level, state, op, grade, written, confirmed, fault, message, next_try, attempts
//
// A level is problem, progress, ok, future, gone or none. A panel's state is what is known (planned,
// stored, written, confirmed, failed, refused, held, removed); shown is what the page makes of it
// together with dates: also not_due, removal_due, removal_written, removal_failed, removal_refused,
// removal_held, never_written.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

//go:embed page/*.html page/style.css
var files embed.FS

// Options are what a console is made with.
type Options struct {
	Now     func() time.Time
	Version string        // of the program
	Silent  time.Duration // a gateway without a word for so long is silent; 0: 15 minutes
	Stale   time.Duration // data without a good import for so long is old; 0: 26 hours
	Broker  func() Broker // how the cloud stands to its broker; nil: nothing is said of it
}

type console struct {
	Options
	reader   Reader
	operator Operator
	log      *slog.Logger
	pages    *template.Template
	style    template.CSS
	policy   string // Content-Security-Policy
}

// New makes the handler of all pages. A form sent from another origin is refused.
func New(reader Reader, operator Operator, o Options, log *slog.Logger) http.Handler {
	if o.Silent == 0 {
		o.Silent = 15 * time.Minute
	}
	if o.Stale == 0 {
		o.Stale = 26 * time.Hour
	}
	style, err := files.ReadFile("page/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(style)
	c := &console{
		Options: o, reader: reader, operator: operator, log: log, style: template.CSS(style),
		pages:  template.Must(template.ParseFS(files, "page/*.html")),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.home)
	mux.HandleFunc("GET /property/{id}", c.property)
	mux.HandleFunc("GET /property/{id}/events", c.happened)
	mux.HandleFunc("POST /property/{id}/sync", c.sync)
	mux.HandleFunc("GET /status.json", c.status)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, fault.New(fault.Invalid, "find page", r.URL.Path, "there is no such page").WithRemedy("Go to the list of properties."))
	})
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, http.StatusForbidden, fault.New(fault.Denied, "take", "a form", "it was sent from another site").WithRemedy("Open the page itself and try again."))
	}))
	return c.guard(own.Handler(mux))
}

func (c *console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", c.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func (c *console) home(w http.ResponseWriter, r *http.Request) {
	all, err := c.reader.Properties(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(all) == 1 {
		to := url.URL{Path: "/property/" + string(all[0].ID), RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusFound)
		return
	}
	c.show(w, r, http.StatusOK, "home.html", c.homePage(c.frame(r, "Properties"), all))
}

func (c *console) property(w http.ResponseWriter, r *http.Request) {
	id := access.PropertyID(r.PathValue("id"))
	p, err := c.reader.Property(r.Context(), id)
	var doors Happenings
	if err == nil {
		doors, err = c.reader.Happened(r.Context(), id, HappeningsAsk{Limit: happeningsBrief})
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	p.Happened = doors.List
	c.show(w, r, http.StatusOK, "property.html", c.propertyPage(c.frame(r, p.Overview.title()), c.judge(p), readFilter(r)))
}

func (c *console) sync(w http.ResponseWriter, r *http.Request) {
	id := access.PropertyID(r.PathValue("id"))
	at, err := c.operator.SyncNow(r.Context(), id)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.log.Info("a sync was asked for on the page", "property", string(id), "begins", at)
	to := url.URL{Path: "/property/" + string(id), RawQuery: "refresh=5", Fragment: "imports"}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

func (c *console) status(w http.ResponseWriter, r *http.Request) {
	out := status{Now: c.Now(), Version: c.Version, Broker: c.brokerJSON()}
	var err error
	if id := r.URL.Query().Get("property"); id != "" {
		var p Property
		if p, err = c.reader.Property(r.Context(), access.PropertyID(id)); err == nil {
			pic := c.judge(p)
			out.Now, out.Property = pic.now.In(pic.zone), pic.json(readFilter(r))
		}
	} else {
		var all []Overview
		all, err = c.reader.Properties(r.Context())
		out.Properties = overviewsJSON(all)
	}
	code := http.StatusOK
	if err != nil {
		code = c.judgeError(r, err)
		out = status{Now: out.Now, Version: c.Version, Broker: out.Broker, Error: &errorJSON{fault.KindOf(err).String(), err.Error(), fault.RemedyOf(err)}}
	}
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil { // plain data always has a form
		c.log.Error("making status.json", "err", err)
		code, b = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b) // the client hung up; nobody to tell
}

// show runs a template whole before anything is sent, so that a page is never cut.
func (c *console) show(w http.ResponseWriter, r *http.Request, code int, name string, data any) {
	var b bytes.Buffer
	if err := c.pages.ExecuteTemplate(&b, name, data); err != nil {
		c.log.Error("making a page", "page", name, "path", r.URL.Path, "err", err)
		http.Error(w, "This page could not be made. The cloud's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the client hung up; nobody to tell
}

// judgeError is the HTTP status of an error; what is not the asker's mistake is logged.
func (c *console) judgeError(r *http.Request, err error) int {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusNotFound
	case fault.Unsupported:
		return http.StatusConflict
	}
	if r.Context().Err() == nil {
		c.log.Error("reading for a page", "path", r.URL.Path, "err", err)
	}
	return http.StatusServiceUnavailable
}

func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	c.refuse(w, r, c.judgeError(r, err), err)
}

func (c *console) refuse(w http.ResponseWriter, r *http.Request, code int, err error) {
	p := errorPage{frame: c.frame(r, "Not found"), Text: err.Error(), Remedy: fault.RemedyOf(err)}
	switch code {
	case http.StatusNotFound:
	case http.StatusServiceUnavailable:
		p.Title = "This page cannot be shown now"
		p.Text += ". Doors go on working: gateways do not need this page."
	default:
		p.Title = "This was not done"
	}
	c.show(w, r, code, "error.html", p)
}
