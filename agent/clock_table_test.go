package agent

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

const years = 10 * 365 * 24 * time.Hour

// townhouse is a site with three residents: 1 moves out after three hours, 2 in after two, and 3 out
// after three years.
func townhouse(t *testing.T, story func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		defer func() { s.end() }()
		s.publish(1, slices.Concat(places(), resident(1, s.window(-1, 3)), resident(2, s.window(2, 0)), resident(3, s.window(-1, 3*365*24)))...)
		sleepFor(time.Minute)
		s.doors("at first", 1, 3)
		story(s)
	})
}

func (s *site) window(from, until int) access.Window {
	w := access.Window{From: time.Now().Add(time.Duration(from) * time.Hour)}
	if until != 0 {
		w.Until = time.Now().Add(time.Duration(until) * time.Hour)
	}
	return w
}

// doors fails unless these and no other residents can open the lobby.
func (s *site) doors(when string, want ...int) {
	s.t.Helper()
	synctest.Wait()
	var got []int
	for n := range 10 {
		if len(s.panel.Present(fmt.Sprint(10000+n))) > 0 {
			got = append(got, n)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s residents %v can open, want %v", when, got, want)
	}
}

// commands fails unless a command that came now would be taken, or refused because the clock is not
// trusted, and the clock's source is as it should be.
func (s *site) commands(taken bool, source string) {
	s.t.Helper()
	_, trusted := linkClock{s.agent}.Now()
	if is, from := (linkClock{s.agent}).Health(); is != taken || trusted != taken || from != source {
		s.t.Errorf("the clock is trusted %v by %s, want %v by %s", is, from, taken, source)
	}
}

// cloud answers a hello with the true time.
func (s *site) cloud() {
	now := time.Now()
	linkClock{s.agent}.Cloud(now, now.Add(-time.Second), now)
	synctest.Wait()
}

// powerCut ends the agent; the box starts with the wall so far ahead and no time server.
func (s *site) powerCut(off, ahead time.Duration) {
	s.end()
	sleepFor(off)
	s.boot++
	s.since = time.Now()
	s.ntp.Store(false)
	s.ahead.Store(int64(ahead))
	s.start()
}

// sleepUntil sleeps until so long after the start of the virtual time, plus a minute: the clock looks
// once a minute.
func (s *site) sleepUntil(begin time.Time, d time.Duration) {
	sleepFor(time.Until(begin.Add(d + time.Minute)))
}

// TestG6_DoorsByTheClocksTable has the rows of agent/design/002-clock.md in a whole building.
func TestG6_DoorsByTheClocksTable(t *testing.T) {
	t.Parallel()
	hours := func(n float64) time.Duration { return time.Duration(n * float64(time.Hour)) }
	for name, story := range map[string]func(s *site){
		"start in 1970": func(s *site) {
			begin := time.Now()
			s.powerCut(hours(1), -3*years)
			s.commands(false, "none")
			s.sleepUntil(begin, hours(3))
			s.doors("an hour late nobody new, and nobody goes early:", 1, 3)
			s.sleepUntil(begin, hours(4))
			s.doors("an hour late the end acts:", 3)
			s.cloud()
			sleepFor(time.Minute)
			s.commands(true, "cloud")
			s.doors("the cloud answered:", 2, 3)
		},
		"start ahead": func(s *site) {
			begin := time.Now()
			s.powerCut(hours(1), years)
			s.commands(false, "none")
			s.sleepUntil(begin, hours(4.1))
			s.doors("the wall is not looked at:", 3)
			s.ahead.Store(0)
			s.ntp.Store(true)
			sleepFor(2 * time.Minute)
			s.commands(true, "ntp")
			s.doors("a time server answers:", 2, 3)
		},
		"wall jumps": func(s *site) {
			begin := time.Now()
			s.ntp.Store(false)
			s.ahead.Store(int64(years))
			s.sleepUntil(begin, hours(1))
			s.commands(true, "held")
			s.doors("in 2036", 1, 3)
			s.ahead.Store(int64(-3 * years))
			s.sleepUntil(begin, hours(2))
			s.doors("in 1970, the move-in came on its minute:", 1, 2, 3)
			s.sleepUntil(begin, hours(3))
			s.doors("and the move-out:", 2, 3)
		},
		"NTP steps forward": func(s *site) {
			begin := time.Now()
			s.ahead.Store(int64(years))
			s.sleepUntil(begin, hours(2))
			s.commands(false, "doubted")
			s.doors("nobody new, nobody goes early:", 1, 3)
			s.sleepUntil(begin, hours(3))
			s.doors("an end is still an end:", 3)
			s.ahead.Store(0)
			sleepFor(2 * time.Minute)
			s.commands(true, "ntp")
			s.doors("and it is back:", 2, 3)
		},
		"cloud contradicts": func(s *site) {
			begin := time.Now()
			s.ahead.Store(int64(years))
			sleepFor(5 * time.Minute)
			s.cloud()
			s.commands(true, "cloud")
			s.sleepUntil(begin, hours(2))
			s.doors("the move-in came on its minute:", 1, 2, 3)
			s.sleepUntil(begin, hours(3))
			s.doors("and the move-out:", 2, 3)
			s.sleepUntil(begin, hours(24))
			s.commands(true, "held")
			s.doors("for good:", 2, 3)
		},
		"stands for six hours": func(s *site) {
			begin := time.Now()
			s.ahead.Store(int64(years))
			s.sleepUntil(begin, hours(5.9))
			s.doors("before", 3)
			s.sleepUntil(begin, hours(6.1))
			s.commands(true, "ntp")
			s.doors("after", 2)
			s.ahead.Store(0) // too late for 3, and yet
			sleepFor(2 * time.Minute)
			s.commands(true, "ntp")
			s.doors("when it is right again", 2, 3)
		},
		"NTP turned back": func(s *site) {
			begin := time.Now()
			s.sleepUntil(begin, hours(4))
			s.doors("1 has left", 2, 3)
			s.ahead.Store(int64(-2 * time.Hour))
			s.sleepUntil(begin, hours(9))
			s.commands(false, "doubted")
			s.doors("1 does not come back", 2, 3)
			s.cloud()
			s.commands(true, "cloud")
			s.sleepUntil(begin, hours(48))
			s.doors("nor later", 2, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			townhouse(t, story)
		})
	}
}

// TestG6_SlowDriftForAMonth: a quartz 100 ppm slow or fast, nobody to ask, and every date within 260 s.
func TestG6_SlowDriftForAMonth(t *testing.T) {
	t.Parallel()
	for name, ppm := range map[string]int64{"slow": 100, "fast": -100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.slow.Store(ppm)
				s.start()
				defer func() { s.end() }()
				s.publish(1, slices.Concat(places(), resident(1, s.window(-1, 30*24)), resident(2, s.window(30*24, 0)))...)
				begin := time.Now()
				s.ntp.Store(false)
				s.sleepUntil(begin, 30*24*time.Hour-6*time.Minute)
				s.doors("five minutes before", 1)
				s.commands(true, "held")
				s.sleepUntil(begin, 30*24*time.Hour+5*time.Minute)
				s.doors("five minutes after", 2)
				s.ntp.Store(true)
				sleepFor(2 * time.Minute)
				s.commands(true, "ntp") // the drift is no step
			})
		})
	}
}

