package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
	"gatehouse/protocol/prototest/realserver"
)

// disk is a small file system that only the processes in its own mount namespace see.
type disk struct {
	t      *testing.T
	dir    string // in the namespace
	holder *exec.Cmd
}

// newDisk mounts a tmpfs of so many bytes, which ends with the test.
func newDisk(t *testing.T, size int) *disk {
	t.Helper()
	d := &disk{t: t, dir: t.TempDir()}
	d.holder = exec.CommandContext(t.Context(), realserver.Root(t, "unshare"), "-m", "sh", "-c", `mount -t tmpfs -o "size=$1" none "$2" && echo mounted && exec cat`, "sh", fmt.Sprint(size), d.dir)
	stdin, err := d.holder.StdinPipe()
	must(t, err)
	stdout, err := d.holder.StdoutPipe()
	must(t, err)
	var said bytes.Buffer
	d.holder.Stderr = &said
	must(t, d.holder.Start())
	t.Cleanup(func() {
		_ = stdin.Close() // it ends, and the file system with it
		_ = d.holder.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("no mount: %q %v %s", line, err, said.String())
	}
	return d
}

// enter are the words before a program that is to see the disk.
func (d *disk) enter() []string {
	return []string{realserver.Root(d.t, "nsenter"), "-t", fmt.Sprint(d.holder.Process.Pid), "-m"}
}

// path is where the test sees a file of the disk.
func (d *disk) path(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.holder.Process.Pid), d.dir, name)
}

// fill leaves no byte; empty takes back what fill took.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(d.path("filler"))
	must(d.t, err)
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("filling the disk: %v", err)
	}
}

func (d *disk) empty() { must(d.t, os.Remove(d.path("filler"))) }

func (d *disk) remount(how string) {
	d.t.Helper()
	words := append(d.enter(), "mount", "-o", "remount,"+how, d.dir)
	if out, err := exec.CommandContext(d.t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
		d.t.Fatalf("remount: %v %s", err, out)
	}
}

// kept runs the daemon and starts it again whenever it ends, as systemd does, until release.
func (p *process) kept() (release func()) {
	p.t.Helper()
	p.launch()
	var once sync.Once
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-p.done:
				p.logs.Add("started again\n")
				p.launch()
			case <-stop:
				return
			}
		}
	}()
	release = func() {
		once.Do(func() {
			close(stop)
			<-done
			p.end()
		})
	}
	return release
}

// whole holds the cloud's record of events to itself, and the panel to the residents that should be there.
func (p *process) whole(there, gone []int) {
	p.t.Helper()
	for i, k := range p.keeper.Kept.All() {
		var e access.Event
		if err := json.Unmarshal(k.Raw, &e); err != nil || k.Number != uint64(i+1) || e.Number != k.Number {
			p.t.Errorf("event %d is numbered %d and calls itself %d (%v)", i+1, k.Number, e.Number, err)
		}
	}
	for _, bad := range p.keeper.Bad.All() {
		p.t.Errorf("the cloud: %v", bad)
	}
	for _, n := range there {
		if !p.opens(fmt.Sprint(10000 + n)) {
			p.t.Errorf("resident %d cannot open", n)
		}
	}
	for _, n := range gone {
		if p.opens(fmt.Sprint(10000 + n)) {
			p.t.Errorf("resident %d can open", n)
		}
	}
	var r struct {
		ChainOK bool `json:"chain_ok"`
	}
	out, err := p.command([]string{"outbox", "verify"}, "--json").Output()
	if err != nil || json.Unmarshal(out, &r) != nil || !r.ChainOK {
		p.t.Errorf("outbox verify: %s %v", out, err)
	}
}

// says is a line of the log that holds all the words.
func says(words ...string) func(string) bool {
	return func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	}
}

// onDisk is a gateway whose files lie on a disk of their own; residents 1 to 3 live there.
func onDisk(t *testing.T, size int) (*process, *disk) {
	t.Helper()
	p, d := newProcess(t, built(t)), newDisk(t, size)
	p.wrap = d.enter
	p.configure(d.dir)
	p.seen = d.path("")
	p.enrol(append(append(append(places(), resident(1, since(time.Hour))...), resident(2, since(time.Hour))...), resident(3, since(time.Hour))...)...)
	return p, d
}

// TestTowardsE2_AFullDisk: a real one. The gateway says what to do, and gives up its reserve: who moves out while the disk
// is full is removed all the same. When even the reserve is full it waits; when there is room again everything happens
// that was asked for, and every event is there once.
func TestTowardsE2_AFullDisk(t *testing.T) {
	t.Parallel()
	p, d := onDisk(t, 8<<20)
	story := p.story()
	release := p.kept()
	defer release()
	story.until(access.EventConfirmed, access.OpAdd, "p3")
	d.fill()
	tail := p.logs.Tail()
	p.arrive(20, 60)
	p.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...)))
	tail.Find(t, "the words about the full disk", says("the reserve is given up", "the disk is full", "Make room on the disk"))
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	d.fill()
	p.arrive(60, 100)
	tail.Find(t, "the words about the full reserve", says("the disk is full and so is the reserve", "Make room on the disk"))
	d.empty()
	story.until(access.EventConfirmed, access.OpAdd, "p99")
	release()
	p.whole([]int{2, 3, 20, 59, 60, 99}, []int{1})
}

func (p *process) arrive(from, to int) {
	p.t.Helper()
	for n := from; n < to; n++ {
		p.keeper.Change(items(p.t, resident(n, since(time.Hour))...), nil)
	}
}

