module github.com/switchcore/switchcore/bench

go 1.26.3

require (
	github.com/puzpuzpuz/xsync/v3 v3.5.1
	github.com/puzpuzpuz/xsync/v4 v4.5.0
	github.com/switchcore/switchcore v0.0.0
	github.com/switchcore/switchcore/fdb/core v0.0.0
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.49.0
	gvisor.dev/gvisor v0.0.0-20260905035102-160fafc42237
)

require (
	github.com/google/btree v1.1.3 // indirect
	golang.org/x/exp v0.0.0-20250711185948-6ae5c78190dc // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/switchcore/switchcore => ../
	github.com/switchcore/switchcore/fdb/core => ./core
)
