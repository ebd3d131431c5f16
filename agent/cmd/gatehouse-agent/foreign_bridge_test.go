package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/agent"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

const foreignToken = "89abcdef0123456789abcdef01234567"

// otherBridge is an ICONA bridge written from the fact sheet alone (comelit.md §1), by another hand than the simulator's
// and the driver's: an apartment of digits, a slot of two digits, its own order of keys, bytes in pieces or in heaps.
type otherBridge struct {
	pieces bool // a byte at a time; else answers of one request leave together
	acks   bool // an acknowledgement of its own goes before every answer

	mu     sync.Mutex
	opened []string
	wrong  []string
}

func (b *otherBridge) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
}

// talk is one connection of it.
type talk struct {
	b        *otherBridge
	c        net.Conn
	channels map[uint16]string
	in       bool
	out      []byte
}

func (b *otherBridge) serve(c net.Conn) {
	t := &talk{b: b, c: c, channels: map[uint16]string{}}
	for {
		var h [8]byte
		if _, err := io.ReadFull(c, h[:]); err != nil {
			return
		}
		if h[0] != 0 || h[1] != 6 || h[6] != 0 || h[7] != 0 {
			b.note("header % x", h)
			return
		}
		body := make([]byte, int(h[2])|int(h[3])<<8)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		handle := uint16(h[4]) | uint16(h[5])<<8
		switch {
		case handle == 0:
			t.manage(body)
		case t.channels[handle] == "CTPP":
			t.packet(handle, body)
		default:
			t.message(handle, body)
		}
		if !t.flush() {
			return
		}
	}
}

func (t *talk) say(handle uint16, body []byte) {
	t.out = append(t.out, 0, 6, byte(len(body)), byte(len(body)>>8), byte(handle), byte(handle>>8), 0, 0)
	t.out = append(t.out, body...)
}

func (t *talk) flush() bool {
	step := max(len(t.out), 1)
	if t.b.pieces {
		step = 1
	}
	for part := range slices.Chunk(t.out, step) {
		if _, err := t.c.Write(part); err != nil {
			return false
		}
	}
	t.out = nil
	return true
}

// manage opens and closes channels (§1.2).
func (t *talk) manage(b []byte) {
	switch {
	case len(b) >= 15 && b[0] == 0xcd && b[1] == 0xab && b[2] == 1 && b[3] == 0:
		name, handle := string(b[8:12]), uint16(b[12])|uint16(b[13])<<8
		if name == "CTPP" && (!t.in || len(b) < 30 || b[16] != 10 || string(b[20:30]) != "0000040315") {
			t.b.note("CTPP opened with % x", b)
			return
		}
		if name == "FACT" {
			t.b.note("FACT must never be opened")
		}
		t.channels[handle] = name
		t.say(0, []byte{0xcd, 0xab, 2, 0, 4, 0, 0, 0, b[12], b[13], 0, 0})
	case len(b) >= 4 && b[0] == 0xef && b[1] == 1 && b[2] == 3:
		t.say(0, append([]byte{0xef, 1, 4, 0, 2, 0, 0, 0}, append(b[8:], 0, 0)[:2]...)) // the form with 2
	}
}

// message answers JSON (§1.4).
func (t *talk) message(handle uint16, b []byte) {
	var m map[string]any
	if err := json.Unmarshal([]byte(strings.TrimRight(string(b), "\x00\n")), &m); err != nil || m["message-type"] != "request" {
		t.b.note("%q on %s", b, t.channels[handle])
		return
	}
	more, code, words := "", 200, "OK"
	switch t.channels[handle] + " " + fmt.Sprint(m["message"]) {
	case "UAUT access":
		if t.in = m["user-token"] == foreignToken; !t.in {
			code, words = 17, "No"
		} else {
			words = "Access Granted"
		}
	case "INFO server-info":
		more = `, "rtsp-over-viper-channel" : {"x":[]}, "serial-code":"002529aabbcc" , "model":"ExtS","version" : "3.0.1"`
	case "UCFG get-configuration":
		if !t.in {
			code = 18
			break
		}
		more = `,"vip" :{"apt-subaddress":15,"new":null,"user-parameters":{"opendoor-actions":[{"action":"peer","apt-address":"","id":0,"output-index":1}],` +
			`"additional-actuator":{},"opendoor-address-book":[{"secure-mode":true,"output-index":1,"apt-address":"00000643","name":"Haustür","id":0},` +
			`{"output-index":2,"id":0,"apt-address":"00000643","name":"Hof"}],"actuator-address-book":[],"forced":true},"enabled":true,"apt-address":"00000403"},"sbc":{"pm-always-on":false}`
	default:
		t.b.note("%v on %s", m["message"], t.channels[handle])
		return
	}
	t.say(handle, []byte(`{"message-type":"notification","message":"rcg-detected-image","notification-code":200}`)) // nobody asked
	t.say(handle, fmt.Appendf(nil, "{\n  \"response-string\":%q,\"response-code\" : %d,\"message-id\":%v%s,\n\"message-type\":\"response\",\"message\":%q}\n", words, code, m["message-id"], more, m["message"]))
}

