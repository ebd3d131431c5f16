// Package csv reads the documented CSV of residents (README.md beside this file), the way in for
// RealPage and for every PMS without a connector (reference pms.md §5, §9). One line is one person
// in one lease. The file ends with a footer that counts its rows and hashes its bytes: without
// that proof nobody may be taken for gone, while every line that can be read still speaks for
// itself.
//
// It is a source like pms/<vendor> and may import pms and protocol/access only. Only the assembly
// of the cloud imports it; policy, store, people and pages see a pms.Snapshot.
package csv
