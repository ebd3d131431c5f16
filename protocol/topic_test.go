package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

func TestTopicsAreAsWritten(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		protocol.DownTopic("gw1", protocol.TypeState): "gatehouse/v1/gw1/down/state",
		protocol.UpTopic("gw1", protocol.TypeHello):   "gatehouse/v1/gw1/up/hello",
		protocol.StatusTopic("gw1"):                   "gatehouse/v1/gw1/status",
		protocol.AllDown("gw1"):                       "gatehouse/v1/gw1/down/+",
		protocol.AllUp:                                "gatehouse/v1/+/up/+",
		protocol.AllStatus:                            "gatehouse/v1/+/status",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestG7_MayOnlyOnItsOwnBranch(t *testing.T) {
	t.Parallel()
	own := []string{"up/hello", "up/ack", "up/event", "up/inventory", "up/reply", "status"}
	for _, level := range own {
		if topic := "gatehouse/v1/gw1/" + level; !protocol.May("gw1", topic, true) {
			t.Errorf("may not write %s", topic)
		}
	}
	for _, topic := range []string{protocol.AllDown("gw1"), protocol.DownTopic("gw1", protocol.TypeState), "gatehouse/v1/gw1/down/#"} {
		if !protocol.May("gw1", topic, false) {
			t.Errorf("may not read %s", topic)
		}
	}
	for _, topic := range []string{
		"#", "+", "+/+/+/+/+", "/#", "$SYS/#", "gatehouse/#", "gatehouse/v1/#", "gatehouse/v1/+/down/state", "gatehouse/v1/+/down/+", "gatehouse/v1/gw1/#",
		"gatehouse/v1/gw1/+/state", "gatehouse/v1/gw2/down/state", "gatehouse/v1/gw2/status", "gatehouse/v1/gw1/status", "gatehouse/v1/gw1", "gatehouse/v1/gw1/",
		"gatehouse/v1/gw11/down/state", "gatehouse/v1/gw/down/state", "gatehouse/v2/gw1/down/state", "Gatehouse/v1/gw1/down/state", "/gatehouse/v1/gw1/down/state",
		"$share/g/gatehouse/v1/gw1/down/+", "$share/g/#", "gatehouse/v1/gw1/up/hello", "gatehouse/v1//down/state", "",
	} {
		if protocol.May("gw1", topic, false) {
			t.Errorf("may read %q", topic)
		}
	}
	for _, topic := range []string{
		"gatehouse/v1/gw1/down/state", "gatehouse/v1/gw1/down/receipt", "gatehouse/v1/gw2/up/hello", "gatehouse/v1/gw2/down/state", "gatehouse/v1/gw2/status",
		"gatehouse/v1/gw1/status/x", "gatehouse/v1/gw1/up", "gatehouse/v1/gw1/up/", "gatehouse/v1/gw1/up/#", "gatehouse/v1/gw1/up/+", "gatehouse/v1/+/up/hello",
		"gatehouse/v1/gw1/up/a/b", "gatehouse/v1/gw1/x/up/hello", "gatehouse/v1/gw1", "#", "",
	} {
		if protocol.May("gw1", topic, true) {
			t.Errorf("may write %q", topic)
		}
	}
}

// A certificate whose name is a wildcard or a path opens nothing.
func TestG7_MayWithAStrangeName(t *testing.T) {
	t.Parallel()
	for _, name := range []access.GatewayID{"", "+", "#", "gw1/down", "gw1/#", "..", "gw 1", "gw1\x00", "$SYS"} {
		for _, write := range []bool{true, false} {
			for _, level := range []string{"up/hello", "down/state", "down/+", "status"} {
				if topic := "gatehouse/v1/" + string(name) + "/" + level; protocol.May(name, topic, write) {
					t.Errorf("%q may (write %v) %q", name, write, topic)
				}
			}
		}
	}
}

// May is compared with a slower reading of the same rule, level by level.
func TestG7_MayLevelByLevel(t *testing.T) {
	t.Parallel()
	level := rapid.SampledFrom([]string{"gatehouse", "v1", "gw1", "gw2", "up", "down", "status", "state", "+", "#", "", "$share", "x"})
	rapid.Check(t, func(t *rapid.T) {
		levels := append([]string{"gatehouse", "v1"}, rapid.SliceOfN(level, 0, 4).Draw(t, "rest")...)
		if rapid.Bool().Draw(t, "any start") {
			levels = rapid.SliceOfN(level, 1, 6).Draw(t, "levels")
		}
		topic := strings.Join(levels, "/")
		plain := !strings.ContainsAny(topic, "+#")
		own := len(levels) > 3 && slices.Equal(levels[:3], []string{"gatehouse", "v1", "gw1"})
		read := own && levels[3] == "down" && len(levels) > 4
		write := own && plain && (len(levels) == 4 && levels[3] == "status" || len(levels) == 5 && levels[3] == "up" && levels[4] != "")
		if got := protocol.May("gw1", topic, false); got != read {
			t.Fatalf("read %q: %v, want %v", topic, got, read)
		}
		if got := protocol.May("gw1", topic, true); got != write {
			t.Fatalf("write %q: %v, want %v", topic, got, write)
		}
	})
}

func TestParseUpUndoesUpTopic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		gw, typ := access.GatewayID(ids().Draw(t, "gateway")), protocol.Type(ids().Draw(t, "type"))
		if g, y, ok := protocol.ParseUp(protocol.UpTopic(gw, typ)); !ok || g != gw || y != typ {
			t.Fatalf("%q %q %v", g, y, ok)
		}
		if g, ok := protocol.ParseStatus(protocol.StatusTopic(gw)); !ok || g != gw {
			t.Fatalf("%q %v", g, ok)
		}
		if _, ok := protocol.ParseStatus(protocol.UpTopic(gw, typ)); ok {
			t.Fatal("an up topic is no status topic")
		}
		if _, _, ok := protocol.ParseUp(protocol.DownTopic(gw, typ)); ok {
			t.Fatal("a down topic is no up topic")
		}
	})
}

