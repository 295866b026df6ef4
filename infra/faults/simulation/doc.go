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
// One thing is left to the runtime's own chance: POSTs of a batch that a gate lets through at one instant have timers that
// fire at one instant too, in any order, if their receiver hangs. Runs of such a seed differ in which of them goes first.
//
// Variants of the system that are broken on purpose show that the invariants bite.
package simulation
