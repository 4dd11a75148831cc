package devlink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var triggerNames = [numTriggers]string{
	"sub-object add", "sub-object change", "register", "free", "get", "setting", "mutate", "device", "report", "remote", "move",
	"invalid reload", "reload", "reload, already down", "down ok", "down refused", "down refused again", "down refused, forced", "torn down", "commit", "switch",
	"enter up", "up ok", "up short", "up failed", "unregister", "unregister inside", "removed", "ns deleted", "ns deleted, restart",
	"ns deleted, driver stays", "cancel",
}

func (on trigger) String() string { return triggerNames[on] }

// facts are the rows of the design of an instance's life: states, what happens, the next
// state ("=" the same) and what the caller gets ("" nothing, "waits" that the operation
// waits for the slot). Rows 41 on are what the design leaves open.
var facts = []struct {
	row    uint8
	states string
	on     []trigger
	next   string
	answer string
}{
	{1, "A", []trigger{onAdd, onObject, onReport}, "A", ""},
	{2, "A", []trigger{onRegister}, "U", ""},
	{3, "A", []trigger{onGet, onSetting, onMutate, onDevice, onMove, onReload, onUnregister}, "A", "no such device"},
	{4, "A", []trigger{onDeath}, "A", ""},
	{5, "A", []trigger{onFree}, "Z", ""},
	{6, "U", []trigger{onRegister, onFree}, "U", "busy"},
	{7, "U", []trigger{onGet}, "U", ""},
	{8, "U", []trigger{onSetting, onMutate, onAdd, onObject, onReport}, "U", ""},
	{9, "U", []trigger{onDevice}, "U", ""},
	{10, "U", []trigger{onMove, onDeath}, "U", ""},
	{11, "U", []trigger{onInvalid}, "U", ""},
	{12, "U", []trigger{onReload}, "D", ""},
	{13, "D", []trigger{onDown}, "M", ""},
	{14, "D", []trigger{onRefused}, "U", ""},
	{15, "D", []trigger{onTorn}, "F", ""},
	{16, "M", []trigger{onCommit}, "M", ""},
	{17, "M", []trigger{onSwitch}, "M", ""},
	{18, "M", []trigger{onUp}, "R", ""},
	{19, "R", []trigger{onAdd, onObject}, "R", ""},
	{20, "R", []trigger{onUpOK}, "U", ""},
	{21, "R", []trigger{onUpShort}, "U", ""},
	{22, "R", []trigger{onUpFailed}, "F", ""},
	{23, "DMR", []trigger{onReload, onDevice, onMutate, onSetting, onMove}, "=", "waits"},
	{24, "DMR", []trigger{onReport}, "=", ""},
	{25, "DMR", []trigger{onUnregisterInside}, "=", "would deadlock"},
	{26, "DMR", []trigger{onUnregister}, "X", "waits"},
	{27, "DMR", []trigger{onDeath}, "=", "waits"},
	{28, "F", []trigger{onGet, onSetting, onReport}, "F", ""},
	{29, "F", []trigger{onMutate, onDevice, onAdd}, "F", "reload failed"},
	{30, "F", []trigger{onReloadDown}, "M", ""},
	{31, "F", []trigger{onMove, onDeath}, "F", ""},
	{32, "F", []trigger{onUnregister}, "X", ""},
	{33, "U", []trigger{onUnregister}, "X", ""},
	{34, "X", []trigger{onGet, onSetting, onMutate, onDevice, onMove, onReload}, "X", "no such device"},
	{35, "X", []trigger{onObject, onAdd, onReport}, "X", ""},
	{36, "X", []trigger{onRemoved}, "A", ""},
	{37, "U", []trigger{onDeathRestart}, "D", ""},
	{38, "D", []trigger{onRefusedForced}, "F", ""},
	{38, "UF", []trigger{onStray}, "F", ""},
	{39, "UF", []trigger{onRemote}, "=", ""},
	{39, "DMR", []trigger{onRemote}, "=", "contract"},
	{39, "AX", []trigger{onRemote}, "=", "no such device"},
	{40, "AUDMRFX", []trigger{onCancel}, "=", ""},
	{41, "D", []trigger{onAdd, onObject}, "D", ""},        // the driver takes down what it has
	{41, "F", []trigger{onObject}, "F", ""},               // or what had stayed
	{42, "DMR", []trigger{onGet}, "=", ""},                // reads never wait
	{43, "F", []trigger{onReload}, "D", ""},               // of a driver that had refused to leave a namespace that died
	{44, "F", []trigger{onInvalid}, "F", ""},              // as row 11
	{46, "D", []trigger{onRefusedAgain}, "F", ""},         // after 43: it is as it was
	{45, "F", []trigger{onRegister, onFree}, "F", "busy"}, // as row 6
	{47, "Z", []trigger{onRegister, onFree, onGet, onSetting, onMutate, onDevice, onMove, onReload, onUnregister, onRemote}, "Z", "no such device"},
}

const letters = "AUDMRFXZ"

func TestTableIsThatOfTheDesign(t *testing.T) {
	listed := map[[2]int]bool{}
	rows := map[uint8]bool{}
	for _, f := range facts {
		rows[f.row] = true
		for _, letter := range f.states {
			s := strings.IndexRune(letters, letter)
			for _, on := range f.on {
				listed[[2]int{s, int(on)}] = true
				got := machine[s][on]
				name := fmt.Sprintf("row %d, %c, %v", f.row, letter, on)
				next := string(letters[got.next])
				if f.next == "=" {
					next = strings.Replace(next, string(letter), "=", 1)
				}
				if got.row != f.row || next != f.next {
					t.Errorf("%s: row %d, next %s", name, got.row, next)
				}
				switch {
				case f.answer == "waits" && got.how == waits, f.answer == "" && got.how == passes && got.err == nil:
				case got.how == refuses && f.answer != "" && strings.Contains(got.err.Error(), f.answer):
				default:
					t.Errorf("%s: %v, %v", name, got.how, got.err)
				}
			}
		}
	}
	for row := range uint8(40) {
		if !rows[row+1] {
			t.Errorf("row %d is not among the facts", row+1)
		}
	}
	for s := range machine {
		for on, got := range machine[s] {
			if got != (transition{}) && !listed[[2]int{s, on}] {
				t.Errorf("%c, %v: not in the design", letters[s], trigger(on))
			}
		}
	}
}

// From where an instance is everything can be reached but what is behind Freed, and
// nothing passes where there is no row.
func TestTableHasNoDeadEnd(t *testing.T) {
	reach := func(from State) (all []State) {
		all = []State{from}
		for n := 0; n < len(all); n++ {
			for _, tr := range machine[all[n]] {
				if tr.how == passes && !slices.Contains(all, tr.next) {
					all = append(all, tr.next)
				}
			}
		}
		return all
	}
	for s := range numStates {
		want := int(numStates)
		if s == Freed {
			want = 1
		}
		if got := len(reach(s)); got != want {
			t.Errorf("from %v: %d states", s, got)
		}
	}
	i := &Instance{state: Freed}
	mustBe(t, i.step(onReload), errFreed)
	mustBe(t, i.step(onAdd), errState)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	i.must(onDown)
}
