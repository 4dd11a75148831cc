package switchdevtest

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestRulesFindWhatRealDriversGetWrong: each quirk of the simulated chip is one of
// a Linux driver. The rules that it breaks are found by name, and no others are.
// Quirks that no rule finds are listed too, so that the kit's reach is known.
func TestRulesFindWhatRealDriversGetWrong(t *testing.T) {
	tests := []struct {
		quirk  hwsim.Quirks
		broken []string
	}{
		{0, nil},
		{hwsim.QuirkStaleRowOnMove, []string{"fdb/set-moves", "fdb/set-replaces-learned", "fdb/delete-any-port", "fdb/whole-batch", "fdb/model"}},
		{hwsim.QuirkDeleteUserOnly, []string{"fdb/local-any-port", "flush/drops-learned", "flush/restricted"}},
		{hwsim.QuirkOffloadBeforeWrite, []string{"fdb/set-is-final", "fdb/set-is-idempotent"}},
		{hwsim.QuirkStaticOverLearnedIgnored, []string{"flush/keeps-taken-over"}},
		{hwsim.QuirkAddOutsideVLANSucceeds, nil}, // the ports are in the VLANs of the kit's rows
		{hwsim.QuirkErrorsSwallowed, []string{"fdb/bad-key"}},
		{hwsim.QuirkDeleteAbsentFails, []string{"fdb/delete-absent"}},
		{hwsim.QuirkStaticOnly, nil}, // the kit's rows are static
		{hwsim.QuirkSilent, []string{"report/learned"}},
		{hwsim.QuirkRowsSurviveLeave, []string{"port/leave-drops-rows", "lag/delete-drops-rows"}},
		{hwsim.QuirkLAGRowsSurvive, []string{"lag/delete-drops-rows", "lag/reused-number"}},
		{hwsim.QuirkOldestRowWins, nil}, // no rule looks where the frames of a station that has moved go
		{hwsim.QuirkSetRowsSurviveLeave, []string{"port/leave-drops-rows"}},
		{hwsim.QuirkRowsSurviveVLAN, nil},
		{hwsim.QuirkUntaggedInVLANZero, nil},
		{hwsim.QuirkAgeingAtJoin, nil},
		{hwsim.QuirkDownDropsLearned, nil},
		{hwsim.QuirkFloodLost, nil},
	}
	for _, tt := range tests {
		t.Run(tt.quirk.String(), func(t *testing.T) {
			var broken []string
			for _, c := range cases() {
				if c.outside || c.hooks&^hookLearn != 0 {
					continue
				}
				for _, v := range c.variants(1<<numRoles - 1) {
					failures, _ := record(t, c, v, func(testing.TB) switchdev.Driver {
						chip, err := hwsim.New(hwsim.Config{Limits: switchdev.Limits{FDB: 32}, Hardware: hwsim.Hardware{Quirks: tt.quirk}})
						if err != nil {
							t.Fatal(err)
						}
						return chip
					}, WithLearn(learnChip), WithCapacity(64))
					if len(failures) > 0 && !slices.Contains(broken, c.Name) {
						broken = append(broken, c.Name)
					}
				}
			}
			t.Log(broken)
			if tt.broken == nil && broken != nil {
				t.Errorf("broken: %v, want none", broken)
			}
			for _, name := range tt.broken {
				if !slices.Contains(broken, name) {
					t.Errorf("%s does not find it, only %v", name, broken)
				}
			}
		})
	}
}

// learnChip sends a tagged frame from the station to an address that nobody has.
func learnChip(d switchdev.Driver, _ switchdev.Domain, port switchdev.PortID, key switchdev.FDBKey) {
	frame := make([]byte, 64)
	copy(frame, []byte{2, 0xff, 0xff, 0xff, 0xff, 0xfe})
	copy(frame[6:], key.MAC[:])
	binary.BigEndian.PutUint16(frame[12:], uint16(switchdev.EtherTypeVLAN))
	binary.BigEndian.PutUint16(frame[14:], uint16(key.VLAN))
	binary.BigEndian.PutUint16(frame[16:], uint16(switchdev.EtherTypeIPv4))
	chip, _ := switchdev.As[*hwsim.Chip](d)
	chip.Port(port).Ingress(frame)
}
