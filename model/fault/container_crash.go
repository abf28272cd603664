package fault

import (
	"fmt"
	"slices"

	"orrery/model"
)

// containerCrash makes processes exit by themselves: once, or for as long as
// it is in force soon after every start. What follows is the kubelet's
// business.
type containerCrash struct{ undoing }

// begin crashes some containers of every pod, or all of its regular ones. A
// container that does not run at that moment cannot crash, but can be kept
// from running.
func (f *containerCrash) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	code, crashed := s.ExitCode, 0
	for _, o := range pods {
		p := o.(*model.Pod)
		machine := d.host(p.NodeID)
		for _, name := range containers(p.Spec, s.Containers) {
			crashes := machine.CrashContainer(p.Ref(), name, code)
			if crashes {
				crashed++
			}
			if s.For == 0 || s.Times == 1 && crashes {
				continue
			}
			left := s.Times
			if crashes && left > 0 {
				left--
			}
			machine.Doom(p.Ref(), name, model.Doom{ExitCode: code, After: s.After, Times: left})
			f.later(func() { machine.Spare(p.Ref(), name) })
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
	said = fmt.Sprintf("%s, and every start ends with code %d", said, code)
	if !s.After.IsZero() {
		said += " after " + s.After.String()
	}
	if s.Times > 0 {
		said += fmt.Sprintf(", %d times in all", s.Times)
	}
	return said, true
}

// containers is the named containers that the pod has, which may be sidecars, or all
// regular ones.
func containers(spec *model.PodSpec, names []string) (out []string) {
	for i := range spec.InitContainers {
		if name := spec.InitContainers[i].Name; slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	for i := range spec.Containers {
		if name := spec.Containers[i].Name; len(names) == 0 || slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	return out
}
