package cluster_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/proxy"
	"orrery/model/workload"
	"orrery/sim"
)

// wide is a random scenario of nodes with everything else that looks at them: a cloud
// that makes and takes machines, autoscalers, Jobs and sets, volumes that are attached,
// load balancers that probe, and faults of the control plane.
func wide(seed uint64) cluster.Config {
	c := wholeNode(seed)
	d := &dice{luck: sim.New(sim.Config{Seed: seed}).Luck().Stream("test/wide")}
	if d.one(2) {
		d.cloud(&c)
	}
	for _, t := range c.Traffic {
		if d.one(2) {
			c.Objects = append(c.Objects, d.autoscaler(t.Service))
		}
	}
	if d.one(2) {
		c.Objects = append(c.Objects, randomSets(&d.luck)...)
	}
	if d.one(2) {
		batch, ends := randomBatch(&d.luck)
		c.Objects, c.Behaviors = append(c.Objects, batch...), append(ends, c.Behaviors...)
	}
	if d.one(2) {
		d.volumes(&c)
	}
	if d.one(2) {
		interval := d.seconds(1, 20)
		c.Probes = proxy.Probes{
			Interval: interval, Timeout: d.between(time.Millisecond, interval),
			Healthy: int64(1 + d.below(3)), Unhealthy: int64(1 + d.below(4)), Lag: d.seconds(0, 20),
		}
	}
	c.Objects = append(c.Objects, randomBudgets(c.Objects, &d.luck)...)
	for i := range d.below(4) {
		c.Faults = append(c.Faults, d.wideFault(&c, i))
	}
	slices.SortStableFunc(c.Faults, func(a, b fault.Spec) int { return int(a.At - b.At) })
	return c
}

// autoscaler is one of a Deployment, by CPU, memory or one of its containers.
func (d *dice) autoscaler(name string) *model.HorizontalPodAutoscaler {
	x := &model.HorizontalPodAutoscaler{
		Meta:       model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: name},
		TargetKind: model.KindDeployment, TargetName: name, Min: int32(1 + d.below(2)), Max: int32(3 + d.below(6)),
	}
	for range 1 + d.below(2) {
		m := model.MetricSpec{Name: d.of("cpu", "memory"), Utilization: int32(20 + d.below(100))}
		if d.one(3) {
			m.Source, m.Container = model.ContainerResourceMetric, "c-0"
		}
		if d.one(3) {
			if m.Utilization, m.Average = 0, int64(10+d.below(300)); m.Name == "memory" {
				m.Average <<= 20
			}
		}
		x.Metrics = append(x.Metrics, m)
	}
	return x
}

// volumes is a StatefulSet whose pods have disks of their own.
func (d *dice) volumes(c *cluster.Config) {
	c.Scheduler.Storage = &model.Storage{Classes: []*model.StorageClass{{Name: "disk", Wait: d.one(2), Provisioner: "csi.example.com"}}}
	x := deployments(1)[0].(*model.Deployment)
	rename(x, "vol", &d.luck)
	spec := d.spec(true)
	spec.ActiveDeadline = 0
	x.Template = &model.Template{Labels: x.Labels, Spec: spec}
	x.Template.Hash = x.Template.ComputeHash()
	c.Objects = append(c.Objects, &model.StatefulSet{
		Meta: model.Meta{Kind: model.KindStatefulSet, Namespace: "default", Name: "vol"}, Selector: x.Selector, Template: x.Template,
		Replicas: int32(1 + d.below(3)), Parallel: d.one(2), HistoryLimit: 2, MaxUnavailable: model.CountOrPercent{Value: 1},
		Claims: []*model.Claim{{Meta: model.Meta{Name: "data"}, Class: "disk", Bytes: 1 << 30, Sized: true, Modes: model.ReadWriteOnce}},
	})
	if d.one(2) {
		c.Actions = append(c.Actions, workload.Action{
			At: sim.Time(nodeTrouble), Do: "set-image", Kind: model.KindStatefulSet, Namespace: "default", Name: "vol",
			Container: "c-0", Image: "registry/img-1:2",
		})
	}
}

