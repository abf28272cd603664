package model

import (
	"slices"
	"strconv"
	"strings"

	"orrery/sim"
)

// Field is one difference between two versions of an object: its path in
// Kubernetes' spelling, and both values as text.
type Field struct{ Path, From, To string }

// Diff is what tells new from old, sorted by path. An object that is created
// (old is nil) shows what is set in it, from ""; one that is deleted (new is
// nil) shows where it stood, to "". Metadata that follows from the change
// itself, such as the resourceVersion, is left out.
func Diff(old, new Object) []Field {
	var (
		d Differ
		c fieldCollector
	)
	d.Visit(old, new, &c)
	return c
}

type fieldCollector []Field

func (c *fieldCollector) VisitField(path, from, to []byte) {
	*c = append(*c, Field{string(path), string(from), string(to)})
}

// FieldVisitor is told differences one by one, in the order of their paths.
// The slices are valid during the call only.
type FieldVisitor interface {
	VisitField(path, from, to []byte)
}

// Differ makes Diffs without allocating: it keeps its scratch space.
type Differ struct {
	visitor        FieldVisitor
	path, from, to []byte
	prefix         int // of path: where the name of a field inside a list begins
	created        bool
	deleted        bool
}

// Visit tells v what Diff returns.
func (d *Differ) Visit(old, new Object, v FieldVisitor) {
	d.visitor, d.created, d.deleted = v, old == nil, new == nil
	some := new
	if new == nil {
		some = old
	}
	switch some.(type) {
	case *Pod:
		d.pod(version[Pod](old), version[Pod](new))
	case *Node:
		d.node(version[Node](old), version[Node](new))
	case *Deployment:
		d.deployment(version[Deployment](old), version[Deployment](new))
	case *ReplicaSet:
		d.replicaSet(version[ReplicaSet](old), version[ReplicaSet](new))
	case *Service:
		d.service(version[Service](old), version[Service](new))
	case *EndpointSlice:
		d.endpointSlice(version[EndpointSlice](old), version[EndpointSlice](new))
	case *PriorityClass:
		d.priorityClass(version[PriorityClass](old), version[PriorityClass](new))
	case *StatefulSet:
		d.statefulSet(version[StatefulSet](old), version[StatefulSet](new))
	case *DaemonSet:
		d.daemonSet(version[DaemonSet](old), version[DaemonSet](new))
	case *Job:
		d.job(version[Job](old), version[Job](new))
	case *CronJob:
		d.cronJob(version[CronJob](old), version[CronJob](new))
	case *LimitRange:
		d.limitRange(version[LimitRange](old), version[LimitRange](new))
	case *ResourceQuota:
		d.quota(version[ResourceQuota](old), version[ResourceQuota](new))
	case *ControllerRevision:
		d.controllerRevision(version[ControllerRevision](old), version[ControllerRevision](new))
	case *PodDisruptionBudget:
		d.budget(version[PodDisruptionBudget](old), version[PodDisruptionBudget](new))
	case *Claim:
		d.claim(version[Claim](old), version[Claim](new))
	case *Volume:
		d.volume(version[Volume](old), version[Volume](new))
	case *VolumeAttachment:
		d.attachment(version[VolumeAttachment](old), version[VolumeAttachment](new))
	case *HorizontalPodAutoscaler:
		d.autoscaler(version[HorizontalPodAutoscaler](old), version[HorizontalPodAutoscaler](new))
	case *Namespace:
		d.namespace(version[Namespace](old), version[Namespace](new))
	case *WebhookConfiguration:
		d.webhooks(version[WebhookConfiguration](old), version[WebhookConfiguration](new))
	case *FlowSchema:
		d.flowSchema(version[FlowSchema](old), version[FlowSchema](new))
	case *PriorityLevel:
		d.priorityLevel(version[PriorityLevel](old), version[PriorityLevel](new))
	case *Config:
		d.config(version[Config](old), version[Config](new))
	case *Workload:
		d.workload(version[Workload](old), version[Workload](new))
	}
}

// version is o as what it is, or an object with nothing set if there is none.
func version[T any](o Object) *T {
	if t, ok := any(o).(*T); ok && t != nil {
		return t
	}
	return new(T)
}

// meta compares what every object has. Paths of annotations sort before it.
func (d *Differ) meta(a, b *Meta) {
	d.deletion(a, b)
	d.restOfMeta(a, b)
}

func (d *Differ) deletion(a, b *Meta) {
	if a.DeletionAt != b.DeletionAt {
		d.number("metadata.deletionGracePeriodSeconds", int64(a.GraceSeconds), int64(b.GraceSeconds))
		d.instant("metadata.deletionTimestamp", a.DeletionAt, b.DeletionAt)
	}
}

func (d *Differ) restOfMeta(a, b *Meta) {
	if !d.created {
		d.number("metadata.generation", a.Generation, b.Generation)
	}
	d.labels("metadata.labels", a.Labels, b.Labels)
	if a.Owner != b.Owner {
		d.emit("metadata.ownerReferences", uid(a.Owner), uid(b.Owner))
	}
}

