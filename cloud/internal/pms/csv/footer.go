package csv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/cloud/internal/pms"
)

// footerMark begins the last line of a file.
const footerMark = "#end"

// seal is the footer as found, and the hash of what stands before it.
type seal struct {
	present bool
	wrong   string // why the footer itself cannot be read; "" when it can
	rows    int
	sum     string // as stated, lower case; "" when the footer states none
	actual  string
}

// Footer is the last line for a file whose bytes so far are body, header row included, and which
// has so many rows of data. body must end with a line end.
func Footer(body []byte, rows int) string {
	return fmt.Sprintf("%s,rows=%d,sha256=%s\n", footerMark, rows, hash(body))
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// cutFooter parts the file before its last line, if that is a footer. Blank lines after it are
// allowed; a byte order mark and every line end before it are part of the hash.
func cutFooter(data []byte) (body []byte, s seal) {
	end := bytes.TrimRight(data, " \t\r\n")
	start := bytes.LastIndexByte(end, '\n') + 1
	line := string(end[start:])
	if !isFooter(line) {
		return data, seal{}
	}
	s = readFooter(line)
	s.present, s.actual = true, hash(data[:start])
	return data[:start], s
}

func isFooter(s string) bool {
	s = strings.TrimLeft(s, `" `)
	return len(s) >= len(footerMark) && strings.EqualFold(s[:len(footerMark)], footerMark)
}

// readFooter tolerates what a spreadsheet does to the line: quotes, semicolons, empty cells.
func readFooter(line string) seal {
	s := seal{rows: -1}
	parts := strings.Split(strings.NewReplacer(`"`, "", ";", ",", "\t", ",").Replace(line), ",")
	if !strings.EqualFold(strings.TrimSpace(parts[0]), footerMark) {
		return seal{wrong: "it does not begin with " + footerMark + ",rows="}
	}
	for _, p := range parts[1:] {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		k, v, _ := strings.Cut(p, "=")
		n, err := strconv.ParseUint(v, 10, 31)
		switch {
		case strings.EqualFold(k, "rows") && err == nil:
			s.rows = int(n)
		case strings.EqualFold(k, "sha256") && isHash(v):
			s.sum = strings.ToLower(v)
		default:
			return seal{wrong: fmt.Sprintf("%.80q is neither rows=<number> nor sha256=<64 hex characters>", p)}
		}
	}
	if s.rows < 0 {
		return seal{wrong: "it states no rows=<number>"}
	}
	return s
}

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// judge writes into snap whether the file is whole, and why (row G3).
func (s seal) judge(snap *pms.Snapshot, t table) {
	snap.Complete = true
	n := t.rows()
	switch {
	case !s.present:
		snap.Incomplete("TRUNCATED: the last line is not the footer #end,rows=<n>: the file was cut, or the export does not write one; nobody is taken for gone")
	case s.wrong != "":
		snap.Incomplete("TRUNCATED: the footer cannot be read: " + s.wrong + "; nobody is taken for gone")
	case s.rows != n:
		snap.Incomplete(fmt.Sprintf("TRUNCATED or ALTERED: the footer states %d rows, the file has %d; nobody is taken for gone", s.rows, n))
	case s.sum != "" && s.sum != s.actual:
		snap.Incomplete("ALTERED: the content is not what the footer's sha256 was made from; nobody is taken for gone")
	case s.sum == "":
		snap.Because(fmt.Sprintf("the footer states %d rows and the file has %d; it has no sha256, so completeness rests on the count", s.rows, n))
	default:
		snap.Because(fmt.Sprintf("the footer states %d rows and the file has %d; the sha256 matches", s.rows, n))
	}
	if t.joined > 0 {
		snap.Incomplete(fmt.Sprintf("ALTERED: %s is a footer in the middle: files were joined; nobody is taken for gone", atLine(t.joined)))
	}
}
