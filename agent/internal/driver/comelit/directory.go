package comelit

import (
	"context"
	"errors"
)

// PanelDirectory is the table of slots of one gateway, however it is reached: the driver's own need, and the seam at
// which the installer's pages (webui), a file for an installer, or one day the vendor's own interface stand. Errors are
// faults as driver.Panel says.
type PanelDirectory interface {
	// Capabilities says what this way in can do. It touches no network.
	Capabilities() Capabilities
	// Quota says how often the table can still be read, and whether the login has the installer's rights: losing
	// them is Denied (row C16). It changes nothing.
	Quota(ctx context.Context) (Quota, error)
	// Snapshot reads the whole table as the proof called name holds it; one that is no longer kept is ErrGone.
	Snapshot(ctx context.Context, name string) (Snapshot, error)
	// Prove has the device show its table as it is now and uses up one of the quota. With none left the error is
	// ErrQuota and nothing was asked of the device.
	Prove(ctx context.Context) (Snapshot, error)
	// Write sets fields of one slot in order, each a request of its own, and stops at the first that fails. Slot 0
	// is refused. A nil error says that the device accepted them: only a snapshot shows that it did.
	Write(ctx context.Context, at Place, fields []Field) error
	Close() error
}

// CodeIssuer makes a device invite an app: an activation code for a slot, which the vendor mails to the slot's e-mail
// (§3, R). The code shows in the next snapshot as Slot.Code.
type CodeIssuer interface {
	IssueCode(ctx context.Context, at Place) error
}

// Capabilities says what a directory can do.
type Capabilities struct {
	Writes bool // slots can be written
	Proves bool // and read back
	Codes  bool // it is a CodeIssuer
	// Renew is what somebody can do where no proof is left.
	Renew string
}

// Quota is what there is of proofs.
type Quota struct {
	Kept []string // names of those the device keeps, oldest first
	Left int      // how many more it would make
}

// Newest is the name of the last proof kept, "" when there is none.
func (q Quota) Newest() string {
	if len(q.Kept) == 0 {
		return ""
	}
	return q.Kept[len(q.Kept)-1]
}

// Snapshot is the whole table at one moment.
type Snapshot struct {
	Name       string         // by which it can be read again
	Slots      []Slot         // slot 0 of each unit included
	Apartments map[int]string // ViP address of each map index, as far as the device tells
}

// at finds a slot.
func (s *Snapshot) at(p Place) (Slot, bool) {
	for i := range s.Slots {
		if s.Slots[i].Place == p {
			return s.Slots[i], true
		}
	}
	return Slot{}, false
}

// ErrQuota says that the device keeps as many backups as it ever will and no way is known to delete one (§3).
var ErrQuota = errors.New("the device keeps five backups and makes no more")

// ErrGone says that a proof is no longer kept.
var ErrGone = errors.New("the backup is no longer kept")
