package crashtest

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// StraceArgs are strace's arguments, up to the program to be run, that make a recording Parse understands.
func StraceArgs(out string) []string {
	return []string{
		// The program stays our own child (-D), and ends before its recording does.
		"-D", "-f", "--seccomp-bpf", "-yy", "-xx", "-s", "4000000", "-o", out,
		"-e", "signal=none", "-e", "trace=openat,pwrite64,write,fdatasync,fsync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,sendto,copy_file_range,sendfile",
		// What the kernel copies by itself the recording would not show: it is made to read and write.
		"-e", "inject=copy_file_range,sendfile:error=ENOSYS",
		// A sync as slow as that of a cheap card: whatever does not wait for it gets the time to be caught.
		"-e", "inject=fdatasync:delay_enter=2000",
	}
}

// Kind is what an operation does.
type Kind string

// The operations that matter. Paths are those of the process.
const (
	Create   Kind = "create"   // the name Path, when it is not there yet
	Write    Kind = "write"    // Data at Off of Path
	Truncate Kind = "truncate" // Path to Size
	Sync     Kind = "sync"     // of a file, or of the names in a directory
	Rename   Kind = "rename"   // Path to To
	Link     Kind = "link"     // To is a second name of Path
	Remove   Kind = "remove"   // the name Path
	Send     Kind = "send"     // Data on the connection Path
)

// appended is the offset of a write that goes where the one before it ended.
const appended = -1

// Op is one operation that succeeded. It began at line Start of the recording and had ended at line End.
type Op struct {
	Kind       Kind
	Path, To   string
	Off, Size  int64
	Data       []byte
	Start, End int
}

// at is when an operation counts: a sync when it has come back, anything else as soon as it may have happened.
func (o Op) at() int {
	if o.Kind == Sync {
		return o.End
	}
	return o.Start
}

// Parse reads a recording, in the order in which operations count. Calls that failed are left out.
func Parse(r io.Reader) ([]Op, error) {
	var ops []Op
	begun := map[string]call{} // by thread
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		thread, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		c, done := join(begun, thread, strings.TrimSpace(text), n)
		if !done {
			continue
		}
		op, ok, err := c.op()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if ok {
			op.Start, op.End = c.start, n
			ops = append(ops, op)
		}
	}
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.at(), b.at()) })
	return ops, nil
}

// call is one system call as strace writes it.
type call struct {
	text  string
	start int
}

// join puts the two halves of a call together that another thread's came between; done is false while one is missing.
func join(begun map[string]call, thread, text string, n int) (c call, done bool) {
	if head, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
		begun[thread] = call{head, n}
		return call{}, false
	}
	if strings.HasPrefix(text, "<... ") {
		_, tail, _ := strings.Cut(text, " resumed>")
		c = begun[thread]
		delete(begun, thread)
		return call{c.text + tail, c.start}, c.text != ""
	}
	return call{text, n}, strings.Contains(text, "(")
}

// op reads a call; ok is false for one that failed or does not matter.
func (c call) op() (op Op, ok bool, err error) {
	i := strings.LastIndex(c.text, " = ")
	if i < 0 {
		return Op{}, false, nil // a signal, an exit
	}
	name, args, found := strings.Cut(strings.TrimSpace(c.text[:i]), "(")
	result := strings.TrimSpace(c.text[i+3:])
	if !found || result == "" || result[0] < '0' || result[0] > '9' { // "-1 EIO (Input/output error)", "?"
		return Op{}, false, nil
	}
	a := strings.Split(strings.TrimSuffix(args, ")"), ", ")
	read, known := readers[name]
	if !known || len(a) < read.args {
		return Op{}, false, nil
	}
	p := &parser{args: a}
	op = read.read(p)
	return op, op.Kind != "" && p.err == nil, p.err
}

// parser reads the arguments of one call and remembers the first it did not understand.
type parser struct {
	args []string
	err  error
}

// readers tell, for each call, how many arguments it has at least and what it does.
var readers = map[string]struct {
	args int
	read func(*parser) Op
}{
	"openat":    {3, (*parser).open},
	"pwrite64":  {4, func(p *parser) Op { return Op{Kind: Write, Path: p.file(0), Data: p.data(1), Off: p.number(3)} }},
	"write":     {3, (*parser).write},
	"sendto":    {3, (*parser).write},
	"fdatasync": {1, func(p *parser) Op { return Op{Kind: Sync, Path: p.file(0)} }},
	"fsync":     {1, func(p *parser) Op { return Op{Kind: Sync, Path: p.file(0)} }},
	"ftruncate": {2, func(p *parser) Op { return Op{Kind: Truncate, Path: p.file(0), Size: p.number(1)} }},
	"rename":    {2, func(p *parser) Op { return Op{Kind: Rename, Path: p.name(0), To: p.name(1)} }},
	"renameat":  {4, func(p *parser) Op { return Op{Kind: Rename, Path: p.below(0), To: p.below(2)} }},
	"renameat2": {4, func(p *parser) Op { return Op{Kind: Rename, Path: p.below(0), To: p.below(2)} }},
	"link":      {2, func(p *parser) Op { return Op{Kind: Link, Path: p.name(0), To: p.name(1)} }},
	"linkat":    {4, func(p *parser) Op { return Op{Kind: Link, Path: p.below(0), To: p.below(2)} }},
	"unlink":    {1, func(p *parser) Op { return Op{Kind: Remove, Path: p.name(0)} }},
	"unlinkat":  {2, func(p *parser) Op { return Op{Kind: Remove, Path: p.below(0)} }},
}

func (p *parser) open() Op {
	if !strings.Contains(p.args[2], "O_CREAT") {
		return Op{}
	}
	return Op{Kind: Create, Path: p.below(0)}
}

func (p *parser) write() Op {
	to := p.file(0)
	if strings.HasPrefix(to, "TCP") {
		return Op{Kind: Send, Path: to, Data: p.data(1)}
	}
	if !strings.HasPrefix(to, "/") {
		return Op{} // a pipe, a unix socket
	}
	return Op{Kind: Write, Path: to, Data: p.data(1), Off: appended}
}

// file is what a descriptor stands for: "9<\x2f\x74>" or "5<TCP:[127.0.0.1:1->127.0.0.1:2]>".
func (p *parser) file(i int) string {
	_, s, _ := strings.Cut(p.args[i], "<")
	if j := strings.LastIndex(s, ">"); j >= 0 {
		s = s[:j]
	}
	if strings.HasPrefix(s, `\x`) {
		return string(p.bytes(s))
	}
	return s
}

func (p *parser) name(i int) string { return string(p.data(i)) }

// below is a name that stands behind the descriptor of the directory it starts from.
func (p *parser) below(i int) string {
	name := p.name(i + 1)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.file(i), name)
}

// data is a quoted argument, cut to what the call took of it.
func (p *parser) data(i int) []byte {
	s := p.args[i]
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' { // "..." behind it: strace has cut it
		p.fail("%.40q is no whole string", s)
		return nil
	}
	return p.bytes(s[1 : len(s)-1])
}

func (p *parser) bytes(s string) []byte {
	out, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		p.fail("%.40q is not in hex: %w", s, err)
	}
	return out
}

func (p *parser) number(i int) int64 {
	n, err := strconv.ParseInt(p.args[i], 0, 64)
	if err != nil {
		p.fail("%.40q is no number", p.args[i])
	}
	return n
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}
