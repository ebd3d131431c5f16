package comelit

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever a page says, the names of backups are digits and few: they become paths.
func FuzzBackupNames(f *testing.F) {
	f.Add("<a href='17.tar.gz'>x</a><a href=\"/18.tar.gz\">")
	f.Add("href=href=href='../../etc/passwd.tar.gz'")
	f.Fuzz(func(t *testing.T, page string) {
		names := backupNames(page)
		seen := map[string]bool{}
		for _, n := range names {
			digits, is := strings.CutSuffix(n, ".tar.gz")
			if !is || digits == "" || len(digits) > 20 || strings.Trim(digits, "0123456789") != "" || seen[n] {
				t.Errorf("%q", n)
			}
			seen[n] = true
		}
		if len(names) > 4*maxBackups {
			t.Errorf("%d names", len(names))
		}
	})
}

// A tar is cut into files that lie in it, and ends.
func FuzzTar(f *testing.F) {
	f.Add(tarOf([2]string{"etc/comelit/users.cfg", oneUser}, [2]string{"x", ""}))
	f.Add(tarOf([2]string{strings.Repeat("n", 100), strings.Repeat("b", 600)})[:700])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := tarReader{rest: b}
		for sum := 0; ; {
			m, err := r.next()
			if errors.Is(err, io.EOF) || errors.Is(err, errTar) {
				return
			}
			if sum += len(m.body) + tarBlock; err != nil || sum > len(b) || len(m.name) > 100 {
				t.Fatalf("%d of %d bytes, %q, %v", sum, len(b), m.name, err)
			}
		}
	})
}

// An archive is unpacked within bounds or not at all.
func FuzzUnzip(f *testing.F) {
	f.Add(zip([]byte(oneUser)))
	f.Add(zip(zip(nil))[:12])
	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := unzip(b); err == nil && len(out) > maxUnpacked || err != nil && out != nil {
			t.Errorf("%d bytes, %v", len(out), err)
		}
	})
}

// The fields of a line are numbers and texts that end where the device's do.
func FuzzParseFields(f *testing.F) {
	for _, s := range []string{`4:2:1 5:2:3 6:4:"T. "Tom" Jones" 12:4:"+1"`, `6:4:""`, `6:4:"`, `6:4:x y:z`, "4:2:1\t5:2:0\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := parseFields(s)
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("%q", err)
			}
			return
		}
		if len(fields) > maxFields {
			t.Errorf("%d fields", len(fields))
		}
		for _, x := range fields {
			if x.Number < 0 || !strings.Contains(s, x.Text) {
				t.Errorf("%q: field %d is %q", s, x.Number, x.Text)
			}
		}
	})
}

// Apartments have an address and a place, however their file was meant.
func FuzzParseApartments(f *testing.F) {
	f.Add([]byte("mspApartmentsMap.5 = 2:4:\"SB000006\" \nmspApartmentsMap.x = 2:4:\"\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n, address := range parseApartments(b) {
			if n < 0 || address == "" || !strings.Contains(string(b), apartmentsPrefix) {
				t.Errorf("%s: %d is %q", b, n, address)
			}
		}
	})
}

// A memory that was damaged names no wall monitor and no place that does not exist as ours.
func FuzzReadBook(f *testing.F) {
	f.Add([]byte(`{"base":"1.tar.gz","notes":{"0.1":{"ref":"GHp7","kind":3,"state":"seen"},"0.0":{},"1.16":{},"x":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := readBook(b)
		if err != nil {
			return
		}
		for at := range k.Notes {
			if p, ok := parsePlace(at); !ok || !p.writable() {
				t.Errorf("%s is ours", strconv.Quote(at))
			}
		}
		_ = k.refs()
		k.judge(&Snapshot{Slots: []Slot{{Place: Place{0, 1}, Kind: KindPhone, Name: "x"}}})
	})
}
