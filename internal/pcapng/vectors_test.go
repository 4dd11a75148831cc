package pcapng

import (
	"encoding/hex"
	"strings"
	"testing"
)

// The vectors are put together by hand from the block diagrams of draft-ietf-opsawg-pcapng §4 and
// draft-ietf-opsawg-pcap §4 and §5, not with this package's writer.

// unhex drops what is not a hexadecimal octet: blanks, and everything from ';' to the line's end.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frameHex is 15 octets, so that padding shows.
const frameHex = "ffffffffffff 020000000001 0806 5a"

const sectionLE = `
0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000
`

const sectionBE = `
0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
`

// interfaceLE: "p1", no tsresol, so microseconds; comment option is skipped.
const interfaceLE = `
01000000 30000000 0100 0000 00000400
0100 0300 68692100       ; opt_comment "hi!"
0200 0200 70310000       ; if_name "p1"
0e00 0800 0a00000000000000 ; if_tsoffset 10 s
                         ; opt_endofopt left out: the draft lets the block's end stand for it
30000000
`

const interfaceBE = `
00000001 00000028 0001 0000 00000000
0002 0002 70320000       ; if_name "p2"
0009 0001 09000000       ; if_tsresol 9
0000 0000
00000028
`

// enhancedLE: 1.000002 s in microseconds, and 10 s offset.
const enhancedLE = `
06000000 3c000000 00000000 00000000 42420f00 0f000000 0f000000
` + frameHex + ` 00
0200 0400 01000000       ; epb_flags: inbound
0000 0000
3c000000
`

// enhancedBE: 0x100000001 ns, cut from 60 octets.
const enhancedBE = `
00000006 00000030 00000000 00000001 00000001 0000000f 0000003c
` + frameHex + ` 00
00000030
`

const simpleLE = `
03000000 20000000 0f000000
` + frameHex + ` 00
20000000
`

const obsoleteBE = `
00000002 00000030 0000 ffff 00000000 00000007 0000000f 0000000f
` + frameHex + ` 00
00000030
`

const unknownLE = `
0500 0000 18000000 00000000 00000000 00000000 18000000 ; interface statistics
ad0b 0000 14000000 397f0000 deadbeef 14000000          ; custom block 0x00000bad
`

const classicMicroLE = `
d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000
01000000 02000000 0f000000 3c000000
` + frameHex

const classicNanoBE = `
a1b23c4d 0002 0004 00000000 00000000 00040000 00000001
ffffffff 3b9ac9ff 0000000f 0000000f
` + frameHex
