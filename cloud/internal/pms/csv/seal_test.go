package csv_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms/csv"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := csv.Seal(&out,
		csv.Row{"property": "Elm House", "unit": "01", "resident_id": "1", "lease_id": "L1", "status": "Current", "type": "Primary",
			"first": "Dana, the elder", "last": "O\"Kafor\nJr", "move_in": "2026-03-01", "pin": "0482", "move_in_time": "11:30"},
		csv.Row{"property": "Elm House", "unit": "01", "resident_id": "2", "lease_id": "L1", "status": "Current"})
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, out.Bytes(), csv.Options{})
	if !s.Complete || len(s.People) != 2 || len(s.Skipped) != 0 || s.People[0].PIN.Secret.Reveal() != "0482" {
		t.Errorf("complete %v, %d people, evidence %q, skipped %+v", s.Complete, len(s.People), s.Evidence, s.Skipped)
	}
	if p := s.People[0]; p.First != "Dana, the elder" || p.Last != `O"Kafor Jr` {
		t.Errorf("name came back as %q %q", p.First, p.Last)
	}
	if header, _, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(header, ",card,move_in_time") {
		t.Errorf("header %q; want the required columns and the one optional that is used", header)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestSeal_Errors(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := csv.Seal(&out, csv.Row{"colour": "red"}); err == nil || out.Len() != 0 || !strings.Contains(err.Error(), `"colour"`) {
		t.Errorf("an unknown column: %v, %d bytes written", err, out.Len())
	}
	if err := csv.Seal(full{}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("a full disk: %v", err)
	}
	if err := csv.WriteTemplate(full{}); err == nil {
		t.Error("a full disk went unnoticed by the template")
	}
}

func TestWriteTemplate_RemovesNobodyAndTakesRows(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := csv.WriteTemplate(&out); err != nil {
		t.Fatal(err)
	}
	if s := read(t, out.Bytes(), csv.Options{}); s.Complete || len(s.Skipped) != 0 {
		t.Errorf("as downloaded: complete %v, skipped %+v", s.Complete, s.Skipped)
	}
	filled := strings.Replace(out.String(), "#end,rows=0", "Elm House,01,1,L1,current,Primary,Dana,Okafor"+strings.Repeat(",", 16)+"\n#end,rows=1", 1)
	if s := read(t, []byte(filled), csv.Options{}); !s.Complete || len(s.People) != 1 {
		t.Errorf("filled in: complete %v, %d people, evidence %q, skipped %+v", s.Complete, len(s.People), s.Evidence, s.Skipped)
	}
}

func TestFooter_OfABody(t *testing.T) {
	t.Parallel()
	body := head + line("1", "current", "")
	if s := read(t, []byte(body+csv.Footer([]byte(body), 1)), csv.Options{}); !s.Complete || !strings.Contains(s.Evidence[0], "sha256 matches") {
		t.Errorf("complete %v, evidence %q", s.Complete, s.Evidence)
	}
}
