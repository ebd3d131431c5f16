package akuvoxsim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// otherDialect answers as a unit whose `/api/*` is not there, in one of the other three local dialects (reference,
// "Read this first"), or as something that is no panel at all.
func (p *Panel) otherDialect(r *http.Request) (answer, bool) {
	ok := answer{status: http.StatusOK}
	switch {
	case p.bites(FaultWebSPA):
		if r.URL.Path == "/api/web/system/info" {
			ok.body = webInfo(map[string]any{"Model": p.model.Name, "Firmware": p.model.Firmware, "Hardware": p.model.Hardware})
			return ok, true
		}
		host, _, _ := strings.Cut(r.Host, ":")
		return answer{status: http.StatusPermanentRedirect, location: "https://" + host + r.URL.Path}, true
	case p.bites(FaultWebLegacy):
		if r.URL.Path == "/web/status/get" {
			ok.body = webInfo(map[string]any{"ProductName": p.model.Name})
			return ok, true
		}
		return answer{status: http.StatusForbidden}, true
	case !p.opensDoor(r) && p.bites(FaultFCGIOnly):
		ok.body = []byte(`<html><body><form action="/fcgi/do?id=1" method="post"></form></body></html>`)
		return ok, true
	case p.bites(FaultRedirect):
		return answer{status: http.StatusFound, location: "http://192.0.2.1" + r.URL.Path}, true
	}
	return answer{}, false
}

func webInfo(data map[string]any) []byte {
	b, err := json.Marshal(map[string]any{"retcode": 0, "message": msgOK, "data": data})
	if err != nil {
		return nil // cannot happen: strings
	}
	return b
}