// cloud makes the nodes machines of a cloud.
func (d *dice) cloud(c *cluster.Config) {
	g := cloud.Group{
		Name: "n", Min: 1, Start: len(c.Nodes), Max: len(c.Nodes) + d.below(4), Zones: []string{"a", "b"}, Size: c.Nodes[0].Capacity,
		Provision: d.dist(20*time.Second, 2*time.Minute),
	}
	c.Cloud = &cloud.Config{Groups: []cloud.Group{g}, TerminationHandler: d.one(2), Quota: d.below(2) * (len(c.Nodes) + 2), LaunchesPerMinute: int64(d.below(3))}
	for i := range c.Nodes {
		c.Nodes[i] = g.Node(i, g.StartZone(i))
	}
	c.Static = nil
	if d.one(2) {
		c.Autoscaler = &autoscaler.Config{UnneededTime: d.seconds(30, 300), DelayAfterAdd: d.seconds(10, 300), ScanInterval: d.seconds(5, 20)}
	}
	if d.one(3) {
		c.NodeRepair = cloud.RepairConfig{After: d.seconds(30, 300), Takes: d.dist(time.Second, time.Minute)}
	}
	for i := range d.below(4) {
		f := fault.Spec{
			ID: fmt.Sprint("cloud-", i), Fault: d.of("spot-reclaim", "node-terminate", "slow-boot", "out-of-capacity", "cloud-api-throttled"),
			At: d.whenInTrouble(), Boot: d.dist(time.Second, 4*time.Minute), Notice: d.seconds(1, 120), Errors: d.share(), Target: fault.Target{Count: 1},
		}
		if kind := fault.Lookup(f.Fault); kind.Targets == model.KindNone {
			f.Target, f.For = fault.Target{}, d.until(f.At, 5*time.Minute)
		}
		c.Faults = append(c.Faults, f)
	}
}

// wideFault is one of the control plane, or of how nodes are connected to it.
func (d *dice) wideFault(c *cluster.Config, i int) fault.Spec {
	replicas := max(1, c.ControlPlane.Replicas)
	if d.one(3) {
		f := etcdFault(i, replicas, &d.luck)
		f.At = d.whenInTrouble()
		f.For = d.until(f.At, 3*time.Minute)
		return f
	}
	f := fault.Spec{ID: fmt.Sprint("wide-", i), At: d.whenInTrouble(), By: d.between(time.Second, 50*time.Second), Latency: d.dist(0, 3*time.Second)}
	f.For = d.until(f.At, 3*time.Minute)
	f.Fault = d.of("clock-jump", "watch-lag", "certificate-expiry", "token-expiry",
		"apiserver-crash", "apiserver-slow", "scheduler-crash", "controller-manager-crash", "leader-loss")
	switch f.Fault {
	case "clock-jump":
		f.Target, f.Ahead, f.For = fault.Target{Count: 2}, d.one(3), 0
	case "watch-lag":
		f.Component = d.of("kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager")
	case "certificate-expiry":
		f.Component = d.of("kubelet", "kube-scheduler", "kube-controller-manager")
	case "token-expiry":
		f.Component = d.of("kube-proxy", "deployment-controller", "replicaset-controller", "endpointslice-controller", "node-controller")
	case "leader-loss":
		f.Component, f.Graceful = d.of("kube-scheduler", "kube-controller-manager"), d.one(2)
	}
	if f.Component == "kubelet" {
		f.Target = fault.Target{Count: 2}
	}
	return f
}

func TestRandomClustersAreTheSameWithEveryTickAnEvent(t *testing.T) {
	for seed := range uint64(12) {
		if checkTwins(t, seed+1, wide); t.Failed() {
			return
		}
	}
}
