package fault

import "orrery/model"

// volumeDetach takes the disks that pods have mounted away from their machines, behind
// the cluster's back, as somebody does in the provider's console: what the processes
// read and write fails, so they exit, and so does every instance that starts in the
// same pod, because the mount is of a device that is gone. Nobody else notices: the
// attachment says what it said. A pod that is made anew has its disk attached and
// mounted anew.
type volumeDetach struct{ undoing }

// ioFailed is the exit code of a process that cannot read what it needs.
const ioFailed = 1

func (f *volumeDetach) begin(d *Director, _ *Spec, pods []model.Object) (string, bool) {
	for _, o := range pods {
		p := o.(*model.Pod)
		machine := d.host(p.NodeID)
		if !machine.HasDisks(p.Ref()) {
			continue
		}
		for _, name := range containers(p.Spec, nil) {
			machine.CrashContainer(p.Ref(), name, ioFailed)
			machine.Doom(p.Ref(), name, model.Doom{ExitCode: ioFailed})
			f.later(func() { machine.Spare(p.Ref(), name) })
		}
	}
	if len(f.undo) == 0 {
		return "none of them has a disk that was attached for it", false
	}
	return "their disks are gone", true
}
