package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Usage is what pods use, at one or several moments of a run, as "kubectl top pod" prints
// it (k8s.io/kubectl/pkg/metricsutil/metrics_printer.go): CPU in thousandths of a core and
// memory in whole MiB. It is what metrics-server knows of them: the mean CPU of 15 s, and
// the working set at their end, which was 15 to 30 s ago. Pods of which it knows nothing
// are not there.
type Usage struct {
	Containers bool   // one line for each container
	Times      bool   // with the moment in front
	Path       string // of the only pod that is looked at, "" for all
	pods       living
	rows       [][]string
}

// Look adds what the pods use now that there are at the end of a history. Another Look has
// to be at more of the same.
func (u *Usage) Look(now sim.Time, h *store.History, of func(pod *model.Pod, container string) (model.Sample, bool)) {
	for _, p := range u.pods.at(h, u.Path) {
		all, ok := of(p, "")
		if !ok {
			continue // of none of its containers, either
		}
		if !u.Containers {
			u.add(now, &all, p.Namespace, p.Name)
			continue
		}
		var names []string
		for _, list := range [][]model.Container{p.Spec.Containers, p.Spec.InitContainers} {
			for i := range list {
				names = append(names, list[i].Name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if one, ok := of(p, name); ok {
				u.add(now, &one, p.Namespace, p.Name, name)
			}
		}
	}
}

func (u *Usage) add(now sim.Time, s *model.Sample, cells ...string) {
	if u.Times {
		cells = append([]string{now.String()}, cells...)
	}
	u.rows = append(u.rows, append(cells, fmt.Sprint(s.CPUMilli, "m"), fmt.Sprint(s.MemoryBytes>>20, "Mi")))
}

// WriteText writes what was seen.
func (u *Usage) WriteText(w io.Writer) error {
	if len(u.rows) == 0 {
		_, err := io.WriteString(w, "No resources found\n")
		return err
	}
	var head []string
	if u.Times {
		head = append(head, "TIME")
	}
	head = append(head, "NAMESPACE")
	if u.Containers {
		head = append(head, "POD")
	}
	var t table
	t.row(append(head, "NAME", "CPU(cores)", "MEMORY(bytes)")...)
	for _, r := range u.rows {
		t.row(r...)
	}
	_, err := io.WriteString(w, strings.Join(t.lines(), "\n")+"\n")
	return err
}
