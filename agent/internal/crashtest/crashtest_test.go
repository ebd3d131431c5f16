package crashtest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hexed writes text as strace -xx does.
func hexed(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString(`\x` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
	}
	return b.String()
}

// recording is what strace 6.1 wrote of such calls, with the paths shortened.
func recording(lines ...string) string {
	text := strings.Join(lines, "\n") + "\n"
	for _, word := range []string{"/d/a.new", "/d/a", "/d", "hello", "other"} {
		text = strings.ReplaceAll(text, "{"+word+"}", hexed(word))
	}
	return text
}

func TestParse(t *testing.T) {
	t.Parallel()
	ops, err := Parse(strings.NewReader(recording(
		`7 openat(AT_FDCWD<{/d}>, "{/d/a.new}", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 9<{/d/a.new}>`,
		`7 openat(AT_FDCWD<{/d}>, "{/d/a}", O_RDONLY) = -1 ENOENT (No such file or directory)`,
		`7 pwrite64(9<{/d/a.new}>, "{hello}", 5, 4096) = 5`,
		`7 fdatasync(9<{/d/a.new}> <unfinished ...>`,
		`8 write(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, "{other}", 5) = 5`,
		`8 --- SIGURG {si_signo=SIGURG} ---`,
		`7 <... fdatasync resumed>) = 0`,
		`7 renameat(AT_FDCWD<{/d}>, "{/d/a.new}", AT_FDCWD<{/d}>, "{/d/a}") = 0`,
		`7 fsync(4<{/d}>) = 0`,
		`7 fdatasync(9<{/d/a}>) = -1 EIO (Input/output error) (INJECTED)`,
		`7 +++ exited with 0 +++`,
	)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Op{
		{Kind: Create, Path: "/d/a.new"}, {Kind: Write, Path: "/d/a.new", Off: 4096, Data: []byte("hello"), Start: 2, End: 2},
		{Kind: Send, Path: "TCP:[127.0.0.1:1->127.0.0.1:2]", Data: []byte("other"), Start: 4, End: 4},
		{Kind: Sync, Path: "/d/a.new", Start: 3, End: 6}, {Kind: Rename, Path: "/d/a.new", To: "/d/a", Start: 7, End: 7}, {Kind: Sync, Path: "/d", Start: 8, End: 8},
	}
	if !slices.EqualFunc(ops, want, func(a, b Op) bool {
		return a.Kind == b.Kind && a.Path == b.Path && a.To == b.To && a.Off == b.Off && bytes.Equal(a.Data, b.Data) && a.Start == b.Start && a.End == b.End
	}) {
		t.Errorf("got  %+v\nwant %+v", ops, want)
	}
}

func TestParseRefusesWhatStraceCutShort(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`7 pwrite64(9<{/d/a}>, "{hello}"..., 5000, 0) = 5000`,
		`7 pwrite64(9<{/d/a}>, "\xzz", 1, 0) = 1`,
		`7 pwrite64(9<{/d/a}>, "{hello}", 5, x) = 5`,
	} {
		if ops, err := Parse(strings.NewReader(recording(line))); err == nil {
			t.Errorf("%s gave %+v", line, ops)
		}
	}
}

// FuzzParse: whatever a recording holds, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add(recording(`7 fdatasync(9<{/d/a}> <unfinished ...>`, `7 <... fdatasync resumed>) = 0`))
	f.Add("7 write(1<>, \"\", 0) = 0\n8 <... x resumed>) = ?\n= \n7 a( = \n")
	f.Fuzz(func(t *testing.T, text string) {
		ops, err := Parse(strings.NewReader(text))
		for _, op := range ops {
			if err != nil || op.Kind == "" {
				t.Errorf("%+v with %v", op, err)
			}
		}
	})
}

// at numbers operations as if each were done before the next began.
func at(ops ...Op) []Op {
	for i := range ops {
		ops[i].Start, ops[i].End = i, i
	}
	return ops
}

func write(name, data string) Op {
	return Op{Kind: Write, Path: "/d/" + name, Data: []byte(data), Off: appended}
}

// walked gives every image as text, by the moment it was shown for.
func walked(t *testing.T, ops []Op, o Options) map[int][]string {
	t.Helper()
	into, out := t.TempDir(), map[int][]string{}
	n, err := Walk(ops, "/d", into, o, func(at int) error {
		list, err := os.ReadDir(into)
		text := ""
		for _, e := range list {
			b, rerr := os.ReadFile(filepath.Join(into, e.Name()))
			err = errors.Join(err, rerr)
			text += e.Name() + "=" + string(bytes.Trim(b, "\x00")) + " "
		}
		out[at] = append(out[at], strings.TrimSpace(text))
		return err
	})
	if total := len(slices.Concat(slices.Collect(maps.Values(out))...)); err != nil || n != total {
		t.Fatalf("%d images, %d were visited: %v", n, total, err)
	}
	for _, images := range out {
		slices.Sort(images)
	}
	return out
}

