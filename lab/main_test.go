package lab

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var _ = flag.Bool("update", false, "rewrite the transcripts that say what the lab does")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
