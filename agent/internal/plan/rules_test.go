package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// someone is like jones, with another id, PIN and moment at which their grant began.
func someone(id access.PersonID, pin string, fromHours float64) access.Holder {
	h := jones(access.Grant{ID: access.GrantID("g" + id), Window: window(fromHours, 0)})
	h.Person.ID, h.Grants[0].Person, h.Credentials[0].Person = id, id, id
	h.Credentials[0].Secret = access.NewSecret(pin)
	return h
}

func refusedOf(p Plan) map[access.PersonID]fault.Kind {
	out := map[access.PersonID]fault.Kind{}
	for _, r := range p.Refusals {
		out[r.Person] = r.Kind
	}
	return out
}

// TestTowardsG2_StepsAreInTheOrderOfApplication: removals, changes, additions; each by when access began.
func TestTowardsG2_StepsAreInTheOrderOfApplication(t *testing.T) {
	t.Parallel()
	in := input(someone("a", "11", -1), someone("b", "12", -9), someone("c", "13", -5), someone("d", "14", -3), someone("e", "15", -8))
	in.Gone = []access.PersonID{"z"}
	for _, id := range []access.PersonID{"c", "e", "z"} {
		in.Ledger[id] = access.LedgerEntry{Person: id, Ref: "GH" + string(id), State: access.Settled}
		in.Observed.Records = append(in.Observed.Records, model.Record{Ref: model.RefOf(id), Native: "n" + string(id), Name: "old"})
	}
	in.Observed.Records = append(in.Observed.Records, model.Record{Ref: "GHe", Native: "ne2"})
	want := []string{"remove GHz nz", "remove GHe ne2", "change GHe ne", "change GHc nc", "add GHb ", "add GHd ", "add GHa "}
	if diff := cmp.Diff(want, ops(Make(in))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlanAccountsForItself(t *testing.T) {
	t.Parallel()
	t.Run("room goes to whose access began first", func(t *testing.T) {
		t.Parallel()
		in := input(someone("a", "11", -1), someone("b", "12", -9), someone("c", "13", -5))
		in.Limits.People, in.Others.Rows = 10, 8
		p := Make(in)
		if diff := cmp.Diff([]string{"add GHb ", "add GHc "}, ops(p)); diff != "" || refusedOf(p)["a"] != fault.Full {
			t.Errorf("refused %v (-want +got):\n%s", refusedOf(p), diff)
		}
	})
	t.Run("what a removal sets free counts when it is confirmed", func(t *testing.T) {
		t.Parallel()
		in := input(someone("a", "11", -1))
		in.Gone, in.Ledger["z"] = []access.PersonID{"z"}, access.LedgerEntry{Person: "z", Ref: "GHz"}
		in.Observed.Records = []model.Record{{Ref: "GHz", Native: "1", PIN: access.NewSecret("11")}}
		in.Others = Others{Rows: 1, Secrets: map[string]access.PersonID{PrintSecret(plain{}, access.NewSecret("11")): "z"}}
		in.Limits.People = 1
		if p := Make(in); refusedOf(p)["a"] != fault.Conflict || len(p.Steps) != 1 {
			t.Errorf("%v, refused %v", ops(p), p.Refusals)
		}
		in.Others.Secrets = nil
		if p := Make(in); refusedOf(p)["a"] != fault.Full || !strings.Contains(p.Refusals[0].Why, "until the removals") {
			t.Errorf("%v, refused %v", ops(p), p.Refusals)
		}
	})
	t.Run("one PIN goes to one person", func(t *testing.T) {
		t.Parallel()
		in := input(someone("a", "77", -1), someone("b", "77", -9))
		p := Make(in)
		if diff := cmp.Diff([]string{"add GHb "}, ops(p)); diff != "" || refusedOf(p)["a"] != fault.Conflict {
			t.Errorf("refused %v (-want +got):\n%s", refusedOf(p), diff)
		}
	})
	t.Run("who stands on the device comes before who came earlier", func(t *testing.T) {
		t.Parallel()
		in := input(someone("a", "77", -9), someone("b", "77", -1))
		in.Ledger["b"] = access.LedgerEntry{Ref: "GHb", State: access.Settled}
		in.Observed.Records = []model.Record{{Ref: "GHb", Native: "2", PIN: access.NewSecret("55")}}
		p := Make(in)
		if diff := cmp.Diff([]string{"change GHb 2"}, ops(p)); diff != "" || refusedOf(p)["a"] != fault.Conflict {
			t.Errorf("refused %v (-want +got):\n%s", refusedOf(p), diff)
		}
	})
	t.Run("one card too, and the rest of the row is written", func(t *testing.T) {
		t.Parallel()
		a, b := someone("a", "11", -9), someone("b", "12", -1)
		for _, h := range []*access.Holder{&a, &b} {
			h.Credentials = append(h.Credentials, access.Credential{ID: "k", Kind: access.Card, Secret: access.NewSecret("AB12")})
		}
		p := Make(input(a, b))
		if len(p.Steps) != 2 || len(p.Steps[1].Record.Cards) != 0 || refusedOf(p)["b"] != fault.Conflict {
			t.Errorf("%+v, refused %v", p.Steps, p.Refusals)
		}
	})
}

// onPanel puts Jones on the device as this gateway wrote him.
func onPanel(in Input) Input {
	in.Ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", State: access.Settled, Print: PrintRecord(plain{}, row(""))}
	in.Observed.Records = append(in.Observed.Records, row("7"))
	return in
}

// TestTowardsG1_RemovalsSayWhyAndSinceWhen: the proof of a removal begins in the plan.
func TestTowardsG1_RemovalsSayWhyAndSinceWhen(t *testing.T) {
	t.Parallel()
	ended := func(id string, hours float64, why access.EndReason) access.Grant {
		return access.Grant{ID: access.GrantID(id), Window: window(-9, hours), Ends: why}
	}
	elsewhere := ended("g9", -1, access.EndRevoked)
	elsewhere.Door = "pool"
	for name, c := range map[string]struct {
		in    Input
		cause access.EndReason
		asked time.Time
	}{
		"a move-out":               {input(jones(ended("g1", -2, access.EndMoveOut))), access.EndMoveOut, noon.Add(-2 * time.Hour)},
		"the last end counts":      {input(jones(ended("g1", -5, access.EndRevoked), ended("g2", -2, access.EndLeaseEnd), ended("g3", -3, access.EndVisit))), access.EndLeaseEnd, noon.Add(-2 * time.Hour)},
		"an end elsewhere is none": {input(jones(ended("g1", -5, access.EndVisit), elsewhere)), access.EndVisit, noon.Add(-5 * time.Hour)},
		"gone from the state":      {func() Input { in := input(); in.Gone = []access.PersonID{"p1"}; return in }(), "", time.Time{}},
		"revoked by hand": {func() Input {
			in := input(jones(access.Grant{ID: "g1", Window: window(-9, 0)}))
			in.Overlay = []access.Overlay{{ID: "o", Kind: access.OverlayRevoke, Person: "p1"}}
			return in
		}(), access.EndRevoked, time.Time{}},
		"hours by hand are over": {func() Input {
			in := input(jones())
			in.Overlay = []access.Overlay{{ID: "o", Kind: access.OverlayGrant, Person: "p1", Door: "lobby", Window: window(-9, -1)}}
			return in
		}(), access.EndVisit, noon.Add(-time.Hour)},
		"no credential left": {func() Input {
			h := jones(access.Grant{ID: "g1", Window: window(-9, 0)})
			h.Credentials = nil
			return input(h)
		}(), "", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Make(onPanel(c.in))
			if len(p.Steps) != 1 || p.Steps[0].Op != access.OpRemove || p.Steps[0].Cause != c.cause || !p.Steps[0].Asked.Equal(c.asked) {
				t.Errorf("%+v, want a removal for %q of %s", p.Steps, c.cause, c.asked)
			}
		})
	}
}

// TestLeaseEndWaitsWithoutContact is DESIGN §1.6: who is out of contact cuts nobody off by a lease end.
func TestLeaseEndWaitsWithoutContact(t *testing.T) {
	t.Parallel()
	end := noon.Add(-time.Hour)
	for name, c := range map[string]struct {
		ends    access.EndReason
		limit   time.Duration // of the lobby
		contact time.Time
		revoked bool
		removed bool
	}{
		"out of contact for longer than the limit": {access.EndLeaseEnd, 72 * time.Hour, end.Add(-72*time.Hour - 1), false, false},
		"for exactly the limit":                    {access.EndLeaseEnd, 72 * time.Hour, end.Add(-72 * time.Hour), false, true},
		"never in contact":                         {access.EndLeaseEnd, 72 * time.Hour, time.Time{}, false, false},
		"contact after the end lets it act":        {access.EndLeaseEnd, 72 * time.Hour, noon, false, true},
		"contact before the end, within the limit": {access.EndLeaseEnd, 72 * time.Hour, end.Add(-71 * time.Hour), false, true},
		"no limit":                                  {access.EndLeaseEnd, 0, time.Time{}, false, true},
		"a move-out always acts":                    {access.EndMoveOut, 72 * time.Hour, time.Time{}, false, true},
		"a revocation always acts":                  {access.EndRevoked, 72 * time.Hour, time.Time{}, false, true},
		"a visit always ends":                       {access.EndVisit, 72 * time.Hour, time.Time{}, false, true},
		"a revocation by hand acts on a held lease": {access.EndLeaseEnd, 72 * time.Hour, time.Time{}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := onPanel(input(jones(access.Grant{ID: "g1", Window: window(-9, -1), Ends: c.ends})))
			in.Contact, in.StaleAfter = c.contact, func(d access.DoorID) time.Duration { return map[access.DoorID]time.Duration{"lobby": c.limit}[d] }
			if c.revoked {
				in.Overlay = []access.Overlay{{ID: "o", Kind: access.OverlayRevoke, Person: "p1", Window: window(5, 6)}}
			}
			p := Make(in)
			if removed := len(p.Steps) == 1 && p.Steps[0].Op == access.OpRemove; removed != c.removed || len(p.Steps) > 1 {
				t.Errorf("steps %v, want removed %v", ops(p), c.removed)
			}
			if told := len(p.Stale) == 1; told == c.removed {
				t.Errorf("told as stale: %v", p.Stale)
			}
		})
	}
}

