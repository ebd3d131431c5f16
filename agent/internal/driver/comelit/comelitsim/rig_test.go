package comelitsim_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/testdata"
)

const token = "0123456789abcdef0123456789abcdef"

// pipes is a listener without a network, so that the clock of a test can be a virtual one.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// rig is a panel in a bubble of virtual time.
type rig struct {
	t     *testing.T
	panel *comelitsim.Panel
	l     *pipes
}

// bubble runs a test against a panel in virtual time. When it returns, a goroutine that is left is a failure: the
// bubble itself sees to that.
func bubble(t *testing.T, o comelitsim.Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, err := comelitsim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, panel: p, l: newPipes()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.ServeICONA(ctx, r.l) }()
		test(t, r)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("told to end, it gave %v", err)
		}
	})
}

// standard is four units with a token in slot 1 of the first.
func standard() comelitsim.Options { return comelitsim.Options{Token: token} }

func (r *rig) fault(name string, value ...string) {
	r.t.Helper()
	s := comelitsim.FaultSetting{Name: name, On: true, Value: strings.Join(value, "")}
	if err := r.panel.SetFault(s); err != nil {
		r.t.Fatal(err)
	}
}

// once switches a fault on for one use.
func (r *rig) once(name string) {
	r.t.Helper()
	if err := r.panel.SetFault(comelitsim.FaultSetting{Name: name, On: true, Times: 1}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) faultOff(name string) {
	r.t.Helper()
	if err := r.panel.SetFault(comelitsim.FaultSetting{Name: name}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) edit(s comelitsim.Slot) {
	r.t.Helper()
	if _, err := r.panel.Edit("set", s); err != nil {
		r.t.Fatal(err)
	}
}

// after waits in virtual time.
func after(d time.Duration) { <-time.After(d) }

// frame is what came.
type frame struct {
	handle uint16
	body   []byte
}

// client is a caller of the bridge that writes its bytes by hand.
type client struct {
	t    *testing.T
	nc   net.Conn
	got  chan frame
	next uint16
}

func (r *rig) dial() *client {
	r.t.Helper()
	near, far := net.Pipe()
	r.l.conns <- far
	c := &client{t: r.t, nc: near, got: make(chan frame, 1000), next: 0x7474}
	go c.read()
	r.t.Cleanup(func() { near.Close() })
	return c
}

func (c *client) read() {
	defer close(c.got)
	for {
		var h [8]byte
		if _, err := io.ReadFull(c.nc, h[:]); err != nil || h[0] != 0 || h[1] != 6 {
			return
		}
		f := frame{binary.LittleEndian.Uint16(h[4:]), make([]byte, binary.LittleEndian.Uint16(h[2:]))}
		if _, err := io.ReadFull(c.nc, f.body); err != nil {
			return
		}
		c.got <- f
	}
}

func (c *client) raw(b []byte) {
	c.t.Helper()
	c.nc.Write(b) //nolint:errcheck // a panel that hung up shows in what is read
}

func (c *client) send(handle uint16, body []byte) {
	c.t.Helper()
	b := binary.LittleEndian.AppendUint16([]byte{0, 6}, uint16(len(body)))
	b = append(binary.LittleEndian.AppendUint16(b, handle), 0, 0)
	c.raw(append(b, body...))
}

// patience is longer than any answer of a panel that is well.
const patience = 5 * time.Second

// want waits for a frame on a handle.
func (c *client) want(handle uint16) []byte {
	c.t.Helper()
	select {
	case f, open := <-c.got:
		if !open || f.handle != handle {
			c.t.Fatalf("open %v, handle %#x, want %#x: % x", open, f.handle, handle, f.body)
		}
		return f.body
	case <-time.After(patience):
		c.t.Fatalf("nothing came on %#x", handle)
	}
	return nil
}

// silence wants nothing for a while, and the connection to stay.
func (c *client) silence(d time.Duration) {
	c.t.Helper()
	select {
	case f, open := <-c.got:
		c.t.Fatalf("open %v, handle %#x: % x", open, f.handle, f.body)
	case <-time.After(d):
	}
}

// gone wants the connection to end without another frame.
func (c *client) gone() {
	c.t.Helper()
	select {
	case f, open := <-c.got:
		if open {
			c.t.Fatalf("handle %#x: % x", f.handle, f.body)
		}
	case <-time.After(patience):
		c.t.Fatal("the connection stays")
	}
}

func openBody(name string, handle uint16, argument string) []byte {
	b := append([]byte{0xcd, 0xab, 1, 0, 7, 0, 0, 0}, name...)
	b = append(binary.LittleEndian.AppendUint16(b, handle), 0)
	if argument == "" {
		return b
	}
	b = append(b, 0, 10, 0, 0, 0)
	return append(b, pad10(argument)...)
}

func pad10(s string) []byte { return append([]byte(s), make([]byte, 10-len(s))...) }

// open opens a channel and returns its handle.
func (c *client) open(name, argument string) uint16 {
	c.t.Helper()
	c.next++
	c.send(0, openBody(name, c.next, argument))
	ack := c.want(0)
	if hex.EncodeToString(ack[:8]) != "cdab020004000000" || binary.LittleEndian.Uint16(ack[8:]) != c.next {
		c.t.Fatalf("open %s: % x", name, ack)
	}
	return c.next
}

// ask sends a JSON request and returns the answer; more are pairs of key and value.
func (c *client) ask(handle uint16, message string, more ...any) map[string]any {
	c.t.Helper()
	c.tell(handle, message, more...)
	var out map[string]any
	if body := c.want(handle); json.Unmarshal(body, &out) != nil {
		c.t.Fatalf("%s answered %q", message, body)
	}
	return out
}

func (c *client) tell(handle uint16, message string, more ...any) {
	c.t.Helper()
	in := map[string]any{"message": message, "message-type": "request", "message-id": 7}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	b, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(handle, b)
}

// code is the response-code of an answer.
func code(m map[string]any) int {
	n, _ := m["response-code"].(float64)
	return int(n)
}

// login logs in with a token and wants it to work.
func (c *client) login(token string) {
	c.t.Helper()
	if m := c.ask(c.open("UAUT", ""), "access", "user-token", token); code(m) != 200 || m["response-string"] != "Access Granted" {
		c.t.Fatalf("access answered %v", m)
	}
}

// packet is a CTP packet as the test sees it.
type packet struct {
	flags    byte
	id       uint16
	seq, ack byte
	body     []byte
	from, to string
}

func (k packet) bytes() []byte {
	b := binary.BigEndian.AppendUint16([]byte{k.flags, 0x18}, k.id)
	b = append(b, k.seq, k.ack)
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.body)))
	b = append(b, k.body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(b, 0xff, 0xff, 0xff, 0xff)
	return append(append(b, pad10(k.from)...), pad10(k.to)...)
}

