// Package testdata holds the files that tests of several packages read: exports of
// property-management systems, vectors of the contract, recordings of devices. It is a package so
// that a test finds its files wherever it runs from. Only tests may import it.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed all:comelit all:pms all:protocol all:encoder
var files embed.FS

// Dir is the named folder as a file tree, "pms/csv" for example. A folder that does not exist
// gives a tree in which nothing can be opened.
func Dir(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil { // only an invalid path, such as one with ".."
		return embed.FS{}
	}
	return sub
}