func (d *Differ) labels(path string, a, b Labels) {
	if len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b)) {
		return
	}
	d.from, d.to = appendLabels(d.from[:0], a), appendLabels(d.to[:0], b)
	d.send(path)
}

func appendLabels(dst []byte, l Labels) []byte {
	for i := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, l[i].Key...), '='), l[i].Value...)
	}
	return dst
}

func (d *Differ) selector(a, b *Selector) {
	if a != b {
		d.text("spec.selector", a.String(), b.String())
	}
}

// String is a selector as kubectl prints it: "app=web,tier in (a,b)".
func (s *Selector) String() string {
	if s == nil {
		return ""
	}
	return requirementsText(s.Requirements)
}

func requirementsText(all []Requirement) string {
	var list []string
	for _, r := range all {
		values := "(" + strings.Join(r.Values, ",") + ")"
		switch {
		case r.Op == In && len(r.Values) == 1:
			list = append(list, r.Key+"="+r.Values[0])
		case r.Op == Exists:
			list = append(list, r.Key)
		case r.Op == DoesNotExist:
			list = append(list, "!"+r.Key)
		default:
			list = append(list, r.Key+" "+[...]string{"in", "notin", "", "", ">", "<"}[r.Op]+" "+values)
		}
	}
	return strings.Join(list, ",")
}

func (d *Differ) resources(path string, a, b *Resources) {
	if x, y := resourceText(a), resourceText(b); x != y {
		d.emit(path, x, y)
	}
}

func resourceText(r *Resources) string {
	if r.IsZero() {
		return ""
	}
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	s := "cpu=" + n(r.CPUMilli) + "m ephemeral-storage=" + n(r.EphemeralBytes) + " memory=" + n(r.MemoryBytes) + " pods=" + n(r.Pods)
	for _, x := range r.Extended {
		s += " " + x.Name + "=" + n(x.Count)
	}
	return s
}

// condition writes a condition as "Unknown NodeStatusUnknown since 52.5s".
func (d *Differ) condition(path string, a, b Condition) {
	if a == b {
		return
	}
	d.from, d.to = appendCondition(d.from[:0], a), appendCondition(d.to[:0], b)
	d.send(path)
}

func appendCondition(dst []byte, c Condition) []byte {
	if c == (Condition{}) {
		return dst
	}
	dst = append(dst, c.Status.String()...)
	if c.Reason != "" {
		dst = append(append(dst, ' '), c.Reason...)
	}
	return AppendSeconds(append(dst, " since "...), c.SinceAt)
}

// AppendSeconds appends t in seconds without losing a digit: "52.5s".
func AppendSeconds(dst []byte, t sim.Time) []byte {
	const second = 1_000_000_000
	dst = strconv.AppendInt(dst, int64(t)/second, 10)
	if rest := int64(t) % second; rest != 0 {
		at := len(dst)
		dst = strconv.AppendInt(dst, second+rest, 10) // a leading 1 keeps the zeros
		dst[at] = '.'
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 's')
}

func (d *Differ) text(path, a, b string) {
	if a != b {
		d.emit(path, a, b)
	}
}

func (d *Differ) number(path string, a, b int64) {
	if a == b {
		return
	}
	d.from, d.to = strconv.AppendInt(d.from[:0], a, 10), strconv.AppendInt(d.to[:0], b, 10)
	d.send(path)
}

func (d *Differ) address(path string, a, b uint32) {
	if a == b {
		return
	}
	d.from, d.to = appendIP(d.from[:0], a), appendIP(d.to[:0], b)
	d.send(path)
}

// appendIP appends an IPv4 address, nothing if there is none.
func appendIP(dst []byte, ip uint32) []byte {
	if ip == 0 {
		return dst
	}
	for shift := 24; shift >= 0; shift -= 8 {
		dst = strconv.AppendUint(dst, uint64(ip>>shift&255), 10)
		if shift > 0 {
			dst = append(dst, '.')
		}
	}
	return dst
}

// flag compares two truths, the old and the new one.
func (d *Differ) flag(path string, v [2]bool) {
	if v[0] != v[1] {
		d.emit(path, strconv.FormatBool(v[0]), strconv.FormatBool(v[1]))
	}
}

func (d *Differ) instant(path string, a, b sim.Time) {
	if a == b {
		return
	}
	d.from, d.to = d.from[:0], d.to[:0]
	if a != 0 {
		d.from = AppendSeconds(d.from, a)
	}
	if b != 0 {
		d.to = AppendSeconds(d.to, b)
	}
	d.send(path)
}

func (d *Differ) emit(path, from, to string) {
	d.from, d.to = append(d.from[:0], from...), append(d.to[:0], to...)
	d.send(path)
}

// enter makes the paths that follow fields of list's element name.
func (d *Differ) enter(list, name string) {
	d.path = append(append(append(d.path[:0], list...), name...), '.')
	d.prefix = len(d.path)
}

func (d *Differ) leave() { d.prefix = 0 }

// send passes on what is in from and to.
func (d *Differ) send(path string) {
	d.path = append(d.path[:d.prefix], path...)
	if d.created {
		d.from = d.from[:0]
	}
	if d.deleted {
		d.to = d.to[:0]
	}
	d.visitor.VisitField(d.path, d.from, d.to)
}
