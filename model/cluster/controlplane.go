package cluster

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/kubelet"
)

// ControlPlaneCPUMilli and ControlPlaneMemoryBytes are the size of a
// control-plane machine that nothing is said about: kubeadm refuses less than 2
// cores and 1700 MB (cmd/kubeadm/app/constants/constants.go ControlPlaneNumCPU,
// ControlPlaneMem).
const (
	ControlPlaneCPUMilli    = 2000
	ControlPlaneMemoryBytes = 4 << 30
)

// defaultControlPlaneCores is the size of a control-plane machine that is no node
// and of which nothing is said.
const defaultControlPlaneCores = 4

// cores is how many requests the API server of a machine works on at once.
func (c *ControlPlane) cores() int {
	switch {
	case c.CPUMilli > 0:
		return int(max(c.CPUMilli/1000, 1))
	case c.Nodes:
		return ControlPlaneCPUMilli / 1000
	}
	return defaultControlPlaneCores
}

// machine is the name and the zone of the ith machine.
func (c *ControlPlane) machine(i int) (name, zone string) {
	if len(c.Zones) > 0 {
		zone = c.Zones[i%len(c.Zones)]
	}
	return fmt.Sprintf("cp-%d", i), zone
}

// EtcdMachines is the names of the machines that members of etcd run on.
func (c *ControlPlane) EtcdMachines() (names []string) {
	for i := range c.ExternalEtcd {
		name, _ := c.etcdMachine(i)
		names = append(names, name)
	}
	for i := 0; c.ExternalEtcd == 0 && i < max(c.Replicas, 1); i++ {
		name, _ := c.machine(i)
		names = append(names, name)
	}
	return names
}

// etcdMachine is the name and the zone of the ith machine that etcd has for itself.
func (c *ControlPlane) etcdMachine(i int) (name, zone string) {
	if len(c.EtcdZones) > 0 {
		zone = c.EtcdZones[i%len(c.EtcdZones)]
	}
	return fmt.Sprintf("etcd-%d", i), zone
}

// Machines is the control-plane machines as nodes, not stored yet: none unless
// they are nodes, of whose size kubelets keep what their eviction says. Their labels and their
// taint are kubeadm's (cmd/kubeadm/app/phases/markcontrolplane/markcontrolplane.go).
func (c *ControlPlane) Machines(e *kubelet.Eviction) []*model.Node {
	if !c.Nodes {
		return nil
	}
	out := make([]*model.Node, max(c.Replicas, 1))
	size := model.Resources{CPUMilli: ControlPlaneCPUMilli, MemoryBytes: ControlPlaneMemoryBytes, EphemeralBytes: 100 << 30, Pods: 110}
	if c.CPUMilli > 0 {
		size.CPUMilli = c.CPUMilli
	}
	if c.MemoryBytes > 0 {
		size.MemoryBytes = c.MemoryBytes
	}
	size.Pods = kubelet.PodCapacity(size, c.PodsPerCore)
	for i := range out {
		name, zone := c.machine(i)
		labels := map[string]string{
			model.LabelHostname: name, "kubernetes.io/arch": "amd64", model.LabelOS: "linux",
			model.LabelControlPlane: "", "node.kubernetes.io/exclude-from-external-load-balancers": "",
		}
		if zone != "" {
			labels[model.LabelZone] = zone
		}
		out[i] = &model.Node{
			Meta:     model.Meta{Kind: model.KindNode, Name: name, Labels: model.MakeLabels(labels)},
			Taints:   []model.Taint{{Key: model.LabelControlPlane, Effect: model.NoSchedule}},
			Capacity: size, Allocatable: size.Allocatable(e.Kept(size)),
		}
	}
	return out
}

// The processes of a control-plane machine, as kubeadm names their pods.
const (
	etcdPod              = "etcd"
	apiServerPod         = "kube-apiserver"
	controllerManagerPod = "kube-controller-manager"
	schedulerPod         = "kube-scheduler"
	cloudControllerPod   = "cloud-controller-manager"
	autoscalerPod        = "cluster-autoscaler"
)

// component is a static pod as kubeadm writes it
// (cmd/kubeadm/app/phases/controlplane/manifests.go, phases/etcd/local.go).
type component struct {
	name      string
	request   model.Resources
	readiness bool
}

var components = []component{
	{etcdPod, model.Resources{CPUMilli: 100, MemoryBytes: 100 << 20}, true},
	{apiServerPod, model.Resources{CPUMilli: 250}, true},
	{controllerManagerPod, model.Resources{CPUMilli: 200}, false},
	{schedulerPod, model.Resources{CPUMilli: 100}, true},
}

// nodeCritical is the value of the class system-node-critical
// (pkg/apis/scheduling/types.go).
const nodeCritical = 2_000_001_000

