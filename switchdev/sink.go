package switchdev

// ReportKind says what a device reports.
type ReportKind uint8

// The kinds of reports. The zero value is not a report.
const (
	// ReportLearned: the device learned, or saw move, Key behind Port. Repeated,
	// it says that the station is still sending: a device that forwards by a row
	// without asking software, also one that it was told to hold, reports so of
	// rows that are not static, at most once a second, or software forgets the
	// station when its ageing time is over.
	ReportLearned ReportKind = iota + 1
	// ReportAged: the device aged out its row of Key that pointed to Port.
	ReportAged
	// ReportFlushed: the device dropped the rows that it had learned on Port
	// (0: on every port of the domain) in VLAN Key.VLAN (0: in every VLAN).
	ReportFlushed
	// ReportReset: the device lost its tables; Epoch is the new epoch.
	ReportReset
	// ReportPortUp and ReportPortDown: the carrier of Port changed. A LAG has
	// carrier while one of its links is up and has carrier.
	ReportPortUp
	ReportPortDown
	// ReportPortGone: Port was taken out of the device; its number may come
	// back as another port.
	ReportPortGone
	// ReportFlow: the flow Flow is now in state State; Err tells why it was
	// refused.
	ReportFlow
	// ReportSpace: room was freed in a table after an operation was refused
	// with ErrNoSpace. A device that reports at all reports this.
	ReportSpace
	numReportKinds
)

var reportNames = [numReportKinds]string{
	ReportLearned: "learned", ReportAged: "aged", ReportFlushed: "flushed", ReportReset: "reset",
	ReportPortUp: "port-up", ReportPortDown: "port-down", ReportPortGone: "port-gone",
	ReportFlow: "flow", ReportSpace: "space",
}

// String returns the kind's name, for instance "learned".
func (k ReportKind) String() string {
	if k < numReportKinds && reportNames[k] != "" {
		return reportNames[k]
	}
	return "report(" + itoa(uint64(k)) + ")"
}

// Report is what a device says of its own accord, or of an operation whose
// call has already returned. Fields that a kind does not name are zero.
type Report struct {
	// Kind says which of the other fields count.
	Kind ReportKind
	// Domain is the forwarding domain concerned by a report about a row or a
	// flow; the other kinds are about the device and leave it 0.
	Domain Domain
	// Port is the port concerned. A report about a row names the port that
	// the row pointed to, so that a late report can be told from a current
	// one.
	Port PortID
	// Epoch is the device's epoch when it happened; never 0.
	Epoch Epoch
	// Token is that of the operation that brought it about, 0 if none.
	Token Token
	// Gen tells the lives of a port number apart. Of a report about rows, or
	// about a port that is a member of a domain, it is Op.Gen of the last
	// PortJoin that was executed for Port when it happened, however late the
	// report comes: a report with another Gen than that of the join that is
	// known to be in force is of a port that has left since, and no news. It is
	// 0 if Port was no member or the device does not keep it; then Epoch is all
	// there is to go by.
	Gen Generation
	// Key is the station of ReportLearned and ReportAged.
	Key FDBKey
	// Locked marks a ReportLearned from a locked port: the device holds the
	// station but lets nothing that it sends through.
	Locked bool
	// Flow and State are those of ReportFlow.
	Flow  FlowID
	State FlowState
	// Err is the reason of a refused flow.
	Err error
}

// Sink takes what devices report. Report only queues: it never blocks, and calls
// the driver for nothing but its Name, Epoch, Limits and Usage. It may be called
// from any goroutine, also from inside a role call. What does not fit is counted
// by the sink and made good by a dump; it is the sink's concern, not the driver's.
type Sink interface {
	Report(r Report)
}

// Reporter is the role of devices that report upward.
type Reporter interface {
	// Bind hands every later report of the device to sink, until unbind is
	// called. Several sinks may be bound; each gets every report, in the order
	// in which things happened in one domain. When unbind returns, no call of
	// the sink is running and none follows; unbind is idempotent and must not
	// be called from inside that sink. Both may be called from any goroutine at
	// any time, also after Close, when a driver has nothing more to report.
	Bind(sink Sink) (unbind func())
}
