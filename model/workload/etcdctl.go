package workload

import (
	"orrery/model"
)

// Etcd is what an operator can have etcd's members do, by the names of their
// machines. What they say is why it cannot be done, "" if it is begun.
type Etcd interface {
	MoveLeaderTo(machine string) string
	ReplaceMember(machine string) string
	DefragmentAt(machine string) string // "" is every machine, one after another
}

// Etcdctl lets the person use etcd's own command, which asks no API server.
func (u *Kubectl) Etcdctl(e Etcd) { u.etcd = e }

func runMoveLeader(u *Kubectl, a *task, _ model.Object) { u.operated(a, u.etcd.MoveLeaderTo(a.Member)) }

func runReplaceMember(u *Kubectl, a *task, _ model.Object) {
	u.operated(a, u.etcd.ReplaceMember(a.Member))
}

func runDefragment(u *Kubectl, a *task, _ model.Object) { u.operated(a, u.etcd.DefragmentAt(a.Member)) }

// operated says why something cannot be done.
func (u *Kubectl) operated(a *task, why string) {
	if why != "" {
		u.store.Note(u.self, model.Note{Named: "etcd/" + a.Member, Warning: true, Reason: ReasonActionFailed, Message: a.Do + ": " + why})
	}
}
