package offload

// Breaker is the state of a device's circuit breaker (I19).
type Breaker uint8

// The states of a breaker.
const (
	// Closed: operations are handed to the device and waited for.
	Closed Breaker = iota
	// HalfOpen: the device returned after its breaker had opened. Operations
	// are tried; a call that returns in time closes the breaker, the next
	// operation without an answer opens it.
	HalfOpen
	// Open: the device does not answer. Operations that need it are refused at
	// once.
	Open
)

// String returns "closed", "half-open" or "open".
func (b Breaker) String() string {
	switch b {
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	}
	return "closed"
}

// breaker counts the operations in a row that a device did not answer in time.
type breaker struct {
	state   Breaker
	strikes int
}

// strike counts an operation without an answer. A device that has nothing to
// return from is not worse than half open, or nothing would ever close it.
func (d *device[K, R]) strike(limit int) {
	b := &d.breaker
	b.strikes++
	if limit <= 0 || b.strikes < limit && b.state == Closed {
		return
	}
	b.state = Open
	if d.out == nil && !d.held {
		b.state = HalfOpen
	}
}

// back notes that the device returned from a call, in time or not.
func (d *device[K, R]) back(inTime bool) {
	switch b := &d.breaker; {
	case inTime:
		*b = breaker{}
	case b.state == Open:
		b.state = HalfOpen
	}
}

// DeviceState says how a device is.
type DeviceState struct {
	Breaker Breaker
	// Rows is how many rows the device is believed to hold, Queued how many keys
	// wait to be handed over, InFlight how many the call that is out carries,
	// Failed how many rows the device refused and is to be offered again.
	Rows, Queued, InFlight, Failed int
}

// Device returns how device dev is.
func (e *Engine[K, R]) Device(dev int) DeviceState {
	d := e.devs[dev]
	s := DeviceState{Breaker: d.breaker.state, Rows: d.rows, Failed: len(d.retries.at)}
	for i := range d.queues {
		s.Queued += d.queues[i].n
	}
	if d.out != nil {
		s.InFlight = len(d.out.Items)
	}
	return s
}
