package comelit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// maxBackups is how many the device keeps; no way to delete one is known (§3, R).
const maxBackups = 5

// webUI is the directory as the installer's pages give it (§3).
type webUI struct {
	web    *session
	settle time.Duration // how long a backup needs to be listed: about 2 s (§3)
}

var (
	_ PanelDirectory = (*webUI)(nil)
	_ CodeIssuer     = (*webUI)(nil)
)

func newWebUI(cfg driver.Config, deps driver.Deps) (*webUI, error) {
	s, err := newSession(cfg, deps)
	if err != nil {
		return nil, err
	}
	w := &webUI{web: s, settle: 2 * time.Second}
	if cfg.Pace < 0 {
		w.settle = 20 * time.Millisecond
	}
	return w, nil
}

// Capabilities implements PanelDirectory.
func (w *webUI) Capabilities() Capabilities {
	return Capabilities{Writes: true, Proves: true, Codes: true, Renew: remedyQuota}
}

// Close implements PanelDirectory.
func (w *webUI) Close() error {
	w.web.close()
	return nil
}

// backupNames lists the links of the backup page, href='<digits>.tar.gz' (§3, R).
func backupNames(page string) (out []string) {
	const tail = ".tar.gz"
	for {
		_, rest, found := strings.Cut(page, "href=")
		if !found || len(out) == 4*maxBackups {
			return out
		}
		page = rest
		digits, _, _ := strings.Cut(strings.TrimLeft(rest[:min(len(rest), 64)], "'\"/"), tail)
		if n := len(digits); n > 0 && n <= 20 && strings.Trim(digits, "0123456789") == "" && !slices.Contains(out, digits+tail) {
			out = append(out, digits+tail)
		}
	}
}

// Quota implements PanelDirectory.
func (w *webUI) Quota(ctx context.Context) (Quota, error) {
	const op = "list the backups of"
	page, err := w.web.do(ctx, ask{op: op, method: http.MethodGet, path: backupsPage})
	if err != nil {
		return Quota{}, err
	}
	if err := w.web.rights(op, page); err != nil {
		return Quota{}, err
	}
	q := Quota{Kept: backupNames(string(page))}
	k := q.Kept
	older := func(i, j int) bool { // by number: they are of different lengths one day
		return len(k[i]) < len(k[j]) || len(k[i]) == len(k[j]) && k[i] < k[j]
	}
	inOrder(len(k), older, func(i, j int) { k[i], k[j] = k[j], k[i] })
	q.Left = max(0, maxBackups-len(q.Kept))
	return q, nil
}

// Prove implements PanelDirectory: it has a backup made and reads it. Whether one was made shows in the list alone.
func (w *webUI) Prove(ctx context.Context) (Snapshot, error) {
	const op = "make a backup on"
	before, err := w.Quota(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	if before.Left == 0 {
		return Snapshot{}, w.spent(op)
	}
	_, made := w.web.do(ctx, ask{op: op, method: http.MethodPost, path: createPage, ajax: true, write: true})
	if made != nil && fault.KindOf(made) != fault.Timeout {
		return Snapshot{}, made
	}
	for try := range 4 {
		after, err := w.Quota(ctx)
		if err != nil {
			return Snapshot{}, err
		}
		if name := after.Newest(); name != "" && !slices.Contains(before.Kept, name) {
			return w.Snapshot(ctx, name)
		}
		if err := sleep(ctx, time.Duration(try+1)*w.settle); err != nil {
			return Snapshot{}, w.web.failed(ask{op: op}, err)
		}
	}
	if made != nil {
		return Snapshot{}, made
	}
	return Snapshot{}, fault.New(fault.Timeout, op, w.web.subject, "the device accepted the request and lists no new backup").
		WithRemedy("Make one by hand on its Backup page; restart the device if that fails too.")
}

func (w *webUI) spent(op string) error {
	return fault.New(fault.Full, op, w.web.subject, "%w", ErrQuota).WithRemedy(remedyQuota)
}

const remedyQuota = "Log in to the device's web page as installer, keep a copy of its backups, and delete them on the Backup page."

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Snapshot implements PanelDirectory: it downloads a backup and reads it in memory.
func (w *webUI) Snapshot(ctx context.Context, name string) (Snapshot, error) {
	const op = "read a backup of"
	packed, err := w.web.do(ctx, ask{op: op, method: http.MethodGet, path: "/" + name, most: maxArchive})
	if err != nil {
		return Snapshot{}, err
	}
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) && bytes.Contains(packed, []byte(refusedWords)) {
		return Snapshot{}, fault.New(fault.Conflict, op, w.web.subject, "%w", ErrGone)
	}
	snap, err := ParseBackup(packed)
	if err != nil {
		return Snapshot{}, fault.New(fault.Invalid, op, w.web.subject, "%w", err).
			WithRemedy("Try again; if it lasts, download the backup in a browser and see whether it unpacks.")
	}
	snap.Name = name
	return snap, nil
}

