// Package upgrade has a whole stack handle the messages that earlier releases left in the queues. The formats themselves
// are held beside their code: see package fixture.
package upgrade
