package plant

import (
	"fmt"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
)

// submitVerb gives the table an operation.
func (p *Plant) submitVerb(v oracle.Verb, e fdb.Entry) *fdb.Ticket {
	switch v {
	case oracle.Add:
		return p.table.SubmitAdd(e)
	case oracle.Replace:
		return p.table.SubmitReplace(e)
	case oracle.Append:
		return p.table.SubmitAppend(e)
	case oracle.Update:
		return p.table.SubmitUpdate(e)
	case oracle.Use:
		return p.table.SubmitUse(e.Key, e.Port)
	case oracle.Delete:
		return p.table.SubmitDelete(e.Key, e.Port)
	case oracle.Remove:
		return p.table.SubmitRemove(e.Key, e.Port)
	}
	panic(fmt.Sprintf("no verb %v", v))
}
