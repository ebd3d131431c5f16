package rentmanagersim

import (
	"gatehouse/protocol/simkit"
	"net/http"
	"strconv"
	"strings"
)

// call is a request as far as its path goes.
type call struct {
	http     *http.Request
	body     []byte
	path     []string
	resource string // "Tenants", "Tenants/UserDefinedValues", "Authentication"; the first word of any other path
	table    *table // nil for what is no resource
	id       int    // of an instance request, else 0
	search   bool   // POST Resource/Search
}

func (s *Server) readCall(r *http.Request, body []byte) *call {
	c := &call{http: r, body: body, path: strings.Split(strings.Trim(r.URL.Path, "/"), "/")}
	c.resource = c.path[0]
	rest := c.path[1:]
	known := collections()
	if len(rest) > 0 && known[c.resource+"/"+rest[0]] != "" {
		c.resource += "/" + rest[0]
		rest = rest[1:]
	}
	name, ok := known[c.resource]
	if len(rest) == 1 {
		n, err := strconv.Atoi(rest[0])
		c.search = rest[0] == "Search"
		c.id = n
		ok = ok && (c.search || err == nil && n > 0)
	}
	if ok && len(rest) <= 1 {
		c.table = s.schema[name]
	}
	return c
}

// dispatch goes from the line to the data: broken transport, sign-in, limit, token, address, verb, question.
func (s *Server) dispatch(c *call, within bool) *reply {
	if a := s.outage(c.resource); a != nil {
		return a
	}
	if c.resource == signIn {
		return s.signIn(c)
	}
	if !within {
		return tooMany()
	}
	if a := s.admit(c); a != nil {
		return a
	}
	switch {
	case c.table == nil:
		return fail(http.StatusNotFound, "There is no resource "+c.http.URL.Path+".")
	case c.http.Method == http.MethodGet && !c.search:
		return s.finish(c, s.get(c, c.http.URL.RawQuery))
	case c.http.Method == http.MethodPost && c.search:
		return s.finish(c, s.search(c))
	case c.http.Method == http.MethodPost || c.http.Method == http.MethodDelete:
		return fail(http.StatusForbidden, "This account may read "+c.resource+" and change nothing.")
	}
	a := fail(http.StatusMethodNotAllowed, "Only GET, POST and DELETE are served.")
	a.header.Set("Allow", "GET, POST, DELETE")
	return a
}

// outage plays the faults that hide everything behind them; nil when there is none.
func (s *Server) outage(resource string) *reply {
	if s.bites(FaultDrop, resource) != nil {
		a := newReply(0, nil)
		a.cut = simkit.CutAll
		return a
	}
	if s.bites(FaultHTTP500, resource) != nil {
		return newReply(http.StatusInternalServerError, trouble())
	}
	if s.bites(FaultErrorPage, resource) != nil {
		a := newReply(http.StatusOK, []byte(errorPage))
		a.header.Set("Content-Type", "text/html; charset=utf-8")
		return a
	}
	if s.bites(FaultErrorJSON200, resource) != nil {
		return newReply(http.StatusOK, trouble())
	}
	if a := s.bites(FaultRate429, resource); a != nil {
		out := tooMany()
		out.header.Set("Retry-After", strconv.Itoa(a.Count))
		return out
	}
	if s.bites(FaultRate429Bare, resource) != nil {
		return tooMany()
	}
	return nil
}

// finish plays the faults that spoil a reply on its way out.
func (s *Server) finish(c *call, a *reply) *reply {
	if len(a.body) == 0 {
		return a
	}
	if s.bites(FaultBOM, c.resource) != nil {
		a.body = append([]byte("\xef\xbb\xbf"), a.body...)
	}
	if s.bites(FaultHalfJSON, c.resource) != nil {
		a.body = a.body[:len(a.body)/2]
	}
	if s.bites(FaultHalfBody, c.resource) != nil {
		a.cut = simkit.CutHalf
	}
	return a
}
