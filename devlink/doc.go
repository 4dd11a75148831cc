// Package devlink is the registry of a host's network devices and of what they are
// made of, after Linux's net/devlink: instances in namespaces, their ports,
// parameters, resources, regions, health reporters and traps, told to any number of
// subscribers in an order that can be relied on, and reloaded without a lock that
// anybody else would have to wait for.
//
//	r, err := devlink.New(devlink.Config{})
//	if err != nil { ... }
//	defer r.Close()
//
//	chip, err := r.NewInstance(devlink.InstanceConfig{
//		Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"},
//		Driver: driver,
//	})
//	err = chip.Do(ctx, func(ctx context.Context, l *devlink.Locked) error {
//		return l.AddPort(devlink.PortInfo{Index: 1})  // in silence: nobody can see it
//	})
//	err = chip.Register(ctx)                          // now everybody sees all of it
//
//	sub, err := r.Subscribe(devlink.SubscribeOptions{Replay: true})
//	for e, err := range sub.All(ctx) { ... }          // existing, synced, then news
//
// # Operations
//
// An instance carries out one operation at a time, in the order in which they were
// submitted; operations of different instances know nothing of each other. Every
// blocking verb has a Submit form that never blocks and returns a [Ticket]. A driver's
// callback runs inside an operation and is given a [Locked], whose methods add to the
// instance, change it and take from it. A panic of a driver ends its operation with a
// [*PanicError], which has the stack, and nothing else.
//
// # What can be seen
//
// [Registry.Snapshot], lookups and subscriptions read what was told last and never
// wait for an operation, whatever a driver is doing. State and events change in one
// step: who sees an instance has been told of it, or finds it in the replay.
//
//   - The life of an instance in a namespace begins with the Added of the instance
//     and ends with its Deleted, and nothing is told of it outside. [Life.Generation]
//     numbers lives.
//   - No object is told of before one that it depends on; the ends come in exact
//     reverse.
//   - Before Register nobody is told anything; what there is then is told with it.
//   - A subscriber that falls behind is told so exactly once and starts anew from the
//     present. It delays nobody.
//
// [Registry.Notify] calls a function with what a subscription would read. It may
// subscribe, unsubscribe and issue commands, as a driver's callback may.
//
// # Namespaces
//
// [Registry.AddNamespace] and [Registry.DeleteNamespace] add and delete places where
// instances can be seen, [Instance.Move] takes one from there to another and asks no
// driver that does not want it. A namespace that is deleted locks nobody out: each
// instance leaves it by an operation of its own.
//
// # Reload
//
// [Instance.Reload] has a driver that is a [Reloader] take down what it has and bring it
// up again, with the parameters and resources that were set meanwhile, and perhaps in
// another namespace. What it leaves behind where it was to remove it is removed in its
// place and reported. A reload that goes wrong leaves the instance Failed: it can be
// seen, read, moved and unregistered, what needs its driver answers ErrReloadFailed, and
// another reload may mend it. Below an instance live auxiliary drivers
// ([Locked.AddAuxiliary]), which go before its driver goes down and come after it has
// come up, and instances that are nested in it or in its ports ([Locked.Nest]). None of
// that holds anything that another instance, or a namespace, would wait for.
//
// # Concurrency
//
// Every method may be called by any number of goroutines. No lock is held across a
// driver's callback, a notifier's, a log handler or a wait; reads take a lock only
// over memory work. There is a goroutine for each instance while it has operations,
// and one for each notifier while there is something to tell. A Manual registry
// starts none: the program calls [Registry.Poll], which does everything, and time is
// what Poll is told.
//
// Callbacks are given a ctx that makes known to whoever waits with it that he is
// inside. A wait that could not end, because of who would have to wait for whom, is
// refused with [switchdev.ErrDeadlock], also where callbacks of several registries would
// wait for each other. A callback that waits without that ctx is not protected: it hangs
// where it waits for itself. A ctx withdraws an operation until it has begun.
//
// Built with the tag devlinkdebug the package checks the order of its locks, and knows
// callbacks by their goroutine as well as by their ctx.
//
// # Errors
//
// Errors are [*switchdev.OpError] values, or a [*PanicError] or [*LeftoverError], and match
// the sentinels of package switchdev and the errno that Linux answers. Reason is the
// kernel's text, nothing where the kernel has none, and ours where only a driver can be
// wrong. Bare are the errors of a caller's ctx, [switchdev.ErrDeadlock] of a wait, and what
// ends or interrupts a [Subscription]. After an error nothing has changed unless the verb
// says otherwise.
//
// # Differences from Linux
//
//   - Everything is told in one order, with numbers, whoever tells it; Linux tells
//     port types, snapshots and health outside the instance's lock, in no fixed order.
//   - Objects of an unregistered instance are told with its registration, all of them
//     in one step, and ended with the unregistration in exact reverse; newer kernels
//     end ports and parameters in ascending order.
//   - What Linux changes in silence is told, with the mark Silent; CompatKernel mutes
//     it.
//   - An event is never lost because something of it could not be read: it is marked
//     Partial.
//   - A dump waits for no instance, and is consistent.
//   - A filter selects kinds, too, and takes effect at a known number.
//   - Moving to another namespace is an operation; Linux does it by a reload.
//   - A namespace that dies is left by all its instances at the same time and with no
//     lock held; one whose driver refuses goes to the initial namespace all the same,
//     with ReloadFailed. Linux walks them one by one under the lock of the namespaces,
//     which notifiers registered by a driver wait for (the deadlock of November 2021),
//     and leaves a refusing one in the dead namespace.
//   - A driver that is torn down by a reload_down that fails, or panics, has failed; to
//     Linux it is up. One that has failed is not taken down again, and what needs it is
//     refused.
//   - What a driver leaves behind in a reload, or adds in one that fails, is removed;
//     Linux warns, or keeps it.
//   - A reload tells of the end of an instance in one namespace after that of its objects,
//     and of its beginning in the other before theirs.
//   - A reload that fails does not use up the parameters and sizes that wait for one.
//   - A parameter, a port or a function that is set to what it is already is told to
//     nobody; Linux tells of each setting. A driver's own value of a parameter does not
//     take the place of one that waits for a reload.
//   - Traps, groups and policers are added and removed all or none, and what others depend
//     on cannot be removed before them.
//   - Texts are those of the newest kernels. Linux 6.1 has none for a region, or a
//     snapshot, that is to be read and is not there.
//   - Whoever waits for himself gets ErrDeadlock instead of waiting for ever.
package devlink
