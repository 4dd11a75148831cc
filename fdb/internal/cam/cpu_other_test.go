//go:build !linux

package cam

import "time"

// cpu returns a time that goes on; the differences of two are compared.
func cpu() time.Duration { return time.Since(time.Unix(0, 0)) }
