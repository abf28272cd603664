package fault

import "orrery/model"

// leaderLoss ends the replica that leads, and keeps it away: a standby takes over.
// One that is asked to end, rather than killed, gives its Lease back if it is
// kube-scheduler (cmd/kube-scheduler/app/server.go ReleaseOnCancel);
// kube-controller-manager of v1.35 does not.
type leaderLoss struct {
	component string
	machine   int
}

func (f *leaderLoss) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	machines := d.replicas(s.Component, nil)
	if len(machines) == 0 {
		return "no " + s.Component + " leads", false
	}
	f.component, f.machine = s.Component, machines[0]
	how := " is killed"
	if s.Graceful {
		how = " is asked to end"
	}
	said := f.component + " on " + d.on(f.component, machines) + "," + how
	d.holdReplica(f.component, f.machine, 1).asked = s.Graceful
	return said, true
}

func (f *leaderLoss) end(d *Director) { d.holdReplica(f.component, f.machine, -1) }
