package console

import (
	"time"

	"gatehouse/protocol/access"
)

// Level is how a state is to be taken.
type Level string

// The levels, the worst first: a person's level is the worst of their cells'.
const (
	Problem  Level = "problem"  // somebody must look
	Progress Level = "progress" // on its way by itself
	InPlace  Level = "ok"       // as it should be
	NotDue   Level = "future"   // not due yet
	Gone     Level = "gone"     // off the panel, as it should be
	Nothing  Level = "none"     // nothing is planned here
)

// Bare is a filter that is no level: who has no PIN and no card that can be used and should have access, now or later.
const Bare Level = "bare"

// levels in the order in which filters are offered; Nothing cannot be asked for.
var levels = []Level{Problem, Progress, InPlace, NotDue, Gone, Nothing}

// grace is how long a removal that fell due may take before it counts as a problem: a gateway that
// is well needs seconds.
const grace = 2 * time.Minute

// Cell is one person on one panel, judged.
type Cell struct {
	Key    string // stable name of what is shown: "confirmed", "not_due", "removal_due", …
	Level  Level
	Lines  []Line
	Remedy string // what to do; "" nothing

	Headline string // a sentence that staff know, above Lines; "" none
}

// Line is one line of detail: words, then perhaps a time.
type Line struct {
	Text string
	At   *Stamp
}

// span is when somebody should have access.
type span struct {
	open  bool      // now
	from  time.Time // the next start, when it is still to come; else zero
	ended time.Time // the last end, when all is over; zero: there was none
}

func spanOf(grants []access.Grant, now time.Time) span {
	var s span
	for _, g := range grants {
		switch {
		case g.Contains(now):
			s.open = true
		case now.Before(g.From) && (s.from.IsZero() || g.From.Before(s.from)):
			s.from = g.From
		case !g.Until.IsZero() && !now.Before(g.Until) && g.Until.After(s.ended):
			s.ended = g.Until
		}
	}
	return s
}

// over: there is no access now and none to come.
func (s span) over() bool { return !s.open && s.from.IsZero() }

// judge says what to show for one person on one panel. On nil the panel serves no door of theirs.
func judge(c clock, s span, on *OnPanel, silent bool) Cell {
	if on == nil {
		return Cell{Key: "none", Level: Nothing}
	}
	there := on.Op != access.OpRemove && on.State != Removed && (!on.Written.IsZero() || !on.Confirmed.IsZero())
	switch on.State {
	case Failed, Refused, Held:
		return stuck(c, s, on)
	case Removed:
		if on.Written.IsZero() {
			return Cell{Key: "removed", Level: Gone, Lines: []Line{{"found gone", c.stamp(on.Confirmed)}}}
		}
		return Cell{Key: "removed", Level: Gone, Lines: []Line{{"removed", c.stamp(on.Written)}, {"read back, gone", c.stamp(on.Confirmed)}}}
	}
	switch {
	case s.over() && on.Op == access.OpRemove && on.State == Written:
		return Cell{Key: "removal_written", Level: Progress, Lines: []Line{{"accepted by the panel", c.stamp(on.Written)}, {Text: "not read back yet"}}}
	case s.over() && there:
		return removalDue(c, s, on, silent)
	case s.over():
		return Cell{Key: "never_written", Level: Nothing, Lines: []Line{{"access ended", c.stamp(s.ended)}, {Text: "it was never on this panel"}}}
	}
	return coming(c, s, on)
}

// coming is somebody who has access, or will have.
func coming(c clock, s span, on *OnPanel) Cell {
	cell := Cell{Key: string(on.State), Level: Progress}
	switch on.State {
	case Planned:
		cell.Lines = []Line{{Text: "not at the gateway yet"}}
	case Stored:
		if s.open {
			cell.Lines = []Line{{Text: "at the gateway, which writes it by itself"}}
			break
		}
		return Cell{Key: "not_due", Level: NotDue, Lines: []Line{{Text: "stored at the gateway"}, {"opens by itself", c.stamp(s.from)}}}
	case Written:
		cell.Lines = []Line{{"accepted by the panel", c.stamp(on.Written)}, {Text: "not read back yet"}}
	case Confirmed:
		cell.Level = InPlace
		cell.Lines = []Line{{gradeWords(on.Grade), c.stamp(on.Confirmed)}}
	}
	if !s.open {
		cell.Lines = append(cell.Lines, Line{"opens", c.stamp(s.from)})
	}
	return cell
}

// soon is how long before access begins it is a problem that somebody has no PIN and no card.
const soon = 3 * 24 * time.Hour

// barred tells of somebody without a PIN and a card what their cell would otherwise promise. What the gateway said itself
// of a panel stands.
func barred(c clock, s span, cell Cell, on *OnPanel) Cell {
	if on == nil || s.over() || on.State != Planned && on.State != Stored {
		return cell
	}
	out := Cell{Key: cell.Key, Level: Problem, Remedy: "Give them a PIN or a card in the source.", Lines: []Line{{Text: "has no PIN or card, so nothing opens"}}}
	if !s.open {
		out.Lines = []Line{{Text: "has no PIN or card, will not open"}, {"access is to begin", c.stamp(s.from)}}
		if s.from.Sub(c.now) > soon {
			out.Level = cell.Level
		}
	}
	return out
}

// removalDue is somebody whose access is over, and nobody has said that the panel forgot them.
func removalDue(c clock, s span, on *OnPanel, silent bool) Cell {
	cell := Cell{Key: "removal_due", Level: Progress}
	if late := !s.ended.IsZero() && c.now.Sub(s.ended) > grace; late || silent {
		cell.Level = Problem
	}
	if !s.ended.IsZero() {
		cell.Lines = append(cell.Lines, Line{"should be gone since", c.stamp(s.ended)})
	}
	what := "the gateway has not said that it is done"
	if on.State == Planned {
		what = "the gateway does not know yet"
	}
	cell.Lines = append(cell.Lines, Line{Text: what})
	if cell.Level == Problem {
		cell.Remedy = "See the gateway's state below; to be safe, look at the panel."
	}
	return cell
}

// stuck is what does not go on by itself, or not at once.
func stuck(c clock, s span, on *OnPanel) Cell {
	cell := Cell{Key: string(on.State), Level: Problem, Remedy: remedy(on)}
	if on.Op == access.OpRemove || s.over() && on.State == Failed {
		cell.Key = "removal_" + cell.Key
	}
	if on.Message != "" {
		cell.Lines = append(cell.Lines, Line{Text: on.Message})
	}
	if on.State == Failed && !on.NextTry.IsZero() {
		cell.Lines = append(cell.Lines, Line{"next try", c.stamp(on.NextTry)})
	}
	return cell
}

// worst is a person's level.
func worst(cells []Cell) Level {
	out := len(levels) - 1
	for _, c := range cells {
		for i, l := range levels {
			if l == c.Level {
				out = min(out, i)
			}
		}
	}
	return levels[out]
}
