package comelit_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// iconaFrame is a frame of the bridge, typed from §1.1.
func iconaFrame(handle uint16, body []byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0, 6}, uint16(len(body)))
	b = append(binary.LittleEndian.AppendUint16(b, handle), 0, 0)
	return append(b, body...)
}

// obliging is a bridge that opens every channel, and answers JSON and packets as a test wishes.
type obliging struct {
	json   func(message, id string) string // the whole answer
	packet func(body []byte) [][]byte
	times  int // how often each answer is sent; 0: once
}

func (o obliging) serve(c net.Conn) {
	for {
		var h [8]byte
		if _, err := io.ReadFull(c, h[:]); err != nil {
			return
		}
		handle, body := binary.LittleEndian.Uint16(h[4:]), make([]byte, binary.LittleEndian.Uint16(h[2:]))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		var out [][]byte
		switch {
		case handle == 0 && len(body) >= 14 && body[0] == 0xcd && body[2] == 1:
			out = [][]byte{{0xcd, 0xab, 2, 0, 4, 0, 0, 0, body[12], body[13], 0, 0}}
		case handle == 0:
			continue
		case len(body) > 0 && body[0] == '{':
			m := regexp.MustCompile(`"message":"([^"]*)".*`).FindSubmatch(body)
			id := regexp.MustCompile(`"message-id":(-?\d+)`).FindSubmatch(body)
			out = [][]byte{[]byte(o.json(string(m[1]), string(id[1])))}
		case o.packet != nil:
			out = o.packet(body)
		}
		for range max(o.times, 1) {
			for _, b := range out {
				if _, err := c.Write(iconaFrame(handle, b)); err != nil {
					return
				}
			}
		}
	}
}

// well is the answer of a bridge that is well, with more fields.
func well(message, id, more string) string {
	return `{"message":"` + message + `","message-type":"response","message-id":` + id + `,"response-code":200,"response-string":"OK"` + more + `}`
}

// slotView is get-configuration's answer with these doors (§1.4).
func slotView(doors string) string {
	return `,"viper-server":{"local-tcp-port":64100},"vip":{"enabled":true,"apt-address":"SB000001","apt-subaddress":15,"user-parameters":{"opendoor-address-book":[` + doors + `]}}`
}

const oneDoor = `{"id":0,"name":"Main","apt-address":"SB100001","output-index":1,"secure-mode":false}`

func configured(doors string) func(message, id string) string {
	return func(message, id string) string {
		if message == "get-configuration" {
			return well(message, id, slotView(doors))
		}
		return well(message, id, `,"model":"MSVF","version":"2.1.0"`)
	}
}

// forever writes the same for as long as anybody listens, and says nothing else.
func forever(b []byte) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

