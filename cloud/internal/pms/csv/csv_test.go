package csv_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/protocol/access/fault"
)

func TestRead_WhatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	row := line("1", "current", "")
	for _, c := range []struct {
		name, data string
		zone       string
		words      []string
	}{
		{"nothing", "", "", []string{"no header row"}},
		{"only a footer", "#end,rows=0\n", "", []string{"no header row"}},
		{"no header row", row, "", []string{"first line is not the header row"}},
		{"unknown column", strings.Replace(head, "card", "card,colour", 1), "", []string{`unknown column "colour"`, "accepted columns: property, unit", "optional: building"}},
		{"missing columns", "property,unit,resident_id,lease_id,status\n", "", []string{"missing column type, first"}},
		{"both at once", strings.Replace(head, "pin", "code", 1), "", []string{`unknown column "code"`, "missing column pin"}},
		{"a column twice", strings.Replace(head, "card", "card,Move-In", 1), "", []string{"column move_in stands twice"}},
		{"Latin-1", head + strings.Replace(row, "Dana", "Ren\xe9e", 1) + "#end,rows=1\n", "", []string{"line 2", "0xE9", "Latin-1"}},
		{"UTF-16", "\xff\xfep\x00r\x00", "", []string{"UTF-16"}},
		{"a NUL", head + "a\x00b\n", "", []string{"line 2", "NUL"}},
		{"line ends of CR alone", strings.ReplaceAll(head+row, "\n", "\r"), "", []string{"CR alone"}},
		{"bad zone of the property", head + row, "Mars/Olympus", []string{"the zone given", "Mars/Olympus"}},
		{"a zone that is another place elsewhere", head + row, "Local", []string{"not a time zone"}},
		{"bad zone in the file", zoned("America/Springfield"), "", []string{"line 2", "America/Springfield"}},
		{"two zones", zoned("America/Chicago", "America/Denver"), "", []string{"line 3", "America/Denver here and America/Chicago on line 2"}},
		{"too many rows", head + strings.Repeat("x\n", csv.MaxRows+1), "", []string{"more than 200000 rows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := csv.Read(strings.NewReader(c.data), csv.Options{Zone: c.zone})
			if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
				t.Fatalf("error %v, remedy %q; want kind invalid with a remedy", err, fault.RemedyOf(err))
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%q is not one line", err)
			}
			if s.OK || s.Complete || len(s.People) != 0 || len(s.Evidence) != 1 {
				t.Errorf("with an error the snapshot is %+v", s)
			}
		})
	}
}

func zoned(zones ...string) string {
	out := strings.TrimSuffix(head, "\n") + ",zone\n"
	for i, z := range zones {
		out += strings.TrimSuffix(line(fmt.Sprint(i), "current", ""), "\n") + "," + z + "\n"
	}
	return out
}

