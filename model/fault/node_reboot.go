package fault

import "orrery/model"

// nodeReboot has machines boot anew: their power is gone for a moment, or they go down
// in an orderly way first. Those that another fault keeps down stay so.
type nodeReboot struct{}

func (nodeReboot) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	done := false
	for _, n := range nodes {
		id := n.Head().ID
		if d.machines.Row(id).downs > 0 {
			continue
		}
		done = true
		if machine := d.world.Machine(id); s.Graceful {
			machine.ShutDown(true)
		} else {
			machine.PowerOff()
			machine.PowerOn()
		}
	}
	if !done {
		return "the machines are down", false
	}
	if s.Graceful {
		return "shut down first", true
	}
	return "", true
}

func (nodeReboot) end(*Director) {}
