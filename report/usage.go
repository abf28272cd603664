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

// Usage is what pods or nodes use, at one or several moments of a run, as "kubectl top pod"
// and "kubectl top node" print it (k8s.io/kubectl/pkg/metricsutil/metrics_printer.go): CPU in
// thousandths of a core, memory in whole MiB, and of nodes also whole percents of what is
// allocatable. It is what metrics-server knows: the mean CPU of 15 s that ended 15 to 30 s ago,
// and the working set at their end. Pods of which it knows nothing are left out.
type Usage struct {
	Nodes      bool            // of nodes
	Containers bool            // one line for each container of pods
	Times      bool            // with the moment in front
	Path       string          // of the only pod or node that is looked at, "" for all
	Hollow     map[string]bool // by name, nodes on which nothing runs: counted, not printed
	pods       living[*model.Pod]
	nodes      living[*model.Node]
	rows       [][]string
	idle       int // hollow nodes at the last Look
}

// MetricsServer is who knows what is used.
type MetricsServer interface {
	Usage(pod *model.Pod, container string) (model.Sample, bool)
	NodeUsage(node *model.Node) (model.Sample, bool)
}

// Look adds what the pods or nodes use now that exist at the end of a history. The next Look has
// to be at a later time of the same history.
func (u *Usage) Look(now sim.Time, h *store.History, by MetricsServer) {
	if u.Nodes {
		u.lookAtNodes(now, h, by)
		return
	}
	for _, p := range u.pods.at(h, u.Path) {
		all, ok := by.Usage(p, "")
		if !ok {
			continue // of none of its containers, either
		}
		if !u.Containers {
			u.add(now, p.Namespace, p.Name, cores(&all), memory(&all))
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
			if one, ok := by.Usage(p, name); ok {
				u.add(now, p.Namespace, p.Name, name, cores(&one), memory(&one))
			}
		}
	}
}

// lookAtNodes adds nodes: first those of which something is known. Hollow ones are only counted,
// unless one is asked for by name.
func (u *Usage) lookAtNodes(now sim.Time, h *store.History, by MetricsServer) {
	var unknown []string
	u.idle = 0
	for _, n := range u.nodes.at(h, u.Path) {
		s, ok := by.NodeUsage(n)
		if !ok && u.Path == "" && u.Hollow[n.Name] {
			u.idle++
			continue
		}
		if !ok {
			unknown = append(unknown, n.Name)
			continue
		}
		u.add(now, n.Name, cores(&s), percentOf(s.CPUMilli, n.Allocatable.CPUMilli), memory(&s), percentOf(s.MemoryBytes, n.Allocatable.MemoryBytes))
	}
	for _, name := range unknown {
		const none = "<unknown>"
		u.add(now, name, none, none, none, none)
	}
}

func cores(s *model.Sample) string  { return fmt.Sprint(s.CPUMilli, "m") }
func memory(s *model.Sample) string { return fmt.Sprint(s.MemoryBytes>>20, "Mi") }

// percentOf is the whole percents that a part is of all, 0 of nothing.
func percentOf(part, all int64) string {
	if all == 0 {
		return "0%"
	}
	return fmt.Sprint(sim.Scale(part, 100, all), "%")
}

func (u *Usage) add(now sim.Time, cells ...string) {
	if u.Times {
		cells = append([]string{now.String()}, cells...)
	}
	u.rows = append(u.rows, cells)
}

// WriteText writes what was seen.
func (u *Usage) WriteText(w io.Writer) error {
	if len(u.rows) == 0 && u.idle == 0 {
		_, err := io.WriteString(w, "No resources found\n")
		return err
	}
	var t table
	if len(u.rows) > 0 {
		t.row(u.head()...)
	}
	for _, r := range u.rows {
		t.row(r...)
	}
	lines := t.lines()
	if u.idle > 0 {
		lines = append(lines, model.Counted(int64(u.idle), "hollow node")+": nothing runs there")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

func (u *Usage) head() (head []string) {
	if u.Times {
		head = append(head, "TIME")
	}
	if u.Nodes {
		return append(head, "NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)")
	}
	head = append(head, "NAMESPACE")
	if u.Containers {
		head = append(head, "POD")
	}
	return append(head, "NAME", "CPU(cores)", "MEMORY(bytes)")
}
