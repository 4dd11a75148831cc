package offload

import (
	"cmp"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Call is one batch on its way to a device. The table makes the driver call
// with Items and hands the Call back with one [Outcome] per item.
type Call[K cmp.Ordered, R comparable] struct {
	// Dev is the device, by its index.
	Dev int
	// Items are the operations, at most one per key, in the order in which
	// they are to take effect.
	Items []Item[K, R]

	formed time.Time
}

// Item is one operation of a [Call].
type Item[K cmp.Ordered, R comparable] struct {
	Key K
	// Set tells whether Row is to be set; otherwise the key's row is to be
	// deleted and Row is where it is believed to be, the zero R if unknown.
	Set bool
	Row R
	// Token is unique in the engine and never 0.
	Token switchdev.Token
}

// Outcome is the device's answer to one item. The zero Outcome means that
// there was no answer.
type Outcome struct {
	Answered bool
	Epoch    switchdev.Epoch
	Err      error
}
