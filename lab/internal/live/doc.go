// Package live executes the lab's command language on the running kernel, with the
// tools of iproute2 as they are installed, so that the model can be compared with
// the real thing. It is for tests only.
//
//	k, err := live.New(live.Config{})
//	if err != nil { ... }                 // errors.Is(err, errors.ErrUnsupported): not here
//	defer k.Close()
//	out, err := k.Exec("lab bridge br0 ports p1 p2")
//	out, err = k.Exec("lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff")
//	// out is ["rx: br0 h2"]
//
// A [Kernel] has a network namespace of its own that has no name: it ends with the
// Kernel, or with the process, whatever becomes of either. IPv6 is off in it and
// nothing has an address, so that only what the commands do is to be seen. It needs
// the rights to make one (root), ip(8) and bridge(8).
//
// [Program] makes random command sequences, [ProgramVLAN] such for a kernel with VLAN
// filtering, and [Shrink] a shorter one of a sequence that shows something.
//
// # What is settled when a command returns
//
// Everything: no command waits for a time to pass. The carrier of a virtual cable
// reaches the bridge by deferred work; Exec asks each device for its link state,
// for which the kernel does such work first (net/core/link_watch.c,
// linkwatch_sync_dev). A frame is received by the processor that sends it; Exec
// keeps to one processor, and after the frames of a command sends others by the
// loopback device, which queue behind them, as many times as a frame can be queued
// on its way.
//
// Where there is a switch ([Config].Switch) its device and driver work by themselves;
// Exec waits until what was sent was taken, no interrupt comes any more, and carriers
// have been told of. The device tells of a station once a second: Exec waits for that
// second before a frame from an address that a command has just named. Interfaces at the
// other ends of the switch's cables have no say over its carriers.
//
// # Concurrency
//
// A Kernel is used by one goroutine at a time; several Kernels do not touch.
//
// # Errors
//
// What the tools say is output. An [*Unsupported] says that a command is not one
// that is executed here; nothing was done then. Every other error means that the
// Kernel cannot be used any more.
//
// # Differences from Linux
//
// None, by construction. What the transcripts of an other kernel have and the
// running one does not (VLAN filtering if it is not built in, switching devices) is
// Unsupported.
package live
