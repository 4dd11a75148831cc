package switchdev

import (
	"context"
	"strconv"
	"time"
)

// Limits are the sizes of a device. Zero means "not known or not limited".
type Limits struct {
	Ports   int // ports
	Domains int // forwarding domains
	VLANs   int // VLAN memberships
	FDB     int // forwarding rows
	Flows   int // flow rows
	Headers int // tunnel headers

	LAGs     int // link aggregation groups
	LAGLinks int // links of one group

	// Shared is a budget that VLANs, FDB, Flows and Headers draw on together;
	// each is then bounded by its own limit and by what the others left.
	Shared int

	// Batch is the largest batch that the device takes at once. Callers split
	// larger ones; a device answers ErrInvalid for every operation beyond it.
	Batch int

	// AgeingMin and AgeingMax bound the ageing time. 0, which turns learning
	// off, is always within them.
	AgeingMin, AgeingMax time.Duration
}

// Usage tells how much of its tables a device uses.
type Usage struct {
	VLANs, FDB, Flows, Headers int
	LAGs                       int
}

// Limiter is the role of devices that know their sizes.
type Limiter interface {
	// Limits returns the sizes. They are constant within an epoch.
	Limits() Limits
	// Usage returns what is used at this moment. A batch that is being
	// executed is counted in part.
	Usage() Usage
}

// Resetter is the role of devices that can be reset, and that tell their epoch.
type Resetter interface {
	// Epoch returns the device's epoch. It is quick and never blocks.
	Epoch() Epoch

	// Reset clears every table of the device, the memberships and attributes of
	// its ports included, and begins a new epoch, which it returns. When Reset
	// returns, no operation begun before it has or will have any effect, and
	// those that were running have been answered with an older epoch or an
	// error. A bound sink gets one ReportReset.
	Reset(ctx context.Context) (Epoch, error)
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
