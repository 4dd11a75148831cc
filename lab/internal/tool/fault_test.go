package tool

import (
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/internal/machine"
)

// TestFaultsAreShownAsTheyAreTyped: what shows a fault makes the same one again, and every
// kind of fault that a chip of the lab can have has a word.
func TestFaultsAreShownAsTheyAreTyped(t *testing.T) {
	m, s := shell(t, "lab switch br0 ports s1 s2 s3")
	defer m.Close()
	have := map[string]bool{}
	for _, c := range [][2]string{
		{"refuse", "refuse fdb"},
		{"refuse count 2", "refuse fdb count 2"},
		{"refuse vlan.set vlan 5 port s2 err no-space", "refuse vlan.set vlan 5 port s2 err no-space"},
		{`refuse port.join nth 3 text "no more ports"`, `refuse port.join nth 3 err busy text "no more ports"`},
		{"refuse flush err unknown", "refuse flush err unknown"},
		{"refuse bridge", "refuse bridge"},
		{"refuse dump count 1", "refuse dump count 1"},
		{"full rows 0", "full fdb rows 0"},
		{"full mac 02:00:00:00:00:09 rows 7", "full fdb mac 02:00:00:00:00:09 rows 7"},
		{"slow delay 50ms", "slow fdb delay 50ms"},
		{"slow fdb.set delay 90m", "slow fdb.set delay 1h30m"},
		{"hang deaf done", "hang fdb done deaf"},
		{"reset fdb.delete nth 2 done", "reset fdb.delete nth 2 done"},
		{"lost", "lost report"},
		{"late report.aged delay 2m", "late report.aged delay 2m"},
		{"duplicate copies 2 delay 1h", "duplicate report copies 2 delay 1h"},
		{"reorder report.learned behind 3", "reorder report.learned behind 3"},
		{"partial answered 3 done", "partial fdb answered 3 done"},
		{"partial vlan", "partial vlan"},
		{"ignore vlan.delete", "ignore vlan.delete"},
		{"misplace to s3", "misplace fdb to s3"},
		{"vanish delay 1s", "vanish fdb delay 1s"},
		{"drift fdb.set mac 02:00:00:00:00:09 to s2", "drift fdb.set mac 02:00:00:00:00:09 to s2"},
	} {
		for _, line := range []string{c[0], c[1]} {
			if out, err := s.Exec("lab fault sw1 " + line); err != nil || out != nil {
				t.Errorf("%s: %q, %v", line, out, err)
			}
			out, err := s.Exec("lab fault sw1 show")
			if want := []string{c[1] + " hits 0"}; err != nil || !slices.Equal(out, want) {
				t.Errorf("%s is shown as %q, want %q, %v", line, out, want, err)
			}
			kind := strings.Fields(c[1])[0]
			have[kind] = true
			if out, err := s.Exec("lab fault sw1 off " + kind); err != nil || out != nil {
				t.Errorf("off %s: %q, %v", kind, out, err)
			}
		}
	}
	if out, _ := s.Exec("lab fault sw1 show"); out != nil {
		t.Errorf("after all: %q", out)
	}
	for k := hwsim.FaultRefuse; k < hwsim.NumFaultKinds; k++ {
		if !have[k.String()] && k != hwsim.FaultGone {
			t.Errorf("no line has the kind %v", k)
		}
	}
}