// The probes of kubeadm's static pods: the startup probe allows four minutes, and
// both it and the liveness probe skip a period first
// (cmd/kubeadm/app/util/staticpod/utils.go).
func (c *component) container() model.Container {
	every := 10 * time.Second
	x := model.Container{
		Name: c.name, Image: "registry.k8s.io/" + c.name, Requests: c.request,
		Startup:  &model.Probe{InitialDelay: every, Period: every, FailureThreshold: 24},
		Liveness: &model.Probe{InitialDelay: every, Period: every, FailureThreshold: 8},
	}
	if c.readiness {
		x.Readiness = &model.Probe{Period: time.Second, FailureThreshold: 3}
	}
	return x
}

// pod is the static pod in its file.
func (c *component) pod() *model.Pod {
	spec := &model.PodSpec{
		Containers: []model.Container{c.container()}, GraceSeconds: 30, HostNetwork: true,
		Priority: nodeCritical, Classed: true, SchedulerName: "default-scheduler",
	}
	spec.SumRequests()
	labels := model.MakeLabels(map[string]string{"component": c.name, "tier": "control-plane"})
	return &model.Pod{Meta: model.Meta{Namespace: model.NamespaceSystem, Name: c.name, Labels: labels}, Spec: spec}
}

// components is the static pods on each machine: without etcd, if that has machines
// of its own, and with what looks after a cloud's machines
// (cluster-autoscaler/cloudprovider/aws/examples: 100m and 600Mi, in a Deployment).
func (c *ControlPlane) components() []component {
	all := components
	if c.ExternalEtcd > 0 {
		all = components[1:]
	}
	all = all[:len(all):len(all)]
	if c.Cloud {
		all = append(all, component{cloudControllerPod, model.Resources{CPUMilli: 200}, false})
	}
	if c.Autoscaler {
		all = append(all, component{autoscalerPod, model.Resources{CPUMilli: 100, MemoryBytes: 600 << 20}, false})
	}
	return all
}

// Pods is the control plane's static pods as they are in their files on each of its
// machines.
func (c *ControlPlane) Pods() []*model.Pod {
	var out []*model.Pod
	for _, x := range c.components() {
		out = append(out, x.pod())
	}
	return out
}

// StaticRequest is what the static pods of a control-plane machine ask for
// together.
func (c *ControlPlane) StaticRequest() (sum model.Resources) {
	for _, x := range c.components() {
		sum = sum.Add(x.request)
	}
	return sum
}

// addControlPlane adds the machines of the control plane, an API server on each
// and a member of etcd, unless that has machines of its own. The scheduler and the
// controllers that lead run on the first.
func (x *Cluster) addControlPlane() {
	c := &x.config.ControlPlane
	for i := range max(c.Replicas, 1) {
		x.control = append(x.control, x.net.AddSite(c.machine(i)))
	}
	members := c.Etcd
	members.Sites, members.Literal = x.control, x.config.Literal
	if c.ExternalEtcd > 0 {
		for i := range c.ExternalEtcd {
			x.members = append(x.members, x.net.AddSite(c.etcdMachine(i)))
		}
		members.Sites = x.members
		x.etcd = apiserver.NewExternalBackend(x.Kernel, x.Store, x.net, members, x.control)
	} else {
		x.members = x.control
		x.etcd = apiserver.NewBackend(x.Kernel, x.Store, x.net, members)
	}
	for i, site := range x.members {
		x.memberGates = append(x.memberGates, &gate{process: member{x.etcd, i}})
		if c.ExternalEtcd > 0 {
			x.etcdMachines = append(x.etcdMachines, newEtcdMachine(x.Kernel, x.net, site, x.memberGates[i]))
		}
	}
	x.etcd.Servers = c.APIServer
	for i, site := range x.control {
		x.servers = append(x.servers, apiserver.New(x.Kernel, x.Store, x.etcd, x.net, site, c.cores()))
		x.gates = append(x.gates, map[string]*gate{apiServerPod: {process: x.servers[i]}, schedulerPod: {}, controllerManagerPod: {}, cloudControllerPod: {}, autoscalerPod: {}})
		if c.ExternalEtcd == 0 {
			x.gates[i][etcdPod] = x.memberGates[i]
		}
	}
}

// addOutside adds the place of people and of what looks after machines: the
// autoscaler and the cloud's controllers, near the first machine of the control plane,
// which no fault of a machine takes. With only one nobody answers them without it, and
// they are on it.
func (x *Cluster) addOutside() {
	if x.outside = x.control[0]; len(x.control) > 1 {
		x.outside = x.net.AddSite("outside", x.net.Zone(x.control[0]))
	}
}

// statics is the static pods of a node: what its files say, and on a
// control-plane machine the control plane itself.
func (x *Cluster) statics(node string) []kubelet.Static {
	var out []kubelet.Static
	for _, p := range x.config.Static[node] {
		out = append(out, kubelet.Static{Pod: p})
	}
	return out
}

// controlPlaneStatics is the control plane's processes on one of its machines.
func (x *Cluster) controlPlaneStatics(machine int) []kubelet.Static {
	var out []kubelet.Static
	for _, p := range x.config.ControlPlane.Pods() {
		s := kubelet.Static{Pod: p}
		if g := x.gates[machine][p.Name]; g != nil {
			s.Program = inContainer{g}
		}
		out = append(out, s)
	}
	return out
}
