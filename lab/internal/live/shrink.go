package live

import "slices"

// Shrink returns a shorter sequence for which shows is still true, by deleting
// commands: first many at a time, then one by one, until none can be missed. If
// shows is true for lines it is true for what is returned.
func Shrink(lines []string, shows func([]string) bool) []string {
	lines = slices.Clone(lines)
	for size := max(len(lines)/2, 1); ; size = max(size/2, 1) {
		shorter := false
		for at := 0; at < len(lines); {
			candidate := slices.Delete(slices.Clone(lines), at, min(at+size, len(lines)))
			if shows(candidate) {
				lines, shorter = candidate, true
			} else {
				at += size
			}
		}
		if size == 1 && !shorter {
			return lines
		}
	}
}
