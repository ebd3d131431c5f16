package agent

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// testID is the person behind a reference of the selftest.
func testID(ref model.Ref) access.PersonID {
	return access.PersonID(strings.TrimPrefix(string(ref), model.RefPrefix))
}

// testPerson is somebody who does not exist, whose reference, PIN and card nobody on the
// device has. Both are random: for the seconds they are valid nobody can know them.
func testPerson(l model.Limits, unit string, taken []model.Record) (model.Record, error) {
	tail, err := randomDigits(8)
	if err != nil {
		return model.Record{}, err
	}
	p := model.Record{Ref: model.RefOf(access.PersonID("test-" + tail)), Name: "Gatehouse Test", Relays: []string{"A"}}
	if len(l.Relays) > 0 {
		p.Relays = l.Relays[:1]
	}
	if l.Slots > 0 {
		if unit == "" {
			return p, fault.New(fault.Invalid, "read the command line", "", "--unit is missing: this device holds people by their unit").
				WithRemedy("Name a unit with a free slot, for example --unit 101.")
		}
		p.Unit, p.Phone = unit, "+15550100" // a number of fiction; no e-mail, so nobody is invited
	}
	if l.PINs > 0 {
		if p.PIN, err = freePIN(l, taken); err != nil {
			return p, err
		}
	}
	if l.Cards > 0 {
		card, err := freeDigits(8, "", taken)
		p.Cards = []access.Secret{card}
		return p, err
	}
	return p, nil
}

// changedPerson is the same person with another name and PIN.
func changedPerson(p model.Record, l model.Limits, taken []model.Record) (model.Record, error) {
	p.Name = "Gatehouse Test 2"
	if l.Slots > 0 {
		p.Phone = "+15550101"
	}
	if l.PINs == 0 {
		return p, nil
	}
	pin, err := freePIN(l, append(slices.Clone(taken), p))
	p.PIN = pin
	return p, err
}

func freePIN(l model.Limits, taken []model.Record) (access.Secret, error) {
	n := l.PINDigitMax
	if n <= 0 || n > 8 {
		n = max(l.PINDigitMin, 8)
	}
	return freeDigits(n, l.PINNoFirst+"0", taken)
}

// freeDigits is a random number of n digits that nobody has and that does not begin with a digit of notFirst.
func freeDigits(n int, notFirst string, taken []model.Record) (access.Secret, error) {
	used := map[string]bool{}
	for _, r := range taken {
		used[r.PIN.Reveal()] = true
		for _, c := range r.Cards {
			used[c.Reveal()] = true
		}
	}
	for range 1000 {
		s, err := randomDigits(n)
		if err != nil {
			return access.Secret{}, err
		}
		if !used[s] && !strings.Contains(notFirst, s[:1]) {
			return access.NewSecret(s), nil
		}
	}
	return access.Secret{}, fault.New(fault.Full, "find a free PIN for", "the test person", "1000 random ones are taken or not allowed")
}

func randomDigits(n int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	x, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return "", fault.Wrap(fault.Internal, "make a random number", "", err)
	}
	return fmt.Sprintf("%0*d", n, x), nil
}

// rowKeys describes rows so that two lists can be compared whatever their order. It holds
// secrets and is never shown.
func rowKeys(rows []model.Record) []string {
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		cards := make([]string, len(r.Cards))
		for i, c := range r.Cards {
			cards[i] = c.Reveal()
		}
		slices.Sort(cards)
		out = append(out, fmt.Sprintf("%q %q %q %q %q %q %v %q %q %q", r.Native, r.Ref, r.Name, r.PIN.Reveal(), cards, r.Relays, r.ReadOnly, r.Unit, r.Email, r.Phone))
	}
	slices.Sort(out)
	return out
}

// rowDifference names the fields that differ, never their secrets.
func rowDifference(want, got model.Record) string {
	var d []string
	if want.Name != got.Name {
		d = append(d, fmt.Sprintf("name %q instead of %q", got.Name, want.Name))
	}
	if want.Unit != got.Unit || want.Email != got.Email || want.Phone != got.Phone {
		d = append(d, "another unit, e-mail or phone number")
	}
	if !want.PIN.Equal(got.PIN) {
		d = append(d, "another PIN or none")
	}
	if !slices.EqualFunc(want.Cards, got.Cards, access.Secret.Equal) {
		d = append(d, fmt.Sprintf("other cards (%d instead of %d)", len(got.Cards), len(want.Cards)))
	}
	if !slices.Equal(want.Relays, got.Relays) {
		d = append(d, fmt.Sprintf("relays %v instead of %v", got.Relays, want.Relays))
	}
	return strings.Join(d, ", ")
}
