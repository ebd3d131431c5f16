package serialport

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Address says where a line is and how a serial port is set. Either Host or Device is given.
type Address struct {
	Host string // host:port of a device server that hands bytes through unchanged; "" for a serial port

	Device string // path of the port, better one below /dev/serial/by-id: numbers change when plugs are pulled
	Baud   int    // bits a second, one of speeds
	Parity byte   // 'N', 'E' or 'O'
	Bits   int    // 5 to 8
	Stop   int    // 1 or 2
}

// speeds are those tarm/serial can set (encoders.md §8).
var speeds = []int{
	50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 576000,
	921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
}

// At is the address of a device with the settings most encoders come with: 9600 baud, 8N1.
func At(device string) Address {
	return Address{Device: device, Baud: 9600, Parity: 'N', Bits: 8, Stop: 1}
}

const addressForms = "Write tcp://HOST:PORT or serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1."

func wrong(text, format string, args ...any) error {
	return &Error{Op: "read", Line: strconv.Quote(text), Kind: ErrAddress, Cause: fmt.Errorf(format, args...), Remedy: addressForms}
}

// ParseAddress reads tcp://HOST:PORT or serial:///DEVICE?baud=…&parity=…&bits=…&stop=…, where what
// is not said is as in At. It is strict: a setting it does not know is an error of kind
// ErrAddress, not a port at the wrong speed.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	switch {
	case len(text) > 1<<10:
		return Address{}, wrong(text[:40]+"…", "it is longer than 1024 bytes")
	case err != nil:
		return Address{}, wrong(text, "it is no URL")
	case u.User != nil || u.Fragment != "" || u.Opaque != "" || strings.HasSuffix(text, "#"):
		return Address{}, wrong(text, "it has parts that a line does not have")
	}
	var a Address
	switch u.Scheme {
	case "tcp":
		a, err = parseTCP(text, u)
	case "serial":
		a, err = parseSerial(text, u)
	default:
		err = wrong(text, "it begins neither with tcp:// nor with serial://")
	}
	if err != nil {
		return Address{}, err
	}
	return a, a.Check()
}

func parseTCP(text string, u *url.URL) (Address, error) {
	if u.Path != "" || u.RawQuery != "" || u.ForceQuery {
		return Address{}, wrong(text, "nothing may follow the port number")
	}
	return Address{Host: u.Host}, nil
}

func parseSerial(text string, u *url.URL) (Address, error) {
	if u.Host != "" {
		return Address{}, wrong(text, "serial: is followed by three slashes, serial:///dev/…")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, wrong(text, "what follows the ? cannot be read")
	}
	a := At(u.Path)
	for key, values := range query {
		if len(values) != 1 {
			return Address{}, wrong(text, "%s is given %d times", key, len(values))
		}
		if err := a.set(key, values[0]); err != nil {
			return Address{}, wrong(text, "%w", err)
		}
	}
	return a, nil
}

func (a *Address) set(key, value string) error {
	number := map[string]*int{"baud": &a.Baud, "bits": &a.Bits, "stop": &a.Stop}[key]
	switch {
	case number != nil:
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("%s=%s is no number", key, value)
		}
		*number = int(n)
	case key != "parity":
		return fmt.Errorf("there is no setting %s; there are baud, parity, bits and stop", key)
	case len(value) != 1:
		return fmt.Errorf("parity=%s is none of N, E and O", value)
	default:
		a.Parity = value[0]
	}
	return nil
}

// Check says what is wrong with a, in an error of kind ErrAddress.
func (a Address) Check() error {
	if a.Host != "" {
		return a.checkTCP()
	}
	text := a.String()
	switch {
	case !path.IsAbs(a.Device) || path.Clean(a.Device) != a.Device || a.Device == "/":
		return wrong(text, "%q is no plain path from the root, such as /dev/ttyUSB0", a.Device)
	case strings.ContainsRune(a.Device, 0):
		return wrong(text, "the path holds a zero byte")
	case !slices.Contains(speeds, a.Baud):
		return wrong(text, "%d baud cannot be set; common are 300, 1200, 2400, 4800, 9600, 19200, 38400, 57600 and 115200", a.Baud)
	case a.Parity != 'N' && a.Parity != 'E' && a.Parity != 'O':
		return wrong(text, "parity is N, E or O; mark and space cannot be set")
	case a.Bits < 5 || a.Bits > 8:
		return wrong(text, "a byte has 5 to 8 bits, not %d", a.Bits)
	case a.Stop != 1 && a.Stop != 2:
		return wrong(text, "there are 1 or 2 stop bits, not %d", a.Stop)
	}
	return nil
}

func (a Address) checkTCP() error {
	text := a.String()
	host, port, err := net.SplitHostPort(a.Host)
	if err != nil {
		return wrong(text, "host and port are not both there")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case host == "" || strings.ContainsAny(host, " /?#@\\%"):
		return wrong(text, "%q is no host", host)
	case err != nil || n == 0 || strconv.FormatUint(n, 10) != port:
		return wrong(text, "%q is no port from 1 to 65535", port)
	}
	return nil
}

// String is the address in full; ParseAddress reads it back.
func (a Address) String() string {
	if a.Host != "" {
		return "tcp://" + a.Host
	}
	u := url.URL{Scheme: "serial", Path: a.Device}
	return fmt.Sprintf("serial://%s?baud=%d&parity=%c&bits=%d&stop=%d", u.EscapedPath(), a.Baud, a.Parity, a.Bits, a.Stop)
}

// name is the address without settings, for errors.
func (a Address) name() string {
	if a.Host != "" {
		return a.String()
	}
	return a.Device
}

// SendTime is how long n bytes are on the line: with start, parity and stop bits, 33 ms for one at
// 300 baud. 0 over TCP, whose far end does not say how fast it is.
func (a Address) SendTime(n int) time.Duration {
	if a.Host != "" || a.Baud <= 0 {
		return 0
	}
	bits := 1 + a.Bits + a.Stop
	if a.Parity != 'N' {
		bits++
	}
	return time.Duration(n) * time.Duration(bits) * time.Second / time.Duration(a.Baud)
}
