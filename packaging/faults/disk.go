package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// badDisk is a call of the gateway that strace lets fail. What was written before a sync that fails is in the file: a
// commit that failed may stand there all the same, and that is what these days are about.
type badDisk struct {
	call, err string
	file      string // of the gateway's folder; "": any
	when      string // as strace counts: the first, and every so many after it
}

func (d badDisk) String() string {
	file := d.file
	if file == "" {
		file = "any file"
	}
	return fmt.Sprintf("%s of %s says %s at %s", d.call, file, d.err, d.when)
}

// under are the words before a program that make it run on such a disk. The tracer is strace's own child: the process is
// the program, and is killed as it.
func (d badDisk) under(folder, log string) []string {
	words := []string{"strace", "-D", "-f", "--seccomp-bpf", "-Z", "-o", log, "-e", "signal=none", "-e", "trace=" + d.call,
		"-e", "inject=" + d.call + ":error=" + d.err + ":when=" + d.when}
	if d.file != "" {
		words = append(words, "-P", filepath.Join(folder, d.file))
	}
	return words
}

// traced says whether this machine has what diskTroubles need.
func traced() bool {
	_, err := exec.LookPath("strace")
	return err == nil
}

// diskTroubles let the gateway's disk fail now and then. It is started anew for it, and without it afterwards. It may end
// over it: systemd would start it again.
func (h *house) diskTroubles(ctx context.Context) []trouble {
	every := func() string { return fmt.Sprintf("%d+%d", 1+h.rand.IntN(12), 3+h.rand.IntN(24)) }
	out := []trouble{}
	for _, d := range []badDisk{
		{"fdatasync", "EIO", "", every()}, {"pwrite64", "EIO", "", every()}, {"pwrite64", "ENOSPC", "", every()},
		{"fdatasync", "EIO", "wanted.db", every()}, {"fdatasync", "EIO", "site.db", every()},
	} {
		out = append(out, trouble{what: "gateway's disk fails: " + d.String(), disk: true, point: true, begin: func() error { return h.spoil(ctx, d) }, mend: h.repair})
	}
	if !traced() {
		return nil
	}
	return out
}

// spoil starts the gateway on a bad disk, and gives it time to work there.
func (h *house) spoil(ctx context.Context, d badDisk) error {
	h.killBox()
	h.wrap = d.under(h.path("agent"), h.path(straceLog))
	if err := h.startBox(""); err != nil {
		return err
	}
	late := time.Now().Add(3 * time.Second)
	for h.box.runs() && h.linked(ctx) != nil && time.Now().Before(late) {
		pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// repair starts it on a good one.
func (h *house) repair() error {
	h.killBox()
	h.wrap = nil
	log, _ := os.ReadFile(h.path(straceLog)) // there is none yet where it was killed before it began
	h.figures.errors += bytes.Count(log, []byte("(INJECTED)"))
	return h.startBox("")
}

// straceLog is what strace writes, anew for every start.
const straceLog = "strace.log"
