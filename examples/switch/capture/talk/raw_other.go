//go:build !linux

package main

import "errors"

var errLinux = errors.New("only on Linux")

func sendFrames([]string) error { return errLinux }
func ping([]string) error       { return errLinux }
func plain([]string) error      { return errLinux }
