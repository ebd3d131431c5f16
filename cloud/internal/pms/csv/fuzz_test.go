package csv_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"
	"unicode/utf8"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/testdata"
)

// FuzzRead: whatever the bytes, reading ends, claims completeness only with a footer and without
// unread lines, and hands out a snapshot that hangs together.
func FuzzRead(f *testing.F) {
	dir := testdata.Dir("pms/csv")
	names, err := fs.Glob(dir, "*.csv")
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(dir, n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := csv.Read(bytes.NewReader(data), csv.Options{Zone: "America/Chicago"})
		if (err == nil) != s.OK || len(s.Evidence) == 0 {
			t.Fatalf("ok %v, error %v, evidence %q", s.OK, err, s.Evidence)
		}
		if s.Complete && (len(s.People) == 0 || !bytes.Contains(bytes.ToLower(data), []byte("#end"))) {
			t.Fatalf("complete with %d people, evidence %q", len(s.People), s.Evidence)
		}
		b, err := json.Marshal(s)
		if err != nil || !utf8.Valid(b) {
			t.Fatalf("does not marshal: %v", err)
		}
		hangsTogether(t, s)
	})
}

func hangsTogether(t *testing.T, s pms.Snapshot) {
	t.Helper()
	type key [2]string
	properties, units, leases := map[string]bool{}, map[key]bool{}, map[key]string{}
	for _, p := range s.Properties {
		properties[p.Ref] = true
	}
	for _, u := range s.Units {
		units[key{u.Property, u.Ref}] = true
	}
	for _, l := range s.Leases {
		if _, twice := leases[key{l.Property, l.Ref}]; twice || !units[key{l.Property, l.Unit}] {
			t.Fatalf("lease %+v stands twice or has no unit", l)
		}
		leases[key{l.Property, l.Ref}] = l.Unit
	}
	seen := map[[3]string]bool{}
	for _, p := range s.People {
		k := [3]string{p.Property, p.Ref, p.Lease}
		if seen[k] || !properties[p.Property] || leases[key{p.Property, p.Lease}] != p.Unit || p.Ref == "" {
			t.Fatalf("person %+v stands twice or hangs in the air", p)
		}
		seen[k] = true
		if p.PIN.Has() && p.PIN.Hold != "" || p.Card.Has() && p.Card.Hold != "" {
			t.Fatalf("person %s has a value and a reason not to use it", p.Ref)
		}
	}
	for _, k := range s.Skipped {
		if k.What == "" || k.Reason == "" || k.Line == 0 {
			t.Fatalf("skipped without a word: %+v", k)
		}
	}
}
