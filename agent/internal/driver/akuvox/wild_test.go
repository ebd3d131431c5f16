package akuvox_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/protocol/access"
)

// wild is a tiny panel of its own, stranger than the simulator: every oddity of the reference that
// a test needs is a field. It is strict about logins.
type wild struct {
	mu  sync.Mutex
	url string

	login     string // "", "basic", "digest", "both", "joined"
	qop       string // of the digest challenge; "" none offered
	oneUse    bool   // every nonce is good once
	forgetful bool   // the next request finds its nonce forgotten, without a word of stale
	nonces    map[string]int
	count     int

	rows   []map[string]any
	nextID int
	pages
	filter     func(text string, row map[string]any) bool
	pathOnly   bool // the body's action is not looked at
	blankKeeps bool // a blank PIN or card in a set changes nothing
	noBlank    bool // a blank PIN or card in a set is refused
	onPage     func(page int)
	before     func(w http.ResponseWriter, r *http.Request, body []byte) bool // true: answered

	seen []wildRequest
}

// pages is how a wild panel pages.
type pages struct {
	ignorePage bool // every page is the whole list
	clamp      bool // past the end the last page again
	noNum      bool
	pageNum    bool // num is the count of the page
	firstOnly  bool // without page: the first ten
	needPage   bool // without page: error param
}

type wildRequest struct {
	method, path, query, auth, body string
	header                          http.Header
	passed                          bool // the login
}

func newWild(t *testing.T, w *wild) *wild {
	t.Helper()
	srv := httptest.NewServer(w)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *wild) panel(t *testing.T) *akuvox.Panel {
	t.Helper()
	return newPanel(t, driver.Config{URL: w.url, User: "gate", Password: access.NewSecret("correct horse")})
}

// people puts n strangers on the panel.
func (w *wild) people(n int) *wild {
	for i := range n {
		w.add(map[string]any{"UserID": fmt.Sprintf("9%04d", i), "Name": fmt.Sprintf("Neighbour %d", i), "ScheduleRelay": "1001-1"})
	}
	return w
}

func (w *wild) add(row map[string]any) string {
	w.nextID++
	row["ID"] = strconv.Itoa(w.nextID)
	w.rows = append(w.rows, row)
	return strconv.Itoa(w.nextID)
}

func (w *wild) requests() []wildRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]wildRequest(nil), w.seen...)
}

// calls lists the requests that came past the login, as "GET /api/user/get?page=1".
func (w *wild) calls() (out []string) {
	for _, r := range w.requests() {
		if r.passed {
			out = append(out, strings.TrimSuffix(r.method+" "+r.path+"?"+r.query, "?"))
		}
	}
	return out
}

func (w *wild) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

func (w *wild) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	w.seen = append(w.seen, wildRequest{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), string(body), r.Header, false})
	if !w.admits(rw, r) {
		return
	}
	w.seen[len(w.seen)-1].passed = true
	if w.before != nil && w.before(rw, r, body) {
		return
	}
	switch r.URL.Path {
	case "/api/system/info":
		_, _ = io.WriteString(rw, `{"retcode":0,"action":"info","message":"OK","data":{"Status":{"Model":"X916","MAC":"0C:11:05:00:00:02","FirmwareVersion":"916.30.10.114","HardwareVersion":"916.0.1.0"}}}`)
	case "/api/user/get":
		w.list(rw, r)
	case "/api/user/set", "/api/user/add", "/api/user/del":
		w.write(rw, r, body)
	case "/api/relay/trig":
		_, _ = io.WriteString(rw, `{"retcode":0,"action":"trig","message":"OK","data":{}}`)
	default:
		http.NotFound(rw, r)
	}
}

func (w *wild) list(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	if w.needPage && page == 0 {
		_, _ = io.WriteString(rw, `{"retcode":-100,"message":"error param"}`)
		return
	}
	var rows []map[string]any
	for _, row := range w.rows {
		if text := q.Get("NameOrPerID"); text == "" || w.matches(text, row) {
			rows = append(rows, row)
		}
	}
	total := len(rows)
	if page == 0 && w.firstOnly {
		page = 1
	}
	if page > 0 && !w.ignorePage {
		if last := (total + 9) / 10; w.clamp && page > last {
			page = max(last, 1)
		}
		lo := min((page-1)*10, total)
		rows = rows[lo:min(lo+10, total)]
	}
	data := map[string]any{"item": rows, "num": total, "curPageNum": len(rows)}
	if rows == nil {
		data["item"] = []any{}
	}
	if w.pageNum {
		data["num"] = len(rows)
	}
	if w.noNum {
		delete(data, "num")
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"retcode": 0, "message": "OK", "data": data})
	if w.onPage != nil {
		w.onPage(page)
	}
}

