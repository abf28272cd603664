package manifest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"orrery/model"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// readPod reads a pod that nobody made from a template, or that a cluster
// printed. Of the latter only those count that are not finished; they are bound
// to their nodes and start there anew.
func readPod(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Pod
	if !decode(o, &in) {
		return
	}
	if o.set.snapshot {
		switch {
		case in.Status.Phase == corev1.PodSucceeded || in.Status.Phase == corev1.PodFailed:
			return
		case in.DeletionTimestamp != nil && !o.set.state:
			o.note(o.root().fields("metadata", "deletionTimestamp"), "a pod that was being deleted is left out")
			return
		}
	}
	p := &model.Pod{
		Meta:     o.meta,
		Spec:     o.podSpec(o.root().field("spec"), &in.Spec, &in.ObjectMeta),
		NodeName: in.Spec.NodeName,
	}
	p.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	p.Finalizers = finalizers(o.root().fields("metadata", "finalizers"), in.Finalizers)
	for _, g := range in.Spec.SchedulingGates {
		p.Gates = append(p.Gates, g.Name)
	}
	if p.NodeName != "" {
		p.Devices = gpuIndexes(o.root().fields("metadata", "annotations"), in.Annotations)
	}
	if p.NodeName != "" && len(p.Gates) > 0 {
		o.root().fields("spec", "nodeName").errorf("must not be given while there are schedulingGates")
	}
	owner := metav1.GetControllerOf(&in)
	if o.set.state {
		if in.Status.StartTime != nil {
			p.StartedAt = sim.Time(in.Status.StartTime.UnixNano())
		}
		if in.DeletionTimestamp != nil {
			p.DeletionAt = 1 // some time; it only matters that it is going
		}
		if owner != nil {
			o.set.owners[p] = owner.Kind + "/" + owner.Name
		}
		o.keep(before, p)
		return
	}
	if o.set.snapshot && owner != nil && o.set.decoder.wrong == before {
		o.set.bare = append(o.set.bare, owned{pod: p, at: o.v, kind: owner.Kind, name: owner.Name})
		return
	}
	o.keep(before, p)
}

// ResolveOwners decides what becomes of a snapshot's pods that have a
// controller, once all files are read: if the controller is in the set, too, it
// makes its pods anew; otherwise they are kept, and nobody replaces them.
func (s *Set) ResolveOwners() {
	for _, b := range s.bare {
		if s.owns(b) {
			s.decoder.notes.add("snapshot owned pods", Note{
				Position: b.at.Pos(), Object: b.pod.Path(), What: "its controller is in the snapshot and makes it anew, perhaps elsewhere",
			})
			continue
		}
		s.decoder.notes.add("snapshot bare pods of "+b.kind, Note{
			Position: b.at.Pos(), Object: b.pod.Path(), What: "its controller, a " + b.kind + ", is not in the snapshot: nobody replaces it",
		})
		s.Objects = append(s.Objects, b.pod)
		s.Places = append(s.Places, b.at)
	}
	s.bare = nil
}

func (s *Set) owns(b owned) bool {
	switch b.kind {
	case "Deployment":
		return s.has(model.KindDeployment, b.pod.Namespace, b.name)
	case "Job":
		return s.has(model.KindJob, b.pod.Namespace, b.name)
	case "StatefulSet":
		return s.has(model.KindStatefulSet, b.pod.Namespace, b.name)
	case "DaemonSet":
		return s.has(model.KindDaemonSet, b.pod.Namespace, b.name)
	case "ReplicaSet":
		if s.has(model.KindReplicaSet, b.pod.Namespace, b.name) {
			return true
		}
		i := strings.LastIndexByte(b.name, '-') // NAME-HASH, as Deployments name theirs
		return i > 0 && s.has(model.KindDeployment, b.pod.Namespace, b.name[:i])
	}
	return false
}

func (s *Set) has(k model.Kind, namespace, name string) bool {
	for _, o := range s.Objects {
		if m := o.Head(); m.Kind == k && m.Namespace == namespace && m.Name == name {
			return true
		}
	}
	return false
}

