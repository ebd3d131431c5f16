package industrystd

import "fmt"

// Dialect is one vendor's way to speak the protocol (§1.3).
type Dialect string

// The dialects.
const (
	Salto Dialect = "salto" // dates hhmmDDMMYY, encoders by name, authorisations 1-62 [T]
	Onity Dialect = "onity" // dates hhDDMMYY, encoders by number, authorisations 1-8 [T]
)

// DataBits is what a serial line must carry: the separator B3 does not survive 7 bits (§1.1) [I].
const DataBits = 8

// ParseDialect reads a dialect's name. The error lists the names.
func ParseDialect(name string) (Dialect, error) {
	switch d := Dialect(name); d {
	case Salto, Onity:
		return d, nil
	}
	return "", fmt.Errorf("dialect %q is not known: want %q or %q", name, Salto, Onity)
}

// CheckDataBits refuses a serial line that would turn separators into the digit 3.
func CheckDataBits(bits int) error {
	if bits == DataBits {
		return nil
	}
	return &LimitError{
		Field: "serial line", Why: fmt.Sprintf("has %d data bits: the field separator B3 would arrive as the digit 3", bits),
		Limit: "exactly 8 data bits", Source: "encoders.md §1.1 [I]",
	}
}

// maxAuthorisation is the highest number of an authorisation (§1.3) [T].
func (d Dialect) maxAuthorisation() int {
	if d == Onity {
		return 8
	}
	return len(saltoSymbols)
}

// hourly says that dates carry no minutes (§1.3) [T].
func (d Dialect) hourly() bool { return d == Onity }

// skipsLRC says that a received 0D stands for "no checksum" (§1.2) [T].
func (d Dialect) skipsLRC() bool { return d == Salto }

// trims says that empty fields at the end are left out. Both ways are in production with SALTO; the Onity client always sends them (§1.3) [T].
func (d Dialect) trims() bool { return d == Salto }
