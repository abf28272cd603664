package fault

import (
	"slices"
	"strings"

	"orrery/model"
)

// Replica is one process of a component of which one leads, on a machine of the
// control plane. Of one that ended nothing acts any more, and answers to what it
// has asked for reach nobody; one that is started knows nothing of those before
// it, and competes for the lead.
type Replica interface {
	Running() bool
	Leads() bool
	Crash() // the process exits, and whoever runs it there starts it again
	Stop()  // there is none until Start
	Quit()  // the same, but it is asked to end and may give back its lead before
	Start()
}

// The other components of which one leads; the last two only in a cloud.
const (
	kubeScheduler   = "kube-scheduler"
	cloudController = "cloud-controller-manager"
	autoscaler      = "cluster-autoscaler"
)

// leading is the components that elect a leader.
var leading = []string{kubeScheduler, controllerManager, cloudController, autoscaler}

// heldReplica is how many faults hold a replica down, and what was done to it.
type heldReplica struct {
	downs int
	asked bool // it is asked to end, not killed
	down  bool
}

func (d *Director) replica(component string, machine int) Replica {
	return d.world.Replica(component, machine)
}

// replicas is the machines of the control plane whose replicas are meant: those
// with a name, or else that of the leader.
func (d *Director) replicas(component string, names []string) []int {
	if d.replica(component, 0) == nil {
		return nil
	}
	if len(names) > 0 {
		return d.controlMachines(names)
	}
	for i := range d.world.ControlPlane() {
		if r := d.replica(component, i); r != nil && r.Leads() {
			return []int{i}
		}
	}
	return nil
}

// on says where replicas are: "cp-0, which led".
func (d *Director) on(component string, machines []int) string {
	var names []string
	for _, i := range machines {
		name := d.world.Network().Name(d.world.ControlPlane()[i])
		if d.replica(component, i).Leads() {
			name += ", which led"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// holdReplica counts by more (or fewer) faults that keep a replica from running.
func (d *Director) holdReplica(component string, machine, downs int) *heldReplica {
	n := slices.Index(leading, component)
	for len(d.held[n]) <= machine {
		d.held[n] = append(d.held[n], heldReplica{})
	}
	h := &d.held[n][machine]
	h.downs += downs
	return h
}

// settleReplicas makes what is held be so, and everything else not.
func (d *Director) settleReplicas() {
	for n, component := range leading {
		for machine := range d.held[n] {
			h := &d.held[n][machine]
			down := h.downs > 0
			if down == h.down {
				continue
			}
			h.down = down
			switch r := d.replica(component, machine); {
			case !down:
				r.Start()
			case h.asked:
				r.Quit()
			default:
				r.Stop()
			}
			h.asked = false
		}
	}
}

// replicaCrash has processes of a component exit. They are started again at once,
// with a back-off if they crash again, or once the fault is over.
type replicaCrash struct {
	component string
	held      []int // machines
}

func (f *replicaCrash) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	machines := slices.DeleteFunc(d.replicas(f.component, s.Members), func(i int) bool { return !d.replica(f.component, i).Running() })
	if len(machines) == 0 {
		return "none runs there, or leads", false
	}
	said := "on " + d.on(f.component, machines)
	for _, i := range machines {
		if s.For > 0 {
			d.holdReplica(f.component, i, 1)
			f.held = append(f.held, i)
		} else {
			d.replica(f.component, i).Crash()
		}
	}
	return said, true
}

func (f *replicaCrash) end(d *Director) {
	for _, i := range f.held {
		d.holdReplica(f.component, i, -1)
	}
}
