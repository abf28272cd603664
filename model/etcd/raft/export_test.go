package raft

import "fmt"

// TimeoutOf, ElapsedOf and ProgressOf show the twin what it must agree on.
func TimeoutOf(r *Raft) Tick { return r.timeout }

func ElapsedOf(r *Raft) Tick { return r.now - r.heardAt }

func ProgressOf(r *Raft, id ID) string {
	p := &r.progress[id]
	return fmt.Sprintf("match %d next %d %d active %v paused %v pending %d inflight %d", p.match, p.next, p.flow, p.active, p.paused, p.pending, len(p.inflight))
}
