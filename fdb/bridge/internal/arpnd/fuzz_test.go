package arpnd

import (
	"bytes"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// FuzzParse reads anything at any offset, and checks what it read against the frame,
// and the answer against the question.
func FuzzParse(f *testing.F) {
	for _, s := range observations(f) {
		f.Add(s.frame, etherType(s.frame), uint64(0x02000000000b), false)
	}
	for _, s := range spoiltFrames() {
		f.Add(s.frame, 12, uint64(0x02000000000b), false)
	}
	f.Add(someNA().nd(), 12, uint64(0), true)
	f.Add([]byte(nil), -1, uint64(1<<40), false)
	f.Fuzz(func(t *testing.T, frame []byte, offset int, station uint64, router bool) {
		before := bytes.Clone(frame)
		q, ok := Parse(frame, offset)
		if !ok && q != (Question{}) {
			t.Fatalf("not ok, and yet %+v", q)
		}
		checkQuestion(t, frame, offset, q)
		q.Router = router
		m := switchdev.MACFromUint64(station & 0xffff_ffff_ffff)
		checkReply(t, frame, offset, q, m, AppendReply([]byte("x"), frame, offset, &q, m))
		if !bytes.Equal(frame, before) {
			t.Error("the frame was changed")
		}
	})
}

// checkQuestion looks for what was read in the frame.
func checkQuestion(t *testing.T, frame []byte, offset int, q Question) {
	switch q.Kind {
	case 0:
		if Suppress(&q) || q.Asks() {
			t.Errorf("nothing is a question: %+v", q)
		}
		return
	case ARPRequest, ARPReply:
		b := frame[offset+2:]
		if !bytes.Equal(b[8:14], q.SenderMAC[:]) || !bytes.Equal(b[14:18], q.Sender.AsSlice()) || !bytes.Equal(b[24:28], q.Target.AsSlice()) {
			t.Errorf("read %+v of %x", q, b)
		}
	case Solicitation, Advertisement:
		b := frame[offset+2:]
		if !bytes.Equal(b[8:24], q.Sender.AsSlice()) || !bytes.Equal(b[48:64], q.Target.AsSlice()) || !verified(frame, offset) {
			t.Errorf("read %+v of %x, right checksum %v", q, b, verified(frame, offset))
		}
		if !bytes.Contains(b[64:], q.SenderMAC[:]) && !bytes.Equal(frame[6:12], q.SenderMAC[:]) {
			t.Errorf("%v is not in %x", q.SenderMAC, frame)
		}
	}
	if q.Unicast != (frame[0]&1 == 0) {
		t.Errorf("read %+v of a frame to %x", q, frame[:6])
	}
}

// checkReply reads the answer, which has to be the one to the question. The kernel's
// rules say which questions have none.
func checkReply(t *testing.T, frame []byte, offset int, q Question, m switchdev.MAC, got []byte) {
	if !bytes.HasPrefix(got, []byte("x")) {
		t.Fatalf("what was there before is gone: %x", got)
	}
	silent := !q.Asks() || m[0]&1 == 1 || m == switchdev.MAC{} || q.SenderMAC[0]&1 == 1 || q.SenderMAC == switchdev.MAC{} ||
		q.Kind == Solicitation && (q.DAD || q.Gratuitous) || q.Kind == ARPRequest && (q.Sender.IsLoopback() || q.Sender.IsMulticast())
	if got = got[1:]; silent {
		if len(got) > 0 {
			t.Errorf("%+v from %v is answered %x", q, m, got)
		}
		return
	}
	a, ok := Parse(got, offset)
	want := Question{Kind: q.Kind + 1, Unicast: true, SenderMAC: m, Sender: q.Target, Target: q.Target}
	switch q.Kind {
	case ARPRequest:
		want.Target, want.Gratuitous = q.Sender, q.Sender == q.Target
		want.DAD = q.Target.IsUnspecified()
	case Solicitation:
		want.Router = q.Router
	}
	if !ok || a != want {
		t.Fatalf("%+v from %v is answered %+v, %v, want %+v: %x", q, m, a, ok, want, got)
	}
	if !bytes.Equal(got[:6], q.SenderMAC[:]) || !bytes.Equal(got[6:12], m[:]) || !bytes.Equal(got[12:offset], frame[12:offset]) {
		t.Errorf("the answer's header is wrong: %x to %x", got, frame)
	}
	if q.Kind == Solicitation && !bytes.Equal(got[offset+2+24:offset+2+40], q.Sender.AsSlice()) {
		t.Errorf("the answer goes elsewhere: %x to %x", got, frame)
	}
}