func (c *client) wantPacket(handle uint16) packet {
	c.t.Helper()
	b := c.want(handle)
	if len(b) < 32 || b[1] != 0x18 || len(b)%4 != 0 {
		c.t.Fatalf("no packet: % x", b)
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	text := func(b []byte) string { return strings.TrimRight(string(b), "\x00") }
	return packet{b[0], binary.BigEndian.Uint16(b[2:]), b[4], b[5], b[8 : 8+n], text(b[len(b)-20 : len(b)-10]), text(b[len(b)-10:])}
}

// registerPacket asks for the usual hour.
func registerPacket(id uint16, own, unit string) packet {
	body := append([]byte{0, 0x40, 0xac, 0x23}, pad10(own)...)
	return packet{flags: 0xc0, id: id, seq: 43, ack: 115, body: append(body, 0x10, 0x0e, 0), from: own, to: unit}
}

func doorPacket(id uint16, own, door string, output byte) packet {
	body := append(append([]byte{0, 0x2d}, pad10(door)...), output)
	return packet{flags: 0xc0, id: id, seq: 101, ack: 248, body: body, from: own, to: door}
}

// registered is a logged-in client whose CTPP is open; own is its address, and it holds the session.
func (r *rig) registered(token, own string) (*client, uint16) {
	r.t.Helper()
	c := r.dial()
	c.login(token)
	h := c.open("CTPP", own)
	c.send(h, registerPacket(0x5c8b, own, own[:8]).bytes())
	if k := c.wantPacket(h); k.flags != 0 || len(k.body) != 0 {
		r.t.Fatalf("no ack: %+v", k)
	}
	if k := c.wantPacket(h); k.flags != 0x60 || len(k.body) != 16 || k.body[1] != 0x41 {
		r.t.Fatalf("no answer: %+v", k)
	}
	c.send(h, packet{flags: 0x20, id: 0x5c8b, from: own, to: own[:8]}.bytes())
	return c, h
}

// released wants an ack and a RELEASE with a cause.
func (c *client) released(handle uint16, cause byte) {
	c.t.Helper()
	if k := c.wantPacket(handle); k.flags != 0 || len(k.body) != 0 {
		c.t.Fatalf("no ack: %+v", k)
	}
	if k := c.wantPacket(handle); k.flags != 0x60 || string(k.body) != string([]byte{0, 0x0e, cause}) {
		c.t.Fatalf("no RELEASE %d: %+v", cause, k)
	}
}

// opened says which doors opened, in order.
func (r *rig) opened() string {
	var all []string
	for _, e := range r.panel.DoorLog() {
		if e.Granted {
			all = append(all, e.Door)
		}
	}
	return strings.Join(all, " ")
}

// answer is what a page said; cut means the connection was broken instead.
type answer struct {
	status int
	body   string
	header http.Header
	cut    bool
}

// web does one request from an address; header is pairs of key and value.
func (r *rig) web(method, target, body string, header ...string) (a answer) {
	r.t.Helper()
	req := httptest.NewRequestWithContext(r.t.Context(), method, "http://panel.example"+target, strings.NewReader(body))
	req.RemoteAddr = "192.0.2.7:40000"
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "From-Address" {
			req.RemoteAddr = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	defer func() {
		if x := recover(); x != nil {
			if x != http.ErrAbortHandler { //nolint:errorlint // a value that was thrown, not wrapped
				panic(x)
			}
			a = answer{cut: true}
		}
	}()
	r.panel.Web().ServeHTTP(w, req)
	return answer{status: w.Code, body: w.Body.String(), header: w.Header()}
}

// installer logs in on the web side.
func (r *rig) installer() {
	r.t.Helper()
	if a := r.web("POST", "/do-login.html", "l-pwd=comelit"); a.status != 200 || !strings.Contains(a.body, "Access granted") {
		r.t.Fatalf("login answered %d %s", a.status, a.body)
	}
}

const usersPage = "http://panel.example/users.html"

// set writes a field and says whether the page did not complain.
func (r *rig) set(key, value string) bool {
	r.t.Helper()
	a := r.web("POST", "/update.html?mspUsersMap_."+key+"="+value, "", "Referer", usersPage)
	if a.status != 200 {
		r.t.Fatalf("%s: %d", key, a.status)
	}
	return !strings.Contains(a.body, "Invalid request")
}

func data(t testing.TB, name string, to any) {
	t.Helper()
	b, err := fs.ReadFile(testdata.Dir("comelit"), name)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// slotOf is one slot as it stands.
func (r *rig) slotOf(unit, slot int) comelitsim.Slot {
	r.t.Helper()
	for _, s := range r.panel.Users(true) {
		if s.Unit == unit && s.Slot == slot {
			return s
		}
	}
	r.t.Fatalf("no slot %d.%d", unit, slot)
	return comelitsim.Slot{}
}

// dialDeaf is a client that never reads.
func (r *rig) dialDeaf() *client {
	r.t.Helper()
	near, far := net.Pipe()
	r.l.conns <- far
	r.t.Cleanup(func() { near.Close() })
	return &client{t: r.t, nc: near}
}
