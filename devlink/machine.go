package devlink

import (
	"fmt"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

// ErrContract: a driver did something that it had no right to, such as to say that a
// reload went well without what was asked for. What was to be done has been done. EPROTO.
// Ours: Linux warns in its log.
var ErrContract error = fmt.Errorf("driver broke its contract: %w", syscall.EPROTO)

// errState: nobody has thought of this.
var errState error = fmt.Errorf("impossible in this state: %w", switchdev.ErrBusy)

// trigger is what happens to an instance where its state decides what comes of it.
type trigger uint8

const (
	onAdd              trigger = iota // the driver adds an object
	onObject                          // or changes or removes one
	onRegister                        //
	onFree                            //
	onGet                             // a user reads
	onSetting                         // a user sets what needs no driver, such as a parameter
	onMutate                          // a user changes something else
	onDevice                          // a user flashes or recovers
	onReport                          // a worker of the driver reports ill health
	onRemote                          // another host has reloaded the device
	onMove                            // to another namespace, with no restart
	onInvalid                         // a reload is not as it should be
	onReload                          // a reload, of a driver that is up
	onReloadDown                      // or that is down already
	onDown                            // the driver is down
	onRefused                         // it refuses to go down
	onRefusedAgain                    // as it did when its namespace was deleted
	onRefusedForced                   // though its namespace is being deleted
	onTorn                            // it went down, and wrong
	onCommit                          // what was to change between down and up does
	onSwitch                          // the namespace is another one
	onUp                              // the driver is to come up
	onUpOK                            // it has
	onUpShort                         // and has not kept to its contract
	onUpFailed                        // it has not come up
	onUnregister                      //
	onUnregisterInside                // from inside the callback that it would wait for
	onRemoved                         // the driver has removed what it had
	onDeath                           // the namespace is being deleted
	onDeathRestart                    // and the driver has to be restarted for another one
	onStray                           // and the driver did not follow
	onCancel                          // the ctx of who asked has ended
	numTriggers
)

// reaction is what a state makes of a trigger.
type reaction uint8

const (
	unlisted reaction = iota // a mistake of this package
	passes                   // the next state is next
	refuses                  // err, and nothing changes
	waits                    // the operation stays queued until the slot is free, in another state
)

// transition is one field of the table.
type transition struct {
	how  reaction
	next State
	row  uint8 // in the list of transitions that the tests hold the table against
	err  error
}

// machine is the life of an instance: what each state makes of what happens.
// GoingDown, Between, ComingUp and Unregistering own the slot, so that whatever is an
// operation waits there; it is listed all the same.
var machine = [numStates][numTriggers]transition{
	Allocated: {
		onAdd:        {passes, Allocated, 1, nil},
		onObject:     {passes, Allocated, 1, nil},
		onReport:     {passes, Allocated, 1, nil},
		onRegister:   {passes, Registered, 2, nil},
		onGet:        {refuses, Allocated, 3, errNotRegistered},
		onSetting:    {refuses, Allocated, 3, errNotRegistered},
		onMutate:     {refuses, Allocated, 3, errNotRegistered},
		onDevice:     {refuses, Allocated, 3, errNotRegistered},
		onMove:       {refuses, Allocated, 3, errNotRegistered},
		onReload:     {refuses, Allocated, 3, errNotRegistered},
		onUnregister: {refuses, Allocated, 3, errNotRegistered},
		onDeath:      {passes, Allocated, 4, nil},
		onFree:       {passes, Freed, 5, nil},
		onRemote:     {refuses, Allocated, 39, errNotRegistered},
		onCancel:     {passes, Allocated, 40, nil},
	},
	Registered: {
		onRegister:     {refuses, Registered, 6, switchdev.ErrBusy},
		onFree:         {refuses, Registered, 6, switchdev.ErrBusy},
		onGet:          {passes, Registered, 7, nil},
		onAdd:          {passes, Registered, 8, nil},
		onObject:       {passes, Registered, 8, nil},
		onSetting:      {passes, Registered, 8, nil},
		onMutate:       {passes, Registered, 8, nil},
		onReport:       {passes, Registered, 8, nil},
		onDevice:       {passes, Registered, 9, nil},
		onMove:         {passes, Registered, 10, nil},
		onDeath:        {passes, Registered, 10, nil},
		onInvalid:      {passes, Registered, 11, nil},
		onReload:       {passes, GoingDown, 12, nil},
		onUnregister:   {passes, Unregistering, 33, nil},
		onDeathRestart: {passes, GoingDown, 37, nil},
		onStray:        {passes, Failed, 38, nil},
		onRemote:       {passes, Registered, 39, nil},
		onCancel:       {passes, Registered, 40, nil},
	},
	GoingDown: {
		onDown:             {passes, Between, 13, nil},
		onRefused:          {passes, Registered, 14, nil},
		onTorn:             {passes, Failed, 15, nil},
		onSetting:          {waits, GoingDown, 23, nil},
		onMutate:           {waits, GoingDown, 23, nil},
		onDevice:           {waits, GoingDown, 23, nil},
		onMove:             {waits, GoingDown, 23, nil},
		onReload:           {waits, GoingDown, 23, nil},
		onReport:           {passes, GoingDown, 24, nil},
		onUnregisterInside: {refuses, GoingDown, 25, switchdev.ErrDeadlock},
		onUnregister:       {waits, Unregistering, 26, nil},
		onDeath:            {waits, GoingDown, 27, nil},
		onRefusedForced:    {passes, Failed, 38, nil},
		onRemote:           {refuses, GoingDown, 39, ErrContract},
		onCancel:           {passes, GoingDown, 40, nil},
		onAdd:              {passes, GoingDown, 41, nil},
		onObject:           {passes, GoingDown, 41, nil},
		onGet:              {passes, GoingDown, 42, nil},
		onRefusedAgain:     {passes, Failed, 46, nil},
	},
	Between: {
		onCommit:           {passes, Between, 16, nil},
		onSwitch:           {passes, Between, 17, nil},
		onUp:               {passes, ComingUp, 18, nil},
		onSetting:          {waits, Between, 23, nil},
		onMutate:           {waits, Between, 23, nil},
		onDevice:           {waits, Between, 23, nil},
		onMove:             {waits, Between, 23, nil},
		onReload:           {waits, Between, 23, nil},
		onReport:           {passes, Between, 24, nil},
		onUnregisterInside: {refuses, Between, 25, switchdev.ErrDeadlock},
		onUnregister:       {waits, Unregistering, 26, nil},
		onDeath:            {waits, Between, 27, nil},
		onRemote:           {refuses, Between, 39, ErrContract},
		onCancel:           {passes, Between, 40, nil},
		onGet:              {passes, Between, 42, nil},
	},
	ComingUp: {
		onAdd:              {passes, ComingUp, 19, nil},
		onObject:           {passes, ComingUp, 19, nil},
		onUpOK:             {passes, Registered, 20, nil},
		onUpShort:          {passes, Registered, 21, nil},
		onUpFailed:         {passes, Failed, 22, nil},
		onSetting:          {waits, ComingUp, 23, nil},
		onMutate:           {waits, ComingUp, 23, nil},
		onDevice:           {waits, ComingUp, 23, nil},
		onMove:             {waits, ComingUp, 23, nil},
		onReload:           {waits, ComingUp, 23, nil},
		onReport:           {passes, ComingUp, 24, nil},
		onUnregisterInside: {refuses, ComingUp, 25, switchdev.ErrDeadlock},
		onUnregister:       {waits, Unregistering, 26, nil},
		onDeath:            {waits, ComingUp, 27, nil},
		onRemote:           {refuses, ComingUp, 39, ErrContract},
		onCancel:           {passes, ComingUp, 40, nil},
		onGet:              {passes, ComingUp, 42, nil},
	},
	Failed: {
		onGet:        {passes, Failed, 28, nil},
		onSetting:    {passes, Failed, 28, nil},
		onReport:     {passes, Failed, 28, nil},
		onMutate:     {refuses, Failed, 29, ErrReloadFailed},
		onDevice:     {refuses, Failed, 29, ErrReloadFailed},
		onAdd:        {refuses, Failed, 29, ErrReloadFailed},
		onReloadDown: {passes, Between, 30, nil},
		onMove:       {passes, Failed, 31, nil},
		onDeath:      {passes, Failed, 31, nil},
		onUnregister: {passes, Unregistering, 32, nil},
		onStray:      {passes, Failed, 38, nil},
		onRemote:     {passes, Failed, 39, nil},
		onCancel:     {passes, Failed, 40, nil},
		onObject:     {passes, Failed, 41, nil},
		onReload:     {passes, GoingDown, 43, nil},
		onInvalid:    {passes, Failed, 44, nil},
		onRegister:   {refuses, Failed, 45, switchdev.ErrBusy},
		onFree:       {refuses, Failed, 45, switchdev.ErrBusy},
	},
	Unregistering: {
		onGet:     {refuses, Unregistering, 34, errNotRegistered},
		onSetting: {refuses, Unregistering, 34, errNotRegistered},
		onMutate:  {refuses, Unregistering, 34, errNotRegistered},
		onDevice:  {refuses, Unregistering, 34, errNotRegistered},
		onMove:    {refuses, Unregistering, 34, errNotRegistered},
		onReload:  {refuses, Unregistering, 34, errNotRegistered},
		onAdd:     {passes, Unregistering, 35, nil},
		onObject:  {passes, Unregistering, 35, nil},
		onReport:  {passes, Unregistering, 35, nil},
		onRemoved: {passes, Allocated, 36, nil},
		onRemote:  {refuses, Unregistering, 39, errNotRegistered},
		onCancel:  {passes, Unregistering, 40, nil},
	},
	Freed: {
		onRegister:   {refuses, Freed, 47, errFreed},
		onFree:       {refuses, Freed, 47, errFreed},
		onGet:        {refuses, Freed, 47, errFreed},
		onSetting:    {refuses, Freed, 47, errFreed},
		onMutate:     {refuses, Freed, 47, errFreed},
		onDevice:     {refuses, Freed, 47, errFreed},
		onMove:       {refuses, Freed, 47, errFreed},
		onReload:     {refuses, Freed, 47, errFreed},
		onUnregister: {refuses, Freed, 47, errFreed},
		onRemote:     {refuses, Freed, 47, errFreed},
	},
}

// step takes the instance to its next state, or says why not. The caller holds mu.
func (i *Instance) step(on trigger) error {
	t := machine[i.state][on]
	if i.able.trace != nil {
		i.able.trace(i, i.state, on)
	}
	switch t.how {
	case passes:
		i.state = t.next
		return nil
	case refuses:
		return t.err
	default:
		return errState
	}
}

// must is step for what can happen in no other state. The caller holds mu.
func (i *Instance) must(on trigger) {
	if err := i.step(on); err != nil {
		panic(fmt.Sprintf("devlink: %v in state %v", on, i.state))
	}
}

// gate says whether the state lets a command be; what names it for a driver that has
// some of its commands carried out while it is down. Who asks without the slot needs no
// driver, and does not wait.
func (i *Instance) gate(what string, on trigger) error {
	i.mu.Lock()
	err := i.step(on)
	waiting := machine[i.state][on].how == waits
	i.mu.Unlock()
	if waiting {
		return nil
	}
	if err == ErrReloadFailed && i.worksFailed(what) {
		return nil
	}
	return err
}
