package workload

import (
	"fmt"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// runDrain cordons the node and then evicts its pods, all at the same time; an
// eviction that is refused for now is asked again every 5 s, until the timeout
// if there is one (k8s.io/kubectl/pkg/drain, with --ignore-daemonsets
// --delete-emptydir-data). Pods of DaemonSets and mirror pods stay, and pods that are going
// already are left to go. That kubectl then looks every second whether they are
// gone has no effect and is left out.
func runDrain(u *Kubectl, a *task, node model.Object) {
	if a.Timeout > 0 {
		a.until = u.kernel.Now().Add(a.Timeout)
	}
	u.ask(call{task: a, op: store.OpPatch, target: node.Head().Ref(), patch: unschedulable(true), then: evictAll})
}

// evictAll evicts what is on the node once it takes nothing new. Which pods
// those are, kubectl asks the API server. Without force it evicts none if one
// of them has nobody to replace it (k8s.io/kubectl/pkg/drain/filters.go).
func evictAll(u *Kubectl, a *task, node model.Ref) {
	var bare []string
	var pods []model.Ref
	if why := a.client.May(store.Read{Right: store.RightList, Kind: model.KindPod}); why != store.Accepted {
		u.fail(a, "Error from server ("+why.String()+"): pods is forbidden: cannot list resource \"pods\" at the cluster scope")
		return
	}
	u.store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.NodeID == node.ID && !p.Deleting() && p.Owner.Kind != model.KindDaemonSet && !p.Mirror() {
			pods = append(pods, p.Ref())
			if p.Owner.IsZero() && !p.Phase.Terminal() {
				bare = append(bare, p.Namespace+"/"+p.Name)
			}
		}
		return true
	})
	if len(bare) > 0 && !a.Force {
		u.fail(a, "cannot delete Pods that declare no controller (use force: true to override): "+strings.Join(bare, ", "))
		return
	}
	for _, p := range pods {
		u.ask(call{task: a, op: store.OpEvict, target: p})
	}
}

// ReasonEvictionRefused is the reason of the note about a pod whose budget does
// not let it go; it is said once.
const ReasonEvictionRefused = "EvictionRefused"

// throttled asks again later, and tells whether it does. It gives up an eviction
// when the drain's time is over, anything else after some tries.
func (u *Kubectl) throttled(slot uint32) bool {
	c, now := &u.calls[slot], u.kernel.Now()
	at := now.Add(evictAgain)
	if c.op != store.OpEvict {
		if c.tries++; c.tries > askMost && c.task.number > 0 {
			return false
		}
		u.kernel.Post(now.Add(askAgain), u.self, whyAgain, uint64(slot))
		return true
	}
	if !c.later {
		u.sayRefused(c)
	}
	if until := c.task.until; until != 0 && at >= until {
		at = max(now, until) // the answer may have come after the time was over
	}
	u.kernel.Post(at, u.self, whyAgain, uint64(slot))
	u.postpone(c)
	return true
}

func (u *Kubectl) sayRefused(c *call) {
	if p := u.store.Get(c.target); p != nil {
		c.task.client.Note(p, true, ReasonEvictionRefused, "error when evicting pods (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.")
	}
}

// again repeats a call, unless the time for it is over.
func (u *Kubectl) again(slot uint32) {
	c := &u.calls[slot]
	if c.op != store.OpEvict || c.task.until == 0 || u.kernel.Now() < c.task.until {
		u.send(slot)
		return
	}
	name := "?"
	if p := u.store.Get(c.target); p != nil {
		name = p.Head().Path()
	}
	u.fail(c.task, fmt.Sprintf("error when evicting %s: global timeout reached: %v", name, c.task.Timeout.Round(time.Second)))
	u.calls[slot] = call{}
	u.unused = append(u.unused, slot)
}