// TestTowardsE2_AFullDiskAtTheStart: the wanted state is damaged and there is not a byte of room, so that nothing can be recorded
// of it. The gateway starts all the same, fetches the state again, removes whom it should, and tells all of it.
func TestTowardsE2_AFullDiskAtTheStart(t *testing.T) {
	t.Parallel()
	p, d := onDisk(t, 8<<20)
	story := p.story()
	p.launch()
	story.until(access.EventConfirmed, access.OpAdd, "p3")
	p.end()
	f, err := os.OpenFile(d.path(store.WantedFile), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 8<<10), 0)
	must(t, errors.Join(err, f.Close()))
	d.fill()
	tail := p.logs.Tail()
	p.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...)))
	p.launch()
	tail.Find(t, "the words about the reserve", says("the reserve is given up"))
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	d.empty()
	p.keeper.Change(items(t, resident(20, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p20")
	p.end()
	p.whole([]int{2, 3, 20}, []int{1})
	if !p.told("the stored wanted state was damaged and put aside") {
		t.Error("the cloud never heard of the damage")
	}
}

// told says whether the cloud has an event with these words.
func (p *process) told(words string) bool {
	return slices.ContainsFunc(p.keeper.Kept.All(), func(k prototest.Kept) bool { return strings.Contains(string(k.Raw), words) })
}

// TestTowardsE2_AStateDirectoryInMemoryIsRefused: on a real tmpfs, before anything is made there, by the daemon and by enrolment;
// unless the configuration insists.
func TestTowardsE2_AStateDirectoryInMemoryIsRefused(t *testing.T) {
	t.Parallel()
	p, d := newProcess(t, built(t)), newDisk(t, 8<<20)
	p.wrap, p.unforced = d.enter, true
	state := filepath.Join(d.dir, "gatehouse", "state")
	p.configure(state)
	for _, words := range [][]string{{"run"}, {"enroll", "request", "--out", filepath.Join(t.TempDir(), "request")}} {
		cmd := p.command(words[:min(2, len(words))], words[min(2, len(words)):]...)
		out, err := cmd.CombinedOutput()
		for _, want := range []string{"it lies on tmpfs", "gone when the box loses power", "force_state_dir = true"} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v: %v, said without %q:\n%s", words, err, want, out)
			}
		}
	}
	if _, err := os.Stat(d.path("gatehouse")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made there: %v", err)
	}
	p.unforced = false
	p.configure(state)
	p.seen = d.path("gatehouse/state")
	p.enrol(append(places(), resident(1, since(time.Hour))...)...)
	story, tail := p.story(), p.logs.Tail()
	p.launch()
	tail.Find(t, "the words about the force", says("used by force", "tmpfs"))
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	p.end()
}

// TestTowardsE2_AReadOnlyDisk: the gateway says so at its start and works when it is mended.
func TestTowardsE2_AReadOnlyDisk(t *testing.T) {
	t.Parallel()
	p, d := onDisk(t, 16<<20)
	story := p.story()
	p.launch()
	story.until(access.EventConfirmed, access.OpAdd, "p3")
	p.end()
	d.remount("ro")
	tail := p.logs.Tail()
	p.launch()
	receive(t, p.done, "the end of an agent that cannot write")
	tail.Find(t, "the words about the read-only disk", says("mounted read-only"))
	if code := p.cmd.ProcessState.ExitCode(); code <= 0 {
		t.Errorf("exit %d", code)
	}
	d.remount("rw")
	p.launch()
	p.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...)))
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	p.end()
	p.whole([]int{2, 3}, []int{1})
}

// TestTowardsE2_ADiskThatFailsNowAndThen: writes and syncs of the real program fail with EIO. Whatever was told stays, the
// files are looked at and opened again, and everything asked for happens.
func TestTowardsE2_ADiskThatFailsNowAndThen(t *testing.T) {
	t.Parallel()
	exe := built(t)
	for name, inject := range map[string]string{"a sync": "fdatasync:error=EIO:when=9+23", "a write": "pwrite64:error=EIO:when=40+90"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, exe)
			p.enrol(append(places(), resident(1, since(time.Hour))...)...)
			story := p.story()
			p.wrap = func() []string {
				return []string{realserver.Binary(t, "strace"), "-D", "-f", "--seccomp-bpf", "-o", os.DevNull, "-e", "signal=none", "-e", "trace=fdatasync,pwrite64", "-e", "inject=" + inject}
			}
			tail := p.logs.Tail()
			release := p.kept()
			defer release()
			story.until(access.EventConfirmed, access.OpAdd, "p1")
			for n := 20; n < 32; n++ { // one by one: changes that come together are few writes
				p.arrive(n, n+1)
				story.until(access.EventConfirmed, access.OpAdd, access.PersonID(fmt.Sprint("p", n)))
			}
			p.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...)))
			tail.Find(t, "the words about the failing disk", says("The disk may be failing"))
			if text := p.logs.text(); !strings.Contains(text, "a whole copy was written") || strings.Contains(text, "no room for a whole copy") {
				t.Error("after a failed commit the file was not written anew")
			}
			release()
			p.wrap = nil
			p.launch() // without faults: what is left is done and told
			p.keeper.Change(items(t, resident(40, since(time.Hour))...), nil)
			story.until(access.EventConfirmed, access.OpAdd, "p40")
			p.end()
			p.whole([]int{20, 31, 40}, []int{1})
		})
	}
}
