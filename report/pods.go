package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Pods writes what "kubectl get pods -o wide" would print at the end of a history: of
// all pods, or of the one that path names.
func Pods(w io.Writer, h *store.History, now sim.Time, path string) error {
	var all living[*model.Pod]
	pods := all.at(h, path)
	if len(pods) == 0 {
		_, err := io.WriteString(w, "No resources found\n")
		return err
	}
	head := []string{"NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE"}
	gated := slices.ContainsFunc(pods, func(p *model.Pod) bool { return len(p.Spec.ReadinessGates) > 0 })
	if gated {
		head = append(head, "READINESS GATES")
	}
	var t table
	t.row(head...)
	for _, p := range pods {
		l := p.Line()
		restarts := fmt.Sprint(l.Restarts)
		if l.Restarts > 0 && l.RestartedAt > 0 {
			restarts += " (" + age(now.Sub(l.RestartedAt)) + " ago)"
		}
		cells := []string{p.Namespace, p.Name, fmt.Sprintf("%d/%d", l.Ready, l.Containers), l.Status, restarts, age(now.Sub(p.CreatedAt)), cmp.Or(p.NodeName, "<none>")}
		if gated {
			cells = append(cells, gates(p))
		}
		t.row(cells...)
	}
	_, err := io.WriteString(w, strings.Join(t.lines(), "\n")+"\n")
	return err
}

// living is the objects of one kind that exist at the end of a history, as far as that was read.
type living[T model.Object] struct {
	last map[uint32]T // by ID
	read int          // how many records were read
}

// at reads on to the end of the history. It returns the objects that exist then, or only the
// one that path names, in the order of their names.
func (l *living[T]) at(h *store.History, path string) (all []T) {
	if l.last == nil {
		l.last = map[uint32]T{}
	}
	for ; l.read < h.Len(); l.read++ {
		r := h.At(l.read)
		if r.Note != nil {
			continue
		}
		if o, ok := r.Object().(T); ok {
			if l.last[o.Head().ID] = o; r.New == nil {
				delete(l.last, o.Head().ID)
			}
		}
	}
	for _, o := range l.last {
		if path == "" || o.Head().Path() == path {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(x, y T) int {
		a, b := x.Head(), y.Head()
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return all
}

// gates is how many of a pod's readiness gates are True; the column is there if any pod
// has one, where kubectl always has it (pkg/printers/internalversion/printers.go printPod).
func gates(p *model.Pod) string {
	if len(p.Spec.ReadinessGates) == 0 {
		return "<none>"
	}
	return fmt.Sprintf("%d/%d", p.OpenGates(), len(p.Spec.ReadinessGates))
}

// age is a length of time as kubectl writes it
// (k8s.io/apimachinery/pkg/util/duration HumanDuration).
func age(d time.Duration) string {
	pair := func(a time.Duration, of string, b time.Duration, rest string) string {
		if b == 0 {
			return fmt.Sprintf("%d%s", a, of)
		}
		return fmt.Sprintf("%d%s%d%s", a, of, b, rest)
	}
	const day = 24 * time.Hour
	switch minutes, hours, days := d/time.Minute, d/time.Hour, d/day; {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case minutes < 10:
		return pair(minutes, "m", d/time.Second%60, "s")
	case minutes < 3*60:
		return fmt.Sprintf("%dm", minutes)
	case hours < 8:
		return pair(hours, "h", minutes%60, "m")
	case hours < 48:
		return fmt.Sprintf("%dh", hours)
	case days < 8:
		return pair(days, "d", hours%24, "h")
	default:
		return fmt.Sprintf("%dd", days)
	}
}
