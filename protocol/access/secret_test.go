package access_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

const clear = "8051739264"

// leaks says how the clear text stands in s: plainly, in hex, or byte by byte.
func leaks(s string) string {
	low := strings.ToLower(s)
	var decimal, hexed []string
	for _, b := range []byte(clear) {
		decimal, hexed = append(decimal, fmt.Sprint(b)), append(hexed, fmt.Sprintf("0x%x", b))
	}
	for how, form := range map[string]string{"plainly": clear, "in hex": hex.EncodeToString([]byte(clear)), "as numbers": strings.Join(decimal, " "),
		"as a list": strings.Join(decimal, ", "), "as Go bytes": strings.Join(hexed, ", ")} {
		if strings.Contains(low, form) {
			return how
		}
	}
	return ""
}

type hidden struct {
	pin  access.Secret
	more map[string]access.Secret
	at   *access.Secret
}

type open struct {
	PIN  access.Secret
	List []access.Secret
	Any  any
}

// places is every way in which a secret may stand in something that is printed.
func places(t *testing.T) map[string]any {
	s := access.NewSecret(clear)
	c := access.Credential{ID: "c-1", Person: "p-1", Kind: access.PIN, Secret: s}
	h := hidden{pin: s, more: map[string]access.Secret{"a": s}, at: &s}
	it := mustEncode(t, c)
	return map[string]any{
		"alone": s, "pointer": &s, "pointer to pointer": new(&s), "slice": []access.Secret{s}, "array": [1]access.Secret{s},
		"map value": map[string]access.Secret{"a": s}, "map key": map[access.Secret]int{s: 1}, "interface": []any{s, &s},
		"credential": c, "credential pointer": &c, "holder": access.Holder{Credentials: []access.Credential{c}},
		"exported field": open{PIN: s, List: []access.Secret{s}, Any: c}, "unexported field": h, "unexported field by pointer": &h,
		"anonymous struct": struct{ x, y any }{s, &s}, "error": fmt.Errorf("write %v: %w", s, errors.New("full")), "error with struct": fmt.Errorf("write %+v", h),
		"item": it, "items": []access.Item{it}, "update": access.Update{Put: []access.Item{it}}, "reflect": reflect.ValueOf(s), "reflect hidden": reflect.ValueOf(h),
	}
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	for where, v := range places(t) {
		for _, verb := range strings.Split("v +v #v s +s #s q +q #q x X #x d c U #U t o b e g p T 10v -10s .3s", " ") {
			if verb == "p" && (where == "item" || where == "update") {
				continue // fmt asks no method for the address of a struct, and vet finds that
			}
			if how := leaks(fmt.Sprintf("%"+verb, v)); how != "" {
				t.Errorf("%s: %%%s prints it %s", where, verb, how)
			}
		}
		if how := leaks(fmt.Sprint(v) + fmt.Sprintln("x", v) + fmt.Errorf("%v", v).Error()); how != "" {
			t.Errorf("%s: Sprint prints it %s", where, how)
		}
	}
}

func TestSecretNeverLogs(t *testing.T) {
	t.Parallel()
	var text, lines bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	for name, log := range map[string]*slog.Logger{"text": slog.New(slog.NewTextHandler(&text, options)), "JSON": slog.New(slog.NewJSONHandler(&lines, options))} {
		for where, v := range places(t) {
			if name == "JSON" && (where == "items" || where == "update") {
				continue // JSON of items is the wire's form, see Encode
			}
			log.With("with", v).WithGroup("group").Info(fmt.Sprint(v), "v", v, slog.Group("g", "v", v), slog.Any("any", v))
			if how := leaks(text.String() + lines.String()); how != "" {
				t.Errorf("%s: the %s log shows it %s", where, name, how)
			}
			text.Reset()
			lines.Reset()
		}
	}
}

func TestSecretNeverMarshals(t *testing.T) {
	t.Parallel()
	for where, v := range places(t) {
		if _, ok := v.(access.Item); ok || where == "items" || where == "update" || where == "map key" {
			continue // items are the wire's form; JSON knows no such map
		}
		b, err := json.Marshal(v)
		if how := leaks(string(b)); err != nil || how != "" {
			t.Errorf("%s: JSON shows it %s (%v)", where, how, err)
		}
	}
	var page bytes.Buffer
	if err := template.Must(template.New("").Parse(`{{.PIN}} {{.}} <a title="{{.PIN}}">{{printf "%s" .PIN}}</a><script>x = {{.PIN}}</script>`)).Execute(&page, open{PIN: access.NewSecret(clear)}); err != nil {
		t.Fatal(err)
	}
	if how := leaks(page.String()); how != "" {
		t.Errorf("a page shows it %s", how)
	}
}

func TestSecretsPrintAlike(t *testing.T) {
	t.Parallel()
	for _, s := range []access.Secret{{}, access.NewSecret("1"), access.NewSecret(strings.Repeat("9", 50))} {
		for _, got := range []string{s.String(), s.GoString(), s.LogValue().String(), fmt.Sprintf("%-40v", s)} {
			if got != access.Redacted {
				t.Errorf("%q: its length or absence shows", got)
			}
		}
	}
}

func TestSecretIsAValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		x, y := access.NewSecret(a), access.NewSecret(b)
		if x.Reveal() != a || x.IsZero() != (a == "") {
			t.Fatalf("%q came back as %q, zero %v", a, x.Reveal(), x.IsZero())
		}
		if same := a == b; x.Equal(y) != same || (x == y) != same || reflect.DeepEqual(x, y) != same {
			t.Fatalf("%q and %q: Equal %v, == %v", a, b, x.Equal(y), x == y)
		}
		if !x.Equal(access.NewSecret(strings.Clone(a))) {
			t.Fatal("not equal to a copy of itself")
		}
	})
}

func TestSecretFromJSON(t *testing.T) {
	t.Parallel()
	var s access.Secret
	if err := json.Unmarshal([]byte(`"0042"`), &s); err != nil || s.Reveal() != "0042" {
		t.Errorf("%q, %v", s.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`null`), &s); err != nil {
		t.Errorf("null: %v", err)
	}
	for _, raw := range []string{clear, `[` + clear + `]`, `{"x":"` + clear + `"}`, `true`, `"(redacted)"`} {
		s = access.NewSecret("7")
		err := json.Unmarshal([]byte(raw), &s)
		wantInvalid(t, err)
		if err != nil && leaks(err.Error()) != "" {
			t.Errorf("the error quotes the secret: %v", err)
		}
		if s.Reveal() != "7" {
			t.Errorf("%s changed the secret although it was refused", raw)
		}
	}
}

// A PIN that arrives in the wrong form is refused without being repeated.
func TestDecodeErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`{"id":"c-1","person":"p-1","kind":"pin","secret":` + clear + `}`, `{"id":"c-1","person":"p-1","kind":"pin","secret":"` + clear, `{"id":"c-1","person":"p-1","kind":"fob","secret":"` + clear + `"}`,
		`{"id":"c-1","person":"","kind":"pin","secret":"` + clear + `"}`, `{"id":"c-2","person":"p-1","kind":"pin","secret":"` + clear + `"}`,
	} {
		n, err := access.Decode(access.Item{Key: access.Key{Kind: access.KindCredential, ID: "c-1"}, Value: json.RawMessage(value)})
		wantInvalid(t, err)
		if n != nil {
			t.Errorf("%s gave %v", value, n)
		}
		if err != nil && leaks(fmt.Sprintf("%v %+v %#v", err, err, err)) != "" {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}
