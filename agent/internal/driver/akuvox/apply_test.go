package akuvox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func addJones() model.Step {
	r := drivertest.Jones()
	return model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r}
}

// jonesRow is Jones as some unit shows him, with fields that we know nothing of.
func jonesRow() map[string]any {
	return map[string]any{
		"UserID": "GHp7", "Name": "T. Jones - Unit 101", "PrivatePIN": "4821", "CardCode": "04A1B2C3", "ScheduleRelay": "1001-1",
		"WebRelay": "0", "LiftFloorNum": "3", "SourceType": "1", "Source": "Local", "Group": "Default", "Room": 101, "Building": nil,
		"KeyHolder": map[string]any{"a": 1}, "DialAccount": "2", "Schedule": "1001-1", "FaceUrl": "/face/7.jpg",
	}
}

// item is the item of the last write.
func item(t *testing.T, w *wild) (verb string, it map[string]string) {
	t.Helper()
	rs := w.requests()
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].method != http.MethodPost {
			continue
		}
		var e struct {
			Target, Action string
			Data           struct{ Item []map[string]string }
		}
		if err := json.Unmarshal([]byte(rs[i].body), &e); err != nil || e.Target != "user" || len(e.Data.Item) != 1 {
			t.Fatalf("write %s: %v", rs[i].body, err)
		}
		return e.Action, e.Data.Item[0]
	}
	t.Fatal("nothing was written")
	return "", nil
}

func writes(w *wild) (out []string) {
	for _, c := range w.calls() {
		if strings.HasPrefix(c, "POST ") {
			out = append(out, c)
		}
	}
	return out
}

func change(native string, edit func(*model.Record)) model.Step {
	r := drivertest.Jones()
	edit(&r)
	return model.Step{Op: access.OpChange, Person: "p7", Ref: r.Ref, Native: native, Record: r}
}

func TestAddWritesTheWholeRecordAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	s := addJones()
	s.Record.Relays = []string{"B", "A"}
	p := w.panel(t)
	if _, err := p.List(t.Context()); err != nil { // so that the login is known
		t.Fatal(err)
	}
	w.forget()
	if err := p.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	verb, it := item(t, w)
	want := map[string]string{
		"UserID": "GHp7", "Name": "T. Jones - Unit 101", "PrivatePIN": "4821", "CardCode": "04A1B2C3",
		"ScheduleRelay": "1001-12", "Schedule-Relay": "1001-12", "WebRelay": "0", "LiftFloorNum": "0",
	}
	if d := cmp.Diff(want, it); d != "" || verb != "add" {
		t.Errorf("%s (-want +got):\n%s", verb, d)
	}
	if got := w.calls(); len(got) != 1 || got[0] != "POST /api/user/set" {
		t.Errorf("requests %v, want one", got)
	}
}

func TestAddWithoutPINOrCardSendsNoBlank(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	s := addJones()
	s.Record.PIN, s.Record.Cards = access.Secret{}, nil
	if err := w.panel(t).Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	_, it := item(t, w)
	if _, pin := it["PrivatePIN"]; pin || it["CardCode"] != "" {
		t.Errorf("item %v", it)
	}
}

// What the unit itself showed decides how lists are written (§2.3).
func TestWritesListsAsTheUnitShowsThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pairs, cards, wantPairs, wantCards string }{
		{"1001-1;1002-2;", "0A;0B", "1001-1;", "04A1B2C3;0BADCAFE"},
		{"1001-1,", "0A,0B", "1001-1,", "04A1B2C3,0BADCAFE"},
		{"1001-1", "0A", "1001-1", "04A1B2C3;0BADCAFE"},
	} {
		w := newWild(t, &wild{})
		w.add(map[string]any{"UserId": "4711", "Name": "Caretaker", "Schedule": tt.pairs, "CardCode": tt.cards})
		p := w.panel(t)
		if _, _, err := p.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := addJones()
		s.Record.Cards = append(s.Record.Cards, access.NewSecret("0badcafe"))
		if err := p.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		_, it := item(t, w)
		if it["ScheduleRelay"] != tt.wantPairs || it["Schedule-Relay"] != tt.wantPairs || it["CardCode"] != tt.wantCards {
			t.Errorf("shown %q %q, wrote %q %q", tt.pairs, tt.cards, it["ScheduleRelay"], it["CardCode"])
		}
		if it["UserID"] != "GHp7" || it["UserId"] != "GHp7" {
			t.Errorf("a unit that spells UserId gets both: %v", it)
		}
	}
}

