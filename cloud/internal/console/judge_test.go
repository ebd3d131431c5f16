package console

import (
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

func TestG5_EveryStateIsShownHonestly(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	grant := func(from, until time.Duration) []access.Grant {
		g := access.Grant{Window: access.Window{From: at(from)}}
		if until != 0 {
			g.Until, g.Ends = at(until), access.EndMoveOut
		}
		return []access.Grant{g}
	}
	const day = 24 * time.Hour
	open, future, ended, justEnded := grant(-day, 0), grant(day, 0), grant(-9*day, -time.Hour), grant(-9*day, -time.Minute)
	there := OnPanel{Op: access.OpAdd, Written: at(-9 * day), Confirmed: at(-9 * day)}
	in := func(s State, change ...func(*OnPanel)) *OnPanel {
		on := there
		on.State = s
		for _, f := range change {
			f(&on)
		}
		return &on
	}
	for _, c := range []struct {
		name   string
		grants []access.Grant
		on     *OnPanel
		silent bool
		key    string
		level  Level
		says   string
	}{
		{"serves no door of theirs", open, nil, false, "none", Nothing, ""},
		{"published", open, &OnPanel{State: Planned}, false, "planned", Progress, "not at the gateway yet"},
		{"published, for later", future, &OnPanel{State: Planned}, false, "planned", Progress, "opens Nov 6, 12:00 CST"},
		{"at the gateway", open, &OnPanel{State: Stored}, false, "stored", Progress, "by itself"},
		{"at the gateway, for later", future, &OnPanel{State: Stored}, false, "not_due", NotDue, "opens by itself Nov 6, 12:00 CST"},
		{"at the gateway, for later, offline", future, &OnPanel{State: Stored}, true, "not_due", NotDue, "opens by itself"},
		{"accepted", open, in(Written, func(o *OnPanel) { o.Confirmed = time.Time{} }), false, "written", Progress, "not read back yet"},
		{"read back whole", open, in(Confirmed, func(o *OnPanel) { o.Grade = access.Exact }), false, "confirmed", InPlace, "exact, read back Oct 27, 12:00 CST"},
		{"read back without secrets", open, in(Confirmed, func(o *OnPanel) { o.Grade = access.Presence }), false, "confirmed", InPlace, "presence"},
		{"cannot be read back", open, in(Confirmed, func(o *OnPanel) { o.Grade = access.Unprovable }), false, "confirmed", InPlace, "unprovable"},
		{"prepared on the panel", future, in(Confirmed), false, "confirmed", InPlace, "opens Nov 6"},
		{"failed", open, in(Failed, func(o *OnPanel) { o.Fault, o.Message, o.NextTry = "timeout", "slow", at(time.Minute) }), false, "failed", Problem, "slow; next try Nov 5, 12:01 CST; See that the panel"},
		{"refused", open, in(Refused, func(o *OnPanel) { o.Fault, o.Message = "full", "1000 of 1000" }), false, "refused", Problem, "1000 of 1000; Make room"},
		{"held", open, in(Held), false, "held", Problem, "waits for a person"},
		{"removal failed", ended, in(Failed, func(o *OnPanel) { o.Op = access.OpRemove }), false, "removal_failed", Problem, ""},
		{"removal held", ended, in(Held, func(o *OnPanel) { o.Op = access.OpRemove }), false, "removal_held", Problem, ""},
		{"ended this minute", justEnded, in(Confirmed), false, "removal_due", Progress, "should be gone since Nov 5, 11:59 CST"},
		{"ended this minute, gateway silent", justEnded, in(Confirmed), true, "removal_due", Problem, "has not said that it is done"},
		{"ended, and no word", ended, in(Confirmed), false, "removal_due", Problem, "should be gone since Nov 5, 11:00 CST"},
		{"ended, the gateway knows", ended, in(Stored), false, "removal_due", Problem, "has not said"},
		{"ended, the gateway does not know", ended, in(Planned), false, "removal_due", Problem, "does not know yet"},
		{"taken out of the state", nil, in(Planned), false, "removal_due", Progress, "does not know yet"},
		{"taken out, gateway silent", nil, in(Planned), true, "removal_due", Problem, ""},
		{"removal accepted", ended, in(Written, func(o *OnPanel) { o.Op, o.Confirmed = access.OpRemove, time.Time{} }), false, "removal_written", Progress, "not read back yet"},
		{"gone", ended, in(Removed, func(o *OnPanel) { o.Op = access.OpRemove }), false, "removed", Gone, "read back, gone Oct 27"},
		{"gone for good", nil, in(Removed, func(o *OnPanel) { o.Op = access.OpRemove }), true, "removed", Gone, ""},
		{"ended before it was ever written", ended, &OnPanel{State: Stored}, false, "never_written", Nothing, "never on this panel"},
	} {
		cell := judge(clock{noon, noon.Location()}, spanOf(c.grants, noon), c.on, c.silent)
		var said []string
		for _, l := range cell.Lines {
			if l.At != nil {
				l.Text += " " + l.At.Absolute
			}
			said = append(said, l.Text)
		}
		all := strings.Join(append(said, cell.Remedy), "; ")
		if cell.Key != c.key || cell.Level != c.level || !strings.Contains(all, c.says) {
			t.Errorf("%s: %s, %s, %q; want %s, %s, %q", c.name, cell.Key, cell.Level, all, c.key, c.level, c.says)
		}
		if labels[cell.Key] == "" {
			t.Errorf("%s: no word for %q", c.name, cell.Key)
		}
	}
}

// TestTowardsG5_WithoutACredentialNothingIsPromised: a page that says "opens by itself" of somebody without a PIN and a card
// is wrong on the day they stand at the door.
func TestTowardsG5_WithoutACredentialNothingIsPromised(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		from  time.Duration
		state State
		level Level
		says  string
	}{
		{"next month", 30 * day, Stored, NotDue, "Not due yet has no PIN or card, will not open access is to begin"},
		{"tomorrow", day, Stored, Problem, "will not open"},
		{"next month, planned", 30 * day, Planned, Progress, "Planned has no PIN or card, will not open"},
		{"since yesterday", -day, Stored, Problem, "has no PIN or card, so nothing opens"},
		{"written all the same", -day, Written, Progress, "accepted by the panel"},
	} {
		who := elm(on(1, noon.Add(c.from), time.Time{}, OnPanel{State: c.state}, OnPanel{State: c.state}), func(p *Property) { p.People[1].Bare = true })
		row := newSite(t, who).page("/property/elm").row(t, "r001")
		if !strings.Contains(row.text(), c.says) || strings.Contains(row.text(), "by itself") || !strings.Contains(row.attr("class"), string(c.level)) {
			t.Errorf("%s: %s: %q, want %s, %q", c.name, row.attr("class"), row.text(), c.level, c.says)
		}
	}
}