// readService reads with the defaults of pkg/apis/core/v1/defaults.go
// SetDefaults_Service.
func readService(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Service
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	s := &model.Service{
		Meta:            o.meta,
		Headless:        in.Spec.ClusterIP == corev1.ClusterIPNone,
		PublishNotReady: in.Spec.PublishNotReadyAddresses,
		Ports:           len(in.Spec.Ports),
	}
	s.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	if len(in.Spec.Selector) > 0 {
		s.Selector = model.SelectorOf(o.labels(spec.field("selector"), in.Spec.Selector))
	}
	if in.Spec.Type == corev1.ServiceTypeExternalName {
		s.Selector = nil // nobody makes EndpointSlices for it (endpointslice_controller.go syncService)
	}
	s.LocalInternal = local(spec.field("internalTrafficPolicy"), in.Spec.InternalTrafficPolicy)
	s.LoadBalancer = in.Spec.Type == corev1.ServiceTypeLoadBalancer
	external := in.Spec.ExternalTrafficPolicy
	s.LocalExternal = local(spec.field("externalTrafficPolicy"), &external)
	s.PreferSameZone, s.PreferSameNode = o.distribution(spec.field("trafficDistribution"), in.Spec.TrafficDistribution)
	s.TopologyAuto = topologyAuto(in.Annotations)
	s.Affinity = o.affinity(spec, &in.Spec)
	s.Targets = targets(in.Spec.Ports)
	for i := range in.Spec.Ports {
		udp := in.Spec.Ports[i].Protocol == corev1.ProtocolUDP
		s.TCP, s.UDP = s.TCP || !udp, s.UDP || udp
	}
	o.serviceType(spec, &in.Spec)
	o.external(spec, &in.Spec)
	o.keep(before, s)
}

// targets is the names of a Service's target ports, nil if one is a number, as that of the
// port itself, which it is if nothing is said.
func targets(ports []corev1.ServicePort) (out []model.PortName) {
	for i := range ports {
		to := &ports[i].TargetPort
		if to.Type != intstr.String || to.StrVal == "" {
			return nil
		}
		out = append(out, portName(to.StrVal, ports[i].Protocol))
	}
	return out
}

// portName is a port's name and protocol, which is TCP if it is not said (SetDefaults_Service,
// SetDefaults_Pod).
func portName(name string, protocol corev1.Protocol) model.PortName {
	return model.PortName{Name: name, Protocol: string(cmp.Or(protocol, corev1.ProtocolTCP))}
}

// affinity reads for how long a client that was idle finds its endpoint again
// (pkg/apis/core/v1/defaults.go SetDefaults_Service: 10,800 s). Without ClientIP the API server
// drops what is configured for it before anything is validated.
func (o *object) affinity(spec *place, s *corev1.ServiceSpec) time.Duration {
	switch s.SessionAffinity {
	case "", corev1.ServiceAffinityNone:
		if s.SessionAffinityConfig != nil {
			o.note(spec.field("sessionAffinityConfig"), "spec.sessionAffinityConfig: the API server drops it, as sessionAffinity is not ClientIP")
		}
		return 0
	case corev1.ServiceAffinityClientIP:
	default:
		spec.field("sessionAffinity").unknownWord(string(s.SessionAffinity), "None", "ClientIP")
		return 0
	}
	seconds := int32(corev1.DefaultClientIPServiceAffinitySeconds)
	if c := s.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		seconds = *c.ClientIP.TimeoutSeconds
		if seconds < 1 || seconds > 86400 {
			spec.field("sessionAffinityConfig").errorf("clientIP.timeoutSeconds is out of range: 1 to 86400")
		}
	}
	return time.Duration(seconds) * time.Second
}

