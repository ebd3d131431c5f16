package cloud

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func walk(t testing.TB, dir string, see func(path string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			see(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestNoSecretIsReadableAnywhere seeds PINs and cards of every fate (taken, refused, held, double,
// on a line that cannot be read) and looks for them wherever something can be read.
func TestNoSecretIsReadableAnywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve().hears(r)
	b := enrol(t, s.Cloud, "maples")
	seeds := []string{"73194682", "97316428", "64A82913", "739164285", "1.8264E+06", "DEADBEEF0421", "NOTHEX0F0F31", "27918364", "38172946"}
	text := export(t,
		with(resident(1), "pin", seeds[0], "card", "de:ad:be:ef:04:21"),
		with(resident(2), "pin", seeds[1], "card", seeds[6]),
		with(resident(3), "pin", seeds[2]),
		with(resident(4), "pin", seeds[3]),
		with(resident(5), "pin", seeds[4]),
		with(resident(6), "pin", seeds[0], "card", seeds[5]),
		with(resident(7), "pin", seeds[7], "move_in", "30.02.2020"),
		with(resident(8), "pin", seeds[8], "type", "Guarantor"),
	)
	report := load(t, s.Cloud, text)
	l := b.dial(t)
	l.hello(access.Position{}, access.Digest{}, "n")
	_, state := l.state("the state")
	if got := wantedOf(t, time.Now(), access.Position{}, state.Put).pins; len(got) != 2 {
		t.Errorf("%d secrets reached the gateway, want one PIN and one card", len(got))
	}
	broken := strings.Replace(text, "property,", "property,pin,", 1)
	_, err := s.Import(t.Context(), "maples", "csv", "broken.csv", strings.NewReader(broken))
	wantFault(t, err, fault.Invalid)
	_, headless, _ := strings.Cut(text, "\n")
	_, err2 := s.Import(t.Context(), "maples", "csv", "headless.csv", strings.NewReader(headless))
	wantFault(t, err2, fault.Invalid)

	seen := map[string][]byte{"log": nil, "bundle": b.raw, "error": []byte(err.Error() + err2.Error())}
	if seen["report"], err = json.Marshal(report); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/property/maples?all=1", "/status.json", "/status.json?property=maples"} {
		_, body := get(t, s.page+path)
		seen[path] = []byte(body)
	}
	snap, err := ReadFile("csv", "", "", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if seen["pms import"], err = json.Marshal(snap); err != nil {
		t.Fatal(err)
	}
	s.end()
	seen["log"] = []byte(r.log.String())
	files := 0
	walk(t, r.dir, func(path string) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen[path], files = raw, files+1
	})
	if files < 5 || !bytes.Contains(seen["log"], []byte("cloud runs")) {
		t.Fatalf("%d files and a log of %d bytes prove nothing", files, len(seen["log"]))
	}
	for where, raw := range seen {
		for _, seed := range append(seeds, "de:ad:be:ef:04:21", "1826400") {
			if bytes.Contains(bytes.ToUpper(raw), []byte(strings.ToUpper(seed))) {
				t.Errorf("%s holds the secret of %s", where, seed)
			}
		}
	}
}

// TestTheStateDirectoryIsPrivate: keys and database are for their owner alone, and one that others
// can read is refused.
func TestTheStateDirectoryIsPrivate(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	load(t, c, export(t, residents(2)...))
	var keys []string
	walk(t, filepath.Join(r.dir, "state"), func(path string) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: %v", path, info.Mode(), err)
		}
		if strings.HasSuffix(path, ".key") {
			keys = append(keys, path)
		}
	})
	for _, key := range keys {
		if err := os.Chmod(key, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), r.load(), r.deps())
		wantFault(t, err, fault.Denied, "chmod 600 "+key)
		if err := os.Chmod(key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) == 0 {
		t.Error("no key file was found")
	}
}
