package pms

import (
	"errors"

	"gatehouse/protocol/access/fault"
)

// words are an error's cause and remedy for a page, without the operation around them.
func words(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Err == nil {
		return err.Error()
	}
	if f.Remedy == "" {
		return f.Err.Error()
	}
	return f.Err.Error() + ". " + f.Remedy
}
