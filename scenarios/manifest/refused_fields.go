package manifest

import (
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"orrery/scenarios/strict"
)

// What the API server refuses of single fields that the model acts on
// (v1.35 pkg/apis/core/validation/validation.go), in the words of Kubernetes' own rules for
// names where it has some.

// refuseFields finds values that a pod's fields cannot have.
func (o *object) refuseFields(p *place, s *corev1.PodSpec) {
	for _, part := range []struct {
		name string
		list []corev1.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range min(len(part.list), maxContainers) {
			c, at := &part.list[i], p.field(part.name).item(i)
			refusePortNames(at.field("ports"), c.Ports, s.HostNetwork && part.name == "containers")
			refuseHandlers(at, c)
			refuseMounts(at.field("volumeMounts"), c.VolumeMounts)
			refuseResources(at.field("resources"), &c.Resources)
			refuseResizePolicies(at.field("resizePolicy"), c.ResizePolicy)
		}
	}
	refuseSources(p.field("volumes"), s.Volumes)
	refuseResolver(p, s)
	for i := range s.Tolerations {
		t, at := &s.Tolerations[i], p.field("tolerations").item(i)
		if t.Key != "" {
			said(at.field("key"), t.Key, validation.IsQualifiedName(t.Key))
		}
		said(at.field("value"), t.Value, validation.IsValidLabelValue(t.Value))
	}
	gates := map[string]bool{}
	for i, g := range s.SchedulingGates {
		at := p.field("schedulingGates").item(i).field("name")
		if said(at, g.Name, validation.IsQualifiedName(g.Name)); gates[g.Name] {
			at.errorf("two gates are named %s", strict.Quote(g.Name))
		}
		gates[g.Name] = true
	}
	refuseSpread(p.field("topologySpreadConstraints"), s.TopologySpreadConstraints)
	if s.Affinity != nil && s.Affinity.NodeAffinity != nil {
		refuseKeys(p.fields("affinity", "nodeAffinity"), s.Affinity.NodeAffinity)
	}
	if r := s.Resources; r != nil {
		refusePodLevel(p.fields("resources", "requests"), r.Requests)
		refusePodLevel(p.fields("resources", "limits"), r.Limits)
	}
	if w := s.WorkloadRef; w != nil && w.Name != "" && w.PodGroup != "" { // validateWorkloadReference
		said(p.fields("workloadRef", "name"), w.Name, validation.IsDNS1123Subdomain(w.Name))
		said(p.fields("workloadRef", "podGroup"), w.PodGroup, validation.IsDNS1123Label(w.PodGroup))
	}
}

