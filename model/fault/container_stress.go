package fault

import (
	"fmt"
	"strings"

	"orrery/model"
)

// containerStress has processes in the cgroups of containers use CPU and memory, within
// the limits of these, as stress-ng does for Chaos Mesh's StressChaos: what the
// container itself does gets less CPU, and at its limit of memory the kernel kills it.
// And they write into its layer, as dd does for Litmus' disk-fill, until the disk is full:
// the kubelet finds that as it finds what containers write themselves. An instance that
// starts meanwhile has them, too.
type containerStress struct{ undoing }

func (f *containerStress) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	stress := model.Stress{CPUMilli: s.CPUMilli, MemoryBytes: s.MemoryBytes, Growth: s.Growth, DiskBytes: s.DiskBytes, FillPPM: s.FillPPM}
	for _, o := range pods {
		p := o.(*model.Pod)
		machine := d.host(p.NodeID)
		for _, name := range containers(p.Spec, s.Containers) {
			if s.FillPPM > 0 && ephemeralLimit(p.Spec, name) == 0 {
				continue
			}
			machine.Stress(p.Ref(), name, stress)
			f.later(func() { machine.Unstress(p.Ref(), name, stress) })
		}
	}
	if len(f.undo) == 0 {
		return "none of their containers has a limit of ephemeral storage that could be filled", false
	}
	return used(&stress) + " in each container", true
}

// used is what each container has then, for people.
func used(stress *model.Stress) string {
	var all []string
	say := func(n int64, form string) {
		if n > 0 {
			all = append(all, fmt.Sprintf(form, n))
		}
	}
	say(stress.CPUMilli, "%dm of CPU")
	say(stress.MemoryBytes>>20, "%dMi of memory")
	say(stress.Growth>>20, "%dMi of memory more every second")
	say(stress.DiskBytes>>20, "%dMi on the disk")
	if stress.FillPPM > 0 {
		all = append(all, percent(stress.FillPPM)+" of its limit of ephemeral storage written")
	}
	return strings.Join(all, ", ")
}

// ephemeralLimit is how much a container of a pod may have on the disk, in bytes; 0 is
// without end.
func ephemeralLimit(spec *model.PodSpec, name string) int64 {
	for _, all := range [...][]model.Container{spec.InitContainers, spec.Containers} {
		for i := range all {
			if all[i].Name == name {
				return all[i].Limits.EphemeralBytes
			}
		}
	}
	return 0
}
