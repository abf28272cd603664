package kubelet

import (
	"strconv"
	"strings"

	"orrery/model"
)

// The Events of a resize (pkg/kubelet/events/resize.go) have the resources of all
// containers of a spec, as JSON.

// noteResize tells how a resize goes: how, and with what.
func (k *Kubelet) noteResize(r *row, warning bool, reason, how string, spec *model.PodSpec, why string) {
	k.client.Note(r.face(), warning, reason, "Pod resize "+how+": "+summary(spec, r.pod.Generation, why))
}

// noteResized tells that a resize that was in progress is done.
func (k *Kubelet) noteResized(r *row, last, next *model.Pod) {
	if last.Resize != nil && last.Resize.Progress && (next.Resize == nil || !next.Resize.Progress) && r.granted != nil {
		k.noteResize(r, false, "ResizeCompleted", "completed", r.granted, "")
	}
}

// summary is the resources of a spec's containers.
func summary(spec *model.PodSpec, generation int64, why string) string {
	var b strings.Builder
	list := func(name string, all []model.Container) {
		if len(all) == 0 {
			return
		}
		b.WriteString(strconv.Quote(name) + ":[")
		for i := range all {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`{"name":` + strconv.Quote(all[i].Name) + `,"resources":{`)
			limits, requests := amounts(&all[i].Limits), amounts(&all[i].Requests)
			if limits != "" {
				b.WriteString(`"limits":{` + limits + "}")
			}
			if limits != "" && requests != "" {
				b.WriteByte(',')
			}
			if requests != "" {
				b.WriteString(`"requests":{` + requests + "}")
			}
			b.WriteString("}}")
		}
		b.WriteString("],")
	}
	b.WriteByte('{')
	list("initContainers", spec.InitContainers)
	list("containers", spec.Containers)
	b.WriteString(`"generation":` + strconv.FormatInt(generation, 10))
	if why != "" {
		b.WriteString(`,"error":` + strconv.Quote(why))
	}
	b.WriteByte('}')
	return b.String()
}

// amounts is resources as Kubernetes writes them.
func amounts(r *model.Resources) string {
	var all []string
	for _, x := range [...]struct {
		name string
		n    int64
		text string
	}{
		{"cpu", r.CPUMilli, model.MilliSI(r.CPUMilli)},
		{"ephemeral-storage", r.EphemeralBytes, model.BinarySI(r.EphemeralBytes)},
		{"memory", r.MemoryBytes, model.BinarySI(r.MemoryBytes)},
	} {
		if x.n > 0 {
			all = append(all, strconv.Quote(x.name)+":"+strconv.Quote(x.text))
		}
	}
	return strings.Join(all, ",")
}
