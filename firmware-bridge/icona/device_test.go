package icona_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/firmware-bridge/icona"
)

const token = "0123456789abcdef0123456789abcdef"

// houseJSON is the answer to get-configuration with the addresses of §1.5's captures.
const houseJSON = `{"message":"get-configuration","message-type":"response","message-id":%ID%,"response-code":200,"response-string":"OK",
"viper-client":{"description":"Gatehouse"},"vip":{"enabled":true,"apt-address":"SB000001","apt-subaddress":1,"logical-subaddress":1,
"apt-config":{"description":"Unit 101","call-divert-busy-en":false},"user-parameters":{"forced":false,"additional-actuator":{"a":1},
"opendoor-address-book":[{"id":0,"name":"Main entrance","apt-address":"SB100001","output-index":1,"secure-mode":false},
{"id":0,"name":"Bicycle\u001b[2J room","apt-address":"SB100001","output-index":2},{"id":0,"name":"Nowhere","apt-address":"","output-index":1}],
"actuator-address-book":[{"id":0,"name":"Garage","apt-address":"SBIO0255","module-index":255,"output-index":1}]}}}`

// device is a bridge written by hand: it answers JSON with canned texts and packets with what a test says.
type device struct {
	t    *testing.T
	conn net.Conn

	mu      sync.Mutex
	json    map[string]string // by message; %ID% is the request's; "" is silence
	packet  func(b []byte) [][]byte
	deaf    map[string]bool // channels that are not acknowledged
	opened  []string
	asked   []map[string]any
	packets [][]byte
	closes  [][]byte
	names   map[uint16]string
	ended   chan struct{}
}

// bubble runs a test with a session and its device in virtual time.
func bubble(t *testing.T, opt icona.Options, test func(t *testing.T, d *device, s *icona.Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		d := &device{
			t: t, conn: far, deaf: map[string]bool{}, names: map[uint16]string{}, ended: make(chan struct{}),
			packet: answers,
			json: map[string]string{
				"access":            ok("access", `"response-string":"Access Granted"`),
				"server-info":       ok("server-info", `"model":"MSVF","version":"2.1.0","serial-code":"00:25\u0007"`),
				"get-configuration": houseJSON,
				"user-activation":   ok("user-activation", `"user-token":"`+token+`"`),
			},
		}
		go d.run()
		s := icona.NewSession(near, opt)
		test(t, d, s)
		s.Close()
		far.Close()
		<-d.ended
	})
}

func ok(message, more string) string {
	return `{"message":"` + message + `","message-type":"response","message-id":%ID%,"response-code":200,` + more + `}`
}

func (d *device) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *device) send(handle uint16, body []byte) {
	b := binary.LittleEndian.AppendUint16([]byte{0, 6}, uint16(len(body)))
	b = append(binary.LittleEndian.AppendUint16(b, handle), 0, 0)
	d.conn.Write(append(b, body...)) //nolint:errcheck // a session that hung up shows elsewhere
}

// run reads until the connection ends.
func (d *device) run() {
	defer close(d.ended)
	for {
		var h [8]byte
		if _, err := io.ReadFull(d.conn, h[:]); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint16(h[2:]))
		if _, err := io.ReadFull(d.conn, body); err != nil {
			return
		}
		for _, out := range d.take(binary.LittleEndian.Uint16(h[4:]), body) {
			d.send(out.handle, out.body)
		}
	}
}

type reply struct {
	handle uint16
	body   []byte
}

func (d *device) take(handle uint16, body []byte) (out []reply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch name := d.names[handle]; {
	case handle == 0 && body[0] == 0xcd && body[2] == 1:
		name, h := string(body[8:12]), binary.LittleEndian.Uint16(body[12:])
		d.opened, d.names[h] = append(d.opened, name), name
		if !d.deaf[name] {
			out = append(out, reply{0, append([]byte{0xcd, 0xab, 2, 0, 4, 0, 0, 0}, body[12], body[13], 0, 0)})
		}
	case handle == 0:
		d.closes = append(d.closes, body)
	case name == "CTPP":
		d.packets = append(d.packets, body)
		for _, b := range d.packet(body) {
			out = append(out, reply{handle, b})
		}
	default:
		out = d.answer(handle, body)
	}
	return out
}

func (d *device) answer(handle uint16, body []byte) []reply {
	in := map[string]any{}
	if err := json.Unmarshal(body, &in); err != nil {
		d.t.Errorf("no JSON: %q", body)
	}
	d.asked = append(d.asked, in)
	text := d.json[fmt.Sprint(in["message"])]
	if text == "" {
		return nil
	}
	return []reply{{handle, []byte(strings.ReplaceAll(text, "%ID%", fmt.Sprint(in["message-id"])))}}
}

// ctpp is the handle of the packets' channel.
func (d *device) ctpp() uint16 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for h, name := range d.names {
		if name == "CTPP" {
			return h
		}
	}
	d.t.Fatal("no CTPP")
	return 0
}

// turned is a packet of the device's on the connection of one of the client's: bit 15 flipped, its addresses turned round.
func turned(b []byte, flags byte, seq byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{flags, 0x18}, binary.BigEndian.Uint16(b[2:])^0x8000)
	out = append(out, seq, b[4]+1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	out = append(out, body...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	out = append(out, 0xff, 0xff, 0xff, 0xff)
	return append(append(out, b[len(b)-10:]...), b[len(b)-20:len(b)-10]...)
}

// answers is a device that is well: it acknowledges an opening, then answers it (§1.5).
func answers(b []byte) [][]byte { return answersWith(0)(b) }

func answersWith(cause byte) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		if b[0] != 0xc0 {
			return nil
		}
		body := []byte{0, 0x0e, cause}
		if b[9] == 0x40 {
			body = append([]byte{0, 0x41, b[10], b[11]}, make([]byte, 12)...)
		}
		return [][]byte{turned(b, 0, 0x33, nil), turned(b, 0x60, 0x33, body)}
	}
}

// silent never answers a packet.
func silent([]byte) [][]byte { return nil }

// after waits in virtual time.
func after(d time.Duration) { <-time.After(d) }

// sent are the packets that came, in the order they came.
func (d *device) sent() [][]byte {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([][]byte{}, d.packets...)
}
