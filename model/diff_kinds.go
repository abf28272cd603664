package model

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// What each kind compares, in the order of the paths.

func (d *Differ) pod(a, b *Pod) {
	if d.deleted {
		d.text("spec.nodeName", a.NodeName, b.NodeName)
		d.emit("status.phase", a.Phase.String(), "")
		return
	}
	if a.Devices != b.Devices {
		d.emit("metadata.annotations."+AnnotationGPUIndex, DeviceIndexes(a.Devices), DeviceIndexes(b.Devices))
	}
	d.number("metadata.annotations."+AnnotationDeletionCost, int64(a.DeletionCost), int64(b.DeletionCost))
	d.deletion(&a.Meta, &b.Meta)
	d.text("metadata.finalizers", strings.Join(a.Finalizers.List(), ","), strings.Join(b.Finalizers.List(), ","))
	d.restOfMeta(&a.Meta, &b.Meta)
	if a.Spec != b.Spec {
		d.podSpec(orEmpty(a.Spec), orEmpty(b.Spec))
	}
	d.text("spec.nodeName", a.NodeName, b.NodeName)
	d.text("spec.schedulingGates", strings.Join(a.Gates, ","), strings.Join(b.Gates, ","))
	if a.Resize != b.Resize {
		d.text("status.allocatedResources", setAside(a), setAside(b))
	}
	d.podConditions(a, b)
	d.containers(a.Containers, b)
	d.text("status.message", a.Message, b.Message)
	d.text("status.nominatedNodeName", a.NominatedNode, b.NominatedNode)
	if d.created || a.Phase != b.Phase {
		d.emit("status.phase", a.Phase.String(), b.Phase.String())
	}
	d.address("status.podIP", a.IP, b.IP)
	d.text("status.reason", a.Reason, b.Reason)
	if a.Resize != b.Resize {
		d.text("status.resources", actual(a), actual(b))
	}
	d.instant("status.startTime", a.StartedAt, b.StartedAt)
}

// podConditions has those that others have set where their types stand among the rest.
func (d *Differ) podConditions(a, b *Pod) {
	d.others(a, b, "", "ContainersReady")
	d.condition("status.conditions.ContainersReady", a.ContainersUp, b.ContainersUp)
	d.others(a, b, "ContainersReady", "DisruptionTarget")
	d.condition("status.conditions.DisruptionTarget", a.Disrupted, b.Disrupted)
	d.others(a, b, "DisruptionTarget", "Initialized")
	d.condition("status.conditions.Initialized", a.Initialized, b.Initialized)
	d.others(a, b, "Initialized", "PodReadyToStartContainers")
	d.condition("status.conditions.PodReadyToStartContainers", a.Sandbox, b.Sandbox)
	d.others(a, b, "PodReadyToStartContainers", "PodResizeInProgress")
	d.text("status.conditions.PodResizeInProgress", resizeProgress(a.Resize), resizeProgress(b.Resize))
	d.others(a, b, "PodResizeInProgress", "PodResizePending")
	d.text("status.conditions.PodResizePending", pendingResize(a.Resize), pendingResize(b.Resize))
	d.others(a, b, "PodResizePending", "PodScheduled")
	d.condition("status.conditions.PodScheduled", a.Scheduled, b.Scheduled)
	d.others(a, b, "PodScheduled", "Ready")
	d.condition("status.conditions.Ready", a.Ready, b.Ready)
	d.others(a, b, "Ready", "\xff")
}

// others compares the conditions that others have set, of types between two. One that
// was set once stays.
func (d *Differ) others(a, b *Pod, from, to string) {
	if a.Custom == b.Custom {
		return
	}
	all := b.Custom
	if all == nil {
		all = a.Custom
	}
	for i := range all.List {
		if kind := all.List[i].Type; from < kind && kind < to {
			x, hadIt := a.Custom.Get(kind)
			y, hasIt := b.Custom.Get(kind)
			if hadIt != hasIt || x != y {
				d.from, d.to = appendSet(d.from[:0], x, hadIt), appendSet(d.to[:0], y, hasIt)
				d.send("status.conditions." + kind)
			}
		}
	}
}

// appendSet is a condition that may not be there: one that is False at 0 is.
func appendSet(to []byte, c Condition, there bool) []byte {
	if !there {
		return to
	}
	return AppendSeconds(append(append(to, c.Status.String()...), " since "...), c.SinceAt)
}

