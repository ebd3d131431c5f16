package comelit

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSeats(t *testing.T) {
	t.Parallel()
	both := wants("t@example.com", "+15550101")
	phone, app := both[0], both[1]
	for name, tt := range map[string]struct {
		mine  map[Place]Kind
		free  []Place
		want  []want
		give  []seat
		clear []Place
		waits []want
	}{
		"new":                     {nil, []Place{{0, 2}, {0, 5}}, both, []seat{{Place{0, 2}, phone}, {Place{0, 5}, app}}, nil, nil},
		"they stay":               {map[Place]Kind{{0, 7}: KindApp, {0, 9}: KindPhone}, []Place{{0, 1}}, both, []seat{{Place{0, 9}, phone}, {Place{0, 7}, app}}, nil, nil},
		"one slot for two":        {nil, []Place{{0, 3}}, both, []seat{{Place{0, 3}, phone}}, nil, []want{app}},
		"none":                    {nil, nil, both, nil, nil, both},
		"another unit":            {map[Place]Kind{{1, 7}: KindPhone}, []Place{{0, 1}}, both[:1], []seat{{Place{0, 1}, phone}}, []Place{{1, 7}}, nil},
		"no app any more":         {map[Place]Kind{{0, 7}: KindApp, {0, 9}: KindPhone}, nil, both[:1], []seat{{Place{0, 9}, phone}}, []Place{{0, 7}}, nil},
		"a slot left over as two": {map[Place]Kind{{0, 7}: KindPhone, {0, 9}: KindPhone}, nil, both[:1], []seat{{Place{0, 7}, phone}}, []Place{{0, 9}}, nil},
	} {
		give, clear, waits := seats(0, tt.want, tt.mine, tt.free)
		opt := cmp.AllowUnexported(seat{}, want{})
		for what, diff := range map[string]string{
			"give":  cmp.Diff(tt.give, give, opt, cmpopts.EquateEmpty()),
			"clear": cmp.Diff(tt.clear, clear, opt, cmpopts.EquateEmpty()),
			"waits": cmp.Diff(tt.waits, waits, opt, cmpopts.EquateEmpty()),
		} {
			if diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, what, diff)
			}
		}
	}
}

