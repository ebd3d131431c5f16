package fias_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"gatehouse/firmware-bridge/fias"
	"gatehouse/testdata"
)

type vector struct{ Section, Record, Frame string }

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := fs.ReadFile(testdata.Dir("encoder/fias"), "frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(raw, &all); err != nil || len(all) != 3 {
		t.Fatalf("%d vectors, %v; want the 3 of §2", len(all), err)
	}
	return all
}

func (v vector) bytes(t testing.TB) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(v.Frame, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestTowardsE3_FIASFrames holds the codec to §2 in both directions, byte for byte.
func TestTowardsE3_FIASFrames(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		r, err := fias.Decode(v.bytes(t))
		if err != nil || r.String() != v.Record {
			t.Errorf("%s: %v, %v", v.Section, r, err)
			continue
		}
		if got, err := fias.Encode(r); err != nil || string(got) != string(v.bytes(t)) {
			t.Errorf("%s: % X, %v", v.Section, got, err)
		}
	}
}

// now is the moment of the vectors.
func now() time.Time { return time.Date(2026, 7, 1, 15, 30, 10, 0, time.UTC) }

// record reads "LR|RIKR|FLWSKC|".
func record(t testing.TB, text string) fias.Record {
	t.Helper()
	r, err := fias.Decode([]byte("\x02" + text + "\x03"))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}

// partner is a lock system that has described itself.
func partner(t testing.TB, lists ...string) *fias.Partner {
	t.Helper()
	p := &fias.Partner{}
	for _, text := range append(append([]string{"LS|DA260701|TI153000|", "LD|DA260701|TI153000|V#1.0|IFDL|"}, lists...), "LA|DA260701|TI153002|") {
		if _, handled := p.Handle(record(t, text), now()); !handled {
			t.Fatalf("%s was not handled", text)
		}
	}
	return p
}

func request() fias.KeyRequest {
	return fias.KeyRequest{
		Workstation: "1", Coder: "1", Type: fias.New, Room: "101", Reservation: "90001", Guest: "Test",
		Arrival: time.Date(2026, 7, 1, 15, 30, 0, 0, time.UTC), Departure: time.Date(2027, 7, 31, 11, 0, 0, 0, time.UTC),
	}
}

// TestTowardsE3_FIASKeyRequest builds the KR of §2 from a request.
func TestTowardsE3_FIASKeyRequest(t *testing.T) {
	t.Parallel()
	p := partner(t, "LR|RIKR|FLWSKCKTRNG#GNGAGDDTDATI|")
	if !p.Ready() || p.Class != "DL" || p.Version != "1.0" || !p.Wants("KR", "GN") || p.Wants("KR", "K#") || p.Wants("KD", "RN") {
		t.Errorf("%+v", p)
	}
	r, err := request().Build(p, fias.WithColon, now())
	if want := vectors(t)[1].Record; err != nil || r.String() != want {
		t.Errorf("%v, %v; want\n%s", r, err, want)
	}
	full := partner(t, "LR|RIKR|FLK#KCKTRNWSDADTG#GNGAGDTIKO|")
	k := request()
	k.Keys, k.Type, k.Guest, k.Options = 2, fias.Duplicate, "José", "12"
	r, err = k.Build(full, fias.Digits, now())
	if want := "KR|WS1|KC1|KTD|K#2|RN101|G#90001|GNJose|GA260701|GD270731|DT110000|KO12|DA260701|TI153010|"; err != nil || r.String() != want {
		t.Errorf("%v, %v; want\n%s", r, err, want)
	}
}

