package serialport

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	const byID = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
	const byPath = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0"
	for text, want := range map[string]Address{
		"tcp://192.0.2.7:9761":                                   {Host: "192.0.2.7:9761"},
		"tcp://[2001:db8::7]:1":                                  {Host: "[2001:db8::7]:1"},
		"tcp://encoder.example:65535":                            {Host: "encoder.example:65535"},
		"serial:///dev/ttyUSB0":                                  {"", "/dev/ttyUSB0", 9600, 'N', 8, 1},
		"serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1": {"", "/dev/ttyUSB0", 9600, 'N', 8, 1},
		"serial:///dev/ttyS3?stop=2&bits=7&parity=E&baud=300":    {"", "/dev/ttyS3", 300, 'E', 7, 2},
		"serial://" + byID + "?baud=115200":                      {"", byID, 115200, 'N', 8, 1},
		"serial://" + byPath + "?parity=O":                       {"", byPath, 9600, 'O', 8, 1},
		"serial:///dev/serial/by-id/usb-x%5Cx20y":                {"", `/dev/serial/by-id/usb-x\x20y`, 9600, 'N', 8, 1},
	} {
		got, err := ParseAddress(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
		if again, err := ParseAddress(got.String()); again != got || err != nil {
			t.Errorf("%s is written %s and read %+v %v", text, got, again, err)
		}
	}
	if got := At("/dev/ttyUSB0").String(); got != "serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1" {
		t.Error(got)
	}
}

func TestParseAddressSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                    "neither",
		"/dev/ttyUSB0":                        "neither",
		"http://192.0.2.7:80":                 "neither",
		"serial:/%zz":                         "no URL",
		"serial:dev/ttyUSB0":                  "parts that a line does not have",
		"serial://dev/ttyUSB0":                "three slashes",
		"serial://":                           "no plain path",
		"serial:///":                          "no plain path",
		"serial:///dev/../etc/passwd":         "no plain path",
		"serial:///dev/ttyUSB0/":              "no plain path",
		"serial:///dev/tty%00":                "zero byte",
		"serial:///dev/ttyUSB0#1":             "parts that a line does not have",
		"serial:///dev/ttyUSB0?baud=9601":     "9601 baud cannot be set",
		"serial:///dev/ttyUSB0?baud=0":        "0 baud",
		"serial:///dev/ttyUSB0?baud=-300":     "no number",
		"serial:///dev/ttyUSB0?baud=fast":     "no number",
		"serial:///dev/ttyUSB0?parity=n":      "N, E or O",
		"serial:///dev/ttyUSB0?parity=M":      "mark and space cannot be set",
		"serial:///dev/ttyUSB0?parity=none":   "none of N, E and O",
		"serial:///dev/ttyUSB0?bits=9":        "5 to 8 bits",
		"serial:///dev/ttyUSB0?stop=1.5":      "no number",
		"serial:///dev/ttyUSB0?stop=3":        "1 or 2 stop bits",
		"serial:///dev/ttyUSB0?speed=9600":    "no setting speed",
		"serial:///dev/ttyUSB0?Baud=9600":     "no setting Baud",
		"serial:///dev/ttyUSB0?bits=8&bits=7": "2 times",
		"serial:///dev/ttyUSB0?%":             "cannot be read",
		"tcp://192.0.2.7":                     "not both",
		"tcp://:9761":                         "no host",
		"tcp://192.0.2.7:0":                   "no port",
		"tcp://192.0.2.7:65536":               "no port",
		"tcp://192.0.2.7:":                    "no port",
		"tcp://192.0.2.7:9761/":               "nothing may follow",
		"tcp://192.0.2.7:9761?baud=9600":      "nothing may follow",
		"tcp://me:secret@192.0.2.7:9761":      "parts that a line does not have",
		"tcp://" + strings.Repeat("a", 2000):  "longer",
	} {
		_, err := ParseAddress(text)
		wantKind(t, err, ErrAddress)
		var e *Error
		if errors.As(err, &e); !strings.Contains(err.Error(), says) || e.Remedy != addressForms {
			t.Errorf("%s: %v, want it to say %q", text, err, says)
		}
	}
	if _, err := Open(t.Context(), Address{Device: "/dev/ttyUSB0"}, Options{}); !errors.Is(err, ErrAddress) {
		t.Errorf("an address without settings was opened: %v", err)
	}
}

// One byte at 300 baud is 33 ms with 10 bits and 40 ms with 12.
func TestSendTime(t *testing.T) {
	t.Parallel()
	a := At("/dev/ttyUSB0")
	a.Baud = 300
	if got := a.SendTime(3); got != 100*time.Millisecond {
		t.Errorf("8N1: %s", got)
	}
	a.Parity, a.Stop = 'E', 2
	if got := a.SendTime(1); got != 40*time.Millisecond {
		t.Errorf("8E2: %s", got)
	}
	if got := (Address{Host: "192.0.2.7:1"}).SendTime(100); got != 0 {
		t.Errorf("TCP: %s", got)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"tcp://192.0.2.7:9761", "serial:///dev/ttyUSB0?baud=300&parity=E&bits=7&stop=2", "serial://x?%", "tcp://[::1]:7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := ParseAddress(a.String()); err != nil || again != a {
			t.Errorf("%q is %+v, written %s, read %+v %v", text, a, a, again, err)
		}
	})
}
