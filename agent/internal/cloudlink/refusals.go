package cloudlink

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
)

// Reasons beside those of the contract, for what only this end can tell.
const (
	unknownTopic protocol.Reason = "unknown_topic"
	unknownType  protocol.Reason = "unknown_type"
	receiptAhead protocol.Reason = "receipt_ahead" // receipts events that were never made
	busy         protocol.Reason = "busy"          // more commands at once than the link holds
	panicked     protocol.Reason = "panic"         // a defect of ours
)

// quietFor is how long one reason stays silent in the log after a line.
const quietFor = time.Minute

// refusals counts what was refused and logs at most a line per reason and minute.
type refusals struct {
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	mu   sync.Mutex
	seen map[protocol.Reason]*told
}

type told struct {
	at     time.Time
	silent int // refused since without a line
}

// add counts one refusal and returns its reason.
func (r *refusals) add(topic string, err error) protocol.Reason {
	why := reasonOf(err)
	r.metrics.refused.WithLabelValues(string(why)).Inc()
	r.mu.Lock()
	defer r.mu.Unlock()
	last, now := r.seen[why], r.now()
	if last != nil && now.Sub(last.at) < quietFor {
		last.silent++
		return why
	}
	silent := 0
	if last != nil {
		silent = last.silent
	}
	r.seen[why] = &told{at: now}
	r.log.Warn("a message was refused, nothing changed", "reason", why, "topic", topic, "error", err, "more_since_last_line", silent)
	return why
}

// atFault says that a message was at fault, not this box.
func atFault(err error) bool {
	var refusal *protocol.Refusal
	var other interface{ Reason() string }
	return errors.As(err, &refusal) || errors.As(err, &other)
}

// reasonOf finds the word that counts in the metric. A store that failed has no reason but a fault's kind.
func reasonOf(err error) protocol.Reason {
	var refusal *protocol.Refusal
	var other interface{ Reason() string }
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason
	case errors.As(err, &other):
		return protocol.Reason(other.Reason())
	default:
		return protocol.Reason(fault.KindOf(err).String())
	}
}
