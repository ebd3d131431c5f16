package pty

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func plug(t *testing.T, link string) *End {
	t.Helper()
	e, err := Open(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestBytesGoBothWaysUnchanged(t *testing.T) {
	t.Parallel()
	e := plug(t, "")
	near, err := os.OpenFile(e.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	const bytes = "\x00\x03\x04\r\n\x11\x13\x1a\xff" // what a terminal for people would act on
	b := make([]byte, 64)
	if _, err := e.Write([]byte(bytes)); err != nil {
		t.Fatal(err)
	}
	if n, err := near.Read(b); string(b[:n]) != bytes || err != nil {
		t.Errorf("at the port: %q %v", b[:n], err)
	}
	if _, err := near.WriteString(bytes); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Read(b); string(b[:n]) != bytes || err != nil {
		t.Errorf("at the far end: %q %v", b[:n], err)
	}
	if err := e.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("something came back: %v", err)
	}
	if speed, stop, err := e.Line(); speed != unix.B9600 || stop != 1 || err != nil {
		t.Errorf("%o %d %v", speed, stop, err)
	}
}

// A simulator serves one program after another: the port outlives who opens it.
func TestFarEndOutlivesWhoOpensThePort(t *testing.T) {
	t.Parallel()
	e := plug(t, "")
	for range 3 {
		near, err := os.OpenFile(e.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := near.WriteString("x"); err != nil {
			t.Fatal(err)
		}
		_ = near.Close()
		if n, err := e.Read(make([]byte, 8)); n != 1 || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "usb-encoder")
	to := func() string { s, _ := os.Readlink(link); return s }
	first := plug(t, link)
	second := plug(t, link)
	if to() != second.Name() || first.Name() == second.Name() {
		t.Errorf("%s leads to %s, want %s", link, to(), second.Name())
	}
	if err := first.Close(); err != nil || to() != second.Name() {
		t.Errorf("closing one end took the other's link: %v", err)
	}
	if err := second.Close(); err != nil || to() != "" {
		t.Errorf("the link outlives its port: %v", err)
	}
	if list, err := os.ReadDir(dir); len(list) != 0 || err != nil {
		t.Errorf("left behind: %v %v", list, err)
	}
	if err := os.WriteFile(link, []byte("a report"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := Open(link); err == nil {
		_ = e.Close()
		t.Error("a file was replaced")
	}
	if e, err := Open(filepath.Join(dir, "no", "such", "folder")); err == nil {
		_ = e.Close()
		t.Error("a link was made in no folder")
	}
}
