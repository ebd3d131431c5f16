package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

func TestValidID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "0", "-", "_", "p-1", "gr-1.unit", ".a", "Z_9", strings.Repeat("x", 40)} {
		if !access.ValidID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", ".", "..", "....", "a b", "a/b", "../a", "+", "#", "a\x00", "a\n", "é", "ａ", "$a", "a:b", `a\b`, strings.Repeat("x", 41)} {
		if access.ValidID(id) {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	all := examples()
	for _, k := range slices.Concat(access.Kinds, access.OwnKinds) {
		n, ok := all[k]
		if !ok {
			t.Errorf("no example of %s", k)
			continue
		}
		if err := n.Validate(); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// bad is a value that cannot be right and a word that the error must say.
type bad struct {
	noun access.Noun
	says string
}

func badPlaces() map[string]bad {
	zone := func(z string) access.Property { return access.Property{ID: "p", Zone: z} }
	weekly := func(w access.Weekly) access.Schedule {
		return access.Schedule{ID: "s-1", Weekly: []access.Weekly{{Start: "08:00", End: "09:00"}, w}}
	}
	return map[string]bad{
		"property without id":         {access.Property{Zone: "UTC"}, "property"},
		"property without zone":       {zone(""), "America/Chicago"},
		"property in the box's zone":  {zone("Local"), "America/Chicago"},
		"property in no known zone":   {zone("America/Gotham"), "America/Gotham"},
		"property zone from the disk": {zone("../../etc/passwd"), "time zone"},
		"building without id":         {access.Building{Name: "North"}, "building"},
		"unit without name":           {access.Unit{ID: "u-1"}, "no name"},
		"unit with a bad id":          {access.Unit{ID: "u 1", Name: "1"}, "u 1"},
		"unit with negative slots":    {access.Unit{ID: "u-1", Name: "1", Slots: -1}, "slots"},
		"door with a path for an id":  {access.Door{ID: "../d"}, "../d"},
		"group with a bad door":       {access.Group{ID: "g-1", Doors: []access.DoorID{"d-1", "d/2"}}, "d/2"},
		"group without id":            {access.Group{Name: "Pool"}, "group"},
		"schedule without id":         {access.Schedule{}, "schedule"},
		"start at 24:00":              {weekly(access.Weekly{Start: "24:00", End: "24:00"}), "start"},
		"start with one digit":        {weekly(access.Weekly{Start: "9:00", End: "10:00"}), "9:00"},
		"end at 25:00":                {weekly(access.Weekly{Start: "09:00", End: "25:00"}), "25:00"},
		"end at 24:01":                {weekly(access.Weekly{Start: "09:00", End: "24:01"}), "24:01"},
		"end with seconds":            {weekly(access.Weekly{Start: "09:00", End: "10:00:00"}), "10:00:00"},
		"no end":                      {weekly(access.Weekly{Start: "09:00"}), "HH:MM"},
		"an eighth weekday":           {weekly(access.Weekly{Days: []time.Weekday{0, 7}, Start: "09:00", End: "10:00"}), "weekday 7"},
		"a negative weekday":          {weekly(access.Weekly{Days: []time.Weekday{-1}, Start: "09:00", End: "10:00"}), "weekday -1"},
		"holiday in American order":   {access.Schedule{ID: "s-1", Holidays: []string{"12/25/2026"}}, "YYYY-MM-DD"},
		"holiday that is none":        {access.Schedule{ID: "s-1", Holidays: []string{"2026-02-30"}}, "2026-02-30"},
	}
}

func badPeople() map[string]bad {
	backwards := access.Window{From: friday, Until: monday}
	grant := func(f func(*access.Grant)) access.Grant {
		g := examples()[access.KindGrant].(access.Grant)
		f(&g)
		return g
	}
	return map[string]bad{
		"person without id":            {access.Person{Kind: access.Staff, Last: "Berg"}, "person"},
		"person without name":          {access.Person{ID: "p-1", Kind: access.Staff, Email: "a@example.com"}, "no name"},
		"person of no kind":            {access.Person{ID: "p-1", Last: "Berg"}, "resident"},
		"person of an unknown kind":    {access.Person{ID: "p-1", Kind: "king", Last: "Berg"}, "king"},
		"person with an unknown wish":  {access.Person{ID: "p-1", Kind: access.Staff, Last: "Berg", Directory: "hidden"}, "hidden"},
		"residency without person":     {access.Residency{ID: "r-1", Unit: "u-1"}, "person"},
		"residency without unit":       {access.Residency{ID: "r-1", Person: "p-1"}, "unit"},
		"residency without id":         {access.Residency{Person: "p-1", Unit: "u-1"}, "residency"},
		"residency that ends first":    {access.Residency{ID: "r-1", Person: "p-1", Unit: "u-1", Window: backwards}, "before it begins"},
		"PIN without digits":           {access.Credential{ID: "c-1", Person: "p-1", Kind: access.PIN}, "pin without a value"},
		"card without number":          {access.Credential{ID: "c-1", Person: "p-1", Kind: access.Card}, "card without a value"},
		"credential of no kind":        {access.Credential{ID: "c-1", Person: "p-1", Secret: access.NewSecret("1")}, "want pin"},
		"credential without person":    {access.Credential{ID: "c-1", Kind: access.Mobile}, "person"},
		"credential without id":        {access.Credential{Person: "p-1", Kind: access.Mobile}, "credential"},
		"grant to nothing":             {grant(func(g *access.Grant) { g.Group = "" }), "names 0"},
		"grant to two":                 {grant(func(g *access.Grant) { g.Unit = "u-1" }), "names 2"},
		"grant to three":               {grant(func(g *access.Grant) { g.Unit, g.Door = "u-1", "d-1" }), "names 3"},
		"grant to a bad id":            {grant(func(g *access.Grant) { g.Group = "g/#" }), "g/#"},
		"grant that ends first":        {grant(func(g *access.Grant) { g.Window = backwards }), "before it begins"},
		"grant that ends for nothing":  {grant(func(g *access.Grant) { g.Ends = "" }), "reason"},
		"grant with an end but no day": {grant(func(g *access.Grant) { g.Until = time.Time{} }), "end"},
		"grant with negative uses":     {grant(func(g *access.Grant) { g.Uses = -1 }), "negative"},
		"grant without person":         {grant(func(g *access.Grant) { g.Person = "" }), "person"},
		"grant without id":             {grant(func(g *access.Grant) { g.ID = "" }), "grant"},
	}
}

func badSettings() map[string]bad {
	with := func(f func(*access.Settings)) access.Settings {
		s := access.Settings{ID: access.GatewayItem}
		f(&s)
		return s
	}
	key := make([]byte, 32)
	return map[string]bad{
		"settings of nobody":         {access.Settings{}, "gateway"},
		"hello too often":            {with(func(s *access.Settings) { s.Hello = 1 }), "hello_every is 1ns: want 1s to 24h0m0s"},
		"audit too often":            {with(func(s *access.Settings) { s.Audit = access.Span(time.Second) }), "audit_every"},
		"reconnect too rarely":       {with(func(s *access.Settings) { s.Reconnect = access.Span(24 * time.Hour) }), "reconnect_max"},
		"stale at once":              {with(func(s *access.Settings) { s.Stale = -1 }), "stale_after"},
		"a door stale at once":       {with(func(s *access.Settings) { s.StaleAt = map[access.DoorID]access.Span{"d-1": 1} }), "stale_after_at.d-1"},
		"proofs kept for an hour":    {with(func(s *access.Settings) { s.Retain = access.Span(time.Hour) }), "retain"},
		"an unknown policy":          {with(func(s *access.Settings) { s.Drift = map[access.DeviceID]access.DriftPolicy{"lobby": "burn"} }), "drift.lobby"},
		"a brake of more than all":   {with(func(s *access.Settings) { s.Brake.Share = 101 }), "per cent"},
		"an unknown level":           {with(func(s *access.Settings) { s.Log = "loud" }), "log_level"},
		"no key of the cloud":        {access.CloudKeys{ID: access.GatewayItem}, "0 keys"},
		"a short key of the cloud":   {access.CloudKeys{ID: access.GatewayItem, Keys: [][]byte{key, key[1:]}}, "31 bytes"},
		"a certificate without keys": {access.Certificate{ID: access.GatewayItem, Signing: key}, "0 bytes"},
		"a settlement of no state":   {access.Settlement{ID: "o-1", Person: "p-1"}, "adopted"},
		"a settlement of nobody":     {access.Settlement{ID: "o-1", State: access.OverlayLifted}, "person"},
		"a settlement without id":    {access.Settlement{Person: "p-1", State: access.OverlayLifted}, "settlement"},
		"an unknown right":           {access.Person{ID: "p-1", Kind: access.Staff, Last: "Berg", May: []access.Right{"fly"}}, "fly"},
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	var s access.Span
	if err := s.UnmarshalText([]byte("36h")); err != nil || time.Duration(s) != 36*time.Hour {
		t.Errorf("36h is %v (%v)", time.Duration(s), err)
	}
	if b, err := s.MarshalText(); err != nil || string(b) != "36h0m0s" {
		t.Errorf("%s (%v)", b, err)
	}
	wantInvalid(t, s.UnmarshalText([]byte("a day")))
}

func TestG3_BrakeAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		brake      access.Brake
		open, want int
	}{{access.Brake{}, 5, 3}, {access.Brake{}, 200, 20}, {access.Brake{Least: 1, Share: 50}, 9, 4}, {access.Brake{Share: 100}, 7, 7}} {
		if got := c.brake.Allows(c.open); got != c.want {
			t.Errorf("%+v of %d: %d, want %d", c.brake, c.open, got, c.want)
		}
	}
}

func TestValidateRefusesInWords(t *testing.T) {
	t.Parallel()
	for _, table := range []map[string]bad{badPlaces(), badPeople(), badSettings()} {
		for name, c := range table {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				err := c.noun.Validate()
				wantInvalid(t, err)
				if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n")) {
					t.Errorf("%q: want one line that says %q", err, c.says)
				}
				if it, err := access.Encode(c.noun); err == nil {
					t.Errorf("it was encoded as %s", it.Value)
				}
			})
		}
	}
}

