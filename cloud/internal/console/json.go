package console

import (
	"time"

	"gatehouse/protocol/access"
)

// status is status.json. The keys are documented at the package and do not change.
type status struct {
	Now        time.Time      `json:"now"`
	Version    string         `json:"version"`
	Broker     *brokerJSON    `json:"broker,omitempty"`
	Error      *errorJSON     `json:"error,omitempty"`
	Properties []overviewJSON `json:"properties,omitempty"`
	Property   *propertyJSON  `json:"property,omitempty"`
}

type errorJSON struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

type brokerJSON struct {
	Connected       bool      `json:"connected"`
	Embedded        bool      `json:"embedded"`
	Address         string    `json:"address"`
	Since           time.Time `json:"since,omitzero"`
	Problem         string    `json:"problem,omitempty"`
	Remedy          string    `json:"remedy,omitempty"`
	CertificateEnds time.Time `json:"certificate_ends,omitzero"`
}

type overviewJSON struct {
	access.Property
	Units     int      `json:"units"`
	People    int      `json:"people"`
	Gateways  int      `json:"gateways"`
	Conflicts int      `json:"conflicts"`
	Last      *runJSON `json:"last,omitempty"`
	Applied   *runJSON `json:"applied,omitempty"`

	Source *sourceJSON `json:"source,omitempty"`
}

type sourceJSON struct {
	Kind    string    `json:"kind"`
	Every   int       `json:"every"` // seconds
	Next    time.Time `json:"next,omitzero"`
	Running bool      `json:"running"`
}

type runJSON struct {
	Source   string    `json:"source"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Complete bool      `json:"complete"`
	Evidence []string  `json:"evidence,omitempty"`
	Held     string    `json:"held,omitempty"`
	People   int       `json:"people"`
	Units    int       `json:"units"`
	Skipped  int       `json:"skipped"`
	Added    int       `json:"added"`
	Changed  int       `json:"changed"`
	Removed  int       `json:"removed"`
}

type propertyJSON struct {
	overviewJSON
	Level     Level          `json:"level"`
	Attention []alertJSON    `json:"attention"`
	Counts    map[Level]int  `json:"counts"`
	Runs      []runJSON      `json:"runs"`
	Open      []conflictJSON `json:"conflicts"` // in place of the overview's number
	Boxes     []gatewayJSON  `json:"gateways"`  // the same
	Revoking  []revokingJSON `json:"open_revocations"`
	Residents []personJSON   `json:"residents"`
}

type alertJSON struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

type conflictJSON struct {
	Kind      string    `json:"kind"`
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	Remedy    string    `json:"remedy"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
}

type gatewayJSON struct {
	ID           access.GatewayID `json:"id"`
	Software     string           `json:"software,omitempty"`
	Online       bool             `json:"online"`
	Contact      time.Time        `json:"contact,omitzero"`
	Silent       bool             `json:"silent"`
	Epoch        uint64           `json:"epoch"`
	Stored       uint64           `json:"stored"`
	StoredAt     time.Time        `json:"stored_at,omitzero"`
	Published    uint64           `json:"published"`
	ClockTrusted bool             `json:"clock_trusted"`
	ClockSource  string           `json:"clock_source,omitempty"`
	Waiting      uint64           `json:"waiting"`
	Held         int              `json:"held,omitempty"`
	Ahead        bool             `json:"ahead,omitempty"` // its state is newer than the database
	Devices      []deviceJSON     `json:"devices"`
	Settings     *settingsJSON    `json:"settings,omitempty"` // absent: there are none
	Found        []foundJSON      `json:"drift"`
	Waits        []waitingJSON    `json:"waiting_people"`
	Replies      []replyJSON      `json:"replies"`

	CertificateEnds time.Time `json:"certificate_ends,omitzero"`
	NextKeys        time.Time `json:"next_keys,omitzero"` // since when it may take them up; absent: there are none
	Revoked         time.Time `json:"revoked,omitzero"`   // absent: it is not
	History         []actJSON `json:"history,omitempty"`  // the newest first
}

type actJSON struct {
	At    time.Time `json:"at,omitzero"`
	What  string    `json:"what"`
	Words string    `json:"words,omitempty"`
	Times int       `json:"times"`
}

type settingsJSON struct {
	Wanted  uint64 `json:"wanted"`
	InForce uint64 `json:"in_force,omitempty"`
	Refused uint64 `json:"refused,omitempty"`
	Message string `json:"message,omitempty"`
}

type revokingJSON struct {
	Gateway  access.GatewayID `json:"gateway"`
	Device   access.DeviceID  `json:"device"`
	Person   access.PersonID  `json:"person"`
	Name     string           `json:"name,omitempty"`
	State    State            `json:"state"`
	Asked    time.Time        `json:"asked,omitzero"`
	Stored   time.Time        `json:"stored,omitzero"`
	Written  time.Time        `json:"written,omitzero"`
	Attempts int              `json:"attempts,omitempty"`
}

type deviceJSON struct {
	ID        access.DeviceID          `json:"id"`
	Name      string                   `json:"name"`
	Kind      string                   `json:"kind"`
	Model     string                   `json:"model,omitempty"`
	Firmware  string                   `json:"firmware,omitempty"`
	Doors     map[access.DoorID]string `json:"doors"`
	Reachable *bool                    `json:"reachable,omitempty"` // absent: unknown
	Since     time.Time                `json:"since,omitzero"`
	Message   string                   `json:"message,omitempty"`
}

type personJSON struct {
	ID     access.PersonID   `json:"id"`
	Name   string            `json:"name"`
	Kind   access.PersonKind `json:"kind,omitempty"`
	Units  []string          `json:"units"`
	Level  Level             `json:"level"`
	From   time.Time         `json:"from,omitzero"`  // of the first grant
	Until  time.Time         `json:"until,omitzero"` // of the last; absent: no end
	Why    string            `json:"why,omitempty"`
	Bare   bool              `json:"bare,omitempty"` // no PIN and no card that can be used
	Grants []grantJSON       `json:"grants"`
	Panels []panelJSON       `json:"panels"`
}

type grantJSON struct {
	From   time.Time        `json:"from,omitzero"`
	Until  time.Time        `json:"until,omitzero"`
	Ends   access.EndReason `json:"ends,omitempty"`
	Reason string           `json:"reason"`
}

type panelJSON struct {
	Gateway   access.GatewayID `json:"gateway"`
	Device    access.DeviceID  `json:"device"`
	Name      string           `json:"name"`
	Shown     string           `json:"shown"`
	Headline  string           `json:"headline,omitempty"`
	Level     Level            `json:"level"`
	State     State            `json:"state,omitempty"`
	Op        access.Op        `json:"op,omitempty"`
	Grade     access.Grade     `json:"grade,omitempty"`
	Written   time.Time        `json:"written,omitzero"`
	Confirmed time.Time        `json:"confirmed,omitzero"`
	Fault     string           `json:"fault,omitempty"`
	Message   string           `json:"message,omitempty"`
	NextTry   time.Time        `json:"next_try,omitzero"`
	Attempts  int              `json:"attempts,omitempty"`
}