// TestG6_BothNightsOfTheYear: moves at wall times that are skipped, or come twice, happen at the instant
// that rules.Wall says, to the second.
func TestG6_BothNightsOfTheYear(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("America/New_York")
	must(t, err)
	for name, c := range map[string]struct {
		month  time.Month
		day    int
		begin  string // in UTC, by hand
		end    string
		minute int // of the wall time, after midnight
	}{
		"spring night": {time.April, 2, "2000-04-02T07:00:00Z", "2000-04-02T07:00:00Z", 2*60 + 30},
		"autumn night": {time.October, 29, "2000-10-29T05:30:00Z", "2000-10-29T06:30:00Z", 60 + 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := rules.Wall(2000, c.month, c.day, 0, c.minute, loc, rules.Begin)
				end := rules.Wall(2000, c.month, c.day, 0, c.minute, loc, rules.End)
				if begin.UTC().Format(time.RFC3339) != c.begin || end.UTC().Format(time.RFC3339) != c.end {
					t.Fatalf("from %s until %s", begin.UTC(), end.UTC())
				}
				sleepFor(time.Until(begin.Add(-2 * time.Hour)))
				s := newSite(t)
				s.start()
				defer func() { s.end() }()
				s.publish(1, slices.Concat(places(), resident(1, access.Window{From: begin}), resident(2, access.Window{From: begin.Add(-3 * time.Hour), Until: end}))...)
				for _, at := range []struct {
					instant time.Time
					want    []int
				}{{begin.Add(-time.Second), []int{2}}, {begin.Add(time.Second), whether(end.After(begin), 1, 2)}, {end.Add(-time.Second), whether(end.After(begin), 1, 2)}, {end.Add(time.Second), []int{1}}} {
					if time.Until(at.instant) >= 0 {
						sleepFor(time.Until(at.instant))
						s.doors(at.instant.In(loc).Format(time.RFC3339), at.want...)
					}
				}
				s.commands(true, "ntp")
			})
		})
	}
}

// whether both are in, or only the first: on the spring night start and end are one instant.
func whether(both bool, first, second int) []int {
	if both {
		return []int{first, second}
	}
	return []int{first}
}

// TestTheClocksTableNamesItsTests: every row of the design names rows or tests that there are.
func TestTheClocksTableNamesItsTests(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("design/002-clock.md")
	must(t, err)
	sources := map[string]string{}
	for where, dir := range map[string]string{"clock": "internal/clock", "agent": "."} {
		for name, b := range files(t, dir) {
			if strings.HasSuffix(name, "_test.go") {
				sources[where] += string(b)
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(table)) {
		if cells := strings.Split(line, "|"); len(cells) == 9 && strings.TrimSpace(cells[1]) != "#" && !strings.HasPrefix(cells[1], "-") {
			rows++
			named := regexp.MustCompile("(clock |agent )?`([^`]+)`").FindAllStringSubmatch(cells[7], -1)
			if len(named) == 0 {
				t.Errorf("row %s names no test", cells[1])
			}
			where := ""
			for _, m := range named {
				where = cmp.Or(strings.TrimSpace(m[1]), where)
				if !strings.Contains(sources[where], m[2]) {
					t.Errorf("row %s: package %s has no %q", cells[1], where, m[2])
				}
			}
		}
	}
	if rows != 18 {
		t.Errorf("%d rows, want 18", rows)
	}
}
