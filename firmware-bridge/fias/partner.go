package fias

import (
	"fmt"
	"slices"
	"time"
)

// Partner is what the lock system has told us about itself on this link. The zero value has told nothing.
type Partner struct {
	Version string // V#
	Class   string // IF, DL for door locks

	wants map[string][]string // record id: the fields it wants
	ready bool
}

// Ready says that the lock system has finished its description with LA and keys may be asked for.
func (p *Partner) Ready() bool { return p.ready }

// Wants says that the lock system's LR for this record lists the field.
func (p *Partner) Wants(record, field string) bool { return slices.Contains(p.wants[record], field) }

// Handle takes a record about the link and gives the one to answer with, if any: LS begins, LD and LR describe, LA is answered
// with LA also later as a check, LE ends (§2) [T]. We never begin with LA: two sides that answer each other's would go on
// for ever. now is the property's local time. handled is false for records about keys.
func (p *Partner) Handle(r Record, now time.Time) (reply *Record, handled bool) {
	switch r.ID {
	case "LS": // also sent as a check of a link that stands: nothing is forgotten then [T]
		return alive(now), true
	case "LD":
		*p = Partner{Version: r.Value("V#"), Class: r.Value("IF")}
	case "LR":
		if p.wants == nil {
			p.wants = map[string][]string{}
		}
		if id := r.Value("RI"); len(p.wants) < 64 { // there are far fewer records; a peer must not fill our memory
			p.wants[id] = pairs(r.Value("FL"))
		}
	case "LA":
		p.ready = len(p.wants) > 0
		return alive(now), true
	case "LE":
		*p = Partner{}
	default:
		return nil, false
	}
	return nil, true
}

// alive answers LS and LA: the peer sees that the link stands.
func alive(now time.Time) *Record {
	return &Record{ID: "LA", Fields: stamp(now)}
}

func stamp(now time.Time) []Field {
	return []Field{{"DA", now.Format("060102")}, {"TI", now.Format("150405")}}
}

// pairs cuts a field list into its two-character ids.
func pairs(list string) []string {
	var ids []string
	for len(list) >= 2 {
		ids, list = append(ids, list[:2]), list[2:]
	}
	return ids
}

// only keeps the fields that the lock system's LR for the record lists, in our order: it accepts any [I]. Needed are those
// without which the record would mean something else.
func (p *Partner) only(r Record, needed ...string) (Record, error) {
	if !p.ready {
		return r, fmt.Errorf("the lock system has not described the link yet: wait for its LA")
	}
	if _, listed := p.wants[r.ID]; !listed {
		return r, fmt.Errorf("the lock system takes no %s records: it listed none", r.ID)
	}
	for _, id := range needed {
		if !p.Wants(r.ID, id) {
			return r, fmt.Errorf("the lock system does not take the field %s in %s records, and without it the request would mean something else", id, r.ID)
		}
	}
	r.Fields = slices.DeleteFunc(r.Fields, func(f Field) bool { return !p.Wants(r.ID, f.ID) })
	return r, nil
}