// TestStaleLimitIsOfADoor: a door with another limit shuts while the other stays open.
func TestStaleLimitIsOfADoor(t *testing.T) {
	t.Parallel()
	in := input(jones(access.Grant{ID: "g1", Group: "all", Window: window(-9, -1), Ends: access.EndLeaseEnd}))
	in.Contact = noon.Add(-25 * time.Hour)
	in.StaleAfter = func(d access.DoorID) time.Duration {
		return map[access.DoorID]time.Duration{"lobby": 12 * time.Hour, "garage": 48 * time.Hour}[d]
	}
	if diff := cmp.Diff([]string{"A"}, Want(in, in.People[0]).Record.Relays); diff != "" {
		t.Error(diff)
	}
	in.Now = noon.Add(-2 * time.Hour)
	if next := Make(in).NextChange; !next.Equal(noon.Add(-time.Hour)) {
		t.Errorf("due at %s, want at the end: one door shuts, the other is told", next)
	}
}

// TestHeldRemovalsWait: who is held keeps what they have, until they are revoked by name.
func TestHeldRemovalsWait(t *testing.T) {
	t.Parallel()
	held := func(in Input) Input {
		in.Held = map[access.PersonID]access.Hold{"p1": {Person: "p1", Cause: access.HoldBrake, Since: noon.Add(-30*time.Minute + time.Second)}}
		return onPanel(in)
	}
	gone := input()
	gone.Gone = []access.PersonID{"p1"}
	byHand := input(jones())
	byHand.Overlay = []access.Overlay{{ID: "o", Kind: access.OverlayRevoke, Person: "p1"}}
	hoursByHand := input(jones())
	hoursByHand.Overlay = []access.Overlay{{ID: "o", Kind: access.OverlayGrant, Person: "p1", Door: "lobby", Window: window(-0.4, -0.1)}}
	for name, c := range map[string]struct {
		in   Input
		want []string
		held int
	}{
		"hours given by hand are over":   {hoursByHand, nil, 1},
		"gone from the state":            {gone, nil, 1},
		"moved out by the same revision": {input(jones(access.Grant{ID: "g", Window: window(-9, -1), Ends: access.EndMoveOut})), nil, 1},
		"an old revocation of the past":  {input(jones(access.Grant{ID: "g", Window: window(-9, -1), Ends: access.EndRevoked})), nil, 1},
		"revoked by name since":          {input(jones(access.Grant{ID: "g", Window: window(-9, -0.5), Ends: access.EndRevoked})), []string{"remove GHp1 7"}, 0},
		"taken away by staff since":      {input(jones(access.Grant{ID: "g", Window: window(-9, -0.2), Ends: access.EndByStaff})), []string{"remove GHp1 7"}, 0},
		"revoked at the gateway":         {byHand, []string{"remove GHp1 7"}, 0},
		"given access again":             {input(jones(access.Grant{ID: "g", Window: window(-9, 0)})), nil, 0},
		"given other doors":              {input(jones(access.Grant{ID: "g", Group: "all", Window: window(-9, 0)})), []string{"change GHp1 7"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Make(held(c.in))
			if diff := cmp.Diff(c.want, ops(p)); diff != "" || len(p.Held) != c.held {
				t.Errorf("held %v (-want +got):\n%s", p.Held, diff)
			}
		})
	}
}

