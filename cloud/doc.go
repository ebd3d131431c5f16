// Package cloud assembles gatehouse-cloud: it opens the store, reads exports into it, decides what
// each gateway should make true, publishes that, takes in what gateways say, and shows it.
// Everything that decides lives below cloud/internal; here is only who knows whom.
//
// Read it in this order: cloud.go (Open, Serve), sync.go (from an export to revisions), link.go
// (the broker), gateway.go (enrolment), view.go (the page).
package cloud
