package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"io"
	"strings"

	"gatehouse/protocol/access/fault"
)

// Row is one line to write, by column name as in the header row; a column left out is blank.
type Row map[string]string

// Seal writes a whole, valid file: the required columns, those optional ones that some row fills,
// the rows in order, the footer with count and hash. A row with an unknown column is an error and
// nothing is written.
func Seal(w io.Writer, rows ...Row) error {
	cols, err := columnsOf(rows)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	out := stdcsv.NewWriter(&body)
	fields := make([]string, len(cols))
	for i, c := range cols {
		fields[i] = c.String()
	}
	_ = out.Write(fields) // to memory: cannot fail
	for _, r := range rows {
		for i, c := range cols {
			fields[i] = r[c.String()]
		}
		_ = out.Write(fields)
	}
	out.Flush()
	body.WriteString(Footer(body.Bytes(), len(rows)))
	_, err = w.Write(body.Bytes())
	return fault.Wrap(fault.Internal, "write", "CSV file", err)
}

func columnsOf(rows []Row) ([]column, error) {
	used := [columns]bool{}
	for _, r := range rows {
		for name := range r {
			c, ok := columnNamed(name)
			if !ok {
				return nil, invalid("Accepted columns: "+names(0, columns-1)+".", "unknown column %.40q", name)
			}
			used[c] = true
		}
	}
	var out []column
	for c := range columns {
		if c <= colCard || used[c] {
			out = append(out, c)
		}
	}
	return out, nil
}

func columnNamed(name string) (column, bool) {
	for c := range columns {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// WriteTemplate writes the file to download and fill in: the header row with every column, and a
// footer by count whose number the user sets. Imported as it is, it removes nobody.
func WriteTemplate(w io.Writer) error {
	_, err := io.WriteString(w, strings.ReplaceAll(names(0, columns-1), ", ", ",")+"\n"+footerMark+",rows=0\n")
	return fault.Wrap(fault.Internal, "write", "CSV template", err)
}
