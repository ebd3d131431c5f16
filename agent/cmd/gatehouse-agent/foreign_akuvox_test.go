package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// otherPanel is an Akuvox panel written from the fact sheet alone (akuvox.md §1, §2), by another hand than the
// simulator's: ids from 1000, keys in other orders and some that nobody knows, numbers where text may stand.
type otherPanel struct {
	mu      sync.Mutex
	rows    []map[string]string
	next    int
	opened  int
	byPath  bool // the vendor's own routing: /api/user/add, /set and /del, by the path alone
	numbers bool // values as numbers, Item with a capital
	digest  bool
	wrong   []string // requests that no panel would take
}

func newOtherPanel() *otherPanel {
	p := &otherPanel{next: 1000}
	for i := range 12 {
		p.add(map[string]string{"UserID": fmt.Sprintf("70%02d", i), "Name": fmt.Sprintf("Neighbour %d", i), "PrivatePIN": fmt.Sprintf("3%03d", i), "ScheduleRelay": "1001-1;"})
	}
	return p
}

func (p *otherPanel) add(row map[string]string) {
	row["ID"] = strconv.Itoa(p.next)
	p.next++
	p.rows = append(p.rows, row)
}

func (p *otherPanel) answer(a asked) told {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.digest && !signed(a) {
		return told{status: 401, headers: []string{
			`www-authenticate: Digest qop="auth,auth-int", opaque="5ccc069c403ebaf9f0171e9517f40e41", realm="HTTPAPI", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", algorithm=MD5`,
		}}
	}
	switch {
	case a.path == "/api/system/info":
		return p.well(`"Lan":{"LinkStatus":"1","IPAddress":"192.0.2.7"},"Status":{"HardwareVersion":"29.0","Uptime":"77","Beta":null,"FirmwareVersion":"29.30.10.239","MAC":"0C:11:05:00:00:09","Model":"R29"}`)
	case a.path == "/api/system/status":
		return p.well(`"UpTime":"12","SystemTime":"1790000000"`)
	case a.path == "/api/user/get":
		return p.list(a)
	case a.path == "/api/relay/trig":
		return p.open(a)
	case strings.HasPrefix(a.path, "/api/user/"):
		return p.write(a)
	}
	return told{body: `{"message":"No hanlders for this request","retcode":-1}`}
}

func (p *otherPanel) well(data string) told {
	return told{body: "\r\n {\"data\": {" + data + "},\"message\":\"ok\",\"new\":[1,{\"a\":2}],\"action\":\"x\" ,\"retcode\":1}HTTP/1.1 200 OK\r\n"}
}