// Enabled goes last and disabled first: a slot that is half written rings nobody.
func TestFieldOrder(t *testing.T) {
	t.Parallel()
	n := note{Kind: KindPhone, Name: "T. Jones - Unit 101", Contact: "+15550101"}
	got := changes(Slot{}, n.slot(Place{0, 1}), false)
	want := []Field{{fieldKind, "3"}, {fieldName, n.Name}, {fieldPhone, n.Contact}, {fieldEnabled, "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := changes(Slot{}, n.slot(Place{0, 1}), true); len(got) != 5 || got[4] != want[3] {
		t.Errorf("all fields: %v", got)
	}
	if first, last := clearFields()[0], clearFields()[4]; first != (Field{fieldEnabled, "2"}) || last != (Field{fieldKind, "0"}) {
		t.Errorf("clearing begins with %v and ends with %v", first, last)
	}
	if got := changes(n.slot(Place{}), n.slot(Place{}), false); len(got) != 0 {
		t.Errorf("nothing to do: %v", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	n := note{Kind: KindApp, Name: "T. Jones - Unit 101", Contact: "t@example.com"}
	whole := n.slot(Place{0, 1})
	renamed, bare, token := whole, Slot{Place: Place{0, 1}, Kind: KindApp}, Slot{Place: Place{0, 1}, Token: true}
	renamed.Name = "Tom"
	other := Slot{Place: Place{0, 1}, Enabled: true, Kind: KindPhone, Name: "Somebody", Phone: "+15550111"}
	for name, tt := range map[string]struct {
		state state
		slot  Slot
		want  state
	}{
		"as written":                  {accepted, whole, seen},
		"renamed by hand":             {seen, renamed, seen},
		"never stored":                {accepted, Slot{}, ""},
		"emptied by hand":             {seen, Slot{}, ""},
		"given to somebody else":      {seen, other, ""},
		"begun":                       {intended, bare, seen},
		"begun, with another's token": {intended, token, ""},
		"cleared":                     {cleared, Slot{}, ""},
		"not cleared":                 {cleared, whole, seen},
		"the token survives":          {cleared, token, stuck},
		"still":                       {stuck, token, stuck},
		"cleared and taken":           {clearing, other, ""},
	} {
		n.State = tt.state
		if got := n.judged(tt.slot); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	k, err := readBook([]byte(`{"base":"1.tar.gz","notes":{"0.1":{"ref":"GHp7","state":"seen"},"0.0":{"ref":"GHp7"},"x":{"ref":"GHp7"},"0.16":{"ref":"GHp7"}}}`))
	if err != nil || len(k.Notes) != 1 || k.Base != "1.tar.gz" {
		t.Errorf("slot 0 and places that do not exist are nobody's: %+v, %v", k, err)
	}
	if _, err := readBook([]byte(`{`)); err == nil {
		t.Error("a damaged book is an error: it says what is ours")
	}
	if k, err := readBook(nil); err != nil || k.Notes == nil {
		t.Errorf("nothing kept: %+v, %v", k, err)
	}
}

// parts is driver.Memory in a map.
type parts map[string][]byte

func (p parts) Load(part string) ([]byte, error) { return p[part], nil }

func (p parts) Save(some map[string][]byte) error { maps.Copy(p, some); return nil }

// TestABookIsKeptInParts: a change writes its own apartment, and all of them come back; also from one piece, as it was kept before.
func TestABookIsKeptInParts(t *testing.T) {
	t.Parallel()
	m := parts{"": []byte(`{"base":"1.tar.gz","notes":{"0.1":{"ref":"GHp1","state":"seen"},"7.15":{"ref":"GHp2","state":"seen"}}}`)}
	keep := func(k *book, places ...Place) map[string][]byte {
		t.Helper()
		some, err := k.parts(places)
		if err != nil {
			t.Fatal(err)
		}
		k.whole = false
		_ = m.Save(some)
		return some
	}
	k, err := recall(m)
	if err != nil || len(k.Notes) != 2 || k.Base != "1.tar.gz" {
		t.Fatalf("%+v, %v", k, err)
	}
	if some := keep(&k, Place{0, 1}); len(some) != 3 { // the head and both apartments: nothing of the one piece is lost
		t.Errorf("%d parts", len(some))
	}
	k.Notes["7.2"] = note{Ref: "GHp3", State: intended}
	if some := keep(&k, Place{7, 2}); len(some) != 1 || some["unit 7"] == nil {
		t.Errorf("one change writes %d parts", len(some))
	}
	k.Notes["9.1"] = note{Ref: "GHp4", State: intended}
	if some := keep(&k, Place{9, 1}); len(some) != 2 || some[""] == nil {
		t.Errorf("a new apartment writes %d parts: it must be known that it is there", len(some))
	}
	delete(k.Notes, "0.1")
	k.Base = "2.tar.gz"
	keep(&k)
	again, err := recall(m)
	if err != nil || !maps.EqualFunc(again.Notes, k.Notes, func(a, b note) bool { return a.Ref == b.Ref && a.State == b.State }) || again.Base != "2.tar.gz" {
		t.Errorf("%+v, %v, want %+v", again, err, k)
	}
	m["unit 7"] = []byte("{")
	if _, err := recall(m); err == nil {
		t.Error("a damaged part is an error: it says what is ours")
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	snap := &Snapshot{
		Slots:      []Slot{{Place: Place{0, 0}, Name: "Unit 101"}, {Place: Place{1, 0}, Name: "1"}, {Place: Place{2, 0}}, {Place: Place{3, 0}, Name: "unit 101"}, {Place: Place{4, 0}, Name: "204"}},
		Apartments: map[int]string{0: "SB000001", 2: "SB000003", 9: "SB000010"},
	}
	for name, want := range map[string]int{"SB000001": 0, "1": 1, "sb000003": 2, "#2": 2, "Unit 204": 4, "204": 4} {
		if got, err := snap.unit(name); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "101", "2", "#9", "SB000010", "#x"} {
		if got, err := snap.unit(name); err == nil {
			t.Errorf("%q is %d", name, got)
		}
	}
	for m, want := range map[int]string{0: "101", 2: "SB000003", 7: "#7"} {
		if got := snap.unitName(m); got != want {
			t.Errorf("map %d is %s, want %s", m, got, want)
		}
	}
}

func TestBackupNames(t *testing.T) {
	t.Parallel()
	page := `<a href='/12.tar.gz'>x</a><a href="3.tar.gz"><a href='12.tar.gz'><a href='x.tar.gz'><a href='.tar.gz'><a href='4'>5.tar.gz<a href=`
	if diff := cmp.Diff([]string{"12.tar.gz", "3.tar.gz"}, backupNames(page)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