func TestChangeKeepsWhatWeDoNotKnow(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{}).people(2))
	id := w.add(jonesRow())
	p := w.panel(t)
	w.forget()
	step := change(id, func(r *model.Record) { r.PIN, r.Name = access.NewSecret("5733"), "T. Jones - Unit 204" })
	if err := p.Apply(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	verb, it := item(t, w)
	want := map[string]string{
		"ID": id, "UserID": "GHp7", "Name": "T. Jones - Unit 204", "PrivatePIN": "5733", "CardCode": "04A1B2C3",
		"ScheduleRelay": "1001-1", "Schedule-Relay": "1001-1", "WebRelay": "0", "LiftFloorNum": "3", "Room": "101", "DialAccount": "2",
		"FaceUrl": "/face/7.jpg",
	}
	if d := cmp.Diff(want, it); d != "" || verb != "set" {
		t.Errorf("%s (-want +got):\n%s", verb, d)
	}
	if got := w.calls(); len(got) != 2 || got[0] != "GET /api/user/get?NameOrPerID=GHp7" {
		t.Errorf("requests %v, want one read and one write", got)
	}
}

// Who reads, decides and writes at once asks once: a removal is three requests, its proof included. What
// was read is forgotten with the next request.
func TestWhatWasJustReadIsNotReadAgain(t *testing.T) {
	t.Parallel()
	remove := func(id string) model.Step {
		return model.Step{Op: access.OpRemove, Person: "p7", Ref: "GHp7", Native: id}
	}
	tests := []struct {
		name    string
		between func(*testing.T, *wild, driver.Panel)
		reads   int
		kind    fault.Kind
	}{
		{"at once", func(*testing.T, *wild, driver.Panel) {}, 1, 0},
		{"after another read", func(t *testing.T, _ *wild, p driver.Panel) {
			if _, err := p.Read(t.Context(), "GHp8"); err != nil {
				t.Fatal(err)
			}
		}, 3, 0},
		{"after another read, of a row that somebody took over", func(t *testing.T, w *wild, p driver.Panel) {
			w.rows[0]["UserID"] = "1009"
			if _, err := p.Read(t.Context(), "GHp8"); err != nil {
				t.Fatal(err)
			}
		}, 4, fault.Conflict},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &wild{})
			id := w.add(jonesRow())
			p := w.panel(t)
			if _, err := p.List(t.Context()); err != nil { // so that the login is known
				t.Fatal(err)
			}
			if _, err := p.Read(t.Context(), "GHp7"); err != nil { // and the search
				t.Fatal(err)
			}
			w.forget()
			if _, err := p.Read(t.Context(), "GHp7"); err != nil {
				t.Fatal(err)
			}
			tt.between(t, w, p)
			err := p.Apply(t.Context(), remove(id))
			if (err != nil) != (tt.kind != 0) || err != nil && fault.KindOf(err) != tt.kind {
				t.Fatalf("%v, want %v", err, tt.kind)
			}
			if reads := len(w.calls()) - len(writes(w)); reads != tt.reads {
				t.Errorf("%d reads, want %d: %v", reads, tt.reads, w.calls())
			}
			if err := p.Apply(t.Context(), remove(id)); err == nil && tt.kind != 0 {
				t.Error("a second time it was written all the same")
			}
		})
	}
}

// A PIN taken away must be gone, whatever a blank means to the unit.
func TestClearingAPIN(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		wild  wild
		verbs []string
	}{
		{"a blank clears", wild{}, []string{"set"}},
		{"a blank keeps", wild{blankKeeps: true}, []string{"set", "del", "add"}},
		{"a blank is refused", wild{noBlank: true, blankKeeps: true}, []string{"set", "set", "del", "add"}},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &tt.wild)
			id := w.add(jonesRow())
			p := w.panel(t)
			if err := p.Apply(t.Context(), change(id, func(r *model.Record) { r.PIN = access.Secret{} })); err != nil {
				t.Fatal(err)
			}
			want := drivertest.Jones()
			want.PIN = access.Secret{}
			if rows, err := p.Read(t.Context(), want.Ref); err != nil || len(rows) != 1 || !rows[0].Same(want) {
				t.Errorf("now there: %+v, %v", rows, err)
			}
			var verbs []string
			for _, r := range w.requests() {
				if r.method == http.MethodPost {
					var e struct{ Action string }
					_ = json.Unmarshal([]byte(r.body), &e)
					verbs = append(verbs, e.Action)
				}
			}
			if d := cmp.Diff(tt.verbs, verbs); d != "" {
				t.Errorf("writes (-want +got):\n%s", d)
			}
			if row := w.rows[0]; row["DialAccount"] != "2" {
				t.Errorf("what we do not know was lost: %v", row)
			}
		})
	}
}

