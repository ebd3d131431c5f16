// Command mission says how far the mission is: one line a row, from what the tests that name it did.
//
//	go test -json ./... | go run ./packaging/checks/mission
//
// A row is built when a test names it: an id followed by an underscore, at the start of a test's name after "Test" or after a "_",
// or at those places in a subtest (TestS6_FutureBecomesCurrent, TestMoveIn/G7_replay_is_refused, TestS6_S7_Dates).
// A row passed when at least one such test passed and none failed. Nothing imports it.
//
// A test of a row that is only begun is called TestTowardsG8_…: it keeps the row's id and does not
// count the row as built.
package main

import (
	"fmt"
	"os"
)

func main() {
	broken, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mission:", err)
	}
	if broken || err != nil {
		os.Exit(1)
	}
}
