package drivertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// Hostile is a server that wishes a driver ill: it answers anything with the same bytes.
type Hostile struct {
	// Bytes are the whole answer, status line and all; then the connection ends.
	Bytes string
	// Again is sent after them for ever; "" not.
	Again string
	// Asked is called for every connection; nil is not.
	Asked func()
}

// reply is an answer with a body of the length that it has.
func reply(body string, headers ...string) Hostile {
	return Hostile{Bytes: fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", len(body), lines(headers), body)}
}

func lines(headers []string) (out string) {
	for _, h := range headers {
		out += h + "\r\n"
	}
	return out
}

// HostileAnswers is the catalogue. elsewhere is an address that nobody may ever ask.
func HostileAnswers(elsewhere string) map[string]Hostile {
	long := strings.Repeat("x", 1<<20)
	out := map[string]Hostile{
		"endless body":            {"HTTP/1.1 200 OK\r\n\r\n", long, nil},
		"endless chunks":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n" + long[:1<<16] + "\r\n", nil},
		"chunk of absurd size":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "", nil},
		"endless header":          {"HTTP/1.1 200 OK\r\nX: ", long, nil},
		"endless headers":         {"HTTP/1.1 200 OK\r\n", "X: y\r\n", nil},
		"endless status line":     {"HTTP/1.1 200 ", long, nil},
		"endless 100 Continue":    {"", "HTTP/1.1 100 Continue\r\n\r\n", nil},
		"no HTTP":                 {"220 ftp ready\r\n", "", nil},
		"nothing":                 {"", "", nil},
		"HTTP of its own":         {"HTTP/9.9 9999 \x1b[2J\r\n\r\n", "", nil},
		"negative length":         {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "", nil},
		"length too large":        {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n{}", "", nil},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}", "", nil},
		"switch of protocols":     {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "", nil},
		"control characters":      reply("\x1b[2J\x00\x07{\"retcode\":0,\"message\":\"\x1b[31m\x00\"}"),
		"message of escapes":      reply(`{"retcode":-1,"message":"\u001b[2J\u0000\r\nSet-Cookie: a=b"}`),
		"a million brackets":      reply(strings.Repeat("[", 1<<20)),
		"a million objects":       reply(`{"retcode":0,"data":` + strings.Repeat(`{"item":`, 1<<17)),
		"retcode of no number":    reply(`{"retcode":1e999,"data":{"item":[]}}`),
		"retcode of a list":       reply(`{"retcode":[0],"data":{"item":[]}}`),
		"rows of wrong types":     reply(`{"retcode":0,"data":{"num":-7,"item":[1,"x",null,[[]],{"ID":{}}]}}`),
		"the same row for ever":   reply(`{"retcode":0,"data":{"num":1000000,"curPageNum":10,"item":[` + strings.Repeat(`{"ID":"1"},`, 9) + `{"ID":"1"}]}}`),
		"half a JSON":             reply(`{"retcode":0,"data":{"num":1,"item":[{"ID":"1","Na`),
		"two JSONs":               reply(`{"retcode":-1,"message":"Failed"}{"retcode":0,"data":{"num":0,"item":[]}}`),
		"bytes that are no text":  reply("\xff\xfe\x80\xc3\x28"),
		"page without an end":     reply("<html><a href='" + strings.Repeat("1", 1<<19)),
		"a million links":         reply(strings.Repeat("<a href='1.tar.gz'>", 1<<15)),
		"login missing, for ever": reply("LOGIN_IS_REQUIRED"),
		"gzip bomb, unasked":      reply(bomb(), "Content-Encoding: gzip"),
		"redirect elsewhere":      {"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + elsewhere + "/\r\nContent-Length: 0\r\n\r\n", "", nil},
		"redirect to a file":      {"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "", nil},
		"redirect to itself":      {"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "", nil},
		"cookies without an end":  reply("x", slices.Repeat([]string{"Set-Cookie: " + long[:40] + "=\x01\x02"}, 500)...),
		"204 with a body":         {"HTTP/1.1 204 No Content\r\n\r\n{\"retcode\":0}", "", nil},
		"206 of a part":           {"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\n{}", "", nil},
	}
	for name, challenge := range map[string]string{
		"a challenge of nothing": "", "Digest alone": "Digest", "a challenge without an end": "Digest realm=\"" + long[:1<<15],
		"an unknown algorithm": `Digest realm="x", nonce="y", algorithm=SHA-1024, qop="auth"`, "always stale": `Digest realm="x", nonce="y", stale=true, qop="auth"`,
		"quotes in a nonce": `Digest realm="a\"b", nonce="\x00", qop="auth-int"`, "Basic": "Basic realm=\"\x1b[2J\"",
	} {
		out["401, "+name] = Hostile{Bytes: "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + challenge + "\r\nContent-Length: 0\r\n\r\n"}
	}
	return out
}

// bomb unpacks to a thousand times what it is.
func bomb() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20)) // into memory
	}
	_ = z.Close()
	return b.String()
}

