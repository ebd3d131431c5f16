//go:build !linux

package store

import "errors"

// placeOf cannot tell.
func placeOf(string) (place, error) { return place{}, errors.ErrUnsupported }