func TestRead_AFirstLineOfDataIsNotEchoed(t *testing.T) {
	t.Parallel()
	_, err := csv.Read(strings.NewReader("Elm House,1,1,10,current,resident,Dana,Okafor,,,,,,,48213,\n"), csv.Options{})
	if err == nil || strings.Contains(err.Error(), "48213") || strings.Contains(err.Error(), "Okafor") {
		t.Errorf("error %v; want one that shows nothing of the line", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRead_Bounds(t *testing.T) {
	t.Parallel()
	if _, err := csv.Read(endless{}, csv.Options{}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("an endless file: %v", err)
	}
	if _, err := csv.Read(broken{}, csv.Options{}); fault.KindOf(err) != fault.Internal {
		t.Errorf("a broken reader: %v", err)
	}
	long := strings.Replace(line("1", "current", ""), "Dana", strings.Repeat("x", 1001), 1)
	s := read(t, []byte(head+long+line("2", "current", "")+"#end,rows=2\n"), csv.Options{})
	if s.Complete || len(s.People) != 1 || !strings.Contains(s.Skipped[0].Reason, "first is longer than 1000 bytes") {
		t.Errorf("a huge field: %d people, skipped %+v", len(s.People), s.Skipped)
	}
}

// TestRead_ToleratesHowPeopleWriteIt: every variant means the same file.
func TestRead_ToleratesHowPeopleWriteIt(t *testing.T) {
	t.Parallel()
	plain := head + line("1", "current", "2026-03-01") + line("2", "future", "2027-03-01")
	want := read(t, []byte(plain+"#end,rows=2\n"), csv.Options{})
	for name, data := range map[string]string{
		"semicolons":       strings.ReplaceAll(plain, ",", ";") + "#end;rows=2\n",
		"tabs":             strings.ReplaceAll(plain, ",", "\t") + "#end\trows=2\n",
		"CR LF":            strings.ReplaceAll(plain, "\n", "\r\n") + "#end,rows=2\r\n",
		"byte order mark":  "\ufeff" + plain + "#end,rows=2\n",
		"hyphens, blanks":  strings.NewReplacer("move_in", "Move-In", "lease_id", "LEASE ID", "resident_id", "ResidentId").Replace(plain) + "#end,rows=2\n",
		"quotes":           strings.ReplaceAll(plain, "Dana", `"Dana"`) + "#end,rows=2\n",
		"blank lines":      strings.ReplaceAll(plain, "Elm", "\nElm") + "\n,,,,\n#end,rows=2\n",
		"extra cells":      strings.ReplaceAll(plain, "\n", ",,\n") + "#end,rows=2,,\n",
		"blanks around":    strings.ReplaceAll(plain, ",current", ",  current ") + "#end,rows=2\n",
		"US dates":         strings.NewReplacer("2026-03-01", "3/1/2026", "2027-03-01", "03/01/2027").Replace(plain) + "#end,rows=2\n",
		"midnights":        strings.ReplaceAll(plain, "-03-01", "-03-01T00:00:00") + "#end,rows=2\n",
		"columns reversed": reversed(plain) + "#end,rows=2\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(t, []byte(data), csv.Options{})
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(pms.Held{}.Secret)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func reversed(s string) string {
	var out []string
	for l := range strings.Lines(s) {
		f := strings.Split(strings.TrimSuffix(l, "\n"), ",")
		for i, j := 0, len(f)-1; i < j; i, j = i+1, j-1 {
			f[i], f[j] = f[j], f[i]
		}
		out = append(out, strings.Join(f, ",")+"\n")
	}
	return strings.Join(out, "")
}

func TestRead_DatesOfAColumnHaveOneForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dates []string
		taken int
		word  string
	}{
		"most are ISO":                       {[]string{"2026-03-01", "2026-03-02", "3/3/2026"}, 2, "the rest of the column YYYY-MM-DD"},
		"most are US":                        {[]string{"3/1/2026", "3/2/2026", "2026-03-03"}, 2, "the rest of the column M/D/YYYY"},
		"evidently the day first":            {[]string{"25/12/2026", "26/12/2026", "1/2/2026", "3/4/2026"}, 0, "ambiguous"},
		"one slip among month-first dates":   {[]string{"12/25/2026", "25/12/2026", "12/26/2026"}, 2, "no day 2026-25-12"},
		"the day first among ISO dates":      {[]string{"2026-03-01", "2026-03-02", "25/12/2026"}, 2, "no day"},
		"a sentinel is blank":                {[]string{"2026-03-01", "0001-01-01", "2099-12-31"}, 3, ""},
		"a time of day is not thrown away":   {[]string{"2026-03-01", "2026-03-01 15:30"}, 1, "agreed hours go into"},
		"two-digit years":                    {[]string{"3/1/26"}, 0, "not a date"},
		"a spreadsheet's serial number":      {[]string{"46082"}, 0, "not a date"},
		"blanks do not vote":                 {[]string{"", "", "3/1/2026"}, 3, ""},
		"a bad date does not spoil the rest": {[]string{"soon", "2026-03-01"}, 1, "not a date"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := head
			for i, d := range c.dates {
				data += line(fmt.Sprint(i), "current", d)
			}
			s := read(t, fmt.Appendf(nil, "%s#end,rows=%d\n", data, len(c.dates)), csv.Options{})
			if len(s.People) != c.taken || s.Complete != (c.taken == len(c.dates)) {
				t.Errorf("%d people, complete %v; want %d", len(s.People), s.Complete, c.taken)
			}
			if !strings.Contains(fmt.Sprint(s.Skipped), c.word) {
				t.Errorf("skipped %+v; want %q", s.Skipped, c.word)
			}
		})
	}
}

func TestRead_ZoneAndProperty(t *testing.T) {
	t.Parallel()
	data := head + line("1", "current", "") + strings.Replace(line("2", "current", ""), "Elm House", "Oak Court", 1) + "#end,rows=2\n"
	s := read(t, []byte(data), csv.Options{Zone: "America/Denver", Property: "Elm House"})
	if len(s.People) != 1 || !s.Complete || len(s.Properties) != 1 || s.Properties[0].Zone != "America/Denver" {
		t.Errorf("one property of two: %d people, complete %v, %+v", len(s.People), s.Complete, s.Properties)
	}
	if s := read(t, []byte(data), csv.Options{}); len(s.Properties) != 2 || s.Properties[0].Zone != "" {
		t.Errorf("both: %+v", s.Properties)
	}
	s = read(t, []byte(zoned("", "Europe/Berlin")), csv.Options{Zone: "America/Denver"})
	if s.Properties[0].Zone != "Europe/Berlin" {
		t.Errorf("the file's own zone goes first: %+v", s.Properties)
	}
}

func TestS7_AgreedHoursOfALease(t *testing.T) {
	t.Parallel()
	data := strings.TrimSuffix(head, "\n") + ",move_in_time,move_out_time\n" +
		strings.TrimSuffix(line("1", "current", "2026-03-01"), "\n") + ",11:30,9:00\n" +
		strings.TrimSuffix(line("2", "current", "2026-03-01"), "\n") + ",,\n" +
		strings.TrimSuffix(line("3", "current", "2026-03-01"), "\n") + ",noon,\n"
	s := read(t, []byte(data), csv.Options{})
	if len(s.Leases) != 2 || s.Leases[0].MoveInTime.String() != "11:30" || s.Leases[0].MoveOutTime.String() != "09:00" || s.Leases[1].MoveInTime.Set {
		t.Errorf("leases %+v", s.Leases)
	}
	b, err := json.Marshal(s.Leases[0])
	if err != nil || !strings.Contains(string(b), `"move_in_time":"11:30","move_out_time":"09:00"`) {
		t.Errorf("%s, %v", b, err)
	}
	if !strings.Contains(s.Skipped[0].Reason, `move_in_time: "noon"`) {
		t.Errorf("skipped %+v", s.Skipped)
	}
}

func TestSecretsAreHeldInMemoryAndNeverPrinted(t *testing.T) {
	t.Parallel()
	s := read(t, file(t, "full.csv"), csv.Options{})
	if got := s.People[0]; got.PIN.Secret.Reveal() != "48213" || got.Card.Secret.Reveal() != "04A1B2C3" {
		t.Fatal("the policy does not get PIN and card")
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	all := string(b) + fmt.Sprintf("%v %+v %#v", s, s, s)
	for _, secret := range []string{"48213", "04A1B2C3", "48,213", "4.1E+05", "931\"", "7021"} {
		if strings.Contains(all, secret) {
			t.Errorf("%s is printed", secret)
		}
	}
}

func TestA3_LostZerosAreSeenInTheWholeColumn(t *testing.T) {
	t.Parallel()
	data := head
	for i := range 30 {
		pin := fmt.Sprint(1000 + i)
		if i == 7 {
			pin = "482"
		}
		data += strings.TrimSuffix(line(fmt.Sprint(i), "current", ""), ",\n") + pin + ",\n"
	}
	s := read(t, []byte(data+"#end,rows=30\n"), csv.Options{})
	for i, p := range s.People {
		if p.PIN.Has() != (i != 7) {
			t.Errorf("person %d: has PIN %v, hold %q", i, p.PIN.Has(), p.PIN.Hold)
		}
	}
	s = read(t, []byte(data+"#end,rows=30\n"), csv.Options{PINDigits: 3})
	if !s.People[7].PIN.Has() || len(s.Skipped) != 0 {
		t.Errorf("with PINs of three digits by setting: %+v", s.Skipped)
	}
}