func shell(t *testing.T, lines ...string) (*machine.Machine, *Shell) {
	t.Helper()
	m, err := machine.New(machine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := New(m)
	for _, line := range lines {
		if out, err := s.Exec(line); err != nil || out != nil {
			t.Fatalf("%s: %q, %v", line, out, err)
		}
	}
	return m, s
}

// TestFaultsThatCannotBeMeant: they are outside the language, say which word is wrong, and no
// fault is at work afterwards.
func TestFaultsThatCannotBeMeant(t *testing.T) {
	m, s := shell(t, "lab switch br0 ports s1 s2 p5")
	defer m.Close()
	const kinds = "want one of refuse, full, slow, hang, reset, lost, late, duplicate, reorder, partial, ignore, misplace, vanish, drift, off and show"
	for line, want := range map[string]string{
		"":                                     "the name of the device is missing",
		"sw1":                                  "what is to go wrong is missing",
		"sw1 explode":                          `"explode": ` + kinds,
		"sw1 gone":                             `"gone": ` + kinds,
		"sw2 refuse":                           `"sw2": no such switching device`,
		"sw2 off":                              `"sw2": no such switching device`,
		"sw2 show":                             `"sw2": no such switching device`,
		"sw2 reset now":                        `"sw2": no such switching device`,
		"netdevsim1 fail_reload true":          `"lab fault netdevsim1": not in the lab`,
		"sw1 off explode":                      `"explode": ` + kinds,
		"sw1 off refuse more":                  `"more": not a word of this command`,
		"sw1 show more":                        `"more": not a word of this command`,
		"sw1 refuse report":                    `"report": refuse strikes fdb, flush, vlan, port, bridge, dump only`,
		"sw1 refuse fdb.join":                  `"fdb.join": no such operation of fdb`,
		"sw1 refuse dump.":                     `"dump.": no such operation of dump`,
		"sw1 refuse vlan 5":                    `"5": not a word of this command`,
		"sw1 hang vlan":                        `"vlan": hang strikes fdb only`,
		"sw1 slow":                             "slow wants the word delay",
		"sw1 late":                             "late wants the word delay",
		"sw1 full":                             "full wants the word rows",
		"sw1 full rows 1 count 2":              `"count": not a word of this command`,
		"sw1 slow delay":                       `"delay": a word is missing`,
		"sw1 slow delay 5":                     `"5": not a duration such as 3s`,
		"sw1 slow delay 0s":                    `"0s": not a duration such as 3s`,
		"sw1 slow delay -3s":                   `"-3s": not a duration such as 3s`,
		"sw1 slow delay 1000h":                 `"1000h": not a duration such as 3s`,
		"sw1 misplace fdb.delete":              `"fdb.delete": misplace strikes fdb.set only`,
		"sw1 refuse nth 0":                     `"0": want a number from 1 to 1048576`,
		"sw1 refuse nth":                       "a number is missing",
		"sw1 refuse nth 1 nth 2":               `"nth": said twice`,
		"sw1 refuse err nonsense":              `"nonsense": want one of busy, exist, invalid, no-device, no-space, not-exist, permission, range, timeout, unavailable, unknown, unsupported`,
		`sw1 refuse text ""`:                   `"text": an empty word`,
		"sw1 refuse fdb mac x":                 `"x": not a MAC address`,
		"sw1 refuse fdb mac 00:00:00:00:00:00": `"mac": the zero address is none`,
		"sw1 refuse fdb vlan 4095":             `"4095": want a number from 1 to 4094`,
		"sw1 refuse fdb port p5":               `"p5": no such port of a switching device`,
		"sw1 refuse fdb port s9":               `"s9": no such port of a switching device`,
		"sw1 misplace to br0":                  `"br0": no such port of a switching device`,
		"sw1 hang delay 3s":                    `"delay": not a word of this command`,
		"sw1 refuse done":                      `"done": not a word of this command`,
		"sw1 reset now more":                   `"more": not a word of this command`,
		"sw1 refuse now":                       `"now": not a word of this command`,
		"sw1 vanish now":                       "vanish now wants the word mac",
		"sw1 vanish now mac 02:00:00:00:00:09": "no such row",
		"sw1 vanish now mac 02:00:00:00:00:09 to s1": `"to": not a word of this command`,
		"sw1 drift now mac 02:00:00:00:00:09":        "drift now wants the word to",
		"sw1 drift now mac 02:00:00:00:00:09 to p5":  `"p5": no such port of a switching device`,
	} {
		out, err := s.Exec(strings.TrimSpace("lab fault " + line))
		if want = strings.TrimSpace("lab fault "+line) + ": " + want; err == nil || err.Error() != want || out != nil {
			t.Errorf("%q and\n\t%v, want\n\t%s", out, err, want)
		}
	}
	if out, err := s.Exec("lab fault sw1 show"); out != nil || err != nil {
		t.Errorf("at work: %q, %v", out, err)
	}
	for line, want := range map[string]string{
		"lab reconcile": "the name of the device is missing", "lab reconcile sw2": `"sw2": no such switching device`,
		"lab reconcile sw1 now": `"now": not a word of this command`, "lab clock now": `"now": not a word of this command`,
	} {
		if out, err := s.Exec(line); err == nil || err.Error() != line+": "+want || out != nil {
			t.Errorf("%q, %v, want %s", out, err, want)
		}
	}
}

// TestFaultsNeedASwitch: before there is one nothing can go wrong with it.
func TestFaultsNeedASwitch(t *testing.T) {
	m, s := shell(t, "lab bridge br0 ports p1")
	defer m.Close()
	for _, line := range []string{"lab fault sw1 show", "lab fault sw1 hang", "lab fault sw1 vanish now mac 02:00:00:00:00:09", "lab reconcile sw1"} {
		if out, err := s.Exec(line); err == nil || !strings.HasSuffix(err.Error(), "no such switching device") {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}
