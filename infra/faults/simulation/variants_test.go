package simulation

import "hookline/shared/stack"

// variant is the system with one step broken. The zero variant is the system as it is.
type variant struct {
	name   string
	break_ func(p *process, parts *stack.Parts) // before the services are made
	after  func(p *process)                     // when they are
}

func (v variant) parts(p *process, parts *stack.Parts) {
	if v.break_ != nil {
		v.break_(p, parts)
	}
}

func (v variant) process(p *process) {
	if v.after != nil {
		v.after(p)
	}
}
