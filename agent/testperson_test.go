package agent

import (
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// With one-digit PINs all but one are taken: the free one is found, and nobody's is ever used.
func TestTestPersonCollidesWithNobody(t *testing.T) {
	t.Parallel()
	limits := model.Limits{PINDigitMin: 1, PINDigitMax: 1, PINs: 1, PINNoFirst: "9"}
	var taken []model.Record
	for _, d := range "1234567" {
		taken = append(taken, model.Record{PIN: access.NewSecret(string(d))})
	}
	for range 50 {
		p, err := testPerson(limits, "", taken)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.PIN.Reveal(); got != "8" {
			t.Fatalf("the PIN begins with a digit that is taken or not allowed")
		}
		if !p.Ref.Ours() || len(p.Cards) != 0 || len(p.Relays) != 1 {
			t.Fatalf("test person %+v", p)
		}
	}
	if _, err := changedPerson(model.Record{PIN: access.NewSecret("8")}, limits, taken); fault.KindOf(err) != fault.Full {
		t.Errorf("with no PIN free: %v, want full", err)
	}
}

func TestTestPersonKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	limits := model.Limits{PINDigitMin: 4, PINDigitMax: 6, PINs: 1, PINNoFirst: "9", Cards: 1, Relays: []string{"C", "D"}}
	p, err := testPerson(limits, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.PIN.Reveal()); n != 6 || strings.ContainsAny(p.PIN.Reveal()[:1], "90") {
		t.Errorf("a PIN of %d digits, or a first digit that is not allowed", n)
	}
	if len(p.Cards) != 1 || len(p.Cards[0].Reveal()) != 8 || p.Relays[0] != "C" || len(p.Relays) != 1 {
		t.Errorf("cards %d, relays %v", len(p.Cards), p.Relays)
	}
	next, err := changedPerson(p, limits, nil)
	if err != nil || next.PIN.Equal(p.PIN) || next.Name == p.Name || next.Ref != p.Ref {
		t.Errorf("the changed person is not another PIN and name under the same reference: %v", err)
	}
	mute := model.Limits{}
	if p, err := testPerson(mute, "", nil); err != nil || !p.PIN.IsZero() || p.Relays[0] != "A" {
		t.Errorf("without limits: %+v %v", p, err)
	}
}

func TestKeysSeeEveryDifference(t *testing.T) {
	t.Parallel()
	one := model.Record{Native: "1", Ref: "GHp7", Name: "T. Jones", PIN: access.NewSecret("4821"), Relays: []string{"A"}, Cards: []access.Secret{access.NewSecret("0A"), access.NewSecret("0B")}}
	base := rowKeys([]model.Record{one})[0]
	turned := one
	turned.Cards = []access.Secret{one.Cards[1], one.Cards[0]}
	if rowKeys([]model.Record{turned})[0] != base {
		t.Error("the order of cards counts")
	}
	for name, edit := range map[string]func(*model.Record){
		"native":    func(r *model.Record) { r.Native = "2" },
		"ref":       func(r *model.Record) { r.Ref = "x" },
		"name":      func(r *model.Record) { r.Name = "x" },
		"pin":       func(r *model.Record) { r.PIN = access.NewSecret("4822") },
		"cards":     func(r *model.Record) { r.Cards = r.Cards[:1] },
		"relays":    func(r *model.Record) { r.Relays = []string{"B"} },
		"read only": func(r *model.Record) { r.ReadOnly = true },
	} {
		r := one
		edit(&r)
		if rowKeys([]model.Record{r})[0] == base {
			t.Errorf("a changed %s is not seen", name)
		}
	}
}

func TestDifferenceNamesFieldsAndNoSecrets(t *testing.T) {
	t.Parallel()
	want := model.Record{Name: "a", PIN: access.NewSecret("482177"), Cards: []access.Secret{access.NewSecret("0A1B2C3D")}, Relays: []string{"A"}}
	got := rowDifference(want, model.Record{Name: "b", PIN: access.NewSecret("573388")})
	for _, s := range []string{"name", "PIN", "cards", "relays"} {
		if !strings.Contains(got, s) {
			t.Errorf("%q does not name the %s", got, s)
		}
	}
	for _, s := range []string{"482177", "573388", "0A1B2C3D"} {
		if strings.Contains(got, s) {
			t.Errorf("%q shows a secret", got)
		}
	}
	if rowDifference(want, want) != "" {
		t.Error("equal records differ")
	}
}
