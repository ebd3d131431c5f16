package rules

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestA4_PIN(t *testing.T) {
	t.Parallel()
	narrow := PINRule{Min: 4, Max: 6, NotFirst: "09"}
	for _, c := range []struct {
		name, pin string
		rule      PINRule
		want      string // part of the complaint; "" is fine
	}{
		{"two digits", "12", DefaultPIN, ""},
		{"eight digits", "12345678", DefaultPIN, ""},
		{"leading zero", "0482", DefaultPIN, ""},
		{"nine inside", "1999", DefaultPIN, ""},
		{"nothing", "", DefaultPIN, "is empty"},
		{"one digit", "1", DefaultPIN, "has 1 digits, this panel takes 2 to 8"},
		{"nine digits", "123456789", DefaultPIN, "has 9 digits"},
		{"starts with 9", "9123", DefaultPIN, "starts with 9"},
		{"only a 9 too short", "9", DefaultPIN, "has 1 digits"},
		{"letter inside", "12a4", DefaultPIN, "characters other than digits"},
		{"blank behind", "1234 ", DefaultPIN, "characters other than digits"},
		{"other script's digits", "١٢٣٤", DefaultPIN, "characters other than digits"},
		{"sign", "-123", DefaultPIN, "characters other than digits"},
		{"zero rule has default lengths", "1", PINRule{}, "takes 2 to 8"},
		{"zero rule has no first digit", "91", PINRule{}, ""},
		{"narrow short", "123", narrow, "takes 4 to 6"},
		{"narrow first", "0123", narrow, "starts with 0"},
		{"negative minimum", "", PINRule{Min: -1}, "is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := CheckPIN(access.NewSecret(c.pin), c.rule)
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.want == "":
				return
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
				t.Errorf("kind %v, remedy %q", fault.KindOf(err), fault.RemedyOf(err))
			}
		})
	}
}

func TestA4_RemedyNamesTheRule(t *testing.T) {
	t.Parallel()
	for rule, want := range map[PINRule]string{
		DefaultPIN:                       "Give the resident another PIN: 2 to 8 digits, not starting with 9.",
		{Min: 4, Max: 4, NotFirst: "09"}: "Give the resident another PIN: 4 to 4 digits, not starting with 0 or 9.",
		{Min: 6, Max: 8}:                 "Give the resident another PIN: 6 to 8 digits.",
		{NotFirst: "9"}:                  "Give the resident another PIN: 2 to 8 digits, not starting with 9.",
		{Max: 5}:                         "Give the resident another PIN: 2 to 5 digits.",
	} {
		if got := fault.RemedyOf(CheckPIN(access.NewSecret("x"), rule)); got != want {
			t.Errorf("%+v: %q, want %q", rule, got, want)
		}
	}
}

// TestA4_NeverRepeatsThePIN: what is accepted obeys the rule, what is refused is not quoted.
func TestA4_NeverRepeatsThePIN(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pin := rapid.StringMatching(`[0-9a-f ]{0,12}`).Draw(t, "pin")
		err := CheckPIN(access.NewSecret(pin), DefaultPIN)
		good := len(pin) >= 2 && len(pin) <= 8 && strings.Trim(pin, "0123456789") == "" && pin[0] != '9'
		if good != (err == nil) {
			t.Fatalf("%q: %v", pin, err)
		}
		if err != nil && len(pin) > 3 && strings.Contains(err.Error()+fault.RemedyOf(err), pin) {
			t.Fatalf("the complaint repeats the PIN: %v", err)
		}
	})
}

func TestA5_Card(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"04a3b2c1":            "04A3B2C1",
		"04:A3:b2:c1":         "04A3B2C1",
		" 04 a3-B2 c1\t":      "04A3B2C1",
		"0":                   "0",
		"00048213":            "00048213",
		"0123456789abcdef":    "0123456789ABCDEF",
		"01-23-45-67-89-ab-c": "0123456789ABC",
	} {
		got, err := NormalizeCard(in)
		if err != nil || got.Reveal() != want {
			t.Errorf("%q: %q, %v; want %q", in, got.Reveal(), err, want)
		}
	}
	for in, want := range map[string]string{
		"":                  "is empty",
		" :- ":              "is empty",
		"xyz":               "characters other than",
		"12.34":             "characters other than",
		"0123456789abcdef0": "has 17 characters",
		"１２":                "characters other than",
		"12\u00a034":        "characters other than",
	} {
		got, err := NormalizeCard(in)
		if err == nil || !strings.Contains(err.Error(), want) || !got.IsZero() {
			t.Errorf("%q: %v, %v; want %q", in, got.IsZero(), err, want)
		}
		if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
			t.Errorf("%q: kind %v, remedy %q", in, fault.KindOf(err), fault.RemedyOf(err))
		}
	}
}

// TestA5_NormalisingTwiceIsNormalisingOnce: two spellings of a card meet in one value, and that
// value stays.
func TestA5_NormalisingTwiceIsNormalisingOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringMatching(`[0-9a-fA-F :g-]{0,20}`).Draw(t, "card")
		once, err := NormalizeCard(raw)
		if err != nil {
			if len(raw) > 3 && strings.Contains(err.Error(), raw) {
				t.Fatalf("the complaint repeats the card: %v", err)
			}
			return
		}
		for _, same := range []string{once.Reveal(), strings.ToLower(once.Reveal()), strings.Join(strings.Split(once.Reveal(), ""), ":")} {
			if again, err := NormalizeCard(same); err != nil || !again.Equal(once) {
				t.Fatalf("%q became another card: %v", raw, err)
			}
		}
	})
}
