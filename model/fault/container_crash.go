package fault

import (
	"fmt"

	"orrery/model"
)

// containerCrash makes processes exit by themselves: once, or for as long as
// it is in force soon after every start. What follows is the kubelet's
// business.
type containerCrash struct {
	doomed    []*model.Pod
	container string
}

// begin crashes one container of every pod, or all of its regular ones. A
// container that does not run at that moment cannot crash, but can be kept
// from running.
func (f *containerCrash) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	code := s.ExitCode
	if code == 0 {
		code = 1
	}
	crashed := 0
	for _, o := range pods {
		p := o.(*model.Pod)
		machine := d.world.Machine(p.NodeID)
		if s.For > 0 {
			machine.Doom(p.Ref(), s.Container, code)
			f.doomed, f.container = append(f.doomed, p), s.Container
		}
		for _, name := range containers(p.Spec, s.Container) {
			if machine.CrashContainer(p.Ref(), name, code) {
				crashed++
			}
		}
	}
	said := "no such container was running"
	switch {
	case crashed == 1:
		said = fmt.Sprintf("1 container exited with code %d", code)
	case crashed > 1:
		said = fmt.Sprintf("%d containers exited with code %d", crashed, code)
	}
	if s.For == 0 {
		return said, crashed > 0
	}
	return fmt.Sprintf("%s, and every start ends with code %d", said, code), true
}

// containers is the named container, which may be a sidecar, or all regular
// ones.
func containers(spec *model.PodSpec, name string) []string {
	if name != "" {
		return []string{name}
	}
	var all []string
	for i := range spec.Containers {
		all = append(all, spec.Containers[i].Name)
	}
	return all
}

func (f *containerCrash) end(d *Director) {
	for _, p := range f.doomed {
		d.world.Machine(p.NodeID).Spare(p.Ref(), f.container)
	}
}