func TestParseOtherTopics(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{
		"", "gatehouse/v1/gw1/up/", "gatehouse/v1/gw1/up", "gatehouse/v1//up/hello", "gatehouse/v1/+/up/hello", "gatehouse/v1/gw1/up/+", "gatehouse/v1/gw1/up/#",
		"gatehouse/v1/gw1/up/hello/x", "gatehouse/v1/a/b/up/hello", "gatehouse/v2/gw1/up/hello", "x/gatehouse/v1/gw1/up/hello", "gatehouse/v1/gw1/status",
	} {
		if gw, typ, ok := protocol.ParseUp(topic); ok || gw != "" || typ != "" {
			t.Errorf("ParseUp(%q) = %q, %q, %v", topic, gw, typ, ok)
		}
	}
	for _, topic := range []string{"", "status", "gatehouse/v1/status", "gatehouse/v1//status", "gatehouse/v1/+/status", "gatehouse/v1/a/b/status", "gatehouse/v2/gw1/status", "gatehouse/v1/gw1/status/"} {
		if gw, ok := protocol.ParseStatus(topic); ok || gw != "" {
			t.Errorf("ParseStatus(%q) = %q, %v", topic, gw, ok)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	detail := errors.New("the detail")
	err := fmt.Errorf("receive: %w", protocol.Refuse(protocol.Gap, "delta on %d: %w", 7, detail))
	if got := protocol.ReasonOf(err); got != protocol.Gap {
		t.Errorf("reason %s", got)
	}
	if !errors.Is(err, detail) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "receive: refused (gap): delta on 7: the detail"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, other := range []error{nil, detail} {
		if got := protocol.ReasonOf(other); got != protocol.Malformed {
			t.Errorf("ReasonOf(%v) = %s", other, got)
		}
	}
}

// Reasons are label values of a metric: they never change, and are one word each.
func TestReasonsAreWords(t *testing.T) {
	t.Parallel()
	want := []protocol.Reason{"oversized", "malformed", "unknown_key", "bad_signature", "wrong_gateway", "wrong_type", "wrong_version",
		"wrong_recipient", "unsealable", "zip_bomb", "stale", "replay", "foreign", "gap", "bad_digest"}
	got := []protocol.Reason{protocol.Oversized, protocol.Malformed, protocol.UnknownKey, protocol.BadSignature, protocol.WrongGateway,
		protocol.WrongType, protocol.WrongVersion, protocol.WrongRecipient, protocol.Unsealable, protocol.ZipBomb, protocol.Stale,
		protocol.Replay, protocol.Foreign, protocol.Gap, protocol.BadDigest}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
