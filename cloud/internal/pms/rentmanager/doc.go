// Package rentmanager reads a Rent Manager account through the vendor's Web API (reference pms.md
// §1) into the neutral snapshot of package pms, and proves that nothing is missing from it or says
// why it cannot. It only reads: nothing in Rent Manager is ever changed by it.
//
// It stands here so that everything this vendor does in its own way (tokens that vanish, three ways
// to say "nothing", pages that move while they are read, dates without a zone) ends in this folder.
// It imports pms and protocol/access. Only the assembly of the cloud imports it; policy, people,
// store, pages and other vendors never do, and its simulator shares no line with it.
package rentmanager
