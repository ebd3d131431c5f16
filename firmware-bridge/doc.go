// Package firmwarebridge marks the folder where plain wire codecs and serial links live: frames, checksums, timing, one package a protocol.
//
// What is here turns bytes into values and back and knows nothing of people, leases or doors, so it can be checked against a recording
// and reused by a driver, a bench tool or another program. It imports nothing of protocol, agent or cloud; the drivers under
// agent/internal/driver and the device commands import its packages. The folder itself stays empty but for this comment.
//
// So far there is serialport, the lines themselves. Codecs come beside it and may import it; it imports none of them.
package firmwarebridge
