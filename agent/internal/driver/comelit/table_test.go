package comelit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/testdata"
)

type userVectors struct {
	EmptySlot, AppSlot struct{ Fields string }
	Apartment          struct{ Line string }
	Members            struct{ Names []string }
}

func vectors(t testing.TB) (v userVectors) {
	t.Helper()
	b, err := fs.ReadFile(testdata.Dir("comelit"), "users.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseUsers(t *testing.T) {
	t.Parallel()
	v := vectors(t)
	text := "mspUsersMap.size = 1:2:2 \nnewThing.0 = 2:4:\"x\" \n" +
		"mspUsersMap.0.1 = " + v.EmptySlot.Fields + " \n" + "mspUsersMap.12.15 = " + v.AppSlot.Fields + "\n"
	got, err := parseUsers([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Slot{
		{Place: Place{0, 1}},
		{Place: Place{12, 15}, Enabled: true, Kind: KindApp, Name: "T. Jones - Unit 101", Email: "t.jones@example.com"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got[0].Free() || got[1].Free() {
		t.Errorf("free: %v and %v", got[0].Free(), got[1].Free())
	}
	if got := parseApartments([]byte(v.Apartment.Line + "\nmspApartmentsMap.x = 2:4:\"no\"\n")); got[5] != "SB000006" || len(got) != 1 {
		t.Errorf("apartments %v", got)
	}
}

// What a reader does not understand it keeps, and it invents nothing: control characters, bytes that are no text, quotes
// inside, fields of tomorrow.
func TestParseUsersKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	line := "mspUsersMap.3.2 = 4:2:1 5:2:3 6:4:\"J\x1b[2J\xff\x00 \"Tom\"s\" 9:4:\"" + strings.Repeat("ab", 16) +
		"\" 12:4:\"+1 555 0100\" 18:4:\"abc234\" 7:2:2 8:2:9 23:9:new \n"
	got, err := parseUsers([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := []Slot{{
		Place: Place{3, 2}, Enabled: true, Kind: KindPhone, Name: "J\x1b[2J\xff\x00 \"Tom\"s", Phone: "+1 555 0100", Token: true, Code: true,
		Unknown: []Field{{8, "9"}, {23, "new"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	nulls, err := parseUsers([]byte(`mspUsersMap.0.1 = 5:2:0 9:4:"` + nullToken + `"`))
	if err != nil || !nulls[0].Free() {
		t.Errorf("a token of zeros is none: %+v, %v", nulls, err)
	}
}

func TestParseUsersRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":          "",
		"other files":      `recUserList.0 = 2:4:"resident"`,
		"a slot twice":     "mspUsersMap.0.1 = 5:2:0\nmspUsersMap.0.1 = 5:2:0",
		"no slot":          "mspUsersMap.1 = 5:2:0",
		"another spelling": "mspUsersMap.00.1 = 5:2:0",
		"no equals sign":   "mspUsersMap.0.1",
		"no kind":          `mspUsersMap.0.1 = 6:4:"x"`,
		"kind in words":    `mspUsersMap.0.1 = 5:2:two`,
		"text without end": `mspUsersMap.0.1 = 5:2:0 6:4:"Jo`,
		"no form":          `mspUsersMap.0.1 = 5`,
		"too many fields":  "mspUsersMap.0.1 = " + strings.Repeat("5:2:0 ", maxFields+1),
	} {
		if got, err := parseUsers([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// tarOf is an archive by hand: ustar headers as POSIX has them.
func tarOf(files ...[2]string) []byte {
	var out bytes.Buffer
	for _, f := range files {
		head := make([]byte, tarBlock)
		copy(head, f[0])
		copy(head[100:], "0000644\x00")
		copy(head[124:], fmt.Sprintf("%011o\x00", len(f[1])))
		copy(head[156:], "0")
		copy(head[257:], "ustar\x0000")
		copy(head[148:], fmt.Sprintf("%06o\x00 ", tarSum(head)))
		out.Write(head)
		out.WriteString(f[1])
		out.Write(make([]byte, (tarBlock-len(f[1])%tarBlock)%tarBlock))
	}
	out.Write(make([]byte, 2*tarBlock))
	return out.Bytes()
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

const oneUser = "mspUsersMap.0.1 = 4:2:2 5:2:0 \n"

func TestReadBackup(t *testing.T) {
	t.Parallel()
	face := [2]string{"etc/comelit/facerecognitionusers.cfg", "recUserList.0 = 2:4:\"x\" \n"}
	for name, archive := range map[string][]byte{
		"packed twice": zip(tarOf(face, [2]string{"etc/comelit/users.cfg", string(zip([]byte(oneUser)))})),
		"packed once":  zip(tarOf(face, [2]string{"etc/comelit/users.cfg", oneUser})),
	} {
		snap, err := ParseBackup(archive)
		if err != nil || len(snap.Slots) != 1 {
			t.Errorf("%s: %+v, %v", name, snap, err)
		}
	}
}

// TestReadBackupRefuses: a bomb, half an archive and an archive without the table are errors, never a short table.
func TestReadBackupRefuses(t *testing.T) {
	t.Parallel()
	whole := tarOf([2]string{"etc/comelit/users.cfg", oneUser})
	bomb := zip(make([]byte, maxUnpacked+1))
	badSum := bytes.Clone(whole)
	badSum[0] ^= 1
	for name, archive := range map[string][]byte{
		"nothing":           nil,
		"a page":            []byte("<html>Invalid request</html>"),
		"half of the gzip":  zip(whole)[:len(zip(whole))/2],
		"half of the tar":   zip(whole[:tarBlock+4]),
		"no end":            zip(whole[:2*tarBlock]),
		"a bomb":            bomb,
		"a bomb inside":     zip(tarOf([2]string{"etc/comelit/users.cfg", string(bomb)})),
		"half inside":       zip(tarOf([2]string{"etc/comelit/users.cfg", string(zip([]byte(oneUser))[:20])})),
		"only the faces":    zip(tarOf([2]string{"etc/comelit/facerecognitionusers.cfg", oneUser})),
		"a header of noise": zip(badSum),
		"an empty table":    zip(tarOf([2]string{"etc/comelit/users.cfg", ""})),
	} {
		if snap, err := ParseBackup(archive); err == nil {
			t.Errorf("%s: %+v", name, snap)
		}
	}
}

func FuzzParseUsers(f *testing.F) {
	v := vectors(f)
	f.Add([]byte("mspUsersMap.0.1 = " + v.AppSlot.Fields))
	f.Add([]byte("mspUsersMap.0.1 = 5:2:0 6:4:\"a\" b\" \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		slots, err := parseUsers(b)
		if err == nil && len(slots) == 0 {
			t.Error("no slots and no error")
		}
		for i, s := range slots {
			if p, ok := parsePlace(s.String()); !ok || p != s.Place {
				t.Errorf("slot %d stands at %v", i, s.Place)
			}
		}
		parseApartments(b)
	})
}

func FuzzReadBackup(f *testing.F) {
	f.Add(tarOf([2]string{"etc/comelit/users.cfg", oneUser}))
	f.Fuzz(func(t *testing.T, tar []byte) {
		if len(tar) > 1<<16 {
			return
		}
		if b, err := readBackup(zip(tar)); err == nil && len(b.users) > maxUnpacked {
			t.Errorf("%d bytes", len(b.users))
		}
	})
}
