package icona

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"
)

// DiscoverPort is where devices answer INFO by UDP (§2) [T].
const DiscoverPort = 24199

// Device is what a device says of itself to whoever asks by UDP. Texts are as the device wrote them, cleaned for display.
type Device struct {
	Address     string // ViP address
	MAC         string // "00:25:29:0A:02:03"
	Firmware    string // as text
	Description string
	Model       string // model id: MSVF, ExtS, Extd, … (§2)
}

// ErrInfo says that a datagram is no answer to INFO.
var ErrInfo = errors.New("not an answer to INFO")

const infoSize = 160

// infoRequest is INFO for one device (§2). SCAN, its broadcast, is not offered.
func infoRequest() []byte { return []byte("INFO\x00\x00\x00\x00\x00\x00\x00\x00") }

// ParseInfo reads the answer to INFO (§2) [R]; bytes with an unknown meaning are passed over.
func ParseInfo(b []byte) (Device, error) {
	if len(b) < infoSize || string(b[:4]) != "info" {
		return Device{}, ErrInfo
	}
	return Device{
		Address: field(b[4:14]), MAC: mac(b[14:20]), Firmware: field(b[32:112]), Description: field(b[116:152]), Model: field(b[156:160]),
	}, nil
}

// mac writes a hardware address, "" for none.
func mac(b []byte) string {
	if len(b) != 6 || string(b) == "\x00\x00\x00\x00\x00\x00" {
		return ""
	}
	return strings.ToUpper(net.HardwareAddr(b).String())
}

// MACOf takes a serial code of twelve hexadecimal digits with the vendor's prefix 00:25:29 for a MAC; "" for any other.
// That it is one is inferred [I].
func MACOf(serial string) string {
	b, err := hex.DecodeString(serial)
	if err != nil || !strings.HasPrefix(string(b), "\x00\x25\x29") {
		return ""
	}
	return mac(b)
}

// field is a text padded with NUL, without what could steer a terminal.
func field(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return clean(text)
}

// Discover asks the device at the other end of a UDP connection, up to three times, and reads its answer. The caller
// closes conn. It ends with ctx.
func Discover(ctx context.Context, conn net.Conn) (Device, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // Read returns at once
	defer stop()
	b := make([]byte, 512)
	err := ErrInfo
	for range 3 {
		if _, err = conn.Write(infoRequest()); err != nil {
			continue
		}
		for until := time.Now().Add(time.Second); err == nil && ctx.Err() == nil; {
			_ = conn.SetReadDeadline(until) // one that cannot be set shows in Read
			var n int
			if n, err = conn.Read(b); err == nil {
				if d, bad := ParseInfo(b[:n]); bad == nil {
					return d, nil
				}
			}
		}
	}
	if ctx.Err() != nil {
		return Device{}, ctx.Err()
	}
	return Device{}, err
}
