package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// newProgress returns what tells a waiting person how far the replay is: one line that changes on a
// terminal, a line now and then elsewhere. It goes by the clock on the wall, as nothing else does.
func newProgress(to io.Writer) (step func(done, all int)) {
	every, begin, end, last := time.Second, "", "\n", time.Now()
	if f, ok := to.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			every, begin, end = 50*time.Millisecond, "\r", "\x1b[K"
		}
	}
	return func(done, all int) {
		if done < all && time.Since(last) < every {
			return
		}
		last = time.Now()
		if done == all {
			end = "\n"
		}
		fmt.Fprintf(to, "%sframe %d of %d (%d%%)%s", begin, done, all, done*100/all, end)
	}
}