// packet answers a registration and a door (§1.5).
func (t *talk) packet(handle uint16, b []byte) {
	if len(b) < 32 || b[1] != 0x18 || len(b)%4 != 0 {
		t.b.note("packet % x", b)
		return
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	from, to := b[len(b)-20:len(b)-10], b[len(b)-10:]
	if b[0] != 0xc0 {
		return // an acknowledgement or a FIN of its own
	}
	var answer []byte
	body := b[8 : 8+n]
	switch {
	case n == 17 && body[1] == 0x40 && string(body[4:14]) == "0000040315" && string(from) == "0000040315":
		answer = append([]byte{0, 0x41, body[2], body[3]}, make([]byte, 12)...)
	case n == 13 && body[1] == 0x2d && string(body[2:10]) == "00000643" && string(to[:8]) == "00000643" && string(from) == "0000040315":
		t.b.mu.Lock()
		t.b.opened = append(t.b.opened, fmt.Sprintf("%s/%d", body[2:10], body[12]))
		t.b.mu.Unlock()
		answer = []byte{0, 0x0e, 0}
	default:
		t.b.note("packet % x", b)
		return
	}
	reply := func(flags byte, seq byte, body []byte) {
		k := []byte{flags, 0x18, b[2] ^ 0x80, b[3], seq, b[4] + 1, byte(len(body) >> 8), byte(len(body))}
		k = append(k, body...)
		for len(k)%4 != 0 {
			k = append(k, 0)
		}
		k = append(k, 255, 255, 255, 255)
		t.say(handle, append(append(k, to...), from...))
	}
	if t.b.acks {
		reply(0, 200, nil)
	}
	reply(0x60, 200, answer)
}

// A door is opened once through any bridge that speaks the documented bytes; its token is shown nowhere.
func TestDeviceOpenThroughABridgeOfAnotherHand(t *testing.T) {
	t.Parallel()
	for _, b := range []*otherBridge{{}, {pieces: true}, {acks: true}, {pieces: true, acks: true}} {
		t.Run(fmt.Sprintf("pieces %t acks %t", b.pieces, b.acks), func(t *testing.T) {
			t.Parallel()
			host, port, err := net.SplitHostPort(drivertest.ServeTCP(t, b.serve))
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"--json", "--kind", "comelit", "--host", host, "--icona-port", port, "--pace", "0s", "--timeout", "10s", "--token-file", passwordFile(t, foreignToken+"\n")}
			want, doors := cli.Done, "00000643/1 00000643/2"
			if !bridged() {
				want, doors = cli.Unsupported, ""
			}
			for _, door := range []string{"A", "Hof"} {
				o := device(t, "", append([]string{"open", "--door", door}, args...)...)
				if o.code != want || strings.Contains(o.stdout+o.stderr, foreignToken) {
					t.Errorf("%s: exit %d %s%s", door, o.code, o.stdout, o.stderr)
				}
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if got := strings.Join(b.opened, " "); got != doors || len(b.wrong) > 0 {
				t.Errorf("opened %q; no device would take these: %v", got, b.wrong)
			}
		})
	}
}

// bridged says whether this build opens Comelit doors.
func bridged() bool {
	for _, k := range agent.Kinds() {
		if k.Name != "comelit" {
			continue
		}
		p, err := k.New(driver.Config{Host: "192.0.2.1", Token: access.NewSecret(foreignToken)}, driver.Deps{})
		_, opens := p.(driver.DoorReleaser)
		return err == nil && opens
	}
	return false
}
