package store

import (
	"bytes"
	"testing"

	"gatehouse/protocol/access"
)

// FuzzMark: no bytes of a mark bring the program down, and what is taken comes back as it was.
func FuzzMark(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{markVersion, 0, 0})
	f.Add(encodeMark(mark{stamp: stamp{7, noon, noon}, named: true, unknown: true,
		windows: []access.Window{{}, {From: noon}, {From: instants[6], Until: instants[7]}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMark(b)
		if err != nil {
			return
		}
		again, err := decodeMark(encodeMark(m))
		if err != nil || !again.same(m.stamp) || len(again.windows) != len(m.windows) || again.named != m.named || again.unknown != m.unknown {
			t.Errorf("%+v becomes %+v: %v", m, again, err)
		}
		if m.open(noon) && !m.granted() {
			t.Errorf("open without a grant: %+v", m)
		}
		for _, e := range m.edges("p1") {
			if p, err := cutEdge(e); p != "p1" || err != nil {
				t.Errorf("edge %x is %q's: %v", e, p, err)
			}
		}
	})
}

// FuzzChangedPeople does the same for a line of the list of changes.
func FuzzChangedPeople(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(encodePeople([]access.PersonID{"p1", "p22"}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		people, err := decodePeople(b)
		if err != nil {
			return
		}
		if again, err := decodePeople(encodePeople(people)); err != nil || len(again) != len(people) {
			t.Errorf("%v becomes %v: %v", people, again, err)
		}
	})
}

// FuzzEdgeAndStageKeys reads keys of buckets, which no seal guards.
func FuzzEdgeAndStageKeys(f *testing.F) {
	f.Add([]byte(edgeKey(noon) + "p1"))
	f.Add([]byte(stageKey(3)))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, k []byte) {
		if p, err := cutEdge(string(k)); err == nil && !bytes.HasSuffix(k, []byte(p)) {
			t.Errorf("%x is %q's", k, p)
		}
		if n := stageChunk(string(k)); n < 0 || n > 0 && stageKey(n) != string(k) {
			t.Errorf("%x is chunk %d", k, n)
		}
	})
}
