//go:build !linux

package cloudlink

import (
	"syscall"
	"time"
)

// userTimeout is Linux's; elsewhere the write deadlines and keep-alives must do.
func userTimeout(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
