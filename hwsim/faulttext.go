package hwsim

import (
	"strconv"
	"strings"
)

// String returns the fault as [ParseFault] reads it. An error that no text can
// name is left out.
func (f Fault) String() string {
	b := []byte(f.Kind.String())
	if f.Match.Role != RoleAny || f.Match.Verb != "" {
		b = append(b, ":"+f.Match.Role.String()...)
	}
	if f.Match.Verb != "" {
		b = append(b, "."+f.Match.Verb...)
	}
	if n, _ := f.number(); n != nil && (*n != 0 || f.Kind == FaultFull) {
		b = append(b, ":"+strconv.Itoa(*n)...)
	}
	if f.Kind == FaultSlow || f.Kind.hasDelay() && f.Delay != 0 {
		b = append(b, ":"+f.Delay.String()...)
	}
	for _, r := range refusals {
		if f.Err == r.err {
			b = append(b, ":err="+r.name...)
		}
	}
	if f.Probability != 0 {
		b = append(b, ":p="...)
		b = strconv.AppendFloat(b, f.Probability, 'g', -1, 64)
	}
	b = appendCount(b, ":nth=", f.Nth)
	b = appendCount(b, ":count=", f.Count)
	b = f.Match.appendTo(b)
	b = appendCount(b, ":target=", int(f.Target))
	if f.After {
		b = append(b, ":done"...)
	}
	if f.Deaf {
		b = append(b, ":deaf"...)
	}
	return string(b)
}

func (s *Selector) appendTo(b []byte) []byte {
	if !s.MAC.IsZero() {
		b = append(b, ":mac="+strings.ReplaceAll(s.MAC.String(), ":", "-")...)
	}
	b = appendCount(b, ":vlan=", int(s.VLAN))
	b = appendCount(b, ":port=", int(s.Port))
	if s.Domain != nil {
		b = append(b, ":domain="+s.Domain.String()...)
	}
	return b
}

func appendCount(b []byte, name string, n int) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), int64(n), 10)
}
