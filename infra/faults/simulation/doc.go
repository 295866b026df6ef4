// Package simulation runs Hookline's services under faults in virtual time, from a seed: one seed is one run, the same to
// the byte each time.
//
// A world has one store and the queues of a stack in memory, and processes that share nothing else. Each process is the
// whole of Hookline, put together by package stack. Pollers hand it batches as Lambda's event source mappings do, clients
// publish, change and replay at random, and receivers answer in all ways. Every call of a store, a queue or a receiver may
// be lost, be done and reported failed, be slow or be the last of its process. After a while the faults end, and when all
// is quiet the invariants are checked.
//
// Nothing is drawn from a sequence of random numbers, because goroutines would draw in another order in another run.
// Instead every call waits for an instant of virtual time that no other call has (world.turn), and whatever is left to
// chance is a hash of the seed and that instant.
//
// Goroutines that go on at one instant, because a gate let them through or their time is over, do nothing that depends on
// which of them goes first, until they have taken turns: TestSameSeedSameRun has them go in any order.
//
// Variants of the system that are broken on purpose show that the invariants bite.
package simulation
