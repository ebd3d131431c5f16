package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// table is the file as lines, before anyone asks what they mean.
type table struct {
	header  header
	records []record
	spoilt  []bad
	joined  int // line of a footer that is not the last line; 0 none
}

type record struct {
	line   int
	fields []string
}

// bad is a line that cannot be used.
type bad struct {
	line int
	why  string
}

// rows is what the footer counts: every line of data, readable or not.
func (t table) rows() int { return len(t.records) + len(t.spoilt) }

// readTable splits the body. open says that no footer closes it: then a last line without its
// line end may be cut, even inside a PIN, and is not believed.
func readTable(body []byte, open bool) (table, error) {
	body, err := checkText(body, open)
	if err != nil {
		return table{}, err
	}
	if err := loneReturns(body); err != nil {
		return table{}, err
	}
	r := stdcsv.NewReader(bytes.NewReader(body))
	r.Comma, r.FieldsPerRecord = delimiter(body), -1
	first, err := r.Read()
	if err != nil {
		return table{}, invalid("Put a header row first: "+names(0, colCard)+".", "there is no header row")
	}
	t := table{}
	if t.header, err = readHeader(trimEmpty(first)); err != nil {
		return table{}, err
	}
	if err := t.readRecords(r); err != nil {
		return table{}, err
	}
	if open && len(body) > 0 && body[len(body)-1] != '\n' {
		t.distrustLast()
	}
	return t, nil
}

func loneReturns(b []byte) error {
	if bytes.IndexByte(b, '\r') >= 0 && bytes.IndexByte(b, '\n') < 0 {
		return invalid(`Export again with line ends LF or CR LF ("CSV UTF-8").`, "its lines end in CR alone")
	}
	return nil
}

func (t *table) readRecords(r *stdcsv.Reader) error {
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if t.rows() >= MaxRows {
			return invalid("Export one property at a time.", "more than %d rows", MaxRows)
		}
		var perr *stdcsv.ParseError
		switch {
		case errors.As(err, &perr):
			t.spoil(perr.StartLine, fmt.Sprintf("quotes do not match (%v)", perr.Err))
		case err != nil:
			return invalid("Export the file again.", "%v", err)
		default:
			line, _ := r.FieldPos(0)
			t.add(line, fields)
		}
	}
}

func (t *table) spoil(line int, why string) { t.spoilt = append(t.spoilt, bad{line, why}) }

func (t *table) add(line int, fields []string) {
	short := trimEmpty(fields)
	switch {
	case len(short) == 0: // a blank line of a spreadsheet
	case isFooter(short[0]):
		t.joined = line
	case len(fields) < t.header.width:
		t.spoil(line, fmt.Sprintf("has %d fields, the header row has %d", len(fields), t.header.width))
	case len(short) > t.header.width:
		t.spoil(line, fmt.Sprintf("has %d fields, the header row has %d", len(short), t.header.width))
	default:
		t.records = append(t.records, record{line, fields})
	}
}

// distrustLast makes the last line, readable or not, one that the file ends inside.
func (t *table) distrustLast() {
	const why = "the file ends inside this line"
	n, m := len(t.records), len(t.spoilt)
	switch {
	case n > 0 && (m == 0 || t.spoilt[m-1].line < t.records[n-1].line):
		t.spoil(t.records[n-1].line, why)
		t.records = t.records[:n-1]
	case m > 0:
		t.spoilt[m-1].why = why
	}
}

// trimEmpty drops empty fields at the end, which spreadsheets add.
func trimEmpty(fields []string) []string {
	for len(fields) > 0 && strings.TrimSpace(fields[len(fields)-1]) == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}
