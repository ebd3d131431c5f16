package reconcile

import (
	"container/heap"

	"gatehouse/protocol/access"
)

// keyed is a priority queue with at most one entry a person: putting a person again moves them.
type keyed[V any] struct {
	less  func(a, b V) bool
	items []*keyedItem[V]
	index map[access.PersonID]*keyedItem[V]
}

type keyedItem[V any] struct {
	person access.PersonID
	value  V
	at     int
}

func newKeyed[V any](less func(a, b V) bool) *keyed[V] {
	return &keyed[V]{less: less, index: map[access.PersonID]*keyedItem[V]{}}
}

// The next five methods are heap.Interface.

func (k *keyed[V]) Len() int { return len(k.items) }

func (k *keyed[V]) Less(i, j int) bool {
	a, b := k.items[i], k.items[j]
	if k.less(a.value, b.value) {
		return true
	}
	return !k.less(b.value, a.value) && a.person < b.person
}

func (k *keyed[V]) Swap(i, j int) {
	k.items[i], k.items[j] = k.items[j], k.items[i]
	k.items[i].at, k.items[j].at = i, j
}

// Push is for package heap only; callers put.
func (k *keyed[V]) Push(x any) {
	it, _ := x.(*keyedItem[V])
	it.at = len(k.items)
	k.items = append(k.items, it)
}

// Pop is for package heap only; callers take.
func (k *keyed[V]) Pop() any {
	last := k.items[len(k.items)-1]
	k.items[len(k.items)-1] = nil // it is let go
	k.items = k.items[:len(k.items)-1]
	return last
}

// keepRoom is for how many an empty queue keeps the room it once needed.
const keepRoom = 64

func (k *keyed[V]) put(p access.PersonID, v V) {
	if it, ok := k.index[p]; ok {
		it.value = v
		heap.Fix(k, it.at)
		return
	}
	it := &keyedItem[V]{person: p, value: v}
	k.index[p] = it
	heap.Push(k, it)
}

func (k *keyed[V]) drop(p access.PersonID) {
	if it, ok := k.index[p]; ok {
		heap.Remove(k, it.at)
		delete(k.index, p)
	}
	if len(k.items) == 0 && cap(k.items) > keepRoom { // a map stays as large as it ever was
		k.items, k.index = nil, map[access.PersonID]*keyedItem[V]{}
	}
}

// first is the most urgent entry; false when there is none.
func (k *keyed[V]) first() (access.PersonID, V, bool) {
	if len(k.items) == 0 {
		var none V
		return "", none, false
	}
	return k.items[0].person, k.items[0].value, true
}