// The row that replaces one carries no face: units refuse it in an add (§2.3).
func TestReplacementHasNoFaceAndNoID(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{blankKeeps: true})
	id := w.add(jonesRow())
	if err := w.panel(t).Apply(t.Context(), change(id, func(r *model.Record) { r.Cards = nil })); err != nil {
		t.Fatal(err)
	}
	verb, it := item(t, w)
	for _, f := range []string{"ID", "FaceUrl", "CardCode", "SourceType", "Schedule", "Source"} {
		if v, ok := it[f]; ok {
			t.Errorf("%s carries %s=%q", verb, f, v)
		}
	}
	if verb != "add" || it["PrivatePIN"] != "4821" {
		t.Errorf("%s %v", verb, it)
	}
}

func TestStrangersAndCloudRowsAreNeverTouched(t *testing.T) {
	t.Parallel()
	cloud := jonesRow()
	cloud["SourceType"] = 2
	stranger := jonesRow()
	stranger["UserID"] = "4711"
	tests := map[string]struct {
		row  map[string]any
		step func(id string) model.Step
	}{
		"a reference not of our form": {stranger, func(id string) model.Step {
			return model.Step{Op: access.OpRemove, Ref: "4711", Native: id}
		}},
		"the number of a stranger, remove": {stranger, func(id string) model.Step {
			return model.Step{Op: access.OpRemove, Ref: "GHp7", Native: id}
		}},
		"the number of a stranger, change": {stranger, func(id string) model.Step { return change(id, func(*model.Record) {}) }},
		"another number than ours": {jonesRow(), func(string) model.Step {
			return model.Step{Op: access.OpRemove, Ref: "GHp7", Native: "77"}
		}},
		"a cloud row, remove": {cloud, func(id string) model.Step {
			return model.Step{Op: access.OpRemove, Ref: "GHp7", Native: id}
		}},
		"a cloud row, change": {cloud, func(id string) model.Step { return change(id, func(*model.Record) {}) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &wild{})
			row := maps.Clone(tt.row)
			id := w.add(row)
			wantKind(t, w.panel(t).Apply(t.Context(), tt.step(id)), fault.Conflict)
			if got := writes(w); got != nil {
				t.Errorf("writes %v", got)
			}
		})
	}
}

func TestDoublesAreNotGuessedAt(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	w.add(jonesRow())
	second := w.add(jonesRow())
	p := w.panel(t)
	if rows, err := p.Read(t.Context(), "GHp7"); err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v: doubles are all shown", len(rows), err)
	}
	wantKind(t, p.Apply(t.Context(), model.Step{Op: access.OpRemove, Ref: "GHp7"}), fault.Conflict)
	if err := p.Apply(t.Context(), model.Step{Op: access.OpRemove, Ref: "GHp7", Native: second}); err != nil {
		t.Fatal(err)
	}
	if len(w.rows) != 1 || w.rows[0]["ID"] == second {
		t.Errorf("left %v", w.rows)
	}
}

// Nothing that a panel must not get goes out (§7).
func TestBadRecordsAreRefusedBeforeTheWire(t *testing.T) {
	t.Parallel()
	card := func(s string) func(*model.Record) {
		return func(r *model.Record) { r.Cards = []access.Secret{access.NewSecret(s)} }
	}
	pin := func(s string) func(*model.Record) {
		return func(r *model.Record) { r.PIN = access.NewSecret(s) }
	}
	name := func(s string) func(*model.Record) { return func(r *model.Record) { r.Name = s } }
	tests := map[string]func(*model.Record){
		"no name": name(" "), "control character": name("T\x07Jones"), "line end": name("T\nJones"), "delete": name("T\x7f"),
		"bad UTF-8": name("T\xff"), "long name": name(strings.Repeat("n", 33)),
		"short PIN": pin("1"), "long PIN": pin("123456789"), "letters in PIN": pin("12a4"), "PIN from 9": pin("9123"),
		"empty card": card(""), "card not hex": card("XYZ"), "long card": card(strings.Repeat("A", 17)),
		"six cards": func(r *model.Record) {
			for range 6 {
				r.Cards = append(r.Cards, access.NewSecret("0A"))
			}
		},
		"no relay": func(r *model.Record) { r.Relays = nil }, "relay E": func(r *model.Record) { r.Relays = []string{"E"} },
		"relay pair": func(r *model.Record) { r.Relays = []string{"1002-1"} }, "other ref": func(r *model.Record) { r.Ref = "GHp8" },
	}
	for what, edit := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &wild{})
			s := addJones()
			edit(&s.Record)
			err := w.panel(t).Apply(t.Context(), s)
			wantKind(t, err, fault.Invalid)
			s.Op, s.Native = access.OpChange, "1"
			wantKind(t, w.panel(t).Apply(t.Context(), s), fault.Invalid)
			if len(w.requests()) != 0 {
				t.Errorf("%d requests went out", len(w.requests()))
			}
			if p := s.Record.PIN.Reveal(); len(p) > 1 && strings.Contains(err.Error(), p) {
				t.Errorf("%v shows the PIN", err)
			}
		})
	}
}

func TestOverlongReferenceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	s := addJones()
	s.Ref = model.Ref("GH" + strings.Repeat("p", 62))
	s.Record.Ref = s.Ref
	wantKind(t, w.panel(t).Apply(t.Context(), s), fault.Invalid)
	s.Op = "paint"
	wantKind(t, w.panel(t).Apply(t.Context(), s), fault.Internal)
}

func TestA4_PINTwoToEightDigitsNotFromNine(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	p := w.panel(t)
	for pin, good := range map[string]bool{"12": true, "00": true, "12345678": true, "1": false, "123456789": false, "91": false, "19": true} {
		s := addJones()
		s.Record.PIN = access.NewSecret(pin)
		if err := p.Apply(t.Context(), s); good != (err == nil) {
			t.Errorf("a PIN of %d digits from %s: %v", len(pin), pin[:1], err)
		}
	}
}

// A card is written upper case whatever the case it came in, opens as it was written, and another form never reaches the wire.
func TestA5_CardOneToSixteenHexDigits(t *testing.T) {
	t.Parallel()
	for card, good := range map[string]bool{
		"0": true, "0123456789abcdef": true, "04A3B2C1": true, "0123456789ABCDEF0": false, "04:A3": false, "XY": false, "": false, "１２": false,
	} {
		b := newBench(t, akuvoxsim.Options{})
		s := addJones()
		s.Record.Cards = []access.Secret{access.NewSecret(card)}
		err := b.panel.Apply(t.Context(), s)
		if good != (err == nil) || !good && (fault.KindOf(err) != fault.Invalid || len(b.sim.Mutating()) != 0) {
			t.Errorf("a card of %d characters: %v", len(card), err)
		}
		if !good {
			continue
		}
		if users := b.sim.Users(); len(users) != 1 || users[0].Cards[0] != strings.ToUpper(card) || b.present(card) == nil {
			t.Errorf("%q is on the panel as %+v", card, users)
		}
	}
}

// Units that go by the path get the vendor's own paths, and keep getting them (§2.3).
func TestVendorPathsAreTriedOnceAndRemembered(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{pathOnly: true})
	p := w.panel(t)
	if err := p.Apply(t.Context(), addJones()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"POST /api/user/set", "POST /api/user/add"}, writes(w)); d != "" {
		t.Errorf("first write (-want +got):\n%s", d)
	}
	w.forget()
	rows, err := p.Read(t.Context(), "GHp7")
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if err := p.Apply(t.Context(), change(rows[0].Native, func(r *model.Record) { r.Name = "T. Jones" })); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), model.Step{Op: access.OpRemove, Ref: "GHp7", Native: rows[0].Native}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"POST /api/user/set", "POST /api/user/del"}, writes(w)); d != "" {
		t.Errorf("later writes (-want +got):\n%s", d)
	}
}

func TestWriteThatNoPathTakesIsUnsupported(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPost {
			_, _ = rw.Write([]byte(`{"retcode":-1,"message":"No hanlders for this request"}`))
		}
		return r.Method == http.MethodPost
	}})
	wantKind(t, w.panel(t).Apply(t.Context(), addJones()), fault.Unsupported)
	if n := len(writes(w)); n != 2 {
		t.Errorf("%d writes, want both paths once", n)
	}
}

// refusing answers every write with the given reply.
func refusing(t *testing.T, reply string, people int) (*wild, *akuvox.Panel) {
	t.Helper()
	w := newWild(t, (&wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPost {
			_, _ = rw.Write([]byte(reply))
		}
		return r.Method == http.MethodPost
	}}).people(people))
	return w, w.panel(t)
}

// An addition refused without a reason: the record's form was checked, so it clashes with what is there.
func TestAdditionRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	_, p := refusing(t, `{"retcode":-1,"message":"Failed"}`, 3)
	err := p.Apply(t.Context(), addJones())
	wantKind(t, err, fault.Conflict)
	if !strings.Contains(fault.RemedyOf(err), "full") || !strings.Contains(err.Error(), "Failed") {
		t.Errorf("%v / %s", err, fault.RemedyOf(err))
	}
}

func TestAdditionRefusedAtTheDocumentedCapacityIsFull(t *testing.T) {
	t.Parallel()
	w, p := refusing(t, `{"retcode":-1,"message":"Error"}`, 0)
	if _, _, err := p.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	inner := w.before
	w.before = func(rw http.ResponseWriter, r *http.Request, b []byte) bool {
		if r.URL.Path == "/api/user/get" {
			_, _ = rw.Write([]byte(`{"retcode":0,"data":{"num":20000,"item":[{"ID":"1"}]}}`))
			return true
		}
		return inner(rw, r, b)
	}
	err := p.Apply(t.Context(), addJones())
	wantKind(t, err, fault.Full)
}
