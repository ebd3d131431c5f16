package cloudlink

import (
	"context"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
)

// Commands in hand: some at once, so that a long one does not hold up a door; few waiting, because an old one is worthless.
const (
	commandWorkers = 4
	maxWaiting     = 16
	maxReplies     = 64
)

// work carries out commands until ctx ends.
func (l *Link) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-l.commands:
			l.reply(l.do(ctx, c))
		}
	}
}

func (l *Link) do(ctx context.Context, c protocol.Command) protocol.Reply {
	if l.deps.Commands == nil {
		return protocol.Reply{ID: c.ID, Result: "refused", Fault: fault.Unsupported.String(), Message: "this gateway takes no commands"}
	}
	return l.deps.Commands.Do(ctx, c)
}

// reply queues a reply. It is kept until a broker has it; when too many wait the oldest goes, since the cloud that
// asks again gets it from the journal.
func (l *Link) reply(r protocol.Reply) {
	if r.At.IsZero() {
		r.At, _ = l.deps.Clock.Now()
	}
	l.want(func(t *todo) {
		if t.replies = append(t.replies, r); len(t.replies) > maxReplies {
			t.replies = t.replies[1:]
		}
	})
}
