package fault

import (
	"fmt"

	"orrery/model"
)

// containerCrash makes processes exit by themselves. What follows is the
// kubelet's business.
type containerCrash struct{}

// begin crashes one container of every pod, or all of its regular ones. A
// container that does not run at that moment cannot crash.
func (containerCrash) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	code := s.ExitCode
	if code == 0 {
		code = 1
	}
	crashed := 0
	for _, o := range pods {
		p := o.(*model.Pod)
		for _, name := range containers(p.Spec, s.Container) {
			if d.world.Machine(p.NodeID).CrashContainer(p.Ref(), name, code) {
				crashed++
			}
		}
	}
	if crashed == 0 {
		return "no such container was running", false
	}
	return fmt.Sprintf("%d containers exited with code %d", crashed, code), true
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

func (containerCrash) end(*Director) {}
