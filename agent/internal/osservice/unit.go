package osservice

import _ "embed"

// Name of the service; the unit is Name.service.
const Name = "gatehouse-agent"

// User is whom the service runs as; it owns the state directory and may use serial lines.
const User = "gatehouse"

// Unit is our systemd unit in the library's template dialect (1.3). packaging/systemd holds the same
// text with the paths of the .deb, and a test compares the two.
//
//go:embed gatehouse-agent.service.tmpl
var unitTemplate string
