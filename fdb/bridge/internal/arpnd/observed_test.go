package arpnd

import (
	"bytes"
	_ "embed"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/linux-6.18.txt
var linux string

// seen is one line of what Linux was seen to do.
type seen struct {
	name          string
	frame, answer []byte // nil: none
	kept          bool
}

func observations(t testing.TB) (all []seen) {
	for line := range strings.Lines(linux) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 || f[2] != "kept" && f[2] != "flooded" {
			t.Fatalf("malformed line %q", line)
		}
		s := seen{name: f[0], frame: unhex(t, f[1]), kept: f[2] == "kept"}
		if f[3] != "-" {
			s.answer = unhex(t, f[3])
		}
		all = append(all, s)
	}
	return all
}

// etherType finds the EtherType after at most one tag.
func etherType(frame []byte) (offset int) {
	if len(frame) > 14 && frame[12] == 0x81 && frame[13] == 0 {
		return 16
	}
	return 12
}

// decide asks the questions that stand at Suppress, for the bridge that was observed.
func decide(frame []byte, router bool) (kept bool, answer []byte) {
	offset, station := etherType(frame), mac("02:00:00:00:00:0b")
	q, ok := Parse(frame, offset)
	switch {
	case !ok, q.Asks() && q.Unicast:
		return false, nil
	case Suppress(&q):
		return true, nil
	case !q.Asks():
		return false, nil
	}
	switch q.Target {
	case ip("10.0.0.254"), ip("fd00::fe"):
		return true, nil
	case ip("10.0.0.2"), ip("fd00::2"), ip("fd00::3"):
		q.Router = router
		return true, AppendReply(nil, frame, offset, &q, station)
	}
	return false, nil
}

// differences are the observations that we decide otherwise, as the package's
// documentation says, and what we decide.
func differences() map[string]bool {
	const flooded, unanswered = false, true
	return map[string]bool{
		"arp-op-8-sender-is-target": flooded,
		"arp-unicast-op8-grat":      flooded,
		"arp-hrd-6-known":           flooded,
		"ns-bad-checksum-known":     flooded,
		"ns-hop-limit-254-known":    flooded,
		"ns-opt-len-0-known":        flooded,
		"ns-opt-too-long-known":     flooded,
		"ns-dad-with-sllao-mc":      flooded,
		"ns-dad-not-solicited-node": flooded,
		"ns-mc-src-known":           flooded,
		"ns-zero-sllao-known":       unanswered,
		"arp-sender-loopback-known": unanswered,
		"arp-sha-multicast-known":   unanswered,
	}
}

// TestDecidesAsLinuxWasSeenTo compares, for every frame that was sent into a bridge of
// Linux, whether it is kept off the port with neigh_suppress and what is answered,
// octet for octet.
func TestDecidesAsLinuxWasSeenTo(t *testing.T) {
	differences, all := differences(), observations(t)
	if len(all) < 70 {
		t.Fatalf("only %d observations", len(all))
	}
	for _, s := range all {
		kept, answer := decide(s.frame, s.name == "ns-router")
		if tags := s.frame[12:etherType(s.frame)]; len(tags) > 0 && s.answer != nil {
			s.answer = slices.Insert(s.answer, 12, tags...) // the documented difference
		}
		if want, differs := differences[s.name]; differs {
			if kept == s.kept && bytes.Equal(answer, s.answer) {
				t.Errorf("%s: documented as different from Linux and is not", s.name)
			}
			s.kept, s.answer = want, nil
			delete(differences, s.name)
		}
		if kept != s.kept || !bytes.Equal(answer, s.answer) {
			t.Errorf("%s: kept %v, answer %x; want %v, %x\nof %x", s.name, kept, answer, s.kept, s.answer, s.frame)
		}
	}
	for name := range differences {
		t.Errorf("%s was not observed", name)
	}
}

// TestParseReadsWhatLinuxAnswers reads the kernel's answers.
func TestParseReadsWhatLinuxAnswers(t *testing.T) {
	answers := 0
	for _, s := range observations(t) {
		if s.answer == nil {
			continue
		}
		q, ok := Parse(s.answer, 12)
		asked, _ := Parse(s.frame, etherType(s.frame))
		switch {
		case asked == Question{}, asked.Sender.IsLoopback():
		case !ok || q.Asks() || q.Sender != asked.Target || q.SenderMAC != mac("02:00:00:00:00:0b") || Suppress(&q):
			t.Errorf("%s: read %+v, %v", s.name, q, ok)
		case q.Kind == ARPReply && q.Target != asked.Sender, q.Kind == Advertisement && q.Target != asked.Target:
			t.Errorf("%s: read %+v to %+v", s.name, q, asked)
		case q.Router != (s.name == "ns-router"), q.Unicast != (asked.SenderMAC[0]&1 == 0):
			t.Errorf("%s: read %+v", s.name, q)
		}
		answers++
	}
	if answers < 20 {
		t.Errorf("%d answers were read", answers)
	}
}
