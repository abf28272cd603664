package fault

import (
	"fmt"

	"orrery/model"
)

// containerStress has processes in the cgroups of containers use CPU and memory, within
// the limits of these, as stress-ng does for Chaos Mesh's StressChaos: what the
// container itself does gets less CPU, and at its limit of memory the kernel kills it.
// An instance that starts meanwhile has them, too.
type containerStress struct {
	stressed []doomed
	stress   model.Stress
}

func (f *containerStress) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	f.stress = model.Stress{CPUMilli: s.CPUMilli, MemoryBytes: s.MemoryBytes, Growth: s.Growth}
	for _, o := range pods {
		p := o.(*model.Pod)
		for _, name := range containers(p.Spec, s.Containers) {
			f.stressed = append(f.stressed, doomed{p, name})
			d.host(p.NodeID).Stress(p.Ref(), name, f.stress)
		}
	}
	return fmt.Sprintf("%dm of CPU, %dMi of memory and %dMi more every second in each container", f.stress.CPUMilli, f.stress.MemoryBytes>>20, f.stress.Growth>>20), len(f.stressed) > 0
}

func (f *containerStress) end(d *Director) {
	for _, x := range f.stressed {
		d.host(x.pod.NodeID).Unstress(x.pod.Ref(), x.container, f.stress)
	}
}
