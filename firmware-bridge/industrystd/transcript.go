package industrystd

import (
	"encoding/hex"
	"strings"
)

// Entry is one control byte or frame that crossed the wire.
type Entry struct {
	Sent  bool // by us
	Bytes []byte
}

// Hex is the bytes as upper-case digits without blanks.
func (e Entry) Hex() string { return strings.ToUpper(hex.EncodeToString(e.Bytes)) }

// Transcript is what crossed the wire for one job, in order; frames that were garbled or belonged to
// something else are in it. It holds card numbers and, for mobile blob jobs, the phone's key: keep it out of logs.
type Transcript struct {
	Entries []Entry
	Dropped int // bytes received that belonged to no unit: noise, or a frame that broke off
}

// Sent lists what we sent, in hex.
func (t Transcript) Sent() []string { return t.side(true) }

// Received lists what the peer sent, in hex.
func (t Transcript) Received() []string { return t.side(false) }

func (t Transcript) side(sent bool) []string {
	list := []string{}
	for _, e := range t.Entries {
		if e.Sent == sent {
			list = append(list, e.Hex())
		}
	}
	return list
}
