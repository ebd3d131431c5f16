package comelitsim_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// Whatever a logged-in client sends, the panel neither falls over nor opens a door it does not have, and it ends.
func FuzzBridge(f *testing.F) {
	f.Add(openBody("UAUT", 9, ""), uint16(0), doorPacket(1, own, "SB100001", 1).bytes())
	f.Add([]byte(`{"message":"server-info","message-type":"request","message-id":1}`), uint16(1), registerPacket(1, own, "SB000001").bytes())
	f.Add([]byte{0xef, 1, 3, 0}, uint16(2), packet{flags: 0xc0, id: 2, body: []byte{0, 0x20, 0xff, 1}, from: own, to: "SBIO0255"}.bytes())
	f.Fuzz(func(t *testing.T, first []byte, handle uint16, ctp []byte) {
		if len(first) > 60000 || len(ctp) > 60000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			p, err := comelitsim.New(standard())
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{t: t, panel: p, l: newPipes()}
			ended := make(chan error, 1)
			go func() { ended <- p.ServeICONA(t.Context(), r.l) }()
			c, h := r.registered(token, own)
			c.send(handle, first)
			c.send(h, ctp)
			c.raw(first)
			synctest.Wait()
			c.nc.Close()
			for _, e := range p.DoorLog() {
				if !strings.HasPrefix(e.Door, "SB") || e.By == "" {
					t.Errorf("%+v", e)
				}
			}
			_ = r.l.Close()
			<-ended //nolint:errcheck // the listener was closed under it
		})
	})
}

// Whatever is asked of the pages without a login changes nothing; with one, the table keeps its grammar.
func FuzzPages(f *testing.F) {
	f.Add("POST", "/update.html", "mspUsersMap_.0.2_6=Ada", "")
	f.Add("POST", "/create-actcode.html", "user=0.1", "")
	f.Add("POST", "/do-login.html", "", "l-pwd=x")
	f.Add("GET", "/1.tar.gz", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if method != "GET" && method != "POST" || !strings.HasPrefix(path, "/") {
			return // no request line would carry it, or nothing new
		}
		for _, in := range []bool{false, true} {
			p, err := comelitsim.New(comelitsim.Options{Units: 1})
			if err != nil {
				t.Fatal(err)
			}
			call := func(method, path, query, body string) {
				r := httptest.NewRequest(method, "/", strings.NewReader(body))
				r.URL = &url.URL{Path: path, RawQuery: query}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Referer", usersPage)
				p.Web().ServeHTTP(httptest.NewRecorder(), r)
			}
			if in {
				call("POST", "/do-login.html", "", "l-pwd=comelit")
			}
			call(method, path, query, body)
			if n := len(p.Stats().Writes); n > 0 && !in {
				t.Errorf("%d writes without a login", n)
			}
			for _, s := range p.Users(true) {
				if text := s.Name + s.Email + s.Phone; strings.ContainsAny(text, "\"\n\r\x00") {
					t.Errorf("%q in the table", text)
				}
			}
		}
	})
}