// list has ten rows a page and all without one (§2).
func (p *otherPanel) list(a asked) told {
	var rows []string
	for _, r := range p.rows {
		text := a.query.Get("NameOrPerID")
		if !strings.Contains(r["UserID"], text) && !strings.Contains(r["Name"], text) {
			continue
		}
		keys := []string{}
		for k := range r {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		slices.Reverse(keys)
		fields := []string{`"Unheard":{"of":[]}`}
		for _, k := range keys {
			v := strconv.Quote(r[k])
			if p.numbers && (k == "ID" || k == "WebRelay") {
				v = r[k]
			}
			fields = append(fields, strconv.Quote(k)+" : "+v)
		}
		rows = append(rows, "{"+strings.Join(fields, ",")+`,"SourceType":"1"}`)
	}
	total := len(rows)
	if page, err := strconv.Atoi(a.query.Get("page")); err == nil && page > 0 {
		rows = rows[min((page-1)*10, total):min(page*10, total)]
	}
	item, num := "item", strconv.Quote(strconv.Itoa(total))
	if p.numbers {
		item, num = "Item", strconv.Itoa(total)
	}
	return p.well(fmt.Sprintf(`"curPageNum":%d,"%s":[%s],"num":%s`, len(rows), item, strings.Join(rows, ",\n"), num))
}

// call reads the envelope of a write (§1).
func call(a asked) (target, action string, data map[string]json.RawMessage) {
	var e struct {
		Target string                     `json:"target"`
		Action string                     `json:"action"`
		Data   map[string]json.RawMessage `json:"data"`
	}
	if a.method != "POST" || json.Unmarshal([]byte(a.body), &e) != nil {
		return "", "", nil
	}
	return e.Target, e.Action, e.Data
}

func (p *otherPanel) refuse(a asked, why string) told {
	p.wrong = append(p.wrong, why+": "+a.path)
	return told{body: `{"retcode":-1,"message":"Failed"}`}
}

func (p *otherPanel) write(a asked) told {
	target, verb, data := call(a)
	var items []map[string]string
	if target != "user" || json.Unmarshal(data["item"], &items) != nil || len(items) != 1 {
		return p.refuse(a, "no envelope of one item")
	}
	path := strings.TrimPrefix(a.path, "/api/user/")
	if p.byPath && path != verb || !p.byPath && path != "set" {
		return told{body: `{"retcode":-2,"action":"user","message":"unsupport action"}`}
	}
	it := items[0]
	at := slices.IndexFunc(p.rows, func(r map[string]string) bool { return r["ID"] == it["ID"] })
	whole := it["UserID"] != "" && it["Name"] != "" && it["ScheduleRelay"] != "" && it["WebRelay"] != "" && it["LiftFloorNum"] != ""
	switch {
	case verb == "add" && whole && it["Schedule"] == "":
		p.add(it)
	case verb == "set" && at >= 0 && whole:
		p.rows[at] = it
	case verb == "del" && at >= 0 && len(it) == 1:
		p.rows = slices.Delete(p.rows, at, at+1)
	default:
		return p.refuse(a, verb+" of a row that is not whole or not there")
	}
	return told{body: `{"data":{},"message":"OK","action":"user","retcode":1}`}
}

func (p *otherPanel) open(a asked) told {
	target, action, data := call(a)
	if target != "relay" || action != "trig" || string(data["num"]) != "1" || string(data["mode"]) != "0" || data["level"] == nil || data["delay"] == nil {
		return p.refuse(a, "no relay/trig of §2.2 "+a.body)
	}
	p.opened++
	return told{body: `{"retcode":0,"message":"OK"}`}
}

// signed checks a digest of quality auth by RFC 7616; the nonce is good for ever.
func signed(a asked) bool {
	f := map[string]string{}
	for _, m := range regexp.MustCompile(`(\w+)="?([^",]*)"?`).FindAllStringSubmatch(a.header.Get("Authorization"), -1) {
		f[m[1]] = m[2]
	}
	sum := func(parts ...string) string {
		s := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(s[:])
	}
	return f["qop"] == "auth" && f["uri"] == a.raw &&
		f["response"] == sum(sum("gate", "HTTPAPI", testPassword), f["nonce"], f["nc"], f["cnonce"], "auth", sum(a.method, a.raw))
}

// state is everybody on the panel, the openings so far, and what no panel would take.
func (p *otherPanel) state() (rows string, opened int, wrong []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprint(p.rows), p.opened, p.wrong
}

// The device commands work against any server that speaks the documented wire.
func TestDeviceAkuvoxOfAnotherHand(t *testing.T) {
	t.Parallel()
	for i, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			p := newOtherPanel()
			p.byPath, p.numbers, p.digest = i%2 == 0, i%3 == 0, i != 1
			args := at(t, "http://"+foreign(t, m, p.answer), "--json")
			o := device(t, "", append([]string{"probe"}, args...)...)
			if id, _ := o.object(t)["identity"].(map[string]any); o.code != 0 || id["model"] != "R29" || id["firmware"] != "29.30.10.239" || id["mac"] != "0C:11:05:00:00:09" {
				t.Errorf("probe: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			before, _, _ := p.state()
			if o := device(t, "", append([]string{"selftest"}, args...)...); o.code != 0 {
				t.Errorf("selftest: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			if after, _, _ := p.state(); after != before {
				t.Errorf("the panel is not as found:\n%s\n%s", before, after)
			}
			o = device(t, "", append([]string{"users"}, args...)...)
			users, _ := o.object(t)["users"].([]any)
			if o.code != 0 || len(users) != 12 || users[0].(map[string]any)["native"] != "1000" {
				t.Errorf("users: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			o = device(t, "", append([]string{"open", "--door", "A"}, args...)...)
			_, opened, wrong := p.state()
			if o.code != 0 || o.object(t)["result"] != "done" || opened != 1 {
				t.Errorf("open: exit %d, opened %d times: %s%s", o.code, opened, o.stdout, o.stderr)
			}
			if len(wrong) > 0 {
				t.Errorf("no panel would take these: %v", wrong)
			}
		})
	}
}
