package egress

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// guard decides which addresses are called: those of IANA's tables that are public, save the few below.
func guard(ports ...uint16) *ssrf.Guardian {
	return ssrf.New(ssrf.WithPorts(ports...), ssrf.WithDeniedV4Prefixes(
		// Azure's virtual machines are answered by their host here. The address is a public one and belongs to nobody else.
		netip.PrefixFrom(netip.AddrFrom4([4]byte{168, 63, 129, 16}), 32),
	))
}

// checkAddr returns an error for an address that is not called.
func checkAddr(g *ssrf.Guardian, addr netip.Addr) error {
	if b := addr.As16(); addr.Is6() && b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		return ssrf.ErrProhibitedIP // ISATAP (RFC 5214): whatever the prefix, a tunnel leads to the IPv4 address in the last four bytes
	}
	return g.SafeAddr(addr)
}

// mixes reports whether an answer of the DNS has an address that is not called. A name that has one is not called at all, not
// even by its public addresses: whoever mixes them tries which of them gets through. An address that DNS64 made of a public one
// says nothing, because the network adds it to every name that has no IPv6 address.
func mixes(g *ssrf.Guardian, answer []net.IPAddr) bool {
	for _, a := range answer {
		addr, ok := netip.AddrFromSlice(a.IP)
		if !ok {
			return true
		}
		if addr = addr.Unmap(); ssrf.IPv6NAT64Prefix.Contains(addr) {
			b := addr.As16()
			addr = netip.AddrFrom4([4]byte(b[12:]))
		}
		if checkAddr(g, addr) != nil {
			return true
		}
	}
	return false
}

// control runs before each connect, after the socket was made: nothing is sent to an address that it refuses.
func control(g *ssrf.Guardian) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, network, address string, c syscall.RawConn) error {
		if p, ok := ctx.Value(progressKey{}).(*progress); ok && p.refused(g) {
			return ssrf.ErrProhibitedIP
		}
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return ssrf.ErrInvalidHostPort
		}
		if err := checkAddr(g, to.Addr()); err != nil {
			return err
		}
		return g.Safe(network, address, c)
	}
}

// refused reports whether the host's name was resolved to an address that is not called.
func (p *progress) refused(g *ssrf.Guardian) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return mixes(g, p.resolved)
}
