// Package cloudlink is the gateway's conversation with its cloud over MQTT: it receives the wanted state and says what
// is stored, sends events until they are receipted, reports inventory, carries commands, and says hello so that
// whatever was lost is sent again. Nothing in it decides about doors; a gateway without a link goes on working.
//
// It is here, and not in the store or the outbox, so that those can be tested without a network and this can be
// tested without files: what it needs of the house is declared in deps.go. Only the assembly (package agent) imports it.
//
// # How the MQTT client is used
//
// paho.mqtt.golang stands behind the interface session (session.go), one client per connection: a client is never
// reconnected or reused, it is thrown away and Run makes the next. paho's own reconnecting would replay stale
// messages from its store, queue without bound while offline, sleep without a context and without jitter, and report
// itself connected meanwhile; with one client per connection none of these states exists. In particular:
//
//   - what must arrive is kept by the outbox and the store, never by paho; every connection begins with a hello, so
//     it does not matter what the broker forgot;
//   - a message counts as sent when the broker took it within a limit (else the connection is given up), and as
//     delivered only when the cloud says so in a receipt or an answer: PUBACK means nothing;
//   - the handler stores and returns: it never publishes, waits for a peer or touches a device; every other thing is
//     done by the one goroutine that owns the connection (send.go);
//   - every write has a deadline and every inbound packet a size limit, both below paho (conn.go);
//   - a hello that nobody heard is said again: soon after the receipt with which a cloud that comes to the broker greets
//     whoever is online, else after a while; its answer shows which events nobody heard;
//   - a cloud that does not answer several hellos in a row costs the connection, whatever TCP and MQTT believe.
//
// paho's loggers are variables of its package and stay unset: whatever ends a connection is returned by the session,
// told in Status and logged once by Run.
package cloudlink