func orEmpty(s *PodSpec) *PodSpec {
	if s == nil {
		return &PodSpec{}
	}
	return s
}

// podSpec is rarely called: a spec is shared and hardly ever replaced.
func (d *Differ) podSpec(a, b *PodSpec) {
	d.text("spec.containers", imagesOf(a.Containers), imagesOf(b.Containers))
	if !d.created {
		d.text("spec.containers.resources", amountsOf(a), amountsOf(b))
	}
	d.text("spec.gpu", a.GPU.String(), b.GPU.String())
	d.text("spec.initContainers", imagesOf(a.InitContainers), imagesOf(b.InitContainers))
}

// amountsOf is what containers and sidecars ask for, as "main=cpu 500m/1, memory
// 128Mi/none": requests and limits.
func amountsOf(s *PodSpec) string {
	var b strings.Builder
	for i := range len(s.Containers) + len(s.InitContainers) {
		var c *Container
		if i < len(s.Containers) {
			c = &s.Containers[i]
		} else if c = &s.InitContainers[i-len(s.Containers)]; !c.Sidecar {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Name + "=cpu " + orNone(c.Requests.CPUMilli, MilliSI) + "/" + orNone(c.Limits.CPUMilli, MilliSI) +
			", memory " + orNone(c.Requests.MemoryBytes, BinarySI) + "/" + orNone(c.Limits.MemoryBytes, BinarySI))
	}
	return b.String()
}

func orNone(n int64, print func(int64) string) string {
	if n == 0 {
		return "none"
	}
	return print(n)
}

// setAside is what a kubelet has set aside for a pod, while that is another thing than
// what the pod wants.
func setAside(p *Pod) string {
	if p.Resize == nil || p.Resize.Allocated == nil || p.Resize.Allocated == p.Spec {
		return ""
	}
	return amountsOf(p.Resize.Allocated)
}

// actual is what containers have, while that is another thing than what is set aside.
func actual(p *Pod) string {
	if p.Resize == nil || p.Resize.Actual == nil {
		return ""
	}
	return amountsOf(p.Has())
}

func imagesOf(containers []Container) string {
	var b strings.Builder
	for i := range containers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(containers[i].Name + "=" + containers[i].Image)
	}
	return b.String()
}

// containers compares a pod's lines of container status, by name.
func (d *Differ) containers(a []ContainerStatus, pod *Pod) {
	b := pod.Containers
	if len(a) == 0 && len(b) == 0 || len(a) == len(b) && &a[0] == &b[0] {
		return
	}
	var room [8]int
	for _, i := range byName(room[:0], pod.Spec, max(len(a), len(b))) {
		var x, y ContainerStatus
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y || i >= len(a) {
			d.container(containerName(pod.Spec, i), &x, &y, i >= len(a))
		}
	}
}

func (d *Differ) container(name string, x, y *ContainerStatus, isNew bool) {
	d.enter("status.containers.", name)
	d.number("exitCode", int64(x.ExitCode), int64(y.ExitCode))
	d.instant("finishedAt", x.FinishedAt, y.FinishedAt)
	d.instant("lastState.finishedAt", x.EndedBefore, y.EndedBefore)
	d.flag("oomKilled", [2]bool{x.OOMKilled, y.OOMKilled})
	d.flag("ready", [2]bool{x.Ready, y.Ready})
	d.number("restartCount", int64(x.Restarts), int64(y.Restarts))
	d.flag("started", [2]bool{x.Started, y.Started})
	d.instant("startedAt", x.StartedAt, y.StartedAt)
	if isNew || x.State != y.State || x.Reason != y.Reason {
		d.from, d.to = d.from[:0], appendState(d.to[:0], y)
		if !isNew {
			d.from = appendState(d.from, x)
		}
		d.send("state")
	}
	d.leave()
}

func appendState(dst []byte, c *ContainerStatus) []byte {
	dst = append(dst, [...]string{"Waiting", "Running", "Terminated"}[c.State]...)
	if c.Reason != "" {
		dst = append(append(dst, ' '), c.Reason...)
	}
	return dst
}