// TestAdoptTakesExactRowsOnly: under adopt a row that is exactly a wanted person's becomes ours unwritten.
func TestAdoptTakesExactRowsOnly(t *testing.T) {
	t.Parallel()
	changed, foreign := row("7"), row("7")
	changed.Name, foreign.Ref = "Somebody else", "4711"
	for name, c := range map[string]struct {
		policy  access.DriftPolicy
		row     model.Record
		known   bool
		adopted int
		settled int
		want    []string
	}{
		"exact":              {access.DriftAdopt, row("7"), false, 1, 0, nil},
		"not exact: written": {access.DriftAdopt, changed, false, 0, 0, []string{"change GHp1 7"}},
		"ours already":       {access.DriftAdopt, row("7"), true, 0, 1, nil},
		"a stranger's row":   {access.DriftAdopt, foreign, false, 0, 0, []string{"add GHp1 "}},
		"under repair":       {access.DriftRepair, row("7"), false, 0, 1, nil},
		"under report":       {access.DriftReport, changed, false, 0, 0, []string{"change GHp1 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(jones(access.Grant{ID: "g", Window: window(-1, 0)}))
			if c.known {
				in = onPanel(in)
			}
			in.Policy, in.Observed.Records = c.policy, []model.Record{c.row}
			p := Make(in)
			if diff := cmp.Diff(c.want, ops(p)); diff != "" || len(p.Adopt) != c.adopted || len(p.Settled) != c.settled {
				t.Errorf("adopted %v, settled %v (-want +got):\n%s", p.Adopt, p.Settled, diff)
			}
			if c.adopted == 1 && (p.Adopt[0].Record.Native != "7" || p.Adopt[0].Grade != access.Exact) {
				t.Errorf("%+v", p.Adopt)
			}
		})
	}
}

