package comelitsim_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// listed are the archives of the page, in its order.
func (r *rig) listed() []string {
	r.t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`href='(\d+\.tar\.gz)'`).FindAllStringSubmatch(r.web("GET", "/config-backup.html", "").body, -1) {
		names = append(names, m[1])
	}
	return names
}

// backup makes an archive and returns its bytes.
func (r *rig) backup() []byte {
	r.t.Helper()
	if a := r.web("POST", "/create-backup.html", "", "X-Requested-With", "XMLHttpRequest"); !strings.Contains(a.body, "Backup successfully created") {
		r.t.Fatalf("%s", a.body)
	}
	names := r.listed()
	a := r.web("GET", "/"+names[len(names)-1], "")
	if a.status != 200 {
		r.t.Fatalf("%+v", a)
	}
	return []byte(a.body)
}

type file struct{ name, text string }

// unpack reads an archive; a file inside that is packed is unpacked.
func unpack(t *testing.T, packed []byte) []file {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var out []file
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
			inner, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(inner); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, file{h.Name, string(b)})
	}
}

func lines(t *testing.T, files []file, name string) []string {
	t.Helper()
	for _, f := range files {
		if path.Base(f.name) == name {
			var out []string
			for line := range strings.Lines(f.text) {
				out = append(out, strings.TrimSpace(line))
			}
			return out
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

type userVectors struct {
	EmptySlot, AppSlot  struct{ Fields string }
	Apartment, Entrance struct{ Line string }
	Members             struct{ Names []string }
}

// The files of a backup, line for line as the fact sheet shows them (§3).
func TestBackupsAreAsDocumented(t *testing.T) {
	t.Parallel()
	var want userVectors
	data(t, "users.json", &want)
	bubble(t, comelitsim.Options{Units: 6}, func(t *testing.T, r *rig) {
		r.installer()
		r.edit(comelitsim.Slot{Unit: 2, Slot: 3, Enabled: true, Kind: "app", Name: "T. Jones - Unit 101", Email: "t.jones@example.com"})
		files := unpack(t, r.backup())
		var names []string
		for _, f := range files {
			names = append(names, strings.TrimSuffix(path.Base(f.name), ".cfg"))
			if path.Dir(f.name) != "etc/comelit" {
				t.Errorf("%s", f.name)
			}
		}
		if names[0] != "facerecognitionusers" || slices.Index(names, "users") < 1 {
			t.Errorf("in the order %v", names)
		}
		slices.Sort(names)
		slices.Sort(want.Members.Names)
		if !slices.Equal(names, want.Members.Names) {
			t.Errorf("files %v, want %v", names, want.Members.Names)
		}
		users := lines(t, files, "users.cfg")
		if len(users) != 6*16 || users[5*16+4] != "mspUsersMap.5.4 = "+want.EmptySlot.Fields || users[2*16+3] != "mspUsersMap.2.3 = "+want.AppSlot.Fields {
			t.Errorf("%d users: %s\n%s", len(users), users[2*16+3], users[5*16+4])
		}
		if !strings.HasPrefix(users[16], `mspUsersMap.1.0 = 4:2:1 5:2:1 6:4:"Unit 102" `) {
			t.Errorf("slot 0 is %s", users[16])
		}
		if !slices.Contains(lines(t, files, "apartments.cfg"), want.Apartment.Line) || !slices.Contains(lines(t, files, "addressbook.cfg"), want.Entrance.Line) {
			t.Errorf("%v", files)
		}
	})
}

func TestFiveBackupsAndNoMore(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		for range 5 {
			r.backup()
		}
		a := r.web("POST", "/create-backup.html", "")
		if a.status != 200 || strings.Contains(a.body, "success") || len(r.listed()) != 5 {
			t.Errorf("%s, %v", a.body, r.listed())
		}
		if names := r.listed(); !slices.IsSorted(names) || slices.Compact(names)[4] != names[4] {
			t.Errorf("%v", names)
		}
		for _, bad := range []int{-1, 6} {
			if err := r.panel.DropBackups(bad); err == nil {
				t.Errorf("keep %d", bad)
			}
		}
		if err := r.panel.DropBackups(2); err != nil || len(r.listed()) != 2 {
			t.Errorf("%v, %v", err, r.listed())
		}
		r.fault(comelitsim.FaultBackupQuota)
		if len(r.listed()) != 5 {
			t.Errorf("%v", r.listed())
		}
	})
}

func TestABackupIsOfTheMomentItWasMade(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		r.backup()
		r.set("0.2_6", "Later")
		a := r.web("GET", "/"+r.listed()[0], "")
		if users := lines(t, unpack(t, []byte(a.body)), "users.cfg"); strings.Contains(users[2], "Later") {
			t.Errorf("%s", users[2])
		}
		if a := r.web("GET", "/1.tar.gz", ""); a.status != 200 || !strings.Contains(a.body, "Invalid request") {
			t.Errorf("%+v", a)
		}
	})
}

func TestBackupFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		whole := r.backup()
		get := func() answer { return r.web("GET", "/"+r.listed()[0], "") }
		r.once(comelitsim.FaultTruncatedBackup)
		if a := get(); a.status != 200 || a.cut || len(a.body) != len(whole)/2 || a.header.Get("Content-Length") != fmt.Sprint(len(whole)/2) {
			t.Errorf("truncated: %d of %d", len(a.body), len(whole))
		}
		r.once(comelitsim.FaultResetBackup)
		if a := get(); !a.cut {
			t.Errorf("reset: %+v", a.status)
		}
		r.once(comelitsim.FaultNoBackup)
		if a := r.web("POST", "/create-backup.html", ""); !strings.Contains(a.body, "success") || len(r.listed()) != 1 {
			t.Errorf("no backup: %s %v", a.body, r.listed())
		}
		r.once(comelitsim.FaultLateBackup)
		r.web("POST", "/create-backup.html", "")
		if len(r.listed()) != 1 {
			t.Errorf("late: %v", r.listed())
		}
		after(2 * time.Second)
		if len(r.listed()) != 2 {
			t.Errorf("late: %v", r.listed())
		}
	})
}

func TestArchiveFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		content := func(fault string, value ...string) []file {
			r.fault(fault, value...)
			defer r.faultOff(fault)
			if err := r.panel.DropBackups(0); err != nil {
				t.Fatal(err)
			}
			return unpack(t, r.backup())
		}
		if u := lines(t, content(comelitsim.FaultSlotZeroEmpty), "users.cfg"); !strings.HasPrefix(u[0], `mspUsersMap.0.0 = 4:2:2 5:2:0 6:4:"" `) {
			t.Errorf("%s", u[0])
		}
		if u := lines(t, content(comelitsim.FaultControlChars), "users.cfg"); !strings.Contains(u[1], "\x1b[2J\xff\x00") {
			t.Errorf("%q", u[1])
		}
		for _, f := range content(comelitsim.FaultUsersFileMissing) {
			if path.Base(f.name) == "users.cfg" {
				t.Error("users.cfg is there")
			}
		}
		for _, f := range content(comelitsim.FaultBombBackup, "3") {
			if path.Base(f.name) == "users.cfg" && len(f.text) < 3<<20 {
				t.Errorf("%d bytes", len(f.text))
			}
		}
		if u := lines(t, content(comelitsim.FaultPlainMembers), "users.cfg"); len(u) != 64 {
			t.Errorf("%d lines", len(u))
		}
	})
}
