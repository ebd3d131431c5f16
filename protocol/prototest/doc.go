// Package prototest is what tests of the contract stand on: a loopback MQTT broker with the product's rules
// (Broker), a fake cloud (Cloud, and Keeper, which does a cloud's job by itself), a gateway's keys (Gateway),
// throw-away certificates (CA), a TCP proxy that fails on demand (Proxy) and logs that a test can wait on (Log).
//
// Only tests import it. It opens sockets on 127.0.0.1 only, cleans up with the test, and nothing in it is a
// second implementation of the contract: messages are made and opened by package protocol alone.
package prototest
