// Package rentmanagersim is a strict stand-in for one account of the Rent Manager Web API: its token sign-in,
// its query syntax, its paging and its bad days. It exists so that the connector, the sync and the demo can be
// proven against something that was written from the fact sheet alone (reference pms.md §1, §7, §9) and shares
// not one line of wire code with the connector. Where the vendor's behaviour is not known it refuses what a
// client should not rely on; assumptions.md beside it lists every such choice.
//
// It also holds the neutral shape of a management company's books (Data) and the sample property made of it
// (Sample), which testdata/pms/sample keeps as a file.
//
// Only tests and cloud/cmd/gatehouse-pmssim may import it; it must never be linked into gatehouse-cloud. It
// imports nothing of the house.
package rentmanagersim
