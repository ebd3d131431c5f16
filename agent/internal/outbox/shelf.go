package outbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	bucketEvents = "outbox_events"
	bucketChecks = "outbox_checkpoints"
	bucketHead   = "outbox"

	recordVersion = 1
	recordFixed   = 1 + 4 + len(access.Link{}) // version, CRC-32C, link before
	fill          = 0.95                       // numbers only grow, so pages need no room to grow into
)

// head is what must outlive every event: numbers never start again, and the chain goes on from
// the last link, also when everything was confirmed.
type head struct {
	Number    uint64      `json:"number"`    // last one given
	Link      access.Link `json:"link"`      // after it
	Confirmed uint64      `json:"confirmed"` // last one the cloud committed
	Records   uint64      `json:"records"`   // kept, lost ranges included
	Live      uint64      `json:"live"`      // kept, lost ranges left out
	Bytes     int64       `json:"bytes"`     // of all kept
	Checked   uint64      `json:"checked"`   // number of the last checkpoint
	Lost      uint64      `json:"lost"`      // ever given up
	// Below these numbers nothing of the class is left to give up.
	Doors  uint64 `json:"doors"`
	Others uint64 `json:"others"`
}

// record is one stored event: the link before it, and its exact bytes.
type record struct {
	prev access.Link
	raw  []byte
}

// shelf is the outbox's buckets in one transaction.
type shelf struct {
	events, checks, heads *bolt.Bucket // nil when never written
	head                  head
}

func readShelf(tx *bolt.Tx) (*shelf, error) {
	s := &shelf{tx.Bucket([]byte(bucketEvents)), tx.Bucket([]byte(bucketChecks)), tx.Bucket([]byte(bucketHead)), head{}}
	return s, s.readHead()
}

func openShelf(tx *bolt.Tx) (*shelf, error) {
	s := &shelf{}
	for name, b := range map[string]**bolt.Bucket{bucketEvents: &s.events, bucketChecks: &s.checks, bucketHead: &s.heads} {
		var err error
		if *b, err = tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return nil, err
		}
	}
	s.events.FillPercent = fill
	return s, s.readHead()
}

// readHead refuses a damaged head: to guess a number would be to give one twice.
func (s *shelf) readHead() error {
	if s.heads == nil {
		return nil
	}
	v := s.heads.Get([]byte("head"))
	if v == nil {
		return nil
	}
	if len(v) > 4 && checksum(nil, v[4:]) == binary.BigEndian.Uint32(v) && json.Unmarshal(v[4:], &s.head) == nil && s.head.Number <= maxNumber {
		return nil
	}
	return fault.New(fault.Internal, "read", "outbox", "its head is damaged, so the next number is unknown").
		WithRemedy("Stop the agent, move site.db away and start: the newest snapshot takes its place.")
}

// close writes the head.
func (s *shelf) close() error {
	v, err := json.Marshal(s.head)
	if err != nil {
		return err
	}
	return s.heads.Put([]byte("head"), append(binary.BigEndian.AppendUint32(nil, checksum(nil, v)), v...))
}

func checksum(key, v []byte) uint32 {
	t := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, t), t, v)
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(k []byte) uint64 { return binary.BigEndian.Uint64(k) }

func (s *shelf) append(e access.Event, raw []byte) error {
	if err := s.put(e.Number, record{s.head.Link, raw}); err != nil {
		return err
	}
	s.head.Number, s.head.Link = e.Number, access.Chain(s.head.Link, raw)
	if e.Kind != access.EventLost {
		s.head.Live++
	}
	return nil
}

func (s *shelf) put(n uint64, r record) error {
	k, v := key(n), make([]byte, recordFixed, recordFixed+len(r.raw))
	v[0] = recordVersion
	copy(v[5:], r.prev[:])
	v = append(v, r.raw...)
	binary.BigEndian.PutUint32(v[1:], checksum(k, v[5:]))
	s.head.Records++
	s.head.Bytes += int64(len(v))
	return s.events.Put(k, v)
}

// drop takes a record out; v is its stored value.
func (s *shelf) drop(k, v []byte, live bool) error {
	s.head.Records--
	s.head.Bytes -= int64(len(v))
	if live && s.head.Live > 0 { // a damaged record may have been counted otherwise
		s.head.Live--
	}
	return s.events.Delete(k)
}

var errDamaged = errors.New("the disk changed it")

// decode shares memory with v, which lives as long as the transaction.
func decode(k, v []byte) (record, error) {
	if len(k) != 8 || len(v) < recordFixed || v[0] != recordVersion || checksum(k, v[5:]) != binary.BigEndian.Uint32(v[1:]) {
		return record{}, errDamaged
	}
	return record{access.Link(v[5:recordFixed]), v[recordFixed:]}, nil
}

// sketch is the part of an event by which room is made.
type sketch struct {
	Kind  access.EventKind `json:"kind"`
	Op    access.Op        `json:"op"`
	First uint64           `json:"first"`
}

func (r record) sketch() (s sketch) {
	_ = json.Unmarshal(r.raw, &s) // our own bytes; if not, it counts as nothing in particular
	return s
}