func TestSpanOf(t *testing.T) {
	t.Parallel()
	w := func(from, until int) access.Grant {
		g := access.Grant{Window: access.Window{From: noon.Add(time.Duration(from) * time.Hour)}}
		if until != 0 {
			g.Until = noon.Add(time.Duration(until) * time.Hour)
		}
		return g
	}
	for _, c := range []struct {
		name   string
		grants []access.Grant
		want   span
	}{
		{"none", nil, span{}},
		{"open without end", []access.Grant{w(-5, 0)}, span{open: true}},
		{"the end itself is out", []access.Grant{{Window: access.Window{Until: noon}}}, span{ended: noon}},
		{"the beginning itself is in", []access.Grant{{Window: access.Window{From: noon}}}, span{open: true}},
		{"the next of two beginnings", []access.Grant{w(7, 0), w(3, 0)}, span{from: noon.Add(3 * time.Hour)}},
		{"the last of two ends", []access.Grant{w(-9, -3), w(-9, -5)}, span{ended: noon.Add(-3 * time.Hour)}},
		{"moves from one unit to another", []access.Grant{w(-9, -1), w(2, 0)}, span{from: noon.Add(2 * time.Hour), ended: noon.Add(-time.Hour)}},
	} {
		got := spanOf(c.grants, noon)
		if got.open != c.want.open || !got.from.Equal(c.want.from) || !got.ended.Equal(c.want.ended) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cells []Level
		want  Level
	}{
		{nil, Nothing}, {[]Level{Gone, InPlace}, InPlace}, {[]Level{InPlace, Problem, Gone}, Problem}, {[]Level{NotDue, Progress}, Progress}, {[]Level{Nothing, Gone}, Gone},
	} {
		var cells []Cell
		for _, l := range c.cells {
			cells = append(cells, Cell{Level: l})
		}
		if got := worst(cells); got != c.want {
			t.Errorf("%v: %s, want %s", c.cells, got, c.want)
		}
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	zone := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	turn := time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC) // half an hour before clocks go back in Chicago
	for _, c := range []struct {
		zone    string
		at      time.Time
		machine string
		abs     string
		rel     string
	}{
		{"America/Chicago", turn, "2026-11-01T01:30:00-05:00", "Nov 1, 01:30 CDT", "4 days ago"},
		{"America/Chicago", turn.Add(time.Hour), "2026-11-01T01:30:00-06:00", "Nov 1, 01:30 CST", "4 days ago"},
		{"America/Phoenix", turn, "2026-10-31T23:30:00-07:00", "Oct 31, 23:30 MST", "4 days ago"},
		{"Europe/Madrid", turn, "2026-11-01T07:30:00+01:00", "Nov 1, 07:30 CET", "4 days ago"},
		{"America/Chicago", noon.AddDate(1, 0, 0), "2027-11-05T13:00:00-05:00", "Nov 5, 2027, 13:00 CDT", "in 12 months"},
		{"UTC", noon.Add(-30 * time.Second), "2026-11-05T17:59:30Z", "Nov 5, 17:59 UTC", "just now"},
	} {
		got := clock{noon, zone(c.zone)}.stamp(c.at)
		want := Stamp{c.machine, c.abs, c.rel}
		if *got != want {
			t.Errorf("%s: %+v, want %+v", c.zone, *got, want)
		}
	}
	if (clock{noon, time.UTC}).stamp(time.Time{}) != nil {
		t.Error("an absent time has a stamp")
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0: "just now", -10 * time.Second: "in a moment", time.Minute: "1 minute ago", -time.Minute: "in 1 minute", 89 * time.Minute: "89 minutes ago",
		2 * time.Hour: "2 hours ago", 35 * time.Hour: "35 hours ago", -3 * day: "in 3 days", 59 * day: "59 days ago", 90 * day: "3 months ago", 1000 * day: "3 years ago",
	} {
		if got := relative(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