func (w *wild) matches(text string, row map[string]any) bool {
	if w.filter != nil {
		return w.filter(text, row)
	}
	return strings.Contains(fmt.Sprint(row["UserID"]), text) || strings.Contains(fmt.Sprint(row["Name"]), text)
}

// write takes one item, as units do; a set replaces the whole row.
func (w *wild) write(rw http.ResponseWriter, r *http.Request, body []byte) {
	var e struct {
		Target, Action string
		Data           struct{ Item []map[string]string }
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if dec.Decode(&e) != nil || e.Target != "user" || len(e.Data.Item) != 1 {
		_, _ = io.WriteString(rw, `{"retcode":-1,"message":"unsupport action"}`)
		return
	}
	verb, it := e.Action, e.Data.Item[0]
	if path := strings.TrimPrefix(r.URL.Path, "/api/user/"); w.pathOnly && path != verb {
		_, _ = io.WriteString(rw, `{"retcode":-1,"message":"unsupported action"}`)
		return
	}
	at := -1
	for i, row := range w.rows {
		if row["ID"] == it["ID"] {
			at = i
		}
	}
	switch {
	case verb == "add":
		w.add(anyMap(it))
	case at < 0 || w.noBlank && verb == "set" && blank(it):
		_, _ = io.WriteString(rw, `{"retcode":-1,"message":"Failed"}`)
		return
	case verb == "del":
		w.rows = append(w.rows[:at:at], w.rows[at+1:]...)
	default:
		next := anyMap(it)
		for _, f := range []string{"PrivatePIN", "CardCode"} {
			if w.blankKeeps && (next[f] == "" || next[f] == nil) {
				next[f] = w.rows[at][f]
			}
		}
		w.rows[at] = next
	}
	_, _ = io.WriteString(rw, `{"retcode":1,"message":"OK","data":{}}`)
}

func blank(it map[string]string) bool {
	pin, sent := it["PrivatePIN"]
	return sent && pin == ""
}

func anyMap(it map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range it {
		out[k] = v
	}
	return out
}

// admits checks the login to the letter of RFC 7616 and writes the challenge when it does not hold.
func (w *wild) admits(rw http.ResponseWriter, r *http.Request) bool {
	stale := false
	switch w.login {
	case "":
		return true
	case "basic":
		u, p, ok := r.BasicAuth()
		if ok && u == "gate" && p == "correct horse" {
			return true
		}
	default:
		var ok bool
		if ok, stale = w.digestHolds(r); ok {
			return true
		}
	}
	w.challenge(rw.Header(), stale)
	rw.WriteHeader(http.StatusUnauthorized)
	return false
}

func (w *wild) challenge(h http.Header, stale bool) {
	const basic = `Basic realm="HTTP API"`
	if w.nonces == nil {
		w.nonces = map[string]int{}
	}
	w.count++
	nonce := fmt.Sprintf("n%04d", w.count)
	w.nonces[nonce] = 0
	digest := fmt.Sprintf(`Digest realm="HTTP API", nonce="%s", opaque="o"`, nonce)
	if w.qop != "" {
		digest += fmt.Sprintf(`, qop="%s"`, w.qop)
	}
	if stale {
		digest += `, stale=true`
	}
	switch w.login {
	case "basic":
		h.Add("WWW-Authenticate", basic)
	case "both":
		h.Add("WWW-Authenticate", basic)
		h.Add("WWW-Authenticate", digest)
	case "joined":
		h.Add("WWW-Authenticate", digest+", "+basic)
	default:
		h.Add("WWW-Authenticate", digest)
	}
}

var digestField = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func (w *wild) digestHolds(r *http.Request) (ok, stale bool) {
	text, is := strings.CutPrefix(r.Header.Get("Authorization"), "Digest ")
	if !is {
		return false, false
	}
	f := map[string]string{}
	for _, m := range digestField.FindAllStringSubmatch(text, -1) {
		f[m[1]] = m[2]
	}
	used, known := w.nonces[f["nonce"]]
	if w.forgetful {
		w.forgetful, known = false, false
	}
	if !known || w.oneUse && used > 0 {
		return false, w.oneUse
	}
	h := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	ha1, ha2 := h("gate", "HTTP API", "correct horse"), h(r.Method, r.URL.RequestURI())
	want := h(ha1, f["nonce"], ha2)
	if w.qop != "" {
		w.nonces[f["nonce"]]++
		if nc, err := strconv.ParseInt(f["nc"], 16, 64); err != nil || int(nc) != used+1 || f["qop"] != "auth" {
			return false, false
		}
		want = h(ha1, f["nonce"], f["nc"], f["cnonce"], "auth", ha2)
	}
	return f["response"] == want && f["opaque"] == "o" && f["uri"] == r.URL.RequestURI(), false
}
