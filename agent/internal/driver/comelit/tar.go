package comelit

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// A tar of plain files is all that a backup is; archive/tar would bring users, groups and sparse files into the agent,
// which has little room.

const tarBlock = 512

// tarMember is one file of a tar.
type tarMember struct {
	name string
	body []byte // part of what was given, not a copy
}

// tarReader walks a ustar archive in memory.
type tarReader struct {
	rest  []byte
	count int
}

var errTar = errors.New("it is no tar, or is cut short")

// next is the next file; io.EOF after the last. Whatever is no plain file is passed over, long names among them: those
// of a backup are short.
func (r *tarReader) next() (tarMember, error) {
	for {
		if len(r.rest) < tarBlock {
			return tarMember{}, errTar // an archive ends with blocks of zeros
		}
		head := r.rest[:tarBlock]
		if allZero(head) {
			return tarMember{}, io.EOF
		}
		size, ok := octal(head[124:136])
		sum, okSum := octal(head[148:156])
		if !ok || !okSum || sum != tarSum(head) || r.count >= maxMembers {
			return tarMember{}, errTar
		}
		r.count++
		body := r.rest[tarBlock:]
		padded := (size + tarBlock - 1) / tarBlock * tarBlock
		if padded > int64(len(body)) {
			return tarMember{}, errTar
		}
		r.rest = body[padded:]
		if t := head[156]; t == '0' || t == 0 {
			return tarMember{cString(head[:100]), body[:size]}, nil
		}
	}
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// octal reads a number of a header.
func octal(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(cString(b), " "), 8, 64)
	return n, err == nil && n >= 0 && n <= maxUnpacked
}

// tarSum is the sum of a header's bytes, its own field taken as blanks.
func tarSum(head []byte) (sum int64) {
	for i, c := range head {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(c)
	}
	return sum
}
