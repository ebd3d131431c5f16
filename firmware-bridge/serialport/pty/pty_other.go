//go:build !linux

package pty

import "errors"

func open() (*End, error) { return nil, errors.ErrUnsupported }