func TestTowardsE3_FIASRefusedBeforeTheWire(t *testing.T) {
	t.Parallel()
	good := partner(t, "LR|RIKR|FLWSKCKTRNG#GNGAGDDTDATI|")
	for want, v := range map[string]struct {
		p      *fias.Partner
		change func(*fias.KeyRequest)
	}{
		"room":                       {good, func(k *fias.KeyRequest) { k.Room = "" }},
		"encoder":                    {good, func(k *fias.KeyRequest) { k.Coder = "" }},
		"ASCII":                      {good, func(k *fias.KeyRequest) { k.Guest = "Ж" }},
		"7C":                         {good, func(k *fias.KeyRequest) { k.Room = "1|2" }},
		"02":                         {good, func(k *fias.KeyRequest) { k.Room = "1\x022" }},
		"key type":                   {good, func(k *fias.KeyRequest) { k.Type = "X" }},
		"1 to 9":                     {good, func(k *fias.KeyRequest) { k.Keys = 10 }},
		"K#":                         {good, func(k *fias.KeyRequest) { k.Keys = 2 }},
		"after the arrival":          {good, func(k *fias.KeyRequest) { k.Departure = k.Arrival }},
		"4096":                       {good, func(k *fias.KeyRequest) { k.Room = strings.Repeat("1", 4096) }},
		"wait for its LA":            {&fias.Partner{}, func(*fias.KeyRequest) {}},
		"listed none":                {partner(t, "LR|RIKD|FLRN|"), func(*fias.KeyRequest) {}},
		"does not take the field RN": {partner(t, "LR|RIKR|FLKCKTGD|"), func(*fias.KeyRequest) {}},
	} {
		k := request()
		v.change(&k)
		if r, err := k.Build(v.p, fias.WithColon, now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want a refusal with %q: %v, %v", want, r, err)
		}
	}
	if _, err := request().Build(good, "noon", now()); err == nil {
		t.Error("a style of time nobody knows is taken")
	}
}

func TestTowardsE3_FIASDelete(t *testing.T) {
	t.Parallel()
	p := partner(t, "LR|RIKD|FLKCRNWSDATIG#|")
	r, err := request().BuildDelete(p, now())
	if want := "KD|KC1|RN101|G#90001|WS1|DA260701|TI153010|"; err != nil || r.String() != want {
		t.Errorf("%v, %v; want %s", r, err, want)
	}
	k := request()
	k.Room = ""
	if _, err := k.BuildDelete(p, now()); err == nil {
		t.Error("keys of no room are ended")
	}
	if _, err := request().BuildDelete(partner(t, "LR|RIKR|FLRN|"), now()); err == nil {
		t.Error("KD goes to a lock system that takes none")
	}
}

func TestTowardsE3_FIASLink(t *testing.T) {
	t.Parallel()
	p := partner(t, "LR|RIKR|FLKC|")
	for _, text := range []string{"LS|DA260701|TI153010|", "LA|DA260701|TI153010|"} { // as a check of a link that stands
		reply, handled := p.Handle(record(t, text), now())
		if !handled || reply == nil || reply.String() != "LA|DA260701|TI153010|" || !p.Ready() {
			t.Errorf("%s: %v, handled %v, ready %v", text, reply, handled, p.Ready())
		}
	}
	if reply, handled := p.Handle(record(t, "KA|ASOK|"), now()); handled || reply != nil {
		t.Errorf("KA: %v, %v; it is not about the link", reply, handled)
	}
	if reply, handled := p.Handle(record(t, "LE|"), now()); !handled || reply != nil || p.Ready() || p.Wants("KR", "KC") {
		t.Errorf("after LE: %v, %v, ready %v", reply, handled, p.Ready())
	}
	if p.Handle(record(t, "LA|"), now()); p.Ready() {
		t.Error("ready without a list of records")
	}
}

func TestTowardsE3_FIASAnswer(t *testing.T) {
	t.Parallel()
	k := request()
	for text, want := range map[string]fias.KeyAnswer{
		vectors(t)[2].Record: {Status: fias.OK},
		"KA|ASOK|CTOK|KC1|WS1|G#90001|$204a1b2c3d4e580|$3|": {Status: fias.OK, Text: "OK", Tracks: [3]string{"", "04a1b2c3d4e580", ""}, Serial: "04A1B2C3D4E580"},
		"KA|ASBY|CTno coder|KC1|":                           {Status: fias.Busy, Text: "no coder"},
		"KA|ASXX|KC1|WS1|$1one|$2two|$3three|":              {Status: "XX", Tracks: [3]string{"one", "two", "three"}},
	} {
		if got, ok := k.Answers(record(t, text)); !ok || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"KR|KC1|", "KA|ASOK|KC2|WS1|G#90001|", "KA|ASOK|KC1|WS2|", "KA|ASOK|KC1|G#90002|"} {
		if got, ok := k.Answers(record(t, text)); ok {
			t.Errorf("%s counts as the answer: %+v", text, got)
		}
	}
}

