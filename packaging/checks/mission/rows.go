package main

import "fmt"

// chapters are the mission's rows: a letter and how many rows it has, in the order they are printed.
var chapters = []struct {
	letter string
	rows   int
}{
	{"S", 20}, // PMS-driven people
	{"C", 19}, // Comelit panels
	{"L", 15}, // work orders and ledger sync
	{"A", 12}, // Akuvox panels and Rent Manager
	{"T", 9},  // automated access
	{"G", 16}, // what none of the others has
	{"E", 8},  // the gateway itself
}

// rowIDs lists every id in order.
func rowIDs() []string {
	var ids []string
	for _, c := range chapters {
		for i := range c.rows {
			ids = append(ids, fmt.Sprintf("%s%d", c.letter, i+1))
		}
	}
	return ids
}
