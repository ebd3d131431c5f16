package viper

import (
	"bytes"
	"strings"
)

// Address is a ViP address as it stands in packets: ASCII, NUL padded to ten bytes. An apartment with a sub-address
// of two digits fills it and has no NUL (§4).
type Address [AddressSize]byte

// MakeAddress packs a text; what does not fit is cut.
func MakeAddress(s string) Address {
	var a Address
	copy(a[:], s)
	return a
}

// String is the address without its padding.
func (a Address) String() string { return string(bytes.TrimRight(a[:], "\x00")) }

// Valid says whether the address is printable ASCII without a NUL inside.
func (a Address) Valid() bool {
	s := a.String()
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
