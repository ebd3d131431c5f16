package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type plain struct{}

func (plain) Print(s string) string { return "fp:" + s }

func input(people ...access.Holder) Input {
	return Input{
		Now: noon, Trusted: true, Print: plain{}, People: people,
		Doors:  map[access.DoorID]string{"lobby": "A", "garage": "B"},
		Limits: model.Limits{PINDigitMin: 2, PINDigitMax: 8, PINNoFirst: "9", PINs: 1, Cards: 2, CardChars: 16, NameChars: 32},
		Places: access.Places{
			Units:  map[access.UnitID]access.Unit{"u1": {ID: "u1", Name: "101"}, "u2": {ID: "u2", Name: "204"}},
			Doors:  map[access.DoorID]access.Door{"lobby": {ID: "lobby"}, "garage": {ID: "garage", Unit: "u2"}, "pool": {ID: "pool"}},
			Groups: map[access.GroupID]access.Group{"entrance": {ID: "entrance", Doors: []access.DoorID{"lobby"}}, "all": {ID: "all", Doors: []access.DoorID{"lobby", "garage", "pool"}}},
		},
		Ledger:   map[access.PersonID]access.LedgerEntry{},
		Observed: Observed{Complete: true},
		Others:   Others{Secrets: map[string]access.PersonID{}},
	}
}

// jones has PIN 4821 and the given grants; grants without a target open the entrance.
func jones(gs ...access.Grant) access.Holder {
	for i := range gs {
		gs[i].Person, gs[i].Reason = "p1", "lives in unit 101"
		if gs[i].Group == "" && gs[i].Door == "" && gs[i].Unit == "" {
			gs[i].Group = "entrance"
		}
	}
	return access.Holder{
		Person:      access.Person{ID: "p1", Kind: access.Resident, First: "Tom", Last: "Jones"},
		Residencies: []access.Residency{{ID: "r1", Person: "p1", Unit: "u1"}},
		Credentials: []access.Credential{{ID: "c1", Person: "p1", Kind: access.PIN, Secret: access.NewSecret("4821")}},
		Grants:      gs,
	}
}

func window(fromHours, untilHours float64) access.Window {
	at := func(h float64) time.Time { return noon.Add(time.Duration(h * float64(time.Hour))) }
	w := access.Window{From: at(fromHours)}
	if untilHours != 0 {
		w.Until = at(untilHours)
	}
	return w
}

// row is Jones as written on the device.
func row(native string) model.Record {
	return model.Record{Ref: "GHp1", Native: native, Name: "T. Jones - Unit 101", PIN: access.NewSecret("4821"), Relays: []string{"A"}}
}

// ops shows steps shortly.
func ops(p Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, fmt.Sprintf("%s %s %s", s.Op, s.Ref, s.Native))
	}
	return out
}

func TestMake(t *testing.T) {
	open := access.Grant{ID: "g1", Window: window(-1, 5)}
	ours := map[access.PersonID]access.LedgerEntry{"p1": {Person: "p1", Ref: "GHp1", State: access.Settled}}
	changed := row("7")
	changed.PIN = access.NewSecret("1111")
	cloud := row("8")
	cloud.ReadOnly = true
	hidden := model.Record{Ref: "GHp1", Native: "7", Name: "T. Jones - Unit 101", Relays: []string{"A"}, Hidden: true}
	proved := map[access.PersonID]access.LedgerEntry{"p1": {Ref: "GHp1", Print: PrintRecord(plain{}, row(""))}}
	tests := []struct {
		name   string
		in     Input
		rows   []model.Record
		ledger map[access.PersonID]access.LedgerEntry
		want   []string
		next   time.Time
	}{
		{"absent is added", input(jones(open)), nil, nil, []string{"add GHp1 "}, noon.Add(5 * time.Hour)},
		{"as wanted is settled", input(jones(open)), []model.Record{row("7")}, ours, nil, noon.Add(5 * time.Hour)},
		{"another PIN is changed in place", input(jones(open)), []model.Record{changed}, ours, []string{"change GHp1 7"}, noon.Add(5 * time.Hour)},
		{"our reference on a wanted person is ours", input(jones(open)), []model.Record{changed}, nil, []string{"change GHp1 7"}, noon.Add(5 * time.Hour)},
		{"doubles go, one stays", input(jones(open)), []model.Record{row("7"), row("9")}, ours, []string{"remove GHp1 9"}, noon.Add(5 * time.Hour)},
		{"ended is removed", input(jones(access.Grant{ID: "g1", Window: window(-5, -1)})), []model.Record{row("7")}, ours, []string{"remove GHp1 7"}, time.Time{}},
		{"ended and already gone", input(jones(access.Grant{ID: "g1", Window: window(-5, -1)})), nil, ours, nil, time.Time{}},
		{"unknown to the ledger and unwanted is left alone", input(jones(access.Grant{ID: "g1", Window: window(-5, -1)})), []model.Record{row("7")}, nil, nil, time.Time{}},
		{"a row of the vendor's cloud is not ours to touch", input(jones(access.Grant{ID: "g1", Window: window(-5, -1)})), []model.Record{cloud}, ours, nil, time.Time{}},
		{"future is not added and is due later", input(jones(access.Grant{ID: "g1", Window: window(3, 0)})), nil, nil, nil, noon.Add(3 * time.Hour)},
		{"windows that touch give no change between", input(jones(access.Grant{ID: "g1", Window: window(-1, 2)}, access.Grant{ID: "g2", Window: window(2, 9)})), nil, nil, []string{"add GHp1 "}, noon.Add(9 * time.Hour)},
		{"a hidden row that we wrote counts as present", input(jones(open)), []model.Record{hidden}, proved, nil, noon.Add(5 * time.Hour)},
		{"a hidden row that we did not write is written", input(jones(open)), []model.Record{hidden}, ours, []string{"change GHp1 7"}, noon.Add(5 * time.Hour)},
		{"a grant to a door elsewhere gives nothing here", input(jones(access.Grant{ID: "g1", Door: "pool", Window: window(-1, 0)})), nil, nil, nil, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Observed.Records = tt.rows
			if tt.ledger != nil {
				tt.in.Ledger = tt.ledger
			}
			p := Make(tt.in)
			if diff := cmp.Diff(tt.want, ops(p)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if !p.NextChange.Equal(tt.next) {
				t.Errorf("next change %v, want %v", p.NextChange, tt.next)
			}
			for _, s := range p.Steps {
				if s.Why == "" {
					t.Errorf("step %v does not say why", s)
				}
			}
		})
	}
}

