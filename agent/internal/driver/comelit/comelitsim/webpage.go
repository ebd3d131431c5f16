package comelitsim

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"gatehouse/protocol/simkit"
	"html"
	"net/http"
	"net/url"
)

// words are the phrases of the pages; clients must not rely on them (§3).
type words struct{ granted, denied, saved, full string }

func (p *Panel) words() words {
	if p.on(FaultItalian) {
		return words{"Accesso consentito come Installatore", "Accesso negato", "Backup creato con successo", "Numero massimo di backup raggiunto"}
	}
	return words{"Access granted", "Access denied", "Backup successfully created", "Maximum number of backups reached"}
}

// htmlPage is a page with the title all pages share (§3).
func htmlPage(title, body string) page {
	return page{status: http.StatusOK, body: fmt.Appendf(nil,
		"<!DOCTYPE html>\n<html><head><title>Extender - %s</title></head><body>\n%s\n</body></html>\n", title, body)}
}

func invalid() page {
	return htmlPage("Error", "<table><tr><td>"+invalidRequest+"</td></tr></table>")
}

func (p *Panel) pageLogin(*http.Request, url.Values) page {
	return htmlPage("Login", `<form method="post" action="do-login.html"><input type="password" name="l-pwd"></form>`)
}

// doLogin opens a session. A refusal is a 200 like everything else.
func (p *Panel) doLogin(r *http.Request, form url.Values) page {
	good := subtle.ConstantTimeCompare([]byte(form.Get("l-pwd")), []byte(p.opt.Password)) == 1
	good = good && !p.bites(FaultPasswordChanged) && !p.bites(FaultSessionLimit)
	w := p.words()
	a := htmlPage("Login", w.denied)
	if good {
		a = htmlPage("Login", w.granted)
		if p.on(FaultCookieSession) {
			a.cookie = randomText(24, "0123456789abcdef")
			p.openSession("cookie " + a.cookie)
		} else {
			p.openSession(p.sessionKey(r))
		}
	}
	if p.bites(FaultPlainLogin) {
		a.body = htmlPage("Login", "").body
	}
	return a
}

// openSession remembers a session, in place of the idle ones.
func (p *Panel) openSession(key string) {
	for k, last := range p.web {
		if p.now().Sub(last) > webIdle || len(p.web) > maxConns {
			delete(p.web, k)
		}
	}
	p.web[key] = p.now()
}

// pageBackups lists the archives; the form to make one is the best sign of a login (§3).
func (p *Panel) pageBackups(*http.Request, url.Values) page {
	if p.bites(FaultAdminLost) {
		return htmlPage("Backup", "")
	}
	var b bytes.Buffer
	for _, k := range p.listed() {
		fmt.Fprintf(&b, "<a href='%s'>%s</a><br>\n", k.name, k.name)
	}
	b.WriteString("<form method='post' action='create-backup.html'></form>")
	return htmlPage("Backup", b.String())
}

func (p *Panel) createBackup(*http.Request, url.Values) page {
	if p.bites(FaultAdminLost) {
		return invalid()
	}
	w := p.words()
	if !p.makeBackup() {
		return htmlPage("Backup", w.full)
	}
	return htmlPage("Backup", w.saved)
}

func (p *Panel) download(r *http.Request, _ url.Values) page {
	if p.bites(FaultAdminLost) {
		return invalid()
	}
	for _, k := range p.listed() {
		if "/"+k.name != r.URL.Path {
			continue
		}
		a := page{status: http.StatusOK, kind: "application/x-gzip", body: k.packed}
		switch {
		case p.bites(FaultTruncatedBackup):
			a.body = a.body[:len(a.body)/2]
		case p.bites(FaultResetBackup):
			a.cut = simkit.CutHalf
		}
		return a
	}
	return invalid()
}

// send writes the answer to the wire.
func (a page) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.cookie != "" {
		h.Set("Set-Cookie", cookieName+"="+a.cookie+"; path=/")
	}
	if a.endless {
		w.WriteHeader(a.status)
		forever(w, r)
		return
	}
	a.cut.Send(w, a.status, a.body)
}

// forever sends blanks until the caller leaves.
func forever(w http.ResponseWriter, r *http.Request) {
	blanks := bytes.Repeat([]byte{' '}, 1<<16)
	for r.Context().Err() == nil {
		if _, err := w.Write(blanks); err != nil {
			return
		}
	}
}

// pageUsers has a control for each slot; the real markup is not published, so it shows no values.
func (p *Panel) pageUsers(*http.Request, url.Values) page {
	if p.bites(FaultAdminLost) {
		return invalid()
	}
	var b bytes.Buffer
	for u := range p.slots {
		for s := range p.slots[u] {
			fmt.Fprintf(&b, "<input name='mspUsersMap_.%s_%d'>\n", html.EscapeString(place{u, s}.String()), fieldName)
		}
	}
	return htmlPage("Users", b.String())
}