// containerName is the name of the ith line of a pod's container status.
func containerName(s *PodSpec, i int) string {
	if s != nil {
		if i < len(s.InitContainers) {
			return s.InitContainers[i].Name
		}
		if i -= len(s.InitContainers); i < len(s.Containers) {
			return s.Containers[i].Name
		}
	}
	return "container-" + strconv.Itoa(i)
}

// byName appends 0 to n-1 to dst in the order of the containers' paths.
func byName(dst []int, s *PodSpec, n int) []int {
	for i := range n {
		dst = append(dst, i)
	}
	if n > 1 {
		slices.SortStableFunc(dst, func(i, j int) int {
			return comparePaths(containerName(s, i), containerName(s, j))
		})
	}
	return dst
}

// comparePaths compares names as they sort in front of another path element.
func comparePaths(a, b string) int { return strings.Compare(a+".", b+".") }

func (d *Differ) node(a, b *Node) {
	if d.deleted {
		d.condition("status.conditions.Ready", a.Ready, b.Ready)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.group", a.Group, b.Group)
	d.number("spec.priceMicros", a.Price, b.Price)
	if !slices.Equal(a.Taints, b.Taints) {
		d.emit("spec.taints", taintList(a.Taints), taintList(b.Taints))
	}
	d.flag("spec.unschedulable", [2]bool{a.Unschedulable, b.Unschedulable})
	d.resources("status.allocatable", &a.Allocatable, &b.Allocatable)
	d.resources("status.capacity", &a.Capacity, &b.Capacity)
	d.condition("status.conditions.DiskPressure", a.DiskPressure, b.DiskPressure)
	d.condition("status.conditions.MemoryPressure", a.MemoryPressure, b.MemoryPressure)
	d.condition("status.conditions.PIDPressure", a.PIDPressure, b.PIDPressure)
	d.condition("status.conditions.Ready", a.Ready, b.Ready)
	d.text("status.gpu", a.GPU.String(), b.GPU.String())
	d.names("status.volumesAttached", a.VolumesAttached, b.VolumesAttached)
	d.names("status.volumesInUse", a.VolumesInUse, b.VolumesInUse)
}

func (d *Differ) names(path string, a, b []string) {
	if !slices.Equal(a, b) {
		d.text(path, strings.Join(a, ","), strings.Join(b, ","))
	}
}

func taintList(taints []Taint) string {
	var list []string
	for _, t := range taints {
		list = append(list, t.String())
	}
	return strings.Join(list, ",")
}

func (d *Differ) deployment(a, b *Deployment) {
	if d.deleted {
		d.number("spec.replicas", int64(a.Replicas), 0)
		return
	}
	d.number("metadata.annotations.deployment.kubernetes.io/revision", a.Revision, b.Revision)
	d.flag("metadata.annotations.kubectl.kubernetes.io/last-applied-configuration.withoutReplicas", [2]bool{a.ReplicasUnsaid, b.ReplicasUnsaid})
	d.meta(&a.Meta, &b.Meta)
	d.number("spec.minReadySeconds", int64(a.MinReady/time.Second), int64(b.MinReady/time.Second))
	d.flag("spec.paused", [2]bool{a.Paused, b.Paused})
	d.number("spec.progressDeadlineSeconds", int64(a.ProgressDeadline/time.Second), int64(b.ProgressDeadline/time.Second))
	d.number("spec.replicas", int64(a.Replicas), int64(b.Replicas))
	d.number("spec.revisionHistoryLimit", int64(a.HistoryLimit), int64(b.HistoryLimit))
	d.selector(a.Selector, b.Selector)
	if a.Recreate != b.Recreate || a.MaxSurge != b.MaxSurge || a.MaxUnavailable != b.MaxUnavailable || d.created {
		d.emit("spec.strategy", strategy(a), strategy(b))
	}
	d.template(a.Template, b.Template)
	d.number("status.availableReplicas", int64(a.AvailableReplicas), int64(b.AvailableReplicas))
	d.condition("status.conditions.Available", a.Available, b.Available)
	d.condition("status.conditions.Progressing", a.Progressing, b.Progressing)
	d.instant("status.conditions.Progressing.lastUpdateTime", a.ProgressAt, b.ProgressAt)
	d.condition("status.conditions.ReplicaFailure", a.Failure, b.Failure)
	d.number("status.observedGeneration", a.ObservedGeneration, b.ObservedGeneration)
	d.number("status.readyReplicas", int64(a.ReadyReplicas), int64(b.ReadyReplicas))
	d.number("status.replicas", int64(a.StatusReplicas), int64(b.StatusReplicas))
	d.number("status.terminatingReplicas", int64(a.Terminating), int64(b.Terminating))
	d.number("status.updatedReplicas", int64(a.UpdatedReplicas), int64(b.UpdatedReplicas))
}

func strategy(d *Deployment) string {
	if d.Recreate {
		return "Recreate"
	}
	return "RollingUpdate maxSurge=" + countOrPercent(d.MaxSurge) + " maxUnavailable=" + countOrPercent(d.MaxUnavailable)
}

func countOrPercent(c CountOrPercent) string {
	s := strconv.Itoa(int(c.Value))
	if c.Percent {
		s += "%"
	}
	return s
}

func (d *Differ) replicaSet(a, b *ReplicaSet) {
	if d.deleted {
		d.number("spec.replicas", int64(a.Replicas), 0)
		return
	}
	d.number("metadata.annotations.deployment.kubernetes.io/desired-replicas", int64(a.DesiredReplicas), int64(b.DesiredReplicas))
	d.number("metadata.annotations.deployment.kubernetes.io/max-replicas", int64(a.MaxReplicas), int64(b.MaxReplicas))
	d.number("metadata.annotations.deployment.kubernetes.io/revision", a.Revision, b.Revision)
	d.flag("metadata.annotations.kubectl.kubernetes.io/last-applied-configuration.withoutReplicas", [2]bool{a.ReplicasUnsaid, b.ReplicasUnsaid})
	d.meta(&a.Meta, &b.Meta)
	d.number("spec.minReadySeconds", int64(a.MinReady/time.Second), int64(b.MinReady/time.Second))
	d.number("spec.replicas", int64(a.Replicas), int64(b.Replicas))
	d.selector(a.Selector, b.Selector)
	d.template(a.Template, b.Template)
	d.number("status.availableReplicas", int64(a.AvailableReplicas), int64(b.AvailableReplicas))
	d.condition("status.conditions.ReplicaFailure", a.Failure, b.Failure)
	d.number("status.observedGeneration", a.ObservedGeneration, b.ObservedGeneration)
	d.number("status.readyReplicas", int64(a.ReadyReplicas), int64(b.ReadyReplicas))
	d.number("status.replicas", int64(a.StatusReplicas), int64(b.StatusReplicas))
	d.number("status.terminatingReplicas", int64(a.Terminating), int64(b.Terminating))
}

func (d *Differ) template(a, b *Template) {
	if a == b {
		return
	}
	if a == nil {
		a = &Template{}
	}
	if b == nil {
		b = &Template{}
	}
	d.text("spec.template.hash", a.Hash, b.Hash)
	d.labels("spec.template.labels", a.Labels, b.Labels)
	d.text("spec.template.spec.containers", imagesOf(orEmpty(a.Spec).Containers), imagesOf(orEmpty(b.Spec).Containers))
	d.text("spec.template.spec.initContainers", imagesOf(orEmpty(a.Spec).InitContainers), imagesOf(orEmpty(b.Spec).InitContainers))
}

func (d *Differ) service(a, b *Service) {
	if d.deleted {
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.flag("spec.externalTrafficPolicyLocal", [2]bool{a.LocalExternal, b.LocalExternal})
	d.flag("spec.headless", [2]bool{a.Headless, b.Headless})
	d.flag("spec.internalTrafficPolicyLocal", [2]bool{a.LocalInternal, b.LocalInternal})
	d.number("spec.ports", int64(a.Ports), int64(b.Ports))
	d.text("spec.ports.targetPort", portsOf(a.Targets), portsOf(b.Targets))
	d.flag("spec.publishNotReadyAddresses", [2]bool{a.PublishNotReady, b.PublishNotReady})
	d.selector(a.Selector, b.Selector)
	d.number("spec.sessionAffinitySeconds", int64(a.Affinity/time.Second), int64(b.Affinity/time.Second))
	d.flag("spec.tcp", [2]bool{a.TCP, b.TCP})
	d.flag("spec.topologyModeAuto", [2]bool{a.TopologyAuto, b.TopologyAuto})
	d.flag("spec.trafficDistributionPreferClose", [2]bool{a.PreferSameZone, b.PreferSameZone})
	d.flag("spec.trafficDistributionPreferSameNode", [2]bool{a.PreferSameNode, b.PreferSameNode})
	d.flag("spec.typeLoadBalancer", [2]bool{a.LoadBalancer, b.LoadBalancer})
	d.flag("spec.udp", [2]bool{a.UDP, b.UDP})
}

// portsOf is the names of ports for people.
func portsOf(all []PortName) string {
	var out []string
	for _, p := range all {
		out = append(out, p.Name+"/"+p.Protocol)
	}
	return strings.Join(out, ", ")
}

func (d *Differ) priorityClass(a, b *PriorityClass) {
	if d.deleted {
		return
	}
	d.flag("globalDefault", [2]bool{a.GlobalDefault, b.GlobalDefault})
	d.meta(&a.Meta, &b.Meta)
	d.flag("preemptionPolicyNever", [2]bool{a.NeverPreempts, b.NeverPreempts})
	d.number("value", int64(a.Value), int64(b.Value))
}

func (d *Differ) workload(a, b *Workload) {
	if d.deleted {
		return
	}
	d.meta(&a.Meta, &b.Meta)
	if d.created {
		byName := func(x, y PodGroup) int { return strings.Compare(x.Name, y.Name) }
		for _, g := range slices.SortedFunc(slices.Values(b.Groups), byName) {
			d.number("spec.podGroups."+g.Name+".minCount", 0, int64(g.MinCount))
		}
	}
}

func (d *Differ) endpointSlice(a, b *EndpointSlice) {
	if d.deleted {
		return
	}
	d.endpoints(a.Endpoints, b.Endpoints)
	if !slices.Equal(a.Hostnames, b.Hostnames) {
		d.emit("hostnames", strings.Join(a.Hostnames, " "), strings.Join(b.Hostnames, " "))
	}
	d.meta(&a.Meta, &b.Meta)
	if a.Service != b.Service {
		d.emit("service", uid(a.Service), uid(b.Service))
	}
}

// endpoints compares two lists by pod. Most changes touch a few of up to a
// hundred entries, so what both lists begin and end with is cut off first.
func (d *Differ) endpoints(a, b []Endpoint) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	changed := make([]Field, 0, len(a)+len(b))
	for i := range a {
		f := Field{Path: "endpoints." + uid(a[i].Pod), From: endpoint(&a[i])}
		if j := slices.IndexFunc(b, func(e Endpoint) bool { return e.Pod == a[i].Pod }); j >= 0 {
			f.To = endpoint(&b[j])
		}
		changed = append(changed, f)
	}
	for j := range b {
		if !slices.ContainsFunc(a, func(e Endpoint) bool { return e.Pod == b[j].Pod }) {
			changed = append(changed, Field{Path: "endpoints." + uid(b[j].Pod), To: endpoint(&b[j])})
		}
	}
	slices.SortStableFunc(changed, func(x, y Field) int { return strings.Compare(x.Path, y.Path) })
	for i, f := range changed {
		if f.From != f.To && (i == 0 || changed[i-1].Path != f.Path) {
			d.emit(f.Path, f.From, f.To)
		}
	}
}

func endpoint(e *Endpoint) string {
	s := "not ready"
	switch {
	case e.Ready:
		s = "ready"
	case e.Serving && e.Terminating:
		s = "serving, terminating"
	case e.Terminating:
		s = "terminating"
	}
	s += " ip=" + string(appendIP(nil, e.IP)) + " node=" + e.Node.String()
	if e.Zone != (Name{}) {
		s += " zone=" + e.Zone.String()
	}
	if e.HintZone != (Name{}) {
		s += " hint=" + e.HintZone.String()
	}
	if e.HintNode {
		s += " hint=its node"
	}
	return s
}

func uid(r Ref) string {
	if r.IsZero() {
		return ""
	}
	m := Meta{Kind: r.Kind, ID: r.ID}
	return m.UID()
}

func pendingResize(r *Resize) string {
	if r == nil || r.Pending == "" {
		return ""
	}
	return "True " + r.Pending
}

func resizeProgress(r *Resize) string {
	switch {
	case r == nil || !r.Progress:
		return ""
	case r.Failed:
		return "True " + ResizeError
	}
	return "True"
}
