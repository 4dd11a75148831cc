package peer

// Packed returns the key of station i, below 1<<46: a unicast, locally
// administered address in the upper 48 of 60 bits, and a VLAN from 1 to 2048.
// It is the same for everybody who is measured, is made inside the measured
// loops, and no two stations have the same address: i goes through steps that
// can be undone.
func Packed(i uint64) uint64 {
	x := i * 0x3f58476d1ce4e5b9 & (1<<46 - 1)
	x ^= x >> 23
	x = x * 0x14d049bb133111eb & (1<<46 - 1)
	return x>>40<<54 | 1<<53 | x&(1<<40-1)<<12 | (x>>29&0x7ff + 1)
}

// Address returns the upper 48 bits of a packed key.
func Address(packed uint64) uint64 { return packed >> 12 }

// Beyond is set in the numbers of stations that are in no table.
const Beyond = 1 << 40

// step makes consecutive numbers visit a power of two of stations in an order
// unlike that of insertion.
const step = 0x9e3779b1

// Walk says which stations a loop looks up: Count of them, from First on, all
// below the power of two Mask+1 once before one comes again.
type Walk struct {
	First, Count, Mask uint64
	// Base is Beyond for stations that are in no table.
	Base uint64
}

// At returns the number of the i-th station of the walk.
func (w Walk) At(i uint64) uint64 { return i*step&w.Mask | w.Base }

// After is At where the station also depends on what the lookup before found:
// the port takes part in the choice, so no lookup can begin before the last has
// ended. The number moves on by itself, or the walk would soon run in a circle.
func (w Walk) After(i, port uint64) uint64 { return (i*step + port&7) & w.Mask }

// PortOf returns the port of station i.
func PortOf(i uint64) uint16 { return 1 + uint16(i&1023) }

// Station is the entry of a forwarding database made by hand, 32 bytes.
type Station struct {
	Port, Flags   uint16
	Owner         uint32
	Updated, Used int64
	Seq           uint64
}

// NewStation returns the entry of station i.
func NewStation(i uint64) *Station { return &Station{Port: PortOf(i), Updated: 1} }

// KeyCost does what every loop does besides the lookup.
func KeyCost(w Walk) (sum uint64) {
	for i := w.First; i < w.First+w.Count; i++ {
		sum += Packed(w.At(i))
	}
	return sum
}

// Mixed is the load of the measurements with a writer: of four updates two
// replace the entry of a random station, one inserts a new station and one
// deletes the oldest that was inserted. So the table keeps its size.
type Mixed struct {
	Mask uint64 // of the stations that stay
	next uint64
}

// Window is how many inserted stations live at a time.
const Window = 1 << 12

// Fours calls the functions for n groups of four updates.
func (m *Mixed) Fours(n int, replace, insert, remove func(station uint64)) {
	for range n {
		j := m.next
		m.next++
		replace(2 * j * step & m.Mask)
		insert(m.Mask + 1 + Window + j)
		replace((2*j + 1) * step & m.Mask)
		remove(m.Mask + 1 + j)
	}
}

// checked returns found and keeps the compiler from leaving ports out.
func checked(found, ports uint64) uint64 {
	if ports == 1<<63 {
		return 0
	}
	return found
}
