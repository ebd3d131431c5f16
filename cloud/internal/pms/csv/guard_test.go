package csv_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/testdata"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testdata.Dir("pms/csv"), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, data []byte, o csv.Options) pms.Snapshot {
	t.Helper()
	s, err := csv.Read(bytes.NewReader(data), o)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return s
}

// TestG3_ACutFileIsNeverComplete cuts a whole file at every byte. The only cuts that may pass as
// complete leave every row and the count whole.
func TestG3_ACutFileIsNeverComplete(t *testing.T) {
	t.Parallel()
	whole := file(t, "full.csv")
	counted := bytes.Index(whole, []byte("#end,rows=13")) + len("#end,rows=13")
	harmless := map[int]bool{counted: true, counted + 1: true, len(whole) - 1: true}
	for n := range whole {
		s, err := csv.Read(bytes.NewReader(whole[:n]), csv.Options{})
		if s.Complete != harmless[n] {
			t.Errorf("cut after %d of %d bytes: complete %v, evidence %q", n, len(whole), s.Complete, s.Evidence)
		}
		if err == nil && !s.Complete && len(s.Evidence) == 0 {
			t.Errorf("cut after %d bytes: no word why", n)
		}
	}
}

// TestG3_AnAlteredFileIsNeverComplete changes every byte before the footer's hash in turn.
func TestG3_AnAlteredFileIsNeverComplete(t *testing.T) {
	t.Parallel()
	whole := file(t, "full.csv")
	end := bytes.Index(whole, []byte("#end"))
	for i := range end {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		if s, _ := csv.Read(bytes.NewReader(changed), csv.Options{}); s.Complete {
			t.Errorf("byte %d changed from %q: complete, evidence %q", i, whole[i], s.Evidence)
		}
	}
}

func TestG3_TheRowsOfACutFileStillSpeak(t *testing.T) {
	t.Parallel()
	s := read(t, file(t, "half.csv"), csv.Options{})
	if !s.OK || s.Complete || len(s.People) != 5 || !strings.Contains(s.Evidence[0], "TRUNCATED") {
		t.Fatalf("ok %v, complete %v, %d people, evidence %q", s.OK, s.Complete, len(s.People), s.Evidence)
	}
	last := s.Skipped[len(s.Skipped)-1]
	if last.What != "line" || last.Line != 7 || !strings.Contains(last.Reason, "ends inside this line") {
		t.Errorf("the line the cut went through: %+v", last)
	}
}

func TestG3_Footers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, footer string
		complete     bool
		word         string
	}{
		{"count", "#end,rows=1", true, "no sha256"},
		{"count with a line end", "#end,rows=1\n", true, "no sha256"},
		{"blank lines after it", "#end,rows=1\r\n\n \n", true, "no sha256"},
		{"as a spreadsheet pads it", "#end,rows=1,,,,,\n", true, "no sha256"},
		{"as a spreadsheet quotes it", `"#END,rows=1"`, true, "no sha256"},
		{"wrong count", "#end,rows=2\n", false, "states 2 rows, the file has 1"},
		{"wrong hash", "#end,rows=1,sha256=" + strings.Repeat("0", 64), false, "ALTERED"},
		{"cut hash", "#end,rows=1,sha256=00", false, "cannot be read"},
		{"no count", "#end\n", false, "no rows="},
		{"a negative count", "#end,rows=-1\n", false, "cannot be read"},
		{"another word", "#end,rows=1,by=me\n", false, "cannot be read"},
		{"another mark", "#ending,rows=1\n", false, "cannot be read"},
		{"none", "", false, "TRUNCATED"},
		{"twice", "#end,rows=1\n#end,rows=1\n", false, "joined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := read(t, []byte(head+line("1", "current", "")+c.footer), csv.Options{})
			if s.Complete != c.complete || !strings.Contains(strings.Join(s.Evidence, "|"), c.word) || len(s.People) != 1 {
				t.Errorf("complete %v, %d people, evidence %q; want %v and %q", s.Complete, len(s.People), s.Evidence, c.complete, c.word)
			}
		})
	}
}

func TestG3_AnUnreadableLineMakesTheFileIncomplete(t *testing.T) {
	t.Parallel()
	bad := strings.Replace(line("2", "current", "2026-03-01"), "2026-03-01", "2026-02-30", 1)
	s := read(t, []byte(head+line("1", "current", "")+bad+"#end,rows=2\n"), csv.Options{})
	if s.Complete || len(s.People) != 1 || s.Skipped[0].Line != 3 {
		t.Errorf("complete %v, %d people, skipped %+v", s.Complete, len(s.People), s.Skipped)
	}
}

func TestG3_AnEmptyListProvesNothing(t *testing.T) {
	t.Parallel()
	for _, o := range []csv.Options{{}, {Property: "Another House"}} {
		data := file(t, "empty.csv")
		if o.Property != "" {
			data = file(t, "full.csv")
		}
		if s := read(t, data, o); s.Complete || len(s.People) != 0 || !s.OK {
			t.Errorf("%+v: complete %v with %d people, evidence %q", o, s.Complete, len(s.People), s.Evidence)
		}
	}
}

const head = "property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card\n"

// line is one resident in a unit and lease of their own.
func line(id, status, moveIn string) string {
	return "Elm House,U" + id + "," + id + ",L" + id + "," + status + ",resident,Dana,Okafor" + id + ",,," + moveIn + ",,,,,\n"
}