func TestG2_RemovalsGoFirst(t *testing.T) {
	in := input(jones(access.Grant{ID: "g1", Window: window(-1, 0)}))
	in.Gone = []access.PersonID{"p0", "p2"}
	in.Ledger = map[access.PersonID]access.LedgerEntry{"p0": {Ref: "GHp0"}, "p2": {Ref: "GHp2"}}
	in.Observed.Records = []model.Record{{Ref: "GHp2", Native: "3"}, {Ref: "GHp0", Native: "4"}}
	want := []string{"remove GHp0 4", "remove GHp2 3", "add GHp1 "}
	if diff := cmp.Diff(want, ops(Make(in))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRelays(t *testing.T) {
	tests := map[string]struct {
		grant access.Grant
		want  []string
	}{
		"group":      {access.Grant{Group: "all"}, []string{"A", "B"}},
		"door":       {access.Grant{Door: "garage"}, []string{"B"}},
		"unit":       {access.Grant{Unit: "u2"}, []string{"B"}},
		"other unit": {access.Grant{Unit: "u1"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.grant.Window = window(-1, 0)
			if diff := cmp.Diff(tt.want, Want(input(), jones(tt.grant)).Record.Relays); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	open := access.Grant{ID: "g1", Window: window(-1, 0)}
	with := func(kind access.CredentialKind, secrets ...string) access.Holder {
		h := jones(open)
		for i, s := range secrets {
			h.Credentials = append(h.Credentials, access.Credential{ID: access.CredentialID(fmt.Sprint("d", i)), Person: "p1", Kind: kind, Secret: access.NewSecret(s)})
		}
		return h
	}
	only := func(pin string) access.Holder {
		h := jones(open)
		h.Credentials[0].Secret = access.NewSecret(pin)
		return h
	}
	tests := []struct {
		name  string
		h     access.Holder
		set   func(*Input)
		kind  fault.Kind
		steps int
	}{
		{"A4 PIN starts with 9", only("9111"), nil, fault.Invalid, 0},
		{"A4 PIN too long", only("123456789"), nil, fault.Invalid, 0},
		{"A4 PIN of a stranger", only("7777"), func(in *Input) { in.Others.Secrets[PrintSecret(plain{}, access.NewSecret("7777"))] = "" }, fault.Conflict, 0},
		{"A5 third card", with(access.Card, "AA", "BB", "CC"), nil, fault.Full, 1},
		{"A5 card too long for the panel", with(access.Card, "AABB"), func(in *Input) { in.Limits.CardChars = 2 }, fault.Invalid, 1},
		{"second PIN", with(access.PIN, "5555"), nil, fault.Unsupported, 1},
		{"only mobile, on a panel without app", func() access.Holder {
			h := with(access.Mobile, "")
			h.Credentials = h.Credentials[len(h.Credentials)-1:]
			return h
		}(), nil, fault.Unsupported, 0},
		{"no credential at all", func() access.Holder { h := jones(open); h.Credentials = nil; return h }(), nil, fault.Invalid, 0},
		{"panel full", jones(open), func(in *Input) { in.Limits.People, in.Others.Rows = 10, 10 }, fault.Full, 0},
		{"clock not trusted", jones(open), func(in *Input) { in.Trusted = false }, fault.Conflict, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(tt.h)
			if tt.set != nil {
				tt.set(&in)
			}
			p := Make(in)
			if len(p.Refusals) != 1 || p.Refusals[0].Kind != tt.kind || p.Refusals[0].Why == "" {
				t.Errorf("refusals %+v, want one of kind %v in words", p.Refusals, tt.kind)
			}
			if len(p.Steps) != tt.steps {
				t.Errorf("%d steps, want %d: the rest of the record is written all the same", len(p.Steps), tt.steps)
			}
		})
	}
}

// TestG6_UntrustedClockOnlyEnds: while the clock is not trusted a change may take relays away and
// never give one.
func TestG6_UntrustedClockOnlyEnds(t *testing.T) {
	in := input(jones(access.Grant{ID: "g1", Group: "all", Window: window(-1, 0)}))
	in.Trusted = false
	in.Ledger["p1"] = access.LedgerEntry{Ref: "GHp1", State: access.Settled}
	in.Observed.Records = []model.Record{row("7")} // relay A only
	if p := Make(in); len(p.Steps) != 0 {
		t.Errorf("steps %v, want none: relay B must wait", ops(p))
	}
	in.People = []access.Holder{jones(access.Grant{ID: "g1", Door: "garage", Window: window(-1, 0)})}
	if diff := cmp.Diff([]string{"remove GHp1 7"}, ops(Make(in))); diff != "" {
		t.Errorf("relay A ended, B must wait (-want +got):\n%s", diff)
	}
}

// TestPlanConverges: applying the plan to the rows it was made from leaves nothing to do, and no
// row that is not ours ever changes.
func TestPlanConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, rows := drawn(t)
		before := strangers(in, rows)
		for range 4 {
			in.Observed.Records = rows
			p := Make(in)
			if len(p.Steps) == 0 {
				if diff := cmp.Diff(before, strangers(in, rows)); diff != "" {
					t.Fatalf("a stranger's row changed:\n%s", diff)
				}
				return
			}
			rows = applied(rows, p)
			for _, s := range p.Steps {
				in.Ledger[s.Person] = access.LedgerEntry{Person: s.Person, Ref: string(s.Ref), State: access.Written}
			}
		}
		t.Fatalf("still %v to do after four rounds", ops(Make(in)))
	})
}

func drawn(t *rapid.T) (Input, []model.Record) {
	in := input()
	var rows []model.Record
	for i := range rapid.IntRange(0, 8).Draw(t, "people") {
		id := access.PersonID(fmt.Sprint("p", i))
		h := jones()
		h.Person.ID, h.Credentials[0].Secret = id, access.NewSecret(fmt.Sprint(1000+i))
		if rapid.Bool().Draw(t, "granted") {
			h.Grants = []access.Grant{{ID: "g", Person: id, Group: rapid.SampledFrom([]access.GroupID{"entrance", "all"}).Draw(t, "group"), Reason: "lives here",
				Window: window(float64(rapid.IntRange(-3, 3).Draw(t, "from")), float64(rapid.IntRange(4, 6).Draw(t, "until")))}}
		}
		if rapid.Bool().Draw(t, "gone") {
			in.Gone = append(in.Gone, id)
		} else {
			in.People = append(in.People, h)
		}
		if rapid.Bool().Draw(t, "known") {
			in.Ledger[id] = access.LedgerEntry{Person: id, Ref: "GH" + string(id)}
		}
		for n := range rapid.IntRange(0, 2).Draw(t, "rows") {
			rows = append(rows, model.Record{Ref: model.RefOf(id), Native: fmt.Sprint(i, "-", n), Name: rapid.SampledFrom([]string{"x", "T. Jones - Unit 101"}).Draw(t, "name"), PIN: access.NewSecret(fmt.Sprint(1000 + i)), Relays: []string{"A"}})
		}
	}
	rows = append(rows, model.Record{Ref: "123", Native: "s", Name: "Caretaker"}, model.Record{Native: "t", Name: "Nobody"})
	return in, rows
}

// strangers are the rows that a plan may never touch: without our reference, or unknown to the
// ledger and not wanted.
func strangers(in Input, rows []model.Record) []string {
	wanted := map[model.Ref]bool{}
	for _, h := range in.People {
		if Want(in, h).Open {
			wanted[model.RefOf(h.Person.ID)] = true
		}
	}
	var out []string
	for _, r := range rows {
		id := access.PersonID("")
		if r.Ref.Ours() {
			id = access.PersonID(r.Ref[2:])
		}
		if _, known := in.Ledger[id]; !known && !wanted[r.Ref] {
			out = append(out, fmt.Sprint(r.Native, r.Name, r.Relays))
		}
	}
	slices.Sort(out)
	return out
}

func applied(rows []model.Record, p Plan) []model.Record {
	m := map[string]model.Record{}
	for _, r := range rows {
		m[r.Native] = r
	}
	for _, s := range p.Steps {
		switch s.Op {
		case access.OpRemove:
			delete(m, s.Native)
		case access.OpAdd:
			s.Record.Native = "new-" + string(s.Ref)
			m[s.Record.Native] = s.Record
		case access.OpChange:
			s.Record.Native = s.Native
			m[s.Native] = s.Record
		}
	}
	var out []model.Record
	for _, r := range m {
		out = append(out, r)
	}
	return out
}
