package rentmanagersim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const (
	tokenHeader    = "X-RM12Api-ApiToken"
	locationHeader = "X-RM12Api-LocationID"
)

// signIn answers POST /Authentication/AuthorizeUser: the token as a bare JSON string (reference pms.md §1.1).
func (s *Server) signIn(c *call) *reply {
	switch {
	case len(c.path) != 2 || c.path[1] != "AuthorizeUser":
		return fail(http.StatusNotFound, "There is no resource "+c.http.URL.Path+".")
	case c.http.Method != http.MethodPost:
		return fail(http.StatusMethodNotAllowed, "Sign in with POST.")
	}
	user, password, location, err := readLogin(c.body)
	switch {
	case err != nil:
		return refuse(err)
	case s.bites(FaultLoginRefused, signIn) != nil || user != s.opt.User || password != s.opt.Password:
		return fail(http.StatusUnauthorized, "The user name or password is wrong.")
	case location != 0 && location != s.opt.Location:
		return refuse(bad("LocationID", "there is no location %d for this user", location))
	}
	return newReply(http.StatusOK, encode(s.issue()))
}

// readLogin wants the vendor's keys exactly, so that a misspelt one is found.
func readLogin(body []byte) (user, password string, location int, _ *badQuery) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(body, &in); err != nil {
		return "", "", 0, bad("model", "the body is not a JSON object")
	}
	into := map[string]any{"Username": &user, "Password": &password, "LocationID": &location}
	for key, raw := range in {
		to, known := into[key]
		if !known {
			return "", "", 0, bad(key, "there is no such key")
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return "", "", 0, bad(key, "the value has the wrong type")
		}
	}
	return user, password, location, nil
}

// issue makes a token. It cannot be guessed from the one before, though here nothing depends on it.
func (s *Server) issue() string {
	s.issued++
	s.rec.tokens++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", s.opt.Password, s.issued, s.start.UnixNano()))
	token := fmt.Sprintf("%x", sum[:24])
	life := s.opt.TokenLife
	if a := s.faults.On(FaultTokenShort); a != nil {
		life = a.Duration
	}
	s.tokens[token] = s.now().Add(life)
	return token
}

// admit checks token, location and rights; nil lets the request in.
func (s *Server) admit(c *call) *reply {
	end, known := s.tokens[c.http.Header.Get(tokenHeader)]
	void := s.bites(FaultTokenVoid, c.resource) != nil
	if !known || void || !s.now().Before(end) {
		return fail(http.StatusUnauthorized, "The API token is missing or no longer valid.")
	}
	if l := c.http.Header.Get(locationHeader); l != "" && l != strconv.Itoa(s.opt.Location) {
		return refuse(bad(locationHeader, "there is no location %q for this user", l))
	}
	if s.bites(FaultForbidden, c.resource) != nil {
		return fail(http.StatusForbidden, "The user has no rights to "+c.resource+".")
	}
	return nil
}
