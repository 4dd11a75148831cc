module github.com/switchcore/switchcore

go 1.26.0

require (
	github.com/google/btree v1.1.3
	github.com/puzpuzpuz/xsync/v3 v3.5.1
	go.uber.org/goleak v1.3.0
	pgregory.net/rapid v1.3.0
)

require github.com/anishathalye/porcupine v1.3.1
