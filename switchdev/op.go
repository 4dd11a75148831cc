package switchdev

import "strconv"

// Token identifies one operation handed to a driver. The caller draws it, the
// [Result] echoes it. Zero is never drawn: a [Report] with token 0 is
// unsolicited.
type Token uint64

// Generation numbers the states that a caller wants for one object. It grows
// with every change of that object and is never reused, so what was ordered
// for an older state can be told from what is wanted now. Drivers only pass it
// back.
type Generation uint64

// Epoch counts the lives of a device's tables. It starts at 1 and grows by one
// whenever the device lost what had been programmed into it: reset, firmware
// crash, power loss. Zero means "not known".
type Epoch uint64

// String returns the epoch as a decimal number.
func (e Epoch) String() string { return strconv.FormatUint(uint64(e), 10) }

// Op is the header that every operation of every role carries.
type Op struct {
	// Domain is the forwarding domain, that is the bridge, in which the
	// operation acts. Two bridges on one chip never see each other's rows.
	Domain Domain

	// Token identifies the operation; it is not 0.
	Token Token

	// Gen is the generation of the object that the caller wants with this
	// operation.
	Gen Generation
}

// Result is a driver's answer to one operation of a batch.
//
// Err tells what became of the operation:
//
//   - nil: it was executed and holds in epoch Epoch;
//   - matching [errors.ErrUnsupported]: the device does not do this for this
//     object; nothing changed; keep it in software;
//   - matching [ErrOutcomeUnknown]: it may or may not have been executed, or may
//     still be; the device is to be read before it is trusted again;
//   - anything else: it was refused and the device holds what it held before.
//     [ErrNoSpace] says that a table is full, [ErrClosed] that the driver was
//     closed, and an error matching context.Canceled or
//     context.DeadlineExceeded that the batch was cancelled before this
//     operation was executed.
//
// A result whose Token is 0 when the call returns was not answered; callers
// read it as ErrOutcomeUnknown.
type Result struct {
	// Token is that of the operation answered.
	Token Token

	// Epoch is the device's epoch at the moment of execution. It is set
	// whenever Err is nil. A caller that knows a newer epoch treats the
	// operation as never sent; one that knows an older epoch has just learned
	// that the device was reset.
	Epoch Epoch

	// Err is nil when the operation was executed.
	Err error
}
