package comelit

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver"
)

// answerOf is the reply of §2, laid out by hand.
func answerOf(model string) []byte {
	b := make([]byte, 160)
	copy(b, "info")
	copy(b[14:], []byte{0x00, 0x25, 0x29, 0x0a, 0x0b, 0x0c})
	copy(b[32:], "ViP gateway 2.8.1")
	copy(b[116:], "Maple Court ")
	copy(b[156:], model)
	return b
}

func TestG8_InfoSaysWhatTheDeviceIs(t *testing.T) {
	t.Parallel()
	f := readInfo("10.0.0.5", answerOf("MnWi"))
	if f == nil || !f.Sure || f.Model != "6742W MnWi" || f.MAC != "00:25:29:0A:0B:0C" || f.Firmware != "ViP gateway 2.8.1" || f.What != "Comelit Maple Court" {
		t.Errorf("%+v", f)
	}
	if f := readInfo("10.0.0.5", answerOf("Newr")); f.Model != "Newr" {
		t.Errorf("an unknown model: %+v", f)
	}
	if f := readInfo("10.0.0.5", answerOf("HSrv")[:100]); f == nil || f.Sure || f.MAC != "" {
		t.Errorf("a short one: %+v", f)
	}
	for _, b := range []string{"", "inf", "here", "INFO\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if f := readInfo("10.0.0.5", []byte(b)); f != nil {
			t.Errorf("%q is taken for a device", b)
		}
	}
}

func FuzzInfo(f *testing.F) {
	f.Add(answerOf("MSVF"))
	f.Add([]byte("info"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d := readInfo("10.0.0.5", b); d != nil && !bytes.HasPrefix(b, []byte("info")) {
			t.Errorf("%q is taken for a device", b)
		}
	})
}

// TestG8_OnlyItsOwnRefusalIsADevicesPages: other web servers are none, and nobody is logged in.
func TestG8_OnlyItsOwnRefusalIsADevicesPages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{"LOGIN_IS_REQUIRED": true, "LOGIN_IS_REQUIRED\n": true, "<html>LOGIN_IS_REQUIRED": false, "": false} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				t.Errorf("it is asked by %s", r.Method)
			}
			_, _ = io.WriteString(w, body)
		}))
		host, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		f := findPages(t.Context(), host, port, driver.Deps{})
		if (f != nil) != want || want && (f.Address != srv.URL || !f.Sure || f.Remedy == "") {
			t.Errorf("%q: %+v", body, f)
		}
		srv.Close()
		if f := findPages(t.Context(), host, port, driver.Deps{}); f != nil {
			t.Errorf("nobody there: %+v", f)
		}
	}
}