func (o *object) serviceType(spec *place, s *corev1.ServiceSpec) {
	switch s.Type {
	case "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer:
		if len(s.Ports) == 0 && s.ClusterIP != corev1.ClusterIPNone {
			spec.field("ports").errorf("a Service needs at least one port")
		}
	case corev1.ServiceTypeExternalName:
		o.note(spec.field("type"), "spec.type ExternalName: not modeled, names outside the cluster do not exist here")
	default:
		spec.field("type").unknownWord(string(s.Type), "ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
	}
	if s.ClusterIP == corev1.ClusterIPNone && (s.Type == corev1.ServiceTypeNodePort || s.Type == corev1.ServiceTypeLoadBalancer) {
		spec.field("clusterIP").errorf("may not be None for a Service of type %s", s.Type)
	}
	servicePorts(spec.field("ports"), s)
	if n := s.HealthCheckNodePort; n != 0 && !o.set.state { // validateServiceExternalTrafficPolicy
		at := spec.field("healthCheckNodePort")
		switch {
		case s.Type != corev1.ServiceTypeLoadBalancer || s.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal:
			at.errorf("only a Service of type LoadBalancer with externalTrafficPolicy Local may have one")
		case n < 1 || n > 65535:
			at.errorf("%d is out of range: 1 to 65535", n)
		}
	}
}

// servicePorts refuses ports that cannot be told apart or are none
// (pkg/apis/core/validation/validation.go ValidateService, validateServicePort).
func servicePorts(at *place, s *corev1.ServiceSpec) {
	for i := range s.Ports {
		p := &s.Ports[i]
		if p.Port < 1 || p.Port > 65535 {
			at.item(i).field("port").errorf("%d is out of range: 1 to 65535", p.Port)
		}
		if p.Name == "" && len(s.Ports) > 1 {
			at.item(i).errorf("of several ports each needs a name")
		}
		if p.NodePort != 0 && cmp.Or(s.Type, corev1.ServiceTypeClusterIP) == corev1.ServiceTypeClusterIP {
			at.item(i).field("nodePort").errorf("only a Service of type NodePort or LoadBalancer may have one")
		}
		for j := range i {
			q := &s.Ports[j]
			if p.Port == q.Port && cmp.Or(p.Protocol, corev1.ProtocolTCP) == cmp.Or(q.Protocol, corev1.ProtocolTCP) {
				at.item(i).errorf("port %d is there twice", p.Port)
			} else if p.Name == q.Name && p.Name != "" {
				at.item(i).field("name").errorf("there is another port %q", p.Name)
			}
		}
	}
}

// external refuses a policy for traffic from outside of a Service that nothing from there
// reaches (pkg/apis/core/validation/validation.go validateServiceExternalTrafficPolicy,
// pkg/api/service/util.go ExternallyAccessible).
func (o *object) external(spec *place, s *corev1.ServiceSpec) {
	reached := s.Type == corev1.ServiceTypeNodePort || s.Type == corev1.ServiceTypeLoadBalancer ||
		s.Type != corev1.ServiceTypeExternalName && len(s.ExternalIPs) > 0
	if o.set.state || s.ExternalTrafficPolicy == "" || reached {
		return
	}
	spec.field("externalTrafficPolicy").errorf("only a Service of type NodePort or LoadBalancer, or with externalIPs, may have one")
}

// local reads a traffic policy, Cluster (the default) or Local.
func local[T ~string](p *place, policy *T) bool {
	if policy == nil || *policy == "" || *policy == "Cluster" {
		return false
	}
	if *policy != "Local" {
		p.unknownWord(string(*policy), "Cluster", "Local")
	}
	return true
}

func (o *object) distribution(p *place, distribution *string) (sameZone, sameNode bool) {
	if distribution == nil {
		return false, false
	}
	switch *distribution {
	case corev1.ServiceTrafficDistributionPreferClose, corev1.ServiceTrafficDistributionPreferSameZone:
		return true, false
	case corev1.ServiceTrafficDistributionPreferSameNode:
		return true, true
	}
	p.unknownWord(*distribution, "PreferSameZone", "PreferSameNode", "PreferClose")
	return false, false
}

// onlyTopology tells whether a Service's annotations say nothing but its topology mode.
func onlyTopology(path string, v strict.Value) bool {
	return path == "metadata.annotations" && only(v, corev1.DeprecatedAnnotationTopologyAwareHints, corev1.AnnotationTopologyMode)
}

// topologyAuto tells whether annotations ask for topology-mode Auto. The old name of it
// goes before the new one (k8s.io/endpointslice/utils.go hintsEnabled).
func topologyAuto(annotations map[string]string) bool {
	mode, old := annotations[corev1.DeprecatedAnnotationTopologyAwareHints]
	if !old {
		mode = annotations[corev1.AnnotationTopologyMode]
	}
	return mode == "Auto" || mode == "auto"
}

// readNode reads a machine. Whatever a snapshot says of its health, it is ready
// at the start.
func readNode(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Node
	if !decode(o, &in) {
		return
	}
	status := o.root().field("status")
	n := &model.Node{Meta: o.meta, Unschedulable: in.Spec.Unschedulable}
	n.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	if _, ok := n.Labels.Get(model.LabelHostname); !ok && !o.set.state { // its kubelet will say so
		n.Labels = n.Labels.With(model.LabelHostname, n.Name)
	}
	n.Capacity = amounts(status.field("capacity"), in.Status.Capacity)
	n.Allocatable = n.Capacity // SetDefaults_NodeStatus
	if len(in.Status.Allocatable) > 0 {
		n.Allocatable = amounts(status.field("allocatable"), in.Status.Allocatable)
	}
	if !o.set.state && (n.Allocatable.CPUMilli == 0 || n.Allocatable.MemoryBytes == 0 || n.Allocatable.Pods == 0) {
		status.field("capacity").errorf("must say cpu, memory and pods: without them no pod fits")
	}
	n.GPU = nodeGPUs(status.field("allocatable"), n)
	n.Taints = o.taints(o.root().fields("spec", "taints"), in.Spec.Taints)
	if n.Unschedulable && !o.set.state { // a controller will say so
		n.Taints = model.WithTaint(n.Taints, model.Taint{Key: model.TaintUnschedulable, Effect: model.NoSchedule})
	}
	for _, image := range in.Status.Images {
		for i, name := range image.Names {
			n.Images = append(n.Images, model.Image{Name: name, Bytes: max(0, min(image.SizeBytes, maxBytes)), Alias: i > 0})
		}
	}
	for _, c := range in.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue && !o.set.state {
			o.note(status.field("conditions"), "it was not ready when the snapshot was taken: it is ready at the start here")
		}
	}
	o.keep(before, n)
}

