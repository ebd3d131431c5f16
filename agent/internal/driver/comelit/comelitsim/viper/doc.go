// Package viper is the simulator's own reading of the ICONA bridge's bytes (comelit.md §1.1, §1.2, §1.5): frames,
// channel management, the binary transport called CTP, and ten-byte ViP addresses. It is pure: bytes in, values out,
// nothing here opens a socket or reads a clock. It is a package of its own so that each decoder can be fuzzed alone.
//
// Only comelitsim may import it. The driver must not: a simulator and its driver never share wire code, or both are
// wrong together.
package viper
