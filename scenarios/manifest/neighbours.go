package manifest

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orrery/model"
)

// What a pod says about other pods and about the node's ports.

// placement is nil if the pod says nothing of that sort.
func (o *object) placement(p *place, s *corev1.PodSpec) *model.Placement {
	m := &model.Placement{HostPorts: hostPorts(p, s), Claims: o.claims(p, s), Disks: o.disks(s)}
	if a := s.Affinity; a != nil && a.PodAffinity != nil {
		at := p.fields("affinity", "podAffinity")
		m.Affinity = podTerms(at, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		m.Preferred = preferredTerms(at, a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution, 1)
	}
	if a := s.Affinity; a != nil && a.PodAntiAffinity != nil {
		at := p.fields("affinity", "podAntiAffinity")
		m.AntiAffinity = podTerms(at, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		m.Preferred = append(m.Preferred, preferredTerms(at, a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution, -1)...)
	}
	for i := range s.TopologySpreadConstraints {
		m.Spread = append(m.Spread, spreadConstraint(p.field("topologySpreadConstraints").item(i), &s.TopologySpreadConstraints[i]))
	}
	if len(m.HostPorts)+len(m.Affinity)+len(m.AntiAffinity)+len(m.Preferred)+len(m.Spread)+len(m.Claims)+len(m.Disks) == 0 {
		return nil
	}
	return m
}

// namedPorts is the ports of containers and sidecars that have a name
// (k8s.io/endpointslice/utils.go FindPort).
func namedPorts(s *corev1.PodSpec) (out []model.PortName) {
	for i, list := range [][]corev1.Container{s.Containers, s.InitContainers} {
		for j := range min(len(list), maxContainers) {
			policy := list[j].RestartPolicy
			if i == 1 && (policy == nil || *policy != corev1.ContainerRestartPolicyAlways) {
				continue
			}
			for _, p := range list[j].Ports {
				if p.Name != "" {
					out = append(out, portName(p.Name, p.Protocol))
				}
			}
		}
	}
	return out
}

// hostPorts is the ports of the node that containers and sidecars take
// (pkg/scheduler/util GetHostPorts). A pod in the host's network takes all it
// names (pkg/apis/core/v1/defaults.go setDefaultHostNetworkPorts).
func hostPorts(p *place, s *corev1.PodSpec) (out []model.HostPort) {
	for _, part := range []struct {
		name string
		list []corev1.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range min(len(part.list), maxContainers) {
			c := &part.list[i]
			sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
			if part.name == "initContainers" && !sidecar {
				continue
			}
			for j := range c.Ports {
				at := p.field(part.name).item(i).field("ports").item(j)
				if port, ok := hostPort(at, &c.Ports[j], s.HostNetwork); ok {
					out = append(out, port)
				}
			}
		}
	}
	return out
}

func hostPort(p *place, c *corev1.ContainerPort, hostNetwork bool) (model.HostPort, bool) {
	m := model.HostPort{IP: c.HostIP, Protocol: string(c.Protocol), Port: c.HostPort}
	if hostNetwork && m.Port == 0 {
		m.Port = c.ContainerPort
	}
	if m.IP == "" {
		m.IP = "0.0.0.0"
	}
	switch c.Protocol {
	case "":
		m.Protocol = string(corev1.ProtocolTCP)
	case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
	default:
		p.field("protocol").unknownWord(m.Protocol, "TCP", "UDP", "SCTP")
	}
	if m.Port < 0 || m.Port > 65535 {
		p.field("hostPort").errorf("%d is out of range: 1 to 65535", m.Port)
	}
	return m, m.Port != 0
}

func podTerms(p *place, list []corev1.PodAffinityTerm) (out []model.PodTerm) {
	for i := range list {
		at := p.field("requiredDuringSchedulingIgnoredDuringExecution").item(i)
		out = append(out, podTerm(at, &list[i]))
	}
	return out
}

func preferredTerms(p *place, list []corev1.WeightedPodAffinityTerm, sign int64) (out []model.PodTerm) {
	for i := range list {
		at := p.field("preferredDuringSchedulingIgnoredDuringExecution").item(i)
		if w := list[i].Weight; w < 1 || w > 100 {
			at.field("weight").errorf("%d is out of range: 1 to 100", w)
		}
		t := podTerm(at.field("podAffinityTerm"), &list[i].PodAffinityTerm)
		t.Weight = sign * int64(list[i].Weight)
		out = append(out, t)
	}
	return out
}

func podTerm(p *place, t *corev1.PodAffinityTerm) model.PodTerm {
	if t.TopologyKey == "" {
		p.field("topologyKey").errorf("is missing")
	}
	return model.PodTerm{
		TopologyKey:       t.TopologyKey,
		Selector:          labelSelector(p.field("labelSelector"), t.LabelSelector),
		Namespaces:        sorted(t.Namespaces),
		NamespaceSelector: labelSelector(p.field("namespaceSelector"), t.NamespaceSelector),
		MatchLabelKeys:    t.MatchLabelKeys,
		MismatchLabelKeys: t.MismatchLabelKeys,
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}

func spreadConstraint(p *place, c *corev1.TopologySpreadConstraint) model.SpreadConstraint {
	m := model.SpreadConstraint{
		TopologyKey: c.TopologyKey, MaxSkew: c.MaxSkew, MinDomains: 1,
		Selector:       labelSelector(p.field("labelSelector"), c.LabelSelector),
		MatchLabelKeys: c.MatchLabelKeys,
	}
	if c.TopologyKey == "" {
		p.field("topologyKey").errorf("is missing")
	}
	if c.MaxSkew < 1 {
		p.field("maxSkew").errorf("%d is out of range: at least 1", c.MaxSkew)
	}
	switch c.WhenUnsatisfiable {
	case corev1.DoNotSchedule:
		m.Hard = true
	case corev1.ScheduleAnyway:
	default:
		p.field("whenUnsatisfiable").unknownWord(string(c.WhenUnsatisfiable), "DoNotSchedule", "ScheduleAnyway")
	}
	if c.MinDomains != nil {
		if m.MinDomains = *c.MinDomains; m.MinDomains < 1 || !m.Hard {
			p.field("minDomains").errorf("must be at least 1, and only with whenUnsatisfiable DoNotSchedule")
		}
	}
	m.IgnoreAffinity = !honored(p.field("nodeAffinityPolicy"), c.NodeAffinityPolicy, corev1.NodeInclusionPolicyHonor)
	m.HonorTaints = honored(p.field("nodeTaintsPolicy"), c.NodeTaintsPolicy, corev1.NodeInclusionPolicyIgnore)
	return m
}

func honored(p *place, policy *corev1.NodeInclusionPolicy, otherwise corev1.NodeInclusionPolicy) bool {
	if policy != nil {
		otherwise = *policy
	}
	if otherwise != corev1.NodeInclusionPolicyHonor && otherwise != corev1.NodeInclusionPolicyIgnore {
		p.unknownWord(string(otherwise), "Honor", "Ignore")
	}
	return otherwise == corev1.NodeInclusionPolicyHonor
}

// labelSelector is nil for none.
func labelSelector(p *place, s *metav1.LabelSelector) *model.Selector {
	if s == nil {
		return nil
	}
	m := model.SelectorOf(model.MakeLabels(s.MatchLabels))
	for i := range s.MatchExpressions {
		m.Requirements = append(m.Requirements, requirement(p.field("matchExpressions").item(i), &s.MatchExpressions[i]))
	}
	return m
}

// podLevel is what a pod asks for as a whole. If it limits anything as a whole,
// what it does not request is what its containers request, or what it limits if
// they request nothing (pkg/apis/core/v1/defaults.go defaultPodRequests).
func podLevel(p *place, s *corev1.PodSpec, into *model.PodSpec) *model.PodLevel {
	r := s.Resources
	if r == nil || len(r.Requests)+len(r.Limits) == 0 {
		return nil
	}
	all, limits := requirements(p, r)
	sum := into.ContainersRequest()
	m := &model.PodLevel{CPUMilli: all.CPUMilli, MemoryBytes: all.MemoryBytes, Limits: model.Resources{CPUMilli: limits.CPUMilli, MemoryBytes: limits.MemoryBytes}}
	for _, x := range []struct {
		name  corev1.ResourceName
		has   *bool
		value *int64
		sum   int64
	}{{corev1.ResourceCPU, &m.HasCPU, &m.CPUMilli, sum.CPUMilli}, {corev1.ResourceMemory, &m.HasMemory, &m.MemoryBytes, sum.MemoryBytes}} {
		_, requested := r.Requests[x.name]
		_, limited := r.Limits[x.name]
		if !requested && len(r.Limits) > 0 && containersSay(s, x.name) {
			*x.has, *x.value = true, x.sum
		} else {
			*x.has = requested || limited
		}
	}
	m.CPUSaid = m.HasCPU || requested(s, corev1.ResourceCPU)
	m.MemorySaid = m.HasMemory || requested(s, corev1.ResourceMemory)
	for _, x := range all.Extended {
		if strings.HasPrefix(x.Name, corev1.ResourceHugePagesPrefix) {
			m.HugePages = append(m.HugePages, x)
		}
	}
	return m
}

// requested tells whether any container requests some of a resource, or none, or
// the pod's overhead names it. A limit of a container is a request, too
// (pkg/apis/core/v1/defaults.go SetDefaults_Pod).
func requested(s *corev1.PodSpec, name corev1.ResourceName) bool {
	_, over := s.Overhead[name]
	return over || containersSay(s, name)
}

// containersSay tells whether any container says anything of a resource.
func containersSay(s *corev1.PodSpec, name corev1.ResourceName) bool {
	return slices.ContainsFunc(slices.Concat(s.InitContainers, s.Containers), func(c corev1.Container) bool { return says(&c.Resources, name) })
}
