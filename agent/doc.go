// Package agent assembles gatehouse-agent: it opens the files, makes a loop for each device, joins
// them to the cloud link, the clock, the pages and the metrics, and runs it all until told to stop.
// Everything that decides lives below agent/internal; here is only who knows whom.
//
// Read it in this order: agent.go (New, Run), box.go (the files), devices.go and drivers.go (the
// panels), yard.go (how they come and go), paired.go, pair.go, devicemode.go and devicereport.go (pairing on
// site), discover.go, forgotten.go (devices that nobody looks after any more), link.go (the cloud), serve.go (page
// and socket), ask.go (what the command line asks of a running or resting agent), order.go (what it has a
// running one do about devices).
package agent