func TestAllowedAlthoughItLooksOdd(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]access.Noun{
		"empty window":               access.Residency{ID: "r", Person: "p", Unit: "u", Window: access.Window{From: monday, Until: monday}},
		"no window":                  access.Residency{ID: "r", Person: "p", Unit: "u"},
		"only a company":             access.Person{ID: "p", Kind: access.Vendor, Company: "Sparkle"},
		"mobile has no secret":       access.Credential{ID: "c", Person: "p", Kind: access.Mobile},
		"grant without end":          access.Grant{ID: "g", Person: "p", Door: "d"},
		"a reason of a newer cloud":  access.Grant{ID: "g", Person: "p", Door: "d", Window: access.Window{Until: monday}, Ends: "evicted"},
		"group without doors":        access.Group{ID: "g"},
		"schedule that is never":     access.Schedule{ID: "s"},
		"night window":               access.Schedule{ID: "s", Weekly: []access.Weekly{{Start: "22:00", End: "02:00"}}},
		"unit with a leading zero":   access.Unit{ID: "u", Name: "007"},
		"property in a strange zone": access.Property{ID: "p", Zone: "Pacific/Chatham"},
	} {
		if err := n.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWindowContains(t *testing.T) {
	t.Parallel()
	w, minute := access.Window{From: monday, Until: friday}, time.Minute
	for _, c := range []struct {
		w    access.Window
		at   time.Time
		want bool
	}{
		{w, monday, true}, {w, monday.Add(-1), false}, {w, friday.Add(-1), true}, {w, friday, false}, {w, friday.Add(minute), false},
		{access.Window{}, time.Time{}, true}, {access.Window{}, friday, true},
		{access.Window{From: monday}, monday.AddDate(99, 0, 0), true}, {access.Window{From: monday}, monday.Add(-minute), false},
		{access.Window{Until: monday}, time.Time{}, true}, {access.Window{Until: monday}, monday, false},
		{access.Window{From: monday, Until: monday}, monday, false},
	} {
		if got := c.w.Contains(c.at); got != c.want {
			t.Errorf("%+v contains %s: %v", c.w, c.at, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := func(what string) time.Time {
			return monday.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, what)) * time.Hour)
		}
		w, now := access.Window{From: at("from"), Until: at("until")}, at("now")
		if err := w.Validate(); (err != nil) != w.Until.Before(w.From) {
			t.Fatalf("%+v: %v", w, err)
		}
		if w.Contains(now) && w.Validate() != nil {
			t.Fatalf("%+v ends before it begins and contains %s", w, now)
		}
	})
}

func TestLocation(t *testing.T) {
	t.Parallel()
	loc, err := access.Property{ID: "p", Zone: "America/New_York"}.Location()
	if err != nil || loc.String() != "America/New_York" {
		t.Errorf("%v, %v", loc, err)
	}
	if loc, err := (access.Property{ID: "p"}).Location(); err == nil || loc != nil {
		t.Errorf("no zone gave %v: move-ins would be hours off", loc)
	}
}

func TestEventLate(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]bool{0: false, access.LateAfter: false, access.LateAfter + 1: true, -time.Hour: false, 60 * 24 * time.Hour: true} {
		if got := (access.Event{At: monday, Recorded: monday.Add(after)}).Late(); got != want {
			t.Errorf("recorded %s after: late %v", after, got)
		}
	}
}
