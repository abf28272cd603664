package manifest

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
	"orrery/scenarios/strict"
)

// refuse finds what the API server refuses of a pod's spec as a whole, though nobody
// here would act on it (pkg/apis/core/validation/validation.go ValidatePodSpec). Pods of
// a State or a snapshot have been let in.
func (o *object) refuse(p *place, s *corev1.PodSpec, spec *model.PodSpec) {
	if o.set.state || o.set.snapshot {
		return
	}
	for i := range spec.InitContainers {
		if !spec.InitContainers[i].Sidecar {
			refuseOfInit(p.field("initContainers").item(i), &s.InitContainers[i])
		}
	}
	for i := range min(len(s.InitContainers), maxContainers) { // one runs after the other
		refusePorts(p.field("initContainers").item(i), s.InitContainers[i].Ports, map[hostPortKey]bool{}, s.HostNetwork)
	}
	taken := map[hostPortKey]bool{}
	for i := range min(len(s.Containers), maxContainers) {
		refusePorts(p.field("containers").item(i), s.Containers[i].Ports, taken, s.HostNetwork)
	}
	o.refuseVolumes(p, s)
	o.refuseFields(p, s)
	refuseSysctls(p.field("securityContext"), s)
	if s.Resources != nil {
		refuseSum(p.fields("resources", "requests"), s.Resources.Requests, spec.ContainersRequest())
		for i := range min(len(s.Containers), maxContainers) {
			refuseLimits(p.field("containers").item(i).fields("resources", "limits"), s.Containers[i].Resources.Limits, s.Resources.Limits)
		}
	}
}

// refuseOfInit finds what only sidecars may have of all init containers
// (validateInitContainers).
func refuseOfInit(p *place, c *corev1.Container) {
	for _, x := range []struct {
		name  string
		given bool
	}{
		{"lifecycle", c.Lifecycle != nil}, {"livenessProbe", c.LivenessProbe != nil},
		{"readinessProbe", c.ReadinessProbe != nil}, {"startupProbe", c.StartupProbe != nil},
	} {
		if x.given {
			p.field(x.name).errorf("only init containers with restartPolicy Always may have one")
		}
	}
}

// refusePorts finds ports that are none, and those of the host that two containers want
// (validateContainerPorts, checkHostPortConflicts). In the host's network every port is
// one of the host's.
func refusePorts(p *place, ports []corev1.ContainerPort, taken map[hostPortKey]bool, hostNetwork bool) {
	for j := range ports {
		c, at := &ports[j], p.field("ports").item(j)
		if c.ContainerPort < 1 || c.ContainerPort > 65535 {
			at.field("containerPort").errorf("%d is no port: 1 to 65535", c.ContainerPort)
		}
		has := hostPortKey{cmp.Or(c.Protocol, corev1.ProtocolTCP), c.HostIP, c.HostPort}
		if hostNetwork && has.port == 0 {
			has.port = c.ContainerPort
		}
		if has.port != 0 && taken[has] {
			at.errorf("port %d of the host is taken by another port of the pod", has.port)
		}
		taken[has] = true
	}
}

// hostPortKey is what no two ports of a pod may have in common.
//
//tidy:key a map's
type hostPortKey struct {
	protocol corev1.Protocol
	ip       string
	port     int32
}

// refuseVolumes finds volumes with one name and mounts of none (ValidateVolumes,
// ValidateVolumeMounts). What a StatefulSet mounts may be one of its claims, and is not
// looked at there (pkg/apis/apps/validation/validation.go
// ValidatePodTemplateSpecForStatefulSet).
func (o *object) refuseVolumes(p *place, s *corev1.PodSpec) {
	there := map[string]bool{}
	for i := range s.Volumes {
		name := s.Volumes[i].Name
		if there[name] {
			p.field("volumes").item(i).field("name").errorf("two volumes of the pod are named %s", strict.Quote(name))
		}
		there[name] = true
	}
	if o.kind.kind == model.KindStatefulSet {
		return
	}
	for _, part := range []struct {
		name string
		list []corev1.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range min(len(part.list), maxContainers) {
			for j, m := range part.list[i].VolumeMounts {
				if !there[m.Name] {
					p.field(part.name).item(i).field("volumeMounts").item(j).field("name").errorf("no volume of the pod is named %s", strict.Quote(m.Name))
				}
			}
		}
	}
}

// refuseSum finds requests of the pod that are less than those of its containers
// (validatePodResourceConsistency).
func refuseSum(p *place, requests corev1.ResourceList, sum model.Resources) {
	for _, x := range []struct {
		name corev1.ResourceName
		unit string
		has  int64
		sum  int64
	}{
		{corev1.ResourceCPU, "m", requests.Cpu().MilliValue(), sum.CPUMilli},
		{corev1.ResourceMemory, "", requests.Memory().Value(), sum.MemoryBytes},
	} {
		if _, said := requests[x.name]; said && x.has < x.sum {
			p.field(string(x.name)).errorf("%d%s is less than its containers request together: %d%s", x.has, x.unit, x.sum, x.unit)
		}
	}
}

// refuseLimits finds limits of a container that are more than the pod's as a whole
// (validatePodResourceConsistency).
func refuseLimits(p *place, own, pods corev1.ResourceList) {
	for _, name := range sortedNames(own) {
		limit := own[corev1.ResourceName(name)]
		if most, said := pods[corev1.ResourceName(name)]; said && limit.Cmp(most) > 0 {
			p.field(name).errorf("%s is more than the pod's limit, %s", limit.String(), most.String())
		}
	}
}
