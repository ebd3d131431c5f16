package serialport

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dev makes a folder like /dev, with links below its folder serial.
func dev(t *testing.T, nodes []string, links map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nodes {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range links {
		name = filepath.Join(root, "serial", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../"+to, name); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestListPrefersNamesThatLast(t *testing.T) {
	t.Parallel()
	root := dev(t, []string{"ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyUSB10", "ttyACM0", "ttyAMA0", "ttyS0", "ttyS1", "tty1", "null"}, map[string]string{
		"by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0": "ttyUSB1",
		"by-path/pci-0000:00:14.0-usb-0:1:1.0-port0":         "ttyUSB1",
		"by-path/pci-0000:00:14.0-usb-0:2:1.0-port0":         "ttyUSB0", // a CH340: no name by id
		"by-id/usb-pulled-out":                               "ttyUSB7",
	})
	got, err := List(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []Candidate{
		{"/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", "/ttyUSB1"},
		{"/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", "/ttyUSB0"},
		{"/ttyUSB2", "/ttyUSB2"}, {"/ttyUSB10", "/ttyUSB10"},
		{"/ttyACM0", "/ttyACM0"}, {"/ttyAMA0", "/ttyAMA0"}, {"/ttyS0", "/ttyS0"}, {"/ttyS1", "/ttyS1"},
	}
	for i := range want {
		want[i] = Candidate{root + want[i].Name, root + want[i].Device}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	if got, err := List(t.TempDir()); len(got) != 0 || err != nil {
		t.Errorf("%v %v", got, err)
	}
	_, err := List(filepath.Join(t.TempDir(), "gone"))
	wantKind(t, err, nil)
}
