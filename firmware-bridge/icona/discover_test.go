package icona_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/firmware-bridge/icona"
)

type discovery struct {
	Info         string
	AnswerLength int
	Fields       []struct {
		Name, Text, Hex string
		From, To        int
	}
}

// infoAnswer is made by the table of §2, not by our own code.
func infoAnswer(t testing.TB) (v discovery, b []byte) {
	t.Helper()
	data(t, "discovery.json", &v)
	b = make([]byte, v.AnswerLength)
	for _, f := range v.Fields {
		if copy(b[f.From:f.To], f.Text) == 0 {
			copy(b[f.From:f.To], unhex(t, f.Hex))
		}
	}
	copy(b[32:], "ViP 2.1.0")
	copy(b[116:], "Main\x1bbuilding")
	b[19] = 0xab
	return v, b
}

func TestParseInfo(t *testing.T) {
	_, b := infoAnswer(t)
	d, err := icona.ParseInfo(b)
	want := icona.Device{Address: "SB000001", MAC: "00:25:29:00:00:AB", Firmware: "ViP 2.1.0", Description: "Main?building", Model: "Extd"}
	if err != nil || d != want {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range [][]byte{nil, b[:159], bytes.Replace(b, []byte("info"), []byte("here"), 1)} {
		if d, err := icona.ParseInfo(bad); !errors.Is(err, icona.ErrInfo) {
			t.Errorf("%d bytes give %+v, %v", len(bad), d, err)
		}
	}
}

func TestMACOfASerial(t *testing.T) {
	for serial, want := range map[string]string{
		"002529000001": "00:25:29:00:00:01", "0025290000": "", "112233445566": "", "00252900000102": "", "SN-4711": "", "": "",
	} {
		if got := icona.MACOf(serial); got != want {
			t.Errorf("%q gives %q", serial, got)
		}
	}
}

// The request is the 12 bytes of §2; a cut answer and a foreign datagram are passed over; silence is asked three times.
func TestDiscover(t *testing.T) {
	v, answer := infoAnswer(t)
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			b := make([]byte, 64)
			n, err := far.Read(b)
			if err != nil || !bytes.Equal(b[:n], unhex(t, v.Info)) {
				t.Errorf("asked % x, %v", b[:n], err)
			}
			for _, out := range [][]byte{answer[:100], []byte("here"), answer} {
				if _, err := far.Write(out); err != nil {
					t.Error(err)
				}
			}
		}()
		d, err := icona.Discover(t.Context(), near)
		if err != nil || d.Model != "Extd" {
			t.Errorf("%+v, %v", d, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		asked := make(chan int)
		go func() {
			b, n := make([]byte, 64), 0
			for _, err := far.Read(b); err == nil; _, err = far.Read(b) {
				n++
			}
			asked <- n
		}()
		begun := time.Now()
		_, err := icona.Discover(t.Context(), near)
		near.Close()
		if n := <-asked; err == nil || n != 3 || time.Since(begun) != 3*time.Second {
			t.Errorf("asked %d times in %s: %v", n, time.Since(begun), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := icona.Discover(ctx, near); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that ends gives %v", err)
		}
	})
}
