package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// keepCommands is how many commands the journal remembers; older ones are long past their
// deadline.
const keepCommands = 1000

// command is one line of the command journal.
type command struct {
	Done  bool            `json:"done"`
	Reply json.RawMessage `json:"reply,omitempty"`
}

// BeginCommand notes that a command is about to be acted on. known means that its id was seen
// before: then nothing may be done, and reply is what was answered, or nil when the program ended
// in between and the outcome is unknown.
func (s *Site) BeginCommand(id string) (reply json.RawMessage, known bool, err error) {
	if !access.ValidID(id) {
		return nil, false, fault.New(fault.Invalid, "journal", "command", "%q is not an id", id)
	}
	err = s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketCommands)
		if err != nil {
			return err
		}
		if d.b.Get([]byte(id)) != nil {
			var c command
			known = true
			err := getJSON(d, id, &c)
			reply = c.Reply
			return err
		}
		return errors.Join(putJSON(d, id, command{}), s.forgetCommands(tx, d, id))
	})
	return reply, known, err
}

// forgetCommands enters id in the order of arrival and drops the oldest beyond the limit.
func (s *Site) forgetCommands(tx *bolt.Tx, d drawer, id string) error {
	order, err := tx.CreateBucketIfNotExists([]byte(bucketOrder))
	if err != nil {
		return err
	}
	seq, err := order.NextSequence()
	if err != nil {
		return err
	}
	if err := order.Put(binary.BigEndian.AppendUint64(nil, seq), []byte(id)); err != nil || seq <= keepCommands {
		return err
	}
	old := binary.BigEndian.AppendUint64(nil, seq-keepCommands)
	if gone := order.Get(old); gone != nil {
		err = d.delete(string(gone))
	}
	return errors.Join(err, order.Delete(old))
}

// FinishCommand keeps the reply of a command that was begun, with the events that tell of it. A
// repeated id will get this reply.
func (s *Site) FinishCommand(id string, reply json.RawMessage, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketCommands)
		if d.b == nil || d.b.Get([]byte(id)) == nil {
			return fault.New(fault.Internal, "journal", "command "+id, "was never begun")
		}
		return putJSON(d, id, command{Done: true, Reply: reply})
	})
}