// refuseResolver is about whom a pod asks for names (validateDNSPolicy, validatePodDNSConfig).
func refuseResolver(p *place, s *corev1.PodSpec) {
	switch s.DNSPolicy {
	case "", corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, corev1.DNSDefault:
	case corev1.DNSNone:
		if s.DNSConfig == nil || len(s.DNSConfig.Nameservers) == 0 {
			p.field("dnsPolicy").errorf("None needs at least one of dnsConfig.nameservers")
		}
	default:
		p.field("dnsPolicy").unknownWord(string(s.DNSPolicy), "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
	}
	if s.DNSConfig == nil {
		return
	}
	for i := range s.DNSConfig.Options {
		if s.DNSConfig.Options[i].Name == "" {
			p.fields("dnsConfig", "options").item(i).field("name").errorf("is missing")
		}
	}
}

// said reports what Kubernetes has against a value.
func said(p *place, value string, against []string) {
	if len(against) > 0 {
		p.errorf("%s: %s", strict.Quote(value), against[0])
	}
}

// refusePortNames is about what a port is called, and of which address of the host it is
// (validateContainerPorts, validatePodHostNetworkDeps).
func refusePortNames(p *place, ports []corev1.ContainerPort, hostNetwork bool) {
	names := map[string]bool{}
	for j := range ports {
		c, at := &ports[j], p.item(j)
		if c.Name != "" {
			if said(at.field("name"), c.Name, validation.IsValidPortName(c.Name)); names[c.Name] {
				at.field("name").errorf("two ports of the container are named %s", strict.Quote(c.Name))
			}
			names[c.Name] = true
		}
		if hostNetwork && c.HostPort != 0 && c.HostPort != c.ContainerPort {
			at.field("hostPort").errorf("must match containerPort, %d, in a pod with hostNetwork", c.ContainerPort)
		}
	}
}

// refuseHandlers is about what probes and hooks ask (validateHandler).
func refuseHandlers(p *place, c *corev1.Container) {
	for _, x := range []struct {
		name  string
		probe *corev1.Probe
	}{{"livenessProbe", c.LivenessProbe}, {"readinessProbe", c.ReadinessProbe}, {"startupProbe", c.StartupProbe}} {
		if h := x.probe; h != nil {
			refuseHandler(p.field(x.name), h.Exec, h.HTTPGet, h.TCPSocket)
			if h.GRPC != nil {
				refusePort(p.field(x.name).fields("grpc", "port"), intstr.FromInt32(h.GRPC.Port))
			}
		}
	}
	if c.Lifecycle == nil {
		return
	}
	for _, x := range []struct {
		name string
		hook *corev1.LifecycleHandler
	}{{"postStart", c.Lifecycle.PostStart}, {"preStop", c.Lifecycle.PreStop}} {
		if h := x.hook; h != nil {
			refuseHandler(p.fields("lifecycle", x.name), h.Exec, h.HTTPGet, h.TCPSocket)
		}
	}
}

func refuseHandler(p *place, exec *corev1.ExecAction, get *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction) {
	if exec != nil && len(exec.Command) == 0 {
		p.fields("exec", "command").errorf("is missing")
	}
	if get != nil {
		refusePort(p.fields("httpGet", "port"), get.Port)
		if get.Scheme != "" && get.Scheme != corev1.URISchemeHTTP && get.Scheme != corev1.URISchemeHTTPS {
			p.fields("httpGet", "scheme").unknownWord(string(get.Scheme), string(corev1.URISchemeHTTP), string(corev1.URISchemeHTTPS))
		}
	}
	if tcp != nil {
		refusePort(p.fields("tcpSocket", "port"), tcp.Port)
	}
}

// refusePort finds what is neither a port nor the name of one (ValidatePortNumOrName).
func refusePort(p *place, port intstr.IntOrString) {
	if port.Type == intstr.String {
		said(p, port.StrVal, validation.IsValidPortName(port.StrVal))
		return
	}
	said(p, port.String(), validation.IsValidPortNum(port.IntValue()))
}

// refuseMounts finds mounts of nowhere, and two of one place (ValidateVolumeMounts).
func refuseMounts(p *place, mounts []corev1.VolumeMount) {
	paths := map[string]bool{}
	for i, m := range mounts {
		switch at := p.item(i).field("mountPath"); {
		case m.MountPath == "":
			at.errorf("is missing")
		case paths[m.MountPath]:
			at.errorf("two volumes are mounted at %s", strict.Quote(m.MountPath))
		}
		paths[m.MountPath] = true
	}
}

// refuseSources is about names of volumes and what is behind them (ValidateVolumes,
// validateVolumeSource).
func refuseSources(p *place, volumes []corev1.Volume) {
	for i := range volumes {
		v, at := &volumes[i], p.item(i)
		said(at.field("name"), v.Name, validation.IsDNS1123Label(v.Name))
		sources, n := reflect.ValueOf(v.VolumeSource), 0
		for f := range sources.NumField() {
			if !sources.Field(f).IsNil() {
				n++
			}
		}
		if n > 1 {
			at.errorf("a volume is of one kind, and this one of %d", n)
		}
		if c := v.PersistentVolumeClaim; c != nil && c.ClaimName == "" {
			at.fields("persistentVolumeClaim", "claimName").errorf("is missing")
		}
	}
}

// refuseResources is about amounts of what cannot be shared (validateResourceRequirements,
// ValidateResourceQuantityValue, validateResourceQuantityHugePageValue).
func refuseResources(p *place, r *corev1.ResourceRequirements) {
	ordinary, huge := false, ""
	for _, part := range []struct {
		name string
		list corev1.ResourceList
	}{{"requests", r.Requests}, {"limits", r.Limits}} {
		for _, name := range sortedNames(part.list) {
			q, at := part.list[corev1.ResourceName(name)], p.field(part.name).field(name)
			ordinary = ordinary || name == "cpu" || name == "memory"
			switch size, is := strings.CutPrefix(name, corev1.ResourceHugePagesPrefix); {
			case is:
				huge = name
				if page, err := resource.ParseQuantity(size); err != nil || page.Sign() <= 0 {
					at.errorf("%s is no size of a page", strict.Quote(size))
				} else if q.Value()%page.Value() != 0 {
					at.errorf("%s is no whole number of pages of %s", q.String(), size)
				}
			case isExtended(name):
				if said(at, name, validation.IsQualifiedName(name)); q.MilliValue()%1000 != 0 {
					at.errorf("%s: must be an integer", q.String())
				}
			}
		}
	}
	if huge != "" && !ordinary {
		p.errorf("who asks for %s has to ask for cpu or memory, too", huge)
	}
}

// refuseResizePolicies finds two policies for one resource (validateResizePolicy).
func refuseResizePolicies(p *place, list []corev1.ContainerResizePolicy) {
	for i := range list {
		if slices.ContainsFunc(list[:i], func(x corev1.ContainerResizePolicy) bool { return x.ResourceName == list[i].ResourceName }) {
			p.item(i).field("resourceName").errorf("there are two policies for %s", list[i].ResourceName)
		}
	}
}

// refuseSpread finds two constraints of one kind (ValidateSpreadConstraintNotRepeat).
func refuseSpread(p *place, list []corev1.TopologySpreadConstraint) {
	for i := range list {
		if slices.ContainsFunc(list[:i], func(x corev1.TopologySpreadConstraint) bool {
			return x.TopologyKey == list[i].TopologyKey && x.WhenUnsatisfiable == list[i].WhenUnsatisfiable
		}) {
			p.item(i).errorf("another constraint has topologyKey %s and whenUnsatisfiable %s, too", list[i].TopologyKey, list[i].WhenUnsatisfiable)
		}
	}
}

// refuseKeys finds keys of node affinity that are no labels
// (ValidateNodeSelectorRequirement).
func refuseKeys(p *place, a *corev1.NodeAffinity) {
	term := func(at *place, t *corev1.NodeSelectorTerm) {
		for i, r := range t.MatchExpressions {
			if r.Key != "" {
				said(at.field("matchExpressions").item(i).field("key"), r.Key, validation.IsQualifiedName(r.Key))
			}
		}
	}
	if r := a.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
		for i := range r.NodeSelectorTerms {
			term(p.fields("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms").item(i), &r.NodeSelectorTerms[i])
		}
	}
	for i := range a.PreferredDuringSchedulingIgnoredDuringExecution {
		term(p.field("preferredDuringSchedulingIgnoredDuringExecution").item(i).field("preference"), &a.PreferredDuringSchedulingIgnoredDuringExecution[i].Preference)
	}
}

// refusePodLevel finds what only containers ask for (validatePodResourceName).
func refusePodLevel(p *place, list corev1.ResourceList) {
	for _, name := range sortedNames(list) {
		if name != "cpu" && name != "memory" && !strings.HasPrefix(name, corev1.ResourceHugePagesPrefix) {
			p.field(name).errorf("a pod as a whole asks for cpu, memory and huge pages only")
		}
	}
}