// ServeHostile answers whoever connects until the test ends, and gives its address.
func ServeHostile(t *testing.T, h Hostile) string {
	t.Helper()
	return ServeTCP(t, func(c net.Conn) {
		if h.Asked != nil {
			h.Asked()
		}
		h.answer(c)
	})
}

// ServeTCP has serve answer each connection on loopback until the test ends, and gives the address. A connection lives for
// 20 seconds at most and is closed when serve returns.
func ServeTCP(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				if c.SetDeadline(time.Now().Add(20*time.Second)) == nil {
					serve(c)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // it is over
		served.Wait()
	})
	return l.Addr().String()
}

// answer waits for some of a request and says its piece. A caller that goes on is cut off after a while.
func (h Hostile) answer(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // else the pieces fail
	if _, err := c.Read(make([]byte, 64<<10)); err != nil {
		return
	}
	_, err := io.WriteString(c, h.Bytes)
	for err == nil && h.Again != "" {
		_, err = io.WriteString(c, h.Again)
	}
}

// AgainstHostile lets a driver ask a server for everything it can, once for each hostile answer: it must not crash or
// block, must not take silence for an empty device, must leave nothing behind, and must show no secret. It must not run
// beside other tests.
func AgainstHostile(t *testing.T, jones model.Record, secrets []string, connect func(t *testing.T, address string) driver.Panel) {
	t.Helper()
	elsewhere := ServeHostile(t, Hostile{Asked: func() { t.Error("a redirect was followed") }})
	answers := HostileAnswers("http://" + elsewhere)
	Alone(t, slices.Sorted(maps.Keys(answers)), func(t *testing.T, name string) {
		p := connect(t, ServeHostile(t, answers[name]))
		AskAll(t, p, jones, secrets)
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// AskAll makes every call of a driver whose device answers with nothing good: whatever came back, a list is an error.
func AskAll(t *testing.T, p driver.Panel, jones model.Record, secrets []string) {
	t.Helper()
	v := &lived{t: t, s: Subject{Jones: jones, Secrets: secrets}, p: p}
	ctx := t.Context()
	all := AnyKind()
	if err := v.call("list", all, func() error { _, err := p.List(ctx); return err }); err == nil {
		t.Error("what is no list was taken for one")
	}
	step := model.Step{Op: access.OpAdd, Person: "p7", Ref: jones.Ref, Record: jones}
	calls := map[string]func() error{
		"probe": func() error { _, _, err := p.Probe(ctx); return err },
		"read":  func() error { _, err := p.Read(ctx, jones.Ref); return err },
		"add":   func() error { return p.Apply(ctx, step) },
		"change": func() error {
			return p.Apply(ctx, model.Step{Op: access.OpChange, Ref: jones.Ref, Native: "1", Record: jones})
		},
		"remove": func() error { return p.Apply(ctx, model.Step{Op: access.OpRemove, Ref: jones.Ref, Native: "1"}) },
	}
	if d, ok := p.(driver.Doctor); ok {
		calls["dialect"] = func() error { _, err := d.Dialect(ctx); return err }
	}
	if d, ok := p.(driver.DoorReleaser); ok {
		calls["open"] = func() error { return d.Release(ctx, "A") }
	}
	if d, ok := p.(driver.Counter); ok {
		calls["count"] = func() error { _, err := d.Count(ctx); return err }
	}
	if d, ok := p.(driver.ClockReader); ok {
		calls["clock"] = func() error { _, err := d.Skew(ctx); return err }
	}
	if d, ok := p.(driver.DoorLogger); ok {
		calls["door log"] = func() error { _, err := d.DoorLog(ctx, driver.DoorLogAsk{}); return err }
	}
	if d, ok := p.(driver.ScheduleWriter); ok {
		calls["hours"] = func() error { _, err := d.KeepSchedules(ctx, []access.Schedule{allWeek()}); return err }
	}
	if d, ok := p.(driver.Taker); ok {
		calls["take"] = func() error { return d.Take(ctx, model.Record{Ref: "4711", Native: "1", Name: "Caretaker"}, jones.Ref) }
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		_ = v.call(name, all, calls[name])
	}
}
