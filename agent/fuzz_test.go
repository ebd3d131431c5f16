package agent

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
)

// fuzzBox is a box for a fuzz test.
func fuzzBox(f *testing.F) *box {
	f.Helper()
	b, err := openBox(f.TempDir(), trusted(), nil, quiet())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = b.Close() })
	return b
}

// FuzzKept: whatever stands under the names of what the agent keeps for itself, it reads it, or says that it cannot and does
// without; the program stays up.
func FuzzKept(f *testing.F) {
	b := fuzzBox(f)
	for _, seed := range []string{"", "null", "{}", "[]", `{"p1":{"count":5}}`, `{"epoch":3}`, `{"settings":{"id":"s","hello_every":"1s"}}`,
		`{"tls":"AA==","signing":"AQ==","sealing":"AQ==","next":{}}`, `{"form":"gatehouse enroll bundle v1"}`} {
		f.Add([]byte(seed))
	}
	a := &Agent{box: b, log: quiet()}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, name := range []string{blobKeys, blobBundle, blobCloudKeys, blobSettings, blobRestored, blobTries, "device/front", "mark/front"} {
			must(t, b.site.SaveBlob(name, raw))
		}
		if id, err := loadIdentity(b.site); id != nil && err != nil {
			t.Errorf("%+v and %v", id, err)
		}
		if k, err := loadKeys(b.site); err == nil && k != nil {
			_, _ = k.ring("", [][]byte{raw})
			_, _ = k.request()
		}
		s := openSettings(b.site, a.cfg, quiet())
		_, _, _, _ = s.hello(), s.level(), s.staleAfter("lobby"), s.brake()
		_ = a.restored()
		_ = whatItSaid(b.site, "front", quiet())
		if _, _, err := (walker{b, t.Context()}).Mark("front"); err != nil {
			t.Error(err)
		}
		o := &onsite{box: b}
		tries := o.readTries()
		tries["p2"] = guesses{}
		if err := o.saveTries(tries); err != nil {
			t.Error(err)
		}
	})
}

// FuzzCommand: whatever a command says, it is answered once and in words, and the panel is opened only by one that names a
// door which is there.
func FuzzCommand(f *testing.F) {
	b := fuzzBox(f)
	f.Add("open_door", []byte(`{"door":"lobby","device":"front"}`))
	f.Add("audit", []byte(`{"device":7}`))
	f.Add("diagnostics", []byte("null"))
	n := 0
	f.Fuzz(func(t *testing.T, do string, args []byte) {
		o := newOrders(t, b)
		n++
		cmd := order(fmt.Sprint("c", n), do, string(args))
		var wire protocol.Command
		if raw, err := json.Marshal(cmd); err != nil || json.Unmarshal(raw, &wire) != nil {
			return // it cannot have come over the wire
		}
		r := o.Do(t.Context(), wire)
		if r.ID != wire.ID || r.Result == "" || r.Result != resultDone && (r.Fault == "" || r.Message == "") {
			t.Errorf("%q %s: %+v", do, args, r)
		}
		again := o.Do(t.Context(), wire)
		if again.Result != r.Result || again.Message != r.Message {
			t.Errorf("asked again: %+v, first %+v", again, r)
		}
	})
}

// FuzzAsked: whatever is asked or told on the socket, with the gateway at rest, is answered or refused in words.
func FuzzAsked(f *testing.F) {
	d := desk{box: fuzzBox(f)}
	f.Add("at=2026-12-01T11:00:00-05:00&device=front", []byte(`{"device":"front","native":"7","reason":"x"}`))
	f.Add("open=1&limit=-1", []byte(`{"do":"revoke"}`))
	f.Add("at=;&%zz", []byte("null"))
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for path, ask := range asks {
			v, err := ask(t.Context(), d, q)
			if err != nil && err.Error() == "" {
				t.Errorf("%s: no words", path)
			}
			if _, jerr := json.Marshal(v); err == nil && jerr != nil {
				t.Errorf("%s: %v", path, jerr)
			}
		}
		if _, err := told[IgnoreRequest](body); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("ignore: %v", err)
		}
		var e askError
		if json.Unmarshal(body, &e) == nil {
			_ = fault.KindOf(e.fault())
		}
		_ = Bad(body)
	})
}