// TestWalkShowsEveryImage: written by hand, what a cut leaves of a file that is made, filled, synced and named.
func TestWalkShowsEveryImage(t *testing.T) {
	t.Parallel()
	got := walked(t, at(
		Op{Kind: Create, Path: "/d/new"}, Op{Kind: Sync, Path: "/d"}, // 1, 2: the empty file lasts
		write("new", "A"), write("new", "B"), // 3, 4
		Op{Kind: Sync, Path: "/d/new"},                          // 5
		Op{Kind: Rename, Path: "/d/new", To: "/d/final"},        // 6
		Op{Kind: Sync, Path: "/d"},                              // 7
		write("final", "C"), Op{Kind: Remove, Path: "/d/final"}, // 8, 9
	), Options{})
	for when, want := range map[int][]string{
		1: {"", "new="}, 2: {"new="}, 3: {"new=A"}, 4: {"new=AB", "new=B"}, 5: {"new=AB"}, 6: {"final=AB", "new=AB"}, 7: {"final=AB"}, 8: {"final=ABC"}, 9: {"", "final=AB"},
	} {
		images := got[when]
		for i, text := range images {
			images[i] = strings.ReplaceAll(text, "\x00", "")
		}
		if !slices.Equal(slices.Compact(images), want) {
			t.Errorf("at %d: %q, want %q", when, images, want)
		}
	}
}

// TestASyncMakesSureOnlyWhatCameBackBeforeIt began; a write of another thread may still be lost.
func TestASyncMakesSureOnlyWhatCameBackBeforeIt(t *testing.T) {
	t.Parallel()
	d := NewDisk("/d")
	d.Do(Op{Kind: Create, Path: "/d/a"})
	d.Do(Op{Kind: Sync, Path: "/d", Start: 1, End: 1})
	first, second := write("a", "1"), write("a", "2")
	first.Start, first.End, second.Start, second.End = 2, 2, 3, 6
	d.Do(first)
	d.Do(second)
	d.Do(Op{Kind: Sync, Path: "/d/a", Start: 4, End: 5})
	if got := d.Sure()["a"].bytes(); string(got) != "1" {
		t.Errorf("sure is %q", got)
	}
	d.Do(Op{Kind: Sync, Path: "/d/a", Start: 7, End: 8})
	if got := d.Sure()["a"].bytes(); string(got) != "12" {
		t.Errorf("sure is %q", got)
	}
}

func TestAPageIsTornAtSectors(t *testing.T) {
	t.Parallel()
	old, page := bytes.Repeat([]byte("o"), block), bytes.Repeat([]byte("n"), block)
	c := content{blocks: map[int64]*[block]byte{}}
	c.write(0, old)
	before := c.clone()
	c.do(Op{Kind: Write, Data: page}, 0b101)
	got := c.bytes()
	for i := range block / sector {
		want := byte('o')
		if i == 0 || i == 2 {
			want = 'n'
		}
		if !bytes.Equal(got[i*sector:(i+1)*sector], bytes.Repeat([]byte{want}, sector)) {
			t.Errorf("sector %d is %q...", i, got[i*sector])
		}
	}
	if !bytes.Equal(before.bytes(), old) {
		t.Error("a copy changed along")
	}
	c.truncate(sector + 1)
	c.write(block, []byte("x"))
	if got := c.bytes(); got[sector] != 'o' || got[sector+1] != 0 || len(got) != block+1 {
		t.Error("what was cut off came back")
	}
}

// TestManyPendingWritesAreASelection that holds every prefix, all but each, and each alone.
func TestManyPendingWritesAreASelection(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	const n = 20
	d := Options{Seed: 1}
	for m := range selected(n, lotOf(d)) {
		seen[m] = true
	}
	all := uint64(1<<n - 1)
	for i := range n {
		if !seen[all>>i] || !seen[all&^(1<<i)] || !seen[1<<i] {
			t.Errorf("something about write %d is not tried", i)
		}
	}
	if every := slices.Collect(everyOf(5)); len(every) != 16 {
		t.Errorf("%d combinations of 5 writes that hold the last", len(every))
	}
}

func TestTheFolderNoticesWhoeverChangedIt(t *testing.T) {
	t.Parallel()
	f := folder{t.TempDir(), map[string]laid{}}
	c := content{blocks: map[int64]*[block]byte{}}
	c.write(0, []byte("right"))
	path := filepath.Join(f.dir, "a")
	for range 3 {
		if err := f.lay(Image{"a": c}); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); string(b) != "right" || err != nil {
			t.Fatalf("%q %v", b, err)
		}
		if err := errors.Join(os.WriteFile(path, []byte("wrong"), 0o600), os.WriteFile(path+"2", nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPublishes: the packets of MQTT 3.1.1 §3.3, cut anywhere, on two connections.
func TestPublishes(t *testing.T) {
	t.Parallel()
	const broker = "127.0.0.1:2"
	packet := []byte{0x32, 8, 0, 1, 't', 0, 9, 'x', 'y', 'z'} // QoS 1, packet 9
	once := []byte{0x30, 4, 0, 1, 'u', '!'}                   // QoS 0
	ping := []byte{0xc0, 0}
	send := func(from string, b []byte) Op {
		return Op{Kind: Send, Path: "TCP:[" + from + "->" + broker + "]", Data: b}
	}
	ops := []Op{
		send("a", slices.Concat(ping, packet[:1])), send("b", once), send("a", packet[1:4]), send("a", slices.Concat(packet[4:], once)),
		{Kind: Send, Path: "TCP:[a->127.0.0.1:3]", Data: once},
	}
	var got []string
	for _, p := range Publishes(ops, broker) {
		got = append(got, string(rune('0'+p.At))+p.Topic+string(p.Payload))
	}
	if want := []string{"1u!", "0txyz", "3u!"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
