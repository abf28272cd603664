package autoscaler

import (
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/cloud"
	"orrery/sim"
)

// group is what the autoscaler remembers of a node group
// (cluster-autoscaler/clusterstate/clusterstate.go).
type group struct {
	upcoming     int           // machines that were asked for and are no ready nodes yet
	unregistered bool          // some are not even nodes
	askedAt      sim.Time      // the newest scale-up that is not done; 0 if none
	wait         time.Duration // of the backoff, 0 if there is none
	until        sim.Time      // the backoff ends
	failedAt     sim.Time      // the newest failure
	calls        int           // about machines that did not come, which are not answered yet
}

// backOff lets a group alone after a scale-up failed: for 5 min, twice as long
// after each failure that follows, at most 30 min; what failed 3 h ago is
// forgotten (cluster-autoscaler/utils/backoff/exponential_backoff.go).
func (g *group) backOff(now sim.Time) {
	switch {
	case g.wait == 0 || now >= g.failedAt.Add(backoffReset):
		g.wait = backoffInitial
	case now > g.until:
		g.wait = min(2*g.wait, backoffMax)
	}
	g.failedAt, g.until = now, now.Add(g.wait)
}

// settleGroups finds out how far the groups are, and gives up what did not come.
func (a *Autoscaler) settleGroups(now sim.Time) {
	for i, s := range a.session.State() {
		g := &a.groups[i]
		there, old := 0, 0
		g.unregistered = false
		for _, m := range s.Machines {
			n := a.view.nodes.Row(m.Node).node
			switch {
			case n == nil && now >= m.MadeAt.Add(a.MaxNodeProvisionTime):
				old++
			case n == nil:
				g.unregistered = true
			case n.Ready.Status == model.True || now >= n.CreatedAt.Add(maxNodeStartupTime):
				there++
			}
		}
		g.upcoming = max(0, s.Target-there-old)
		if old > 0 && g.calls == 0 {
			a.giveUp(now, i, &s)
		}
		switch {
		case g.upcoming == 0 && old == 0:
			g.askedAt = 0
		case g.askedAt > 0 && now >= g.askedAt.Add(a.MaxNodeProvisionTime):
			a.about(s.Name, true, "ScaleUpTimedOut", fmt.Sprintf("Nodes added to group %s failed to register within %v", s.Name, now.Sub(g.askedAt)))
			g.askedAt = 0
			g.backOff(now)
		}
		if s.Failed != "" && len(s.Machines) < s.Target && g.calls == 0 {
			a.shrink(now, i, &s)
		}
	}
}

// giveUp removes the machines of a group that have not become nodes in time.
func (a *Autoscaler) giveUp(now sim.Time, i int, s *cloud.GroupState) {
	for _, m := range s.Machines {
		if a.view.nodes.Row(m.Node).node == nil && now >= m.MadeAt.Add(a.MaxNodeProvisionTime) {
			a.about(s.Name, false, "DeleteUnregistered", "Removed unregistered node "+m.Name)
			a.owe(i, a.session.Remove(m.Node))
		}
	}
}

// owed is a call that no look waits for, about a group.
type owed struct {
	ticket uint64
	group  int
}

func (a *Autoscaler) owe(group int, ticket uint64) {
	a.groups[group].calls++
	a.owed = append(a.owed, owed{ticket, group})
}

// repaid takes the answer to such a call. It is false if the ticket is of
// another.
func (a *Autoscaler) repaid(ticket uint64) bool {
	for i, o := range a.owed {
		if o.ticket == ticket {
			a.groups[o.group].calls--
			a.owed = slices.Delete(a.owed, i, i+1)
			a.session.Answer(ticket) // one that was refused is made again at the next look
			a.dirty = true
			return true
		}
	}
	return false
}

// shrink takes back what a group was asked for and cannot make, and lets it alone
// for a while (core/static_autoscaler.go deleteCreatedNodesWithErrors,
// clusterstate.go handleInstanceCreationErrors, which writes a log where this
// records an Event).
func (a *Autoscaler) shrink(now sim.Time, i int, s *cloud.GroupState) {
	g := &a.groups[i]
	a.about(s.Name, true, "FailedToScaleUpGroup", fmt.Sprintf("Scale-up failed for group %s: %s", s.Name, s.Failed))
	g.backOff(now)
	g.askedAt = 0
	g.upcoming = max(0, g.upcoming-(s.Target-len(s.Machines)))
	a.owe(i, a.session.Resize(i, len(s.Machines)))
}

// about says something about a group: in Kubernetes, about the ConfigMap
// cluster-autoscaler-status.
func (a *Autoscaler) about(group string, warning bool, reason, message string) {
	a.client.NoteNamed("nodegroup/"+group, warning, reason, message)
}

// unhealthy tells whether so many nodes are not ready that something else must be
// wrong (clusterstate.go IsClusterHealthy).
func (a *Autoscaler) unhealthy(now sim.Time) bool {
	all, unready := 0, 0
	for id := range a.view.nodes.Len() {
		n := a.view.nodes.Row(uint32(id)).node
		if n == nil {
			continue
		}
		all++
		if n.Ready.Status != model.True && now >= n.CreatedAt.Add(maxNodeStartupTime) {
			unready++
		}
	}
	return unready > okUnready && unready*100 > all*maxUnreadyPercent
}