// readNamespace reads the labels of a namespace, which has its name for one
// (pkg/apis/core/v1/defaults.go SetDefaults_Namespace).
func readNamespace(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Namespace
	if !decode(o, &in) {
		return
	}
	n := &model.Namespace{Meta: o.meta}
	n.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels).With(model.LabelNamespaceName, o.meta.Name)
	if level, said := n.Labels.Get(model.LabelEnforce); said && !slices.Contains(model.SecurityLevels, level) {
		o.root().fields("metadata", "labels").field(model.LabelEnforce).unknownWord(level, model.SecurityLevels...)
	}
	if v, said := n.Labels.Get(model.LabelEnforce + "-version"); said && v != "latest" {
		o.note(o.root().fields("metadata", "labels").field(model.LabelEnforce+"-version"), "metadata.labels "+model.LabelEnforce+"-version: modeled as latest")
	}
	switch {
	case !o.set.state:
		o.keep(before, n)
	case o.set.decoder.wrong == before:
		o.set.labels[o.meta.Name] = n.Labels
	}
}

// taints reads a node's taints but for those that only say that it was not ready.
func (o *object) taints(p *place, list []corev1.Taint) []model.Taint {
	var out []model.Taint
	for i, t := range list {
		if (t.Key == model.TaintNotReady || t.Key == model.TaintUnreachable) && !o.set.state {
			continue
		}
		m := model.Taint{Key: t.Key, Value: t.Value, Effect: effect(p.item(i).field("effect"), t.Effect)}
		if m.Effect == model.AnyEffect {
			p.item(i).field("effect").errorf("is missing: NoSchedule, PreferNoSchedule or NoExecute")
		}
		if model.HasTaint(out, m.Key, m.Effect) {
			p.item(i).errorf("%s is given twice", strict.Quote(m.Key+":"+m.Effect.String()))
			continue
		}
		out = append(out, m)
	}
	return out
}
