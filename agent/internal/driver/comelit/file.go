package comelit

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/protocol/access/fault"
)

// file is the directory of a gateway that the agent cannot reach: what it reads is a backup that an installer downloaded,
// what it writes is a sheet beside it that somebody keys in. A backup counts once it is younger than the sheet.
type file struct {
	backup, sheet, subject string
	read                   string // name of the backup that was read last
}

// sheeter is a directory to which the driver shows all of its slots after each change.
type sheeter interface{ keepSheet(rows [][]string) error }

var (
	_ PanelDirectory = (*file)(nil)
	_ sheeter        = (*file)(nil)
)

// scheme begins the url of a device that is a file: file:///var/lib/gatehouse/gate.tar.gz.
const scheme = "file://"

const remedyFile = "Key in what the sheet beside it asks for, then download a new backup from the device's Backup page and put it there."

func newFile(url, subject string) *file {
	path := filepath.Clean(strings.TrimPrefix(url, scheme))
	return &file{backup: path, sheet: strings.TrimSuffix(path, ".tar.gz") + ".csv", subject: subject}
}

// Capabilities implements PanelDirectory.
func (f *file) Capabilities() Capabilities {
	return Capabilities{Writes: true, Proves: true, Renew: remedyFile}
}

// Close implements PanelDirectory.
func (f *file) Close() error { return nil }

// Quota implements PanelDirectory: there is the one backup, and it can be read anew once somebody replaced it.
func (f *file) Quota(context.Context) (Quota, error) {
	info, err := os.Stat(f.backup)
	if err != nil {
		return Quota{}, fault.New(fault.Unreachable, "find the backup of", f.subject, "%w", err).WithRemedy("Download one from the device's Backup page and put it there.")
	}
	q := Quota{Kept: []string{strconv.FormatInt(info.ModTime().UnixNano(), 10)}}
	if keyed, err := os.Stat(f.sheet); q.Kept[0] != f.read && (err != nil || info.ModTime().After(keyed.ModTime())) {
		q.Left = maxBackups
	}
	return q, nil
}

// Prove implements PanelDirectory.
func (f *file) Prove(ctx context.Context) (Snapshot, error) {
	q, err := f.Quota(ctx)
	switch {
	case err != nil:
		return Snapshot{}, err
	case q.Left == 0:
		return Snapshot{}, fault.New(fault.Full, "read the backup of", f.subject, "%w", ErrQuota).WithRemedy(remedyFile)
	}
	return f.Snapshot(ctx, q.Kept[0])
}

// Snapshot implements PanelDirectory.
func (f *file) Snapshot(_ context.Context, name string) (Snapshot, error) {
	in, err := os.Open(f.backup)
	if err != nil {
		return Snapshot{}, fault.Wrap(fault.Unreachable, "read the backup of", f.subject, err)
	}
	defer in.Close()
	packed, err := io.ReadAll(io.LimitReader(in, maxArchive+1))
	switch {
	case err != nil:
		return Snapshot{}, fault.New(fault.Invalid, "read the backup of", f.subject, "%w", err).WithRemedy("Check the disk that %s is on, and copy the file there again.", f.backup)
	case len(packed) > maxArchive:
		return Snapshot{}, fault.New(fault.Invalid, "read the backup of", f.subject, "it is larger than %d bytes", maxArchive).WithRemedy("Put a backup of the device there, and nothing else: %s", f.backup)
	}
	snap, err := ParseBackup(packed)
	if err != nil {
		return Snapshot{}, fault.New(fault.Invalid, "read the backup of", f.subject, "%w", err).WithRemedy("Download it again: the whole file, not unpacked.")
	}
	f.read, snap.Name = name, name
	return snap, nil
}

// Write implements PanelDirectory: the sheet, which is made of all slots together, asks for it.
func (f *file) Write(_ context.Context, at Place, _ []Field) error {
	if !at.writable() {
		return fault.New(fault.Invalid, "write slot "+at.String()+" of", f.subject, "slot 0 and slots that do not exist are never written")
	}
	return nil
}

// keepSheet writes the sheet in one step. It names people: nobody else may read it.
func (f *file) keepSheet(rows [][]string) error {
	var b strings.Builder
	b.WriteString("\"unit\",\"slot\",\"do\",\"kind\",\"name\",\"e-mail\",\"phone\"\r\n")
	for _, r := range rows {
		for i, cell := range r {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		}
		b.WriteString("\r\n")
	}
	out := b.String()
	if old, err := os.ReadFile(f.sheet); err == nil && string(old) == out {
		return nil // its age says since when it asks for this
	}
	temp := f.sheet + ".new"
	err := os.WriteFile(temp, []byte(out), 0o600)
	if err == nil {
		err = os.Rename(temp, f.sheet)
	}
	return fault.Wrap(fault.Internal, "keep the sheet of", f.subject, err)
}

// sheet lists the slots that are ours or were until lately, and what is to be done at the device by hand.
func (p *Panel) sheet() (out [][]string) {
	var places []Place
	for at := range p.book.Notes {
		place, _ := parsePlace(at)
		places = append(places, place)
	}
	inOrder(len(places), func(i, j int) bool { return places[i].before(places[j]) }, func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, at := range places {
		n := p.book.Notes[at.String()]
		do, s := "enter", n.slot(at)
		switch n.State {
		case seen:
			do = "nothing, it is there"
		case clearing, cleared, stuck:
			do, s = "clear", Slot{Place: at}
		}
		out = append(out, []string{n.Unit, at.String(), do, s.Kind.String(), s.Name, s.Email, s.Phone})
	}
	return out
}
