package icona

import "bytes"

const addressSize = 10

// Address is a ViP address as it stands in a packet, padded with NUL to ten bytes. An apartment of eight characters
// with a sub-address of two digits fills it and has no NUL (§4) [I].
type Address [addressSize]byte

// MakeAddress makes an address of one to ten characters of visible ASCII; false for any other text.
func MakeAddress(text string) (a Address, ok bool) {
	copy(a[:], text)
	return a, len(text) > 0 && len(text) <= addressSize && a.Valid()
}

// String is the text before the first NUL.
func (a Address) String() string {
	text, _, _ := bytes.Cut(a[:], []byte{0})
	return string(text)
}

// Valid says whether the text is visible ASCII, so that it can be shown, and not empty.
func (a Address) Valid() bool {
	text := a.String()
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}