// ParseBackup reads an archive that was downloaded from a device's Backup page. It never touches a disk, and of the
// archive's files it looks at users.cfg and apartments.cfg alone.
func ParseBackup(packed []byte) (Snapshot, error) {
	b, err := readBackup(packed)
	if err != nil {
		return Snapshot{}, err
	}
	slots, err := parseUsers(b.users)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Slots: slots, Apartments: parseApartments(b.apartments)}, nil
}

// Write implements PanelDirectory: one request a field, with the Referer of the users' page (§3, R). The answer to a
// good one is some page; a refusal is one too, with "Invalid request" in it.
func (w *webUI) Write(ctx context.Context, at Place, fields []Field) error {
	op := "write slot " + at.String() + " of"
	if !at.writable() {
		return fault.New(fault.Invalid, op, w.web.subject, "slot 0 and slots that do not exist are never written")
	}
	for _, f := range fields {
		key := "mspUsersMap_." + at.String() + "_" + strconv.Itoa(f.Number)
		page, err := w.web.do(ctx, ask{
			op: op, method: http.MethodPost, path: updatePage, write: true,
			query: key + "=" + url.QueryEscape(f.Text),
		})
		switch {
		case err != nil:
			return err
		case bytes.Contains(page, []byte(refusedWords)):
			return w.refused(ctx, op, f)
		case len(bytes.TrimSpace(page)) == 0:
			return w.web.unclear(ask{op: op, write: true}, errors.New("an empty page"))
		}
	}
	return nil
}

// refused tells a value that the device does not take from a login that has lost its rights (row C16).
func (w *webUI) refused(ctx context.Context, op string, f Field) error {
	if _, err := w.Quota(ctx); err != nil {
		return err
	}
	return fault.New(fault.Invalid, op, w.web.subject, "the device refuses the value of field %d", f.Number).
		WithRemedy("Shorten the name and leave out unusual characters; if it refuses every value, do the same change by hand on its Users page.")
}

// IssueCode implements CodeIssuer. Whether a code was made shows in the next snapshot.
func (w *webUI) IssueCode(ctx context.Context, at Place) error {
	op := fmt.Sprintf("make an activation code for slot %s of", at)
	if !at.writable() {
		return fault.New(fault.Invalid, op, w.web.subject, "slot 0 and slots that do not exist get no code")
	}
	page, err := w.web.do(ctx, ask{op: op, method: http.MethodPost, path: codePage, query: "user=" + at.String(), write: true})
	if err != nil || !bytes.Contains(page, []byte(refusedWords)) {
		return err
	}
	if _, err := w.Quota(ctx); err != nil {
		return err // the rights are lost
	}
	return fault.New(fault.Invalid, op, w.web.subject, "the device refuses to make one").
		WithRemedy("The slot must be an enabled app that nobody has activated yet.")
}
