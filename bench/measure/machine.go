package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine says where a run took place.
type Machine struct {
	CPU        string  `json:"cpu"`
	Go         string  `json:"go"`
	System     string  `json:"system"`
	CPUs       int     `json:"cpus"`
	GOMAXPROCS int     `json:"gomaxprocs"`
	Load       float64 `json:"load"` // of the last minute, negative where unknown
	CPUTime    bool    `json:"cpu_time"`
}

// busy is the load from which a run is not to be trusted.
const busy = 1.5

// Describe looks at the machine.
func Describe() Machine {
	m := Machine{
		CPU: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), Load: -1, CPUTime: CPUTime,
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(load), &m.Load)
	}
	return m
}

// String returns it in one line.
func (m Machine) String() string {
	load := "unknown"
	if m.Load >= 0 {
		load = fmt.Sprintf("%.2f", m.Load)
	}
	return fmt.Sprintf("%s, %s, %s, %d processors, GOMAXPROCS %d, load %s", m.CPU, m.System, m.Go, m.CPUs, m.GOMAXPROCS, load)
}

// Warnings says what is to be held against the numbers.
func (m Machine) Warnings() []string {
	var w []string
	if m.Load > busy {
		w = append(w, fmt.Sprintf("the load was %.2f when the run began: others used the caches, so wait until it is below %.1f", m.Load, busy))
	}
	if !m.CPUTime {
		w = append(w, "this system has no clock of a thread's CPU time here: times are wall time")
	}
	if m.GOMAXPROCS < 2 {
		w = append(w, "one processor: what is to run beside a writer takes turns with it")
	}
	return w
}