// illBridges are bridges that are meant ill; none of them ever opens a door.
func illBridges() map[string]func(net.Conn) {
	say := func(b []byte) func(net.Conn) {
		return func(c net.Conn) {
			if _, err := c.Write(b); err == nil {
				_, _ = io.Copy(io.Discard, c) // until the driver has had enough
			}
		}
	}
	always := func(text string) func(net.Conn) {
		return obliging{json: func(string, string) string { return text }}.serve
	}
	doors := make([]string, 300)
	for i := range doors {
		doors[i] = fmt.Sprintf(`{"id":0,"name":"Door %d","apt-address":"SB%06d","output-index":1}`, i, i)
	}
	ack := func(body []byte) []byte { // of the client's connection, with a sequence of ours (§1.5)
		return append([]byte{0, 0x18, body[2] ^ 0x80, body[3], 9, body[4] + 1, 0, 0, 255, 255, 255, 255}, make([]byte, 20)...)
	}
	return map[string]func(net.Conn){
		"silent": say(nil), "closes at once": func(net.Conn) {}, "zeros without end": forever(make([]byte, 1<<16)),
		"frames of nothing without end": forever(iconaFrame(0, nil)), "a frame of no end": say([]byte{0, 6, 0xff, 0xff, 0, 0, 0, 0, 'x'}),
		"another protocol":            say([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")),
		"channels opened without end": forever(iconaFrame(0, append([]byte{0xcd, 0xab, 1, 0, 7, 0, 0, 0}, "RTPC\x01\x50\x01"...))),
		"close-acks without end":      forever(iconaFrame(0, []byte{0xef, 1, 4, 0, 4, 0, 0, 0, 1, 2, 0, 0})),
		"JSON on no channel":          forever(iconaFrame(0x7777, []byte(`{"message":"access","message-id":1,"response-code":200}`))),
		"an echo":                     func(c net.Conn) { _, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) }, // no pipe of the system's
		"JSON of brackets":            always(strings.Repeat("[", 60_000)),
		"JSON of objects":             always(strings.Repeat(`{"a":`, 12_000)),
		"JSON of wrong types":         always(`{"message":7,"message-type":[],"message-id":{},"response-code":"yes"}`),
		"JSON of no end":              always(`{"message":"access","x":"` + strings.Repeat("x", 65_000)),
		"always another id":           always(`{"message":"access","message-type":"response","message-id":-1,"response-code":200}`),
		"a refusal of escapes": obliging{json: func(m, id string) string {
			return `{"message":"` + m + `","message-type":"response","message-id":` + id + `,"response-code":401,"response-string":"\u001b[2J\r\n\u0000"}`
		}}.serve,
		"a code of no number": obliging{json: func(m, id string) string {
			return `{"message":"` + m + `","message-type":"response","message-id":` + id + `,"response-code":1e99}`
		}}.serve,
		"no door":                  obliging{json: configured("")}.serve,
		"doors of wrong types":     obliging{json: configured(`{"id":"x","name":7,"apt-address":[],"output-index":"one"}`)}.serve,
		"a door of an odd address": obliging{json: configured(`{"name":"\u001b[2J\u0000","apt-address":"SB\u0000\"' 100001 and more","output-index":99999}`)}.serve,
		"more doors than fit":      obliging{json: configured(strings.Join(doors, ","))}.serve,
		"packets are not answered": obliging{json: configured(oneDoor)}.serve,
		"packets come back":        obliging{json: configured(oneDoor), packet: func(b []byte) [][]byte { return [][]byte{b} }}.serve,
		"packets of no form":       obliging{json: configured(oneDoor), packet: func([]byte) [][]byte { return [][]byte{{}, {0}, make([]byte, 31), make([]byte, 5000)} }}.serve,
		"acknowledged, no more":    obliging{json: configured(oneDoor), packet: func(b []byte) [][]byte { return [][]byte{ack(b)} }}.serve,
		"acknowledged for ever":    obliging{json: configured(oneDoor), times: 5000, packet: func(b []byte) [][]byte { return [][]byte{ack(b)} }}.serve,
		"everything a hundredfold": obliging{json: configured(oneDoor), times: 100}.serve,
	}
}

// Not parallel: it counts goroutines and descriptors. A bridge that is meant ill neither crashes nor blocks the driver,
// leaves nothing behind, and no door passes for open.
func TestIllBridges(t *testing.T) {
	ill := illBridges()
	drivertest.Alone(t, slices.Sorted(maps.Keys(ill)), func(t *testing.T, name string) {
		sim, err := comelitsim.New(comelitsim.Options{Password: installer})
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(sim.Web())
		defer web.Close()
		bridge := drivertest.ServeTCP(t, ill[name])
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			to := web.Listener.Addr().String()
			switch {
			case network == "udp":
				return nil, &net.OpError{Op: "dial", Net: "udp", Err: net.ErrClosed}
			case strings.HasSuffix(address, ":64100"):
				to = bridge
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		}
		cfg := driver.Config{ID: "gate-1", Host: "192.0.2.10", Password: access.NewSecret(installer), Token: access.NewSecret(gateToken), Pace: -1, Timeout: 150 * time.Millisecond}
		p, err := comelit.New(cfg, driver.Deps{Now: time.Now, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		askIll(t, p)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		cfg.Timeout = 0 // the pages are well, and have time
		if p, err = comelit.New(cfg, driver.Deps{Now: time.Now, Dial: dial}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.List(t.Context()); err != nil {
			t.Errorf("the pages are well, and the list is %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func askIll(t *testing.T, p driver.Panel) {
	t.Helper()
	began := time.Now()
	_, _, err := p.Probe(t.Context())
	d, ok := p.(driver.DoorReleaser)
	errs := []error{err}
	if ok {
		err := d.Release(t.Context(), "A")
		if errs = append(errs, err); err == nil {
			t.Error("a door passes for open")
		}
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		text := err.Error() + fault.RemedyOf(err)
		if fault.KindOf(err) == fault.Internal || strings.Contains(text, gateToken) || strings.ContainsAny(text, "\x1b\x00\r\n") {
			t.Errorf("%q is %v", text, fault.KindOf(err))
		}
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}
