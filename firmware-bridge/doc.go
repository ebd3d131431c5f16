// Package firmwarebridge marks the folder where plain wire codecs and serial links live: frames, checksums, timing, one package a protocol.
//
// What is here turns bytes into values and back and knows nothing of people, leases or doors, so it can be checked against a recording
// and reused by a driver, a bench tool or another program. It imports nothing of protocol, agent or cloud; the drivers under
// agent/internal/driver and the device commands import its packages. The folder itself stays empty but for this comment.
//
// serialport holds the lines themselves, industrystd and fias the codecs beside it, ascii what both codecs need. A codec says itself
// what it asks of a line, which serialport fits; serialport imports none of them. icona speaks with door entry over TCP and UDP alone.
package firmwarebridge
