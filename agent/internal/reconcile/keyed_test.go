package reconcile

import (
	"cmp"
	"fmt"
	"testing"

	"gatehouse/protocol/access"
)

func TestAnEmptyQueueKeepsNoRoom(t *testing.T) {
	t.Parallel()
	k := newKeyed(cmp.Less[int])
	person := func(i int) access.PersonID { return access.PersonID(fmt.Sprint("p", i)) }
	for range 2 {
		for i := range 2000 {
			k.put(person(i), -i)
		}
		for i := 1999; i >= 0; i-- {
			if p, v, ok := k.first(); !ok || p != person(i) || v != -i {
				t.Fatalf("first is %s %d (%v), want %s", p, v, ok, person(i))
			}
			k.drop(person(i))
		}
		if _, _, ok := k.first(); ok || cap(k.items) > keepRoom || len(k.index) != 0 {
			t.Errorf("when everybody was dealt with it has room for %d and %d entries", cap(k.items), len(k.index))
		}
	}
	k.put("p1", 1)
	k.drop("p1")
	if cap(k.items) == 0 {
		t.Error("it lets go of what it needs again at once")
	}
}
