package devlink

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// testOfCase names the test of each conformance case of these objects. Those that are
// missing need what there is not yet: flashing (1 to 10), routes (59), information (60),
// rates and the mode of the switch (72 to 77), line cards (87), shared buffers (88) and
// a bus that makes devices (89).
func testOfCase() map[int]string {
	cases := map[int]string{
		31: "TestCase31ReloadTellsWhatGoesAndComesAndCounts",
		32: "TestCase32And33FailedReloadIsMendedByAnother", 33: "TestCase32And33FailedReloadIsMendedByAnother",
		34: "TestCase34RefusalChangesNothing", 35: "TestCase34RefusalChangesNothing",
		36: "TestCase36ChecksOfRequests", 37: "TestCase37ReplyOnlyIfSomethingWasNamed",
		38: "TestCase38And39OperationsOfOneInstanceAreSerial", 39: "TestCase38And39OperationsOfOneInstanceAreSerial",
		40: "TestCase32And33FailedReloadIsMendedByAnother",
		41: "TestCase41DriverThatIsTornDownHasFailed", 42: "TestCase42LeakedPortGoesBeforeTheDriverComesUp",
		43: "TestCase43InstanceIsSeenInItsNamespaceOnly", 44: "TestCase44ReloadIntoNamespaces",
		45: "TestCase45And49InstanceOutlivesItsNamespace", 46: "TestCase46FailedReloadHasMoved",
		47: "TestCase36ChecksOfRequests", 48: "TestCase36ChecksOfRequests", 49: "TestCase45And49InstanceOutlivesItsNamespace",
		50: "TestCase50NamespaceDeletionWithGlobalNotifiersCompletes", 51: "TestCase51ManyInstancesAndDyingNamespaces",
		86: "TestCasesOfSplitting",
		90: "TestRandomOperations", 91: "TestCase91SubscriberAtAnyTimeEndsUpWithTheState",
		92: "TestOverrunIsToldOnceAndResynchronises", 93: "TestFilterPassesWhatLacksTheField",
		94: "TestUnregisteredInstanceChangesInSilence", 95: "TestCase95ParentIsToldAfterTheChildsOwnEvents",
		96: "TestCase96CallbacksThatWaitForThemselvesAreRefused", 97: "TestCase97SlowCallbackDelaysNobody",
		98: "TestCase98PanicInUpLetsGoOfTheInstance",
	}
	some := func(from, to int, test string) {
		for n := from; n <= to; n++ {
			cases[n] = test
		}
	}
	some(11, 17, "TestCasesOfParams")
	some(18, 30, "TestRegionCases")
	some(52, 58, "TestCasesOfResources")
	some(61, 71, "TestHealthCases")
	some(78, 85, "TestTrapCases")
	return cases
}

// TestEveryCaseHasATest: the tests are there.
func TestEveryCaseHasATest(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	there := regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(text.String(), -1)
	for n, test := range testOfCase() {
		if !slices.ContainsFunc(there, func(m []string) bool { return m[1] == test }) {
			t.Errorf("case %d: there is no %s", n, test)
		}
	}
}

// TestCase43InstanceIsSeenInItsNamespaceOnly: ENODEV elsewhere.
func TestCase43InstanceIsSeenInItsNamespaceOnly(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		if err := r.AddNamespace("testns1"); err != nil {
			t.Fatal(err)
		}
		i := registered(t, r, "dev10", "testns1")
		do(t, i, func(l *Locked) error {
			for n := range uint32(4) {
				if err := l.AddPort(PortInfo{Index: n, Type: PortEth, Netdev: "eth" + string(rune('0'+n))}); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := r.Instance("testns1", i.Handle()); err != nil {
			t.Error(err)
		}
		_, err := r.Instance("", i.Handle())
		mustBe(t, err, switchdev.ErrNoDevice)
		ports := 0
		for o := range r.Snapshot().Objects("testns1", i.Handle()) {
			if p, ok := o.(*PortInfo); ok && p.Netdev != "" {
				ports++
			}
		}
		if ports != 4 {
			t.Errorf("%d ports with a netdev, want 4", ports)
		}
	})
}

// TestCase91SubscriberAtAnyTimeEndsUpWithTheState: whenever somebody subscribes, what he
// is told adds up to what there is.
func TestCase91SubscriberAtAnyTimeEndsUpWithTheState(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	random := rand.New(rand.NewPCG(91, 0))
	list := []*Instance{newInstance(t, r, "a"), newInstance(t, r, "b"), newInstance(t, r, "c")}
	var subs []*Subscription
	for range 300 {
		i := list[random.IntN(len(list))]
		n := uint32(random.IntN(5))
		k := i.SubmitRegister()
		switch random.IntN(4) {
		case 0:
			k = i.SubmitUnregister()
		case 1:
			k = i.SubmitDo(func(_ context.Context, l *Locked) error { return l.RemovePort(n) })
		case 2:
			k = i.SubmitDo(func(_ context.Context, l *Locked) error { return l.AddPort(PortInfo{Index: n}) })
		}
		_ = outcome(k)
		if random.IntN(10) == 0 {
			subs = append(subs, subscribe(t, r, SubscribeOptions{Replay: true}))
		}
	}
	want := r.Snapshot()
	for _, s := range subs {
		have := make(map[string]Object)
		for _, e := range rest(t, s) {
			if e.Object == nil {
				continue
			}
			name := e.Life.String() + e.Object.Kind().String() + e.Object.Key().suffix()
			if e.Verb == Deleted {
				delete(have, name)
			} else {
				have[name] = e.Object
			}
		}
		left := len(have)
		for l := range want.Instances("") {
			for o := range want.Objects("", l.Handle) {
				if have[l.String()+o.Kind().String()+o.Key().suffix()] != o {
					t.Errorf("%v: %v %v is not what was told", l, o.Kind(), o.Key())
				}
				left--
			}
		}
		if left != 0 {
			t.Errorf("%d objects more were told than there are", left)
		}
	}
}