func TestDeparture_BothStyles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"11:05", "110500"} {
		if h, m, err := fias.Departure(text); err != nil || h != 11 || m != 5 {
			t.Errorf("%s: %d:%d, %v", text, h, m, err)
		}
	}
	if _, _, err := fias.Departure("1105"); err == nil {
		t.Error("1105 is read")
	}
}

func TestCodec_Refuses(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{"", "\x02\x03", "\x02KA|", "KA|\x03", "\x02K|\x03", "\x02KA|A|\x03", "\x02KA|AS\x02|\x03", "\x02KA||\x03", "\x02" + strings.Repeat("A", fias.MaxFrame) + "\x03"} {
		if r, err := fias.Decode([]byte(frame)); !errors.Is(err, fias.ErrShape) {
			t.Errorf("%.20q: %v, %v", frame, r, err)
		}
	}
	if r, err := fias.Decode([]byte("\x02KA|ASOK\x03")); err != nil || r.Value("AS") != "OK" {
		t.Errorf("without the last separator: %v, %v", r, err)
	}
	for _, r := range []fias.Record{{ID: "K"}, {ID: "K|"}, {ID: "KA", Fields: []fias.Field{{ID: "A", Value: ""}}}, {ID: "KA", Fields: []fias.Field{{ID: "AS", Value: "Ü"}}}} {
		if frame, err := fias.Encode(r); err == nil {
			t.Errorf("%+v goes out as % X", r, frame)
		}
	}
}

// feed gives a stream to a Receiver byte by byte.
func feed(stream string) (frames []string) {
	rx := &fias.Receiver{}
	for i := range len(stream) {
		if f, ok := rx.Feed(stream[i]); ok {
			frames = append(frames, string(f))
		}
	}
	return frames
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	const frame = "\x02LA|\x03"
	for name, v := range map[string]struct {
		stream string
		want   int
	}{
		"one": {frame, 1}, "two": {frame + frame, 2}, "noise": {"\x03\xFFx" + frame, 1}, "cut off": {frame[:3] + frame, 1},
		"under way": {frame[:4], 0}, "without end": {"\x02" + strings.Repeat("A", 2*fias.MaxFrame) + frame, 1},
	} {
		got := feed(v.stream)
		if len(got) != v.want || v.want > 0 && got[0] != frame {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzDecode: what decodes says the same when it is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes(f))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, cut := range append(feed(string(frame)), string(frame)) {
			r, err := fias.Decode([]byte(cut))
			if err != nil {
				continue
			}
			again, err := fias.Encode(r)
			if err != nil {
				continue // a peer's bytes outside ASCII
			}
			if back, err := fias.Decode(again); err != nil || back.String() != r.String() {
				t.Fatalf("%q becomes %q, %v", cut, back, err)
			}
		}
	})
}

// FuzzPartner: no description, however odd, breaks the link or grows without bound.
func FuzzPartner(f *testing.F) {
	f.Add("\x02LS|\x03\x02LD|IFDL|\x03\x02LR|RIKR|FLKCKTRNGD|\x03\x02LA|\x03")
	f.Fuzz(func(t *testing.T, stream string) {
		p := &fias.Partner{}
		for _, frame := range feed(stream) {
			if r, err := fias.Decode([]byte(frame)); err == nil {
				p.Handle(r, now())
			}
		}
		r, err := request().Build(p, fias.WithColon, now())
		if err == nil && (!p.Ready() || r.Value("RN") != "101" || r.Value("KT") != "N") {
			t.Fatalf("%+v asks for %v", p, r)
		}
	})
}
