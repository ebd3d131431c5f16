package agent

import (
	"testing"

	"go.uber.org/goleak"

	"gatehouse/protocol/prototest"
)

// TestMain also holds the package to leaving no goroutine behind.
func TestMain(m *testing.M) {
	prototest.Warm() // virtual time and real sockets live in this one package
	goleak.VerifyTestMain(m)
}