// TestTowardsG4_DriftIsTold: ghosts, strangers, hand edits, doubles and what is missing, in words and without
// secrets; only from a look at the whole device.
func TestTowardsG4_DriftIsTold(t *testing.T) {
	t.Parallel()
	open := access.Grant{ID: "g", Window: window(-1, 0)}
	edited := row("7")
	edited.PIN, edited.Relays = access.NewSecret("5550"), []string{"A", "B"}
	cloud := row("9")
	cloud.ReadOnly = true
	hidden := model.Record{Ref: "GHp1", Native: "7", Name: "Tom", Relays: []string{"A"}, Hidden: true}
	moved := jones(open)
	moved.Credentials[0].Secret = access.NewSecret("6660")
	unread := jones(open)
	unread.Unread = []access.Kind{access.KindGrant}
	for name, c := range map[string]struct {
		h    access.Holder
		ours bool
		rows []model.Record
		want []string
	}{
		"as it should be":                       {jones(open), true, []model.Record{row("7")}, nil},
		"a stranger":                            {jones(open), true, []model.Record{row("7"), {Ref: "12", Native: "3"}, {Native: "4"}}, []string{"stranger 3: not written by this gateway", "stranger 4: not written by this gateway"}},
		"the vendor's":                          {jones(open), true, []model.Record{row("7"), cloud}, []string{"stranger 9: the vendor's cloud keeps this row"}},
		"a ghost":                               {jones(), false, []model.Record{row("7")}, []string{"ghost 7: it carries a reference of ours, but no record of ours and nobody who should have it"}},
		"edited":                                {jones(open), true, []model.Record{edited}, []string{"edit 7: the PIN and the doors differ"}},
		"edited, secrets hidden":                {jones(open), true, []model.Record{hidden}, []string{"edit 7: the name differs"}},
		"edited before our own change":          {moved, true, []model.Record{edited}, []string{"edit 7: it is not as this gateway wrote it"}},
		"our own change waits":                  {moved, true, []model.Record{row("7")}, nil},
		"our own removal waits":                 {jones(), true, []model.Record{row("7")}, nil},
		"a double":                              {jones(open), true, []model.Record{row("7"), row("8")}, []string{"edit 8: a double of the same person"}},
		"missing":                               {jones(open), true, nil, []string{"missing : the row that this gateway wrote is gone"}},
		"unknown to the ledger and as wanted":   {jones(open), false, []model.Record{row("7")}, nil},
		"unknown to the ledger and otherwise":   {jones(open), false, []model.Record{edited}, []string{"edit 7: the PIN and the doors differ"}},
		"what cannot be read says nothing here": {unread, false, []model.Record{row("7")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(c.h)
			if c.ours {
				in = onPanel(in)
			}
			in.Observed = Observed{Complete: true, Everybody: true, Records: c.rows}
			var got []string
			for _, d := range Make(in).Drift {
				got = append(got, string(d.Kind)+" "+d.Native+": "+d.What)
				if !d.First.Equal(noon) || !d.Last.Equal(noon) {
					t.Errorf("seen %s to %s", d.First, d.Last)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			in.Observed.Everybody = false
			if d := Make(in).Drift; d != nil {
				t.Errorf("told from a look at one row: %v", d)
			}
		})
	}
}

// TestSchedules: hours stand in the row where the panel keeps them, and fail shut everywhere else.
func TestSchedules(t *testing.T) {
	t.Parallel()
	group := func(id string) access.Grant {
		return access.Grant{ID: access.GrantID(id), Group: access.GroupID(id), Window: window(-1, 0)}
	}
	for name, c := range map[string]struct {
		grants  []access.Grant
		set     func(*Input)
		relays  []string
		hours   []access.ScheduleID
		refused []fault.Kind
	}{
		"in the row":                     {[]access.Grant{group("office")}, nil, []string{"A"}, []access.ScheduleID{"day"}, nil},
		"the panel keeps none":           {[]access.Grant{group("office")}, func(in *Input) { in.Limits.Schedules = 0 }, nil, nil, []fault.Kind{fault.Unsupported}},
		"the clock is not trusted":       {[]access.Grant{group("office")}, func(in *Input) { in.Trusted = false }, nil, nil, []fault.Kind{fault.Conflict}},
		"the property has no such hours": {[]access.Grant{group("office")}, func(in *Input) { in.Places.Schedules = nil }, nil, nil, []fault.Kind{fault.Invalid}},
		"at any time is wider":           {[]access.Grant{group("office"), {ID: "x", Door: "lobby", Window: window(-1, 0)}}, nil, []string{"A"}, nil, nil},
		"with a holiday ahead": {[]access.Grant{group("office")}, func(in *Input) {
			in.Places.Schedules["day"] = access.Schedule{ID: "day", Holidays: []string{"2999-12-25"}}
		}, nil, nil, []fault.Kind{fault.Unsupported}},
		"with holidays, which the panel keeps": {[]access.Grant{group("office")}, func(in *Input) {
			in.Places.Schedules["day"], in.Limits.Holidays = access.Schedule{ID: "day", Holidays: []string{"2999-12-25"}}, true
		}, []string{"A"}, []access.ScheduleID{"day"}, nil},
		"with a holiday that is over": {[]access.Grant{group("office")}, func(in *Input) {
			in.Places.Schedules["day"] = access.Schedule{ID: "day", Holidays: []string{"1999-12-25"}}
		}, []string{"A"}, []access.ScheduleID{"day"}, nil},
		"both hours of one door":           {[]access.Grant{group("office"), group("evening")}, nil, []string{"A"}, []access.ScheduleID{"day", "night"}, nil},
		"more hours than the panel keeps":  {[]access.Grant{group("office"), group("evening")}, func(in *Input) { in.Limits.Schedules = 1 }, nil, nil, []fault.Kind{fault.Full}},
		"other doors at any time":          {[]access.Grant{group("office"), {ID: "x", Door: "garage", Window: window(-1, 0)}}, nil, []string{"B"}, nil, []fault.Kind{fault.Unsupported}},
		"other doors by other hours":       {[]access.Grant{group("office"), group("cars")}, nil, []string{"A"}, []access.ScheduleID{"day"}, []fault.Kind{fault.Unsupported}},
		"over: nothing to say":             {[]access.Grant{{ID: "o", Group: "office", Window: window(-5, -1)}}, func(in *Input) { in.Limits.Schedules = 0 }, nil, nil, nil},
		"doors of another panel: the same": {[]access.Grant{group("gym")}, func(in *Input) { in.Limits.Schedules = 0 }, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(jones(c.grants...))
			in.Limits.Schedules = 2
			in.Places.Schedules = map[access.ScheduleID]access.Schedule{"day": {ID: "day"}, "night": {ID: "night"}}
			for id, g := range map[access.GroupID]access.Group{
				"office": {Doors: []access.DoorID{"lobby"}, Schedule: "day"}, "evening": {Doors: []access.DoorID{"lobby"}, Schedule: "night"},
				"cars": {Doors: []access.DoorID{"garage"}, Schedule: "night"}, "gym": {Doors: []access.DoorID{"pool"}, Schedule: "day"},
			} {
				in.Places.Groups[id] = g
			}
			if c.set != nil {
				c.set(&in)
			}
			w := Want(in, in.People[0])
			var kinds []fault.Kind
			for _, r := range w.Refusals {
				kinds = append(kinds, r.Kind)
			}
			if diff := cmp.Diff(c.relays, w.Record.Relays) + cmp.Diff(c.hours, w.Record.Schedules) + cmp.Diff(c.refused, kinds); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTowardsG6_UntrustedClockWidensNoHours: a row with hours is not made one without while time is unsure.
func TestTowardsG6_UntrustedClockWidensNoHours(t *testing.T) {
	t.Parallel()
	in := onPanel(input(jones(access.Grant{ID: "g", Window: window(-1, 0)})))
	in.Observed.Records[0].Schedules = []access.ScheduleID{"day"}
	in.Trusted = false
	if p := Make(in); len(p.Steps) != 0 {
		t.Errorf("%+v", p.Steps)
	}
	in.Trusted = true
	if p := Make(in); len(p.Steps) != 1 || p.Steps[0].Record.Schedules != nil {
		t.Errorf("%+v", p.Steps)
	}
}

// TestPrintsOfRowsWithoutHoursStay: ledgers hold prints made before rows could name schedules.
func TestPrintsOfRowsWithoutHoursStay(t *testing.T) {
	t.Parallel()
	want := "fp:record\x00" + `["GHp1","T. Jones - Unit 101","4821",[],["A"]]`
	if got := PrintRecord(plain{}, row("7")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	limited := row("7")
	limited.Schedules = []access.ScheduleID{"b", "a"}
	if got := PrintRecord(plain{}, limited); got == want || !strings.HasSuffix(got, `["a","b"]]`) {
		t.Errorf("%q", got)
	}
}

func TestHolidaysAreOverAtTheirMidnight(t *testing.T) {
	p := access.Places{
		Property:  access.Property{ID: "p", Zone: "America/Chicago"},
		Schedules: map[access.ScheduleID]access.Schedule{"day": {ID: "day", Holidays: []string{"2026-12-25", "2026-07-04"}}},
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	last := at("2026-12-26T00:00:00-06:00")
	for _, c := range []struct {
		now, zone string
		want      time.Time
	}{
		{"2026-01-01T00:00:00Z", "America/Chicago", last}, {"2026-12-25T23:59:59-06:00", "America/Chicago", last},
		{"2026-12-26T00:00:00-06:00", "America/Chicago", time.Time{}}, {"2026-12-26T12:00:00Z", "", at("2026-12-27T00:00:00Z")},
	} {
		p.Property.Zone = c.zone
		if got := HolidaysOver(p, "day", at(c.now)); !got.Equal(c.want) {
			t.Errorf("at %s in %q: %v, want %v", c.now, c.zone, got, c.want)
		}
	}
}
