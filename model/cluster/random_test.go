package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/report"
	"orrery/sim"
)

// The two phases of a random scenario: things go wrong, then everything heals
// and the cluster has time to become what it should be.
const (
	troubled = 15 * time.Minute
	healing  = 45 * time.Minute
)

// randomConfig is a small scenario drawn from a seed: a few nodes and
// Deployments, faults that all end, and things people type.
func randomConfig(seed uint64) cluster.Config {
	luck := sim.New(sim.Config{Seed: seed}).Luck().Stream("test/scenario")
	below := func(n int) int { return int(luck.Below(uint64(n))) }
	c := cluster.Config{
		Name: "random", Seed: seed, Duration: troubled + healing,
		ControlPlane: cluster.ControlPlane{Replicas: []int{1, 3}[below(2)], Zones: []string{"a", "b"}},
		Nodes:        nodes(3 + below(6)),
	}
	total := 0
	for i := range 1 + below(3) {
		size := 1 + below(8)
		total += size
		d := deployments(size)[0].(*model.Deployment)
		rename(d, fmt.Sprint("app-", i), &luck)
		c.Objects = append(c.Objects, d, &model.Service{
			Meta:     model.Meta{Kind: model.KindService, Namespace: "default", Name: d.Name},
			Selector: d.Selector, Ports: 1,
		})
		if below(2) == 0 {
			from := []string{"ingress", "node/n-1", "deployment/app-0"}[below(3)]
			c.Traffic = append(c.Traffic, workload.Traffic{Namespace: "default", Service: d.Name, Rate: workload.Constant(100_000), From: from})
		}
		if below(4) == 0 {
			c.Behaviors = append(c.Behaviors, runtime.Behavior{
				Match: d.Selector, Run: sim.Exponential(5 * time.Minute), Exits: 2, ExitCode: int32(below(2)),
			})
		}
	}
	for i := range below(4) {
		c.Faults = append(c.Faults, randomFault(i, &luck))
	}
	for i := range below(3) {
		c.Faults = append(c.Faults, etcdFault(i, max(1, c.ControlPlane.Replicas), &luck))
	}
	if below(3) == 0 {
		c.Faults = append(c.Faults, massFaults(&luck)...)
		c.Behaviors = append(c.Behaviors, runtime.Behavior{Run: sim.Uniform(5*time.Second, 20*time.Second), Exits: 6, ExitCode: 1})
	}
	for range below(4) {
		c.Actions = append(c.Actions, randomAction(c.Objects, &luck))
	}
	randomAutoscalers(&c, &luck)
	c.Objects = append(c.Objects, randomBudgets(c.Objects, &luck)...)
	c.Objects = append(c.Objects, randomSets(&luck)...)
	if below(3) == 0 { // more than anybody needs, but at first nobody knows what is used
		c.Objects = append(c.Objects, &model.ResourceQuota{
			Meta: model.Meta{Kind: model.KindResourceQuota, Namespace: "default", Name: "team"}, Hard: model.QuotaAmounts{10_000, 1 << 40, -1, -1, -1},
		})
	}
	if below(2) == 0 {
		batch, ends := randomBatch(&luck)
		c.Objects, c.Behaviors = append(c.Objects, batch...), append(ends, c.Behaviors...)
	}
	for range below(3) {
		if len(c.Objects) > 0 {
			c.Actions = append(c.Actions, randomSetAction(c.Objects, &luck)...)
		}
	}
	hasJobs := slices.ContainsFunc(c.Objects, func(o model.Object) bool { return o.Head().Kind == model.KindJob })
	// What of a Job's pods was counted is in the controllers' memory, which does not
	// survive their process.
	if c.ControlPlane.Nodes = below(2) == 0; c.ControlPlane.Nodes && !hasJobs {
		c.Faults = append(c.Faults, controlPlaneFaults(c.ControlPlane.Replicas, &luck)...)
	}
	return c
}

// controlPlaneFaults takes machines of the control plane, and crashes what is on
// them.
func controlPlaneFaults(replicas int, luck *sim.Stream) (out []fault.Spec) {
	for i := range 1 + luck.Below(3) {
		f := randomFault(int(i), luck)
		f.ID, f.Peer, f.For = fmt.Sprint("control-plane-", i), fault.Target{}, max(f.For, time.Second)
		f.Fault = []string{"node-down", "kubelet-stop", "partition", "container-crash"}[luck.Below(4)]
		f.Target = fault.Target{Names: []string{fmt.Sprint("cp-", luck.Below(uint64(replicas)))}}
		if f.Fault == "container-crash" {
			f.Target = fault.Target{Namespace: model.NamespaceSystem, Match: model.SelectorOf(model.MakeLabels(map[string]string{"tier": "control-plane"})), Count: 2}
			f.ExitCode = 1
		}
		out = append(out, f)
	}
	return out
}

// randomAutoscalers scales some of the Deployments that somebody sends to.
func randomAutoscalers(c *cluster.Config, luck *sim.Stream) {
	for _, t := range c.Traffic {
		if luck.Below(2) == 0 {
			continue
		}
		match := model.SelectorOf(model.MakeLabels(map[string]string{"app": t.Service}))
		c.Behaviors = append(c.Behaviors, runtime.Behavior{Match: match, CPUMilli: 20, CPUMicroPerRPS: int64(1 + luck.Below(40_000))})
		c.Objects = append(c.Objects, &model.HorizontalPodAutoscaler{
			Meta:       model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: t.Service},
			TargetKind: model.KindDeployment, TargetName: t.Service, Min: int32(1 + luck.Below(3)), Max: int32(3 + luck.Below(10)),
			Metrics: []model.MetricSpec{{Name: "cpu", Utilization: int32(20 + luck.Below(80))}},
		})
	}
}

// randomSets is perhaps a StatefulSet and perhaps a DaemonSet.
func randomSets(luck *sim.Stream) (out []model.Object) {
	like := func(name string) *model.Deployment {
		d := deployments(1)[0].(*model.Deployment)
		rename(d, name, luck)
		return d
	}
	if luck.Below(2) == 0 {
		d := like("db")
		out = append(out, &model.StatefulSet{
			Meta: model.Meta{Kind: model.KindStatefulSet, Namespace: "default", Name: "db"}, Selector: d.Selector, Template: d.Template,
			Replicas: int32(1 + luck.Below(5)), Start: int32(luck.Below(3)), Parallel: luck.Below(2) == 0, HistoryLimit: 2,
			MaxUnavailable: model.CountOrPercent{Value: int32(1 + luck.Below(3))}, MinReady: time.Duration(luck.Below(2)) * 5 * time.Second,
		})
	}
	if luck.Below(2) == 0 {
		d := like("logs")
		s := &model.DaemonSet{
			Meta: model.Meta{Kind: model.KindDaemonSet, Namespace: "default", Name: "logs"}, Selector: d.Selector, Template: d.Template, HistoryLimit: 2,
			MinReady: time.Duration(luck.Below(2)) * 5 * time.Second,
		}
		if n := (model.CountOrPercent{Value: int32(1 + luck.Below(3))}); luck.Below(2) == 0 {
			s.MaxSurge, s.MinReady = n, 0 // with minReadySeconds an update may wait for the next event: see daemonSets.pod
		} else {
			s.MaxUnavailable = n
		}
		out = append(out, s)
	}
	return out
}

// randomBatch is a Job and a CronJob, and how their pods end.
func randomBatch(luck *sim.Stream) ([]model.Object, runtime.Behaviors) {
	spec := func(name string) model.JobSpec {
		d := deployments(1)[0].(*model.Deployment)
		rename(d, name, luck)
		pod := *d.Template.Spec
		pod.RestartPolicy = []model.RestartPolicy{model.RestartNever, model.RestartOnFailure}[luck.Below(2)]
		s := model.JobSpec{
			Parallelism: int32(1 + luck.Below(4)), Completions: int32(1 + luck.Below(8)), Indexed: luck.Below(2) == 0,
			BackoffLimit: int32(luck.Below(5)), BackoffLimitPerIndex: model.Unlimited, MaxFailedIndexes: model.Unlimited,
			TTL: model.Unlimited, ActiveDeadline: 20 * time.Minute, ReplaceFailed: luck.Below(2) == 0,
			Template: &model.Template{Labels: d.Labels, Spec: &pod, Hash: name},
		}
		if s.Indexed && pod.RestartPolicy == model.RestartNever && luck.Below(2) == 0 {
			s.BackoffLimit, s.BackoffLimitPerIndex = 1<<31-1, int32(luck.Below(3))
		}
		return s
	}
	schedule, err := model.ParseSchedule([]string{"* * * * *", "*/7 * * * *", "@every 100s"}[luck.Below(3)])
	if err != nil {
		panic(err)
	}
	job := &model.Job{Meta: model.Meta{Kind: model.KindJob, Namespace: "default", Name: "sum"}, JobSpec: spec("sum")}
	tick := &model.CronJob{
		Meta: model.Meta{Kind: model.KindCronJob, Namespace: "default", Name: "tick"}, Schedule: schedule, Job: spec("tick"),
		Concurrency: model.Concurrency(luck.Below(3)), StartingDeadline: model.Unlimited, SuccessfulHistory: int32(luck.Below(4)), FailedHistory: 1,
	}
	var ends runtime.Behaviors
	for _, name := range []string{"sum", "tick"} {
		ends = append(ends, runtime.Behavior{
			Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": name})),
			Run:   sim.Uniform(time.Second, 90*time.Second), ExitCode: int32(luck.Below(3) / 2),
		})
	}
	return []model.Object{job, tick}, ends
}

// quotas recomputes what every quota should say.
func quotas(t *testing.T, seed uint64, s *store.Store) {
	t.Helper()
	snap := s.Snapshot()
	snap.Each(model.KindResourceQuota, func(o model.Object) bool {
		q := o.(*model.ResourceQuota)
		var used model.QuotaAmounts
		snap.Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.Namespace == q.Namespace {
				used = used.Add(q.Counted(model.QuotaOf(p)), 1)
			}
			return true
		})
		// A CronJob's pods may be on their way.
		if d := q.Used[0] - used[0]; !q.Known || d > 4 || d < -4 {
			t.Errorf("seed %d: %s says %v are used of %v", seed, q.Path(), q.Used, used)
		}
		return true
	})
}

// batch checks that every Job that had the time is over, and that each of its
// pods was counted once.
func batch(t *testing.T, seed uint64, s *store.Store) {
	t.Helper()
	made := map[model.Ref]int32{}
	var end sim.Time
	for i := range s.History().Len() {
		rec := s.History().At(i)
		end = rec.At
		if p, ok := rec.New.(*model.Pod); ok && rec.Old == nil && p.Owner.Kind == model.KindJob {
			made[p.Owner]++
		}
	}
	snap := s.Snapshot()
	snap.Each(model.KindJob, func(o model.Object) bool {
		j := o.(*model.Job)
		_, over := j.Finished()
		switch {
		case !over && j.CreatedAt < end.Add(-25*time.Minute):
			t.Errorf("seed %d: %s of %v is not over: %+v", seed, j.Path(), j.CreatedAt, j)
		case over && j.Succeeded+j.FailedPods != made[j.Ref()]:
			t.Errorf("seed %d: %s had %d pods, of which %d succeeded and %d failed", seed, j.Path(), made[j.Ref()], j.Succeeded, j.FailedPods)
		case j.Complete.Status == model.True && j.Succeeded != j.Completions:
			t.Errorf("seed %d: %s is complete with %d of %d", seed, j.Path(), j.Succeeded, j.Completions)
		}
		return true
	})
	snap.Each(model.KindCronJob, func(o model.Object) bool {
		c := o.(*model.CronJob)
		if c.Concurrency != model.AllowConcurrent && len(c.Active) > 1 || c.ScheduledAt < end.Add(-25*time.Minute) {
			t.Errorf("seed %d: %s has %d Jobs, the last of %v", seed, c.Path(), len(c.Active), c.ScheduledAt)
		}
		return true
	})
}

// randomSetAction is something a person does to a StatefulSet or DaemonSet.
func randomSetAction(objects []model.Object, luck *sim.Stream) []workload.Action {
	o := objects[luck.Below(uint64(len(objects)))]
	m := o.Head()
	a := workload.Action{At: sim.Time(luck.Duration(time.Minute, troubled)), Kind: m.Kind, Namespace: m.Namespace, Name: m.Name}
	switch m.Kind {
	case model.KindStatefulSet:
		if a.Do, a.Replicas = "scale", int32(luck.Below(6)); luck.Below(2) == 0 {
			a.Do, a.Image = "set-image", fmt.Sprint("registry/new:", luck.Below(3))
		}
	case model.KindDaemonSet:
		a.Do, a.Image = "set-image", fmt.Sprint("registry/new:", luck.Below(3))
	default:
		return nil
	}
	return []workload.Action{a}
}

// sets checks that every StatefulSet and DaemonSet has its pods, of the newest
// template, and says so.
func sets(t *testing.T, seed uint64, s *store.Store) {
	t.Helper()
	snap := s.Snapshot()
	pods := func(owner model.Ref, hash string) (good, others int32) {
		snap.Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.Owner == owner {
				if revision := p.Labels.Value(model.LabelRevision); p.IsReady() && !p.Deleting() && strings.HasSuffix(revision, hash) {
					good++
				} else {
					others++
				}
			}
			return true
		})
		return good, others
	}
	snap.Each(model.KindStatefulSet, func(o model.Object) bool {
		x := o.(*model.StatefulSet)
		if good, others := pods(x.Ref(), x.Template.Hash); good != x.Replicas || others != 0 || x.AvailableReplicas != good || x.UpdatedReplicas != good {
			t.Errorf("seed %d: %s wants %d pods, has %d and %d others, and says %d are available, %d updated",
				seed, x.Path(), x.Replicas, good, others, x.AvailableReplicas, x.UpdatedReplicas)
		}
		return true
	})
	nodes := int32(0)
	snap.Each(model.KindNode, func(o model.Object) bool {
		if !o.(*model.Node).ControlPlane() {
			nodes++
		}
		return true
	})
	snap.Each(model.KindDaemonSet, func(o model.Object) bool {
		x := o.(*model.DaemonSet)
		if good, others := pods(x.Ref(), x.Template.Hash); good != nodes || others != 0 || x.Available != good || x.Updated != good || x.Desired != nodes {
			t.Errorf("seed %d: %s has %d pods on %d nodes and %d others, and says %d are wanted, %d available, %d updated",
				seed, x.Path(), good, nodes, others, x.Desired, x.Available, x.Updated)
		}
		return true
	})
}

func rename(d *model.Deployment, name string, luck *sim.Stream) {
	d.Name = name
	d.Labels = model.MakeLabels(map[string]string{"app": name})
	d.Selector = model.SelectorOf(d.Labels)
	spec := *d.Template.Spec
	spec.Containers = append([]model.Container(nil), spec.Containers...)
	spec.GraceSeconds = int32(1 + luck.Below(40))
	if luck.Below(2) == 0 {
		spec.Containers[0].Readiness = &model.Probe{Period: 10 * time.Second, SuccessThreshold: 1, FailureThreshold: 3}
	}
	d.Template = &model.Template{Labels: d.Labels, Spec: &spec}
	d.Template.Hash = d.Template.ComputeHash()
}

func randomFault(i int, luck *sim.Stream) fault.Spec {
	kinds := []string{"node-down", "kubelet-stop", "partition", "registry-down", "container-crash"}
	f := fault.Spec{
		ID: fmt.Sprint("fault-", i), Fault: kinds[luck.Below(uint64(len(kinds)))],
		At: sim.Time(luck.Duration(time.Minute, troubled-time.Minute)),
	}
	if f.Fault == "kubelet-stop" && i%2 == 1 {
		f.Fault = "runtime-down"
	}
	f.For = min(luck.Duration(time.Second, 9*time.Minute), time.Duration(sim.Time(troubled)-f.At))
	switch f.Fault {
	case "registry-down":
	case "container-crash":
		f.Target, f.ExitCode = fault.Target{Count: 2}, 1
		if luck.Below(2) == 0 {
			f.For = 0
		}
	default:
		f.Target = fault.Target{Count: 1 + int(luck.Below(2))}
		if luck.Below(4) == 0 {
			f.Target = fault.Target{Zone: "b"}
		}
	}
	if f.Fault == "partition" {
		f.Direction = []fault.Direction{fault.Both, fault.To, fault.From}[luck.Below(3)]
		if luck.Below(3) == 0 {
			f.Peer = fault.Target{PercentPPM: 1_000_000}
		}
	}
	return f
}

// etcdFault is something wrong with etcd for a while.
func etcdFault(i, members int, luck *sim.Stream) fault.Spec {
	kinds := []string{"etcd-member-down", "etcd-slow-disk", "etcd-partition", "etcd-no-space"}
	f := fault.Spec{
		ID: fmt.Sprint("etcd-", i), Fault: kinds[luck.Below(uint64(len(kinds)))],
		At: sim.Time(luck.Duration(time.Minute, troubled-time.Minute)), Fsync: sim.Uniform(0, 500*time.Millisecond),
		Direction: []fault.Direction{fault.Both, fault.To, fault.From}[luck.Below(3)],
	}
	f.For = min(luck.Duration(time.Second, 9*time.Minute), time.Duration(sim.Time(troubled)-f.At))
	for m := range members {
		if luck.Below(2) == 0 || m == members-1 && f.Members == nil {
			f.Members = append(f.Members, fmt.Sprint("cp-", m))
		}
	}
	if f.Fault == "etcd-no-space" {
		f.Members = nil
	}
	return f
}

// massFaults is something that hits every node in one instant and leaves all of
// them in one instant, so that whatever begins anew begins everywhere at once.
func massFaults(luck *sim.Stream) []fault.Spec {
	all := fault.Spec{
		ID: "mass", Fault: []string{"kubelet-stop", "node-down"}[luck.Below(2)],
		At: sim.Time(5 * time.Minute), For: luck.Duration(time.Second, 3*time.Minute), Target: fault.Target{Count: 99},
	}
	other := all
	other.ID, other.Fault = "mass-2", []string{"kubelet-stop", "node-down"}[luck.Below(2)]
	other.At = other.At.Add(luck.Duration(0, time.Minute))
	return []fault.Spec{all, other}
}

func randomAction(objects []model.Object, luck *sim.Stream) workload.Action {
	d := objects[2*luck.Below(uint64(len(objects)/2))].(*model.Deployment)
	a := workload.Action{At: sim.Time(luck.Duration(time.Minute, troubled)), Kind: model.KindDeployment, Namespace: "default", Name: d.Name}
	switch luck.Below(5) {
	case 0:
		a.Do, a.Replicas = "scale", int32(luck.Below(10))
	case 1:
		a.Do, a.Image = "set-image", fmt.Sprint("registry/new:", luck.Below(3))
	case 2:
		a.Do, a.Kind, a.Namespace, a.Name = "drain", model.KindNode, "", "n-0"
	case 3: // which a restart of its kubelet brings back; it may not exist
		a.Do, a.Kind, a.Namespace, a.Name = "delete", model.KindNode, "", "n-3"
	default:
		a.Do, a.Kind, a.Namespace, a.Name = "cordon", model.KindNode, "", "n-1"
	}
	return a
}

// randomBudgets is disruption budgets for some of the Deployments.
func randomBudgets(objects []model.Object, luck *sim.Stream) (out []model.Object) {
	for _, o := range objects {
		d, ok := o.(*model.Deployment)
		if !ok || luck.Below(2) == 0 {
			continue
		}
		b := &model.PodDisruptionBudget{
			Meta: model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: d.Name}, Selector: d.Selector,
			AlwaysAllow: luck.Below(2) == 0,
		}
		n := &model.CountOrPercent{Value: int32(luck.Below(6))}
		if luck.Below(2) == 0 {
			n = &model.CountOrPercent{Value: int32(luck.Below(101)), Percent: true}
		}
		if luck.Below(2) == 0 {
			b.MinAvailable = n
		} else {
			b.MaxUnavailable = n
		}
		out = append(out, b)
	}
	return out
}

// budgets recomputes what every disruption budget should say when nothing
// happens any more: all pods of its Deployment are healthy.
func budgets(t *testing.T, seed uint64, s *store.Store) {
	t.Helper()
	s.Snapshot().Each(model.KindPodDisruptionBudget, func(o model.Object) bool {
		b := o.(*model.PodDisruptionBudget)
		d, _ := s.Lookup(model.KindDeployment, "default", b.Name).(*model.Deployment)
		if d == nil {
			return true
		}
		all, desired := d.Replicas, int32(0)
		if b.MinAvailable != nil {
			desired = b.MinAvailable.Of(all, true)
		} else {
			desired = max(0, all-b.MaxUnavailable.Of(all, true))
		}
		allowed := max(0, all-desired)
		if b.Healthy != all || b.Desired != desired || b.Allowed != allowed || len(b.Disrupted) != 0 {
			t.Errorf("seed %d: %s of %d pods, %d to stay, says %d healthy, %d to stay, %d may go, %d going",
				seed, b.Path(), all, desired, b.Healthy, b.Desired, b.Allowed, len(b.Disrupted))
		}
		return true
	})
}

// checkRandom runs one random scenario and reports what must hold in all of
// them: the invariants, the same history twice and with every tick an event,
// and, once everything healed, as many ready pods as asked for.
func checkRandom(t *testing.T, seed uint64) {
	t.Helper()
	run := func(change func(*cluster.Config)) *cluster.Cluster {
		c := randomConfig(seed)
		c.Limits = sim.Limits{Events: 20_000_000}
		if change != nil {
			change(&c)
		}
		return watched(t, c)
	}
	first := run(nil)
	converged(t, seed, first.Store)
	budgets(t, seed, first.Store)
	sets(t, seed, first.Store)
	batch(t, seed, first.Store)
	quotas(t, seed, first.Store)
	same(t, seed, "a second run", first, run(nil))
	same(t, seed, "every tick an event", first, run(func(c *cluster.Config) { c.Literal = true }))
}

func same(t *testing.T, seed uint64, what string, a, b *cluster.Cluster) {
	t.Helper()
	if d, differ := report.FirstDifference(a.Store.History(), b.Store.History()); differ {
		t.Errorf("seed %d, %s: record %d at %v differs:\n%s\n%s\nafter\n%v", seed, what, d.Index, d.At, d.A, d.B, d.Before)
	}
}

func converged(t *testing.T, seed uint64, s *store.Store) {
	t.Helper()
	snap := s.Snapshot()
	snap.Each(model.KindDeployment, func(o model.Object) bool {
		d := o.(*model.Deployment)
		ready, others := 0, 0
		snap.Each(model.KindPod, func(o model.Object) bool {
			p := o.(*model.Pod)
			switch {
			case !d.Selector.Matches(p.Labels):
			case p.IsReady() && !p.Deleting():
				ready++
			default:
				others++
			}
			return true
		})
		if ready != int(d.Replicas) || others != 0 || d.ReadyReplicas != d.Replicas {
			t.Errorf("seed %d: %s wants %d pods, has %d ready and %d others, and says %d are ready",
				seed, d.Path(), d.Replicas, ready, others, d.ReadyReplicas)
		}
		return true
	})
	snap.Each(model.KindNode, func(o model.Object) bool {
		if n := o.(*model.Node); n.Ready.Status != model.True {
			t.Errorf("seed %d: %s is %v after everything healed", seed, n.Path(), n.Ready.Status)
		}
		return true
	})
}

func TestRandomScenariosKeepEveryInvariantAndConverge(t *testing.T) {
	for seed := range uint64(60) {
		checkRandom(t, seed+1)
		if t.Failed() {
			return
		}
	}
}

// A machine's state follows from which faults are in force, whatever it was
// doing when each began or ended: while a kubelet-stop is in force, its node
// is not heard of, also if the machine boots then or is booting when it begins.
func TestAStoppedKubeletStaysStoppedThroughBoots(t *testing.T) {
	at := func(d time.Duration) sim.Time { return sim.Time(d) }
	only := fault.Target{Names: []string{"n-1"}}
	down := fault.Spec{ID: "down", Fault: "node-down", At: at(5 * time.Minute), For: time.Minute, Target: only}
	for _, from := range []time.Duration{2 * time.Minute, 5*time.Minute + 30*time.Second, 6*time.Minute + time.Second, 6*time.Minute + 20*time.Second} {
		stop := fault.Spec{ID: "stop", Fault: "kubelet-stop", At: at(from), For: 30*time.Minute - from, Target: only}
		x, err := cluster.New(cluster.Config{Name: "held", Seed: 1, Duration: time.Hour, Nodes: nodes(3), Faults: []fault.Spec{down, stop}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			at   time.Duration
			want model.ConditionStatus
		}{{20 * time.Minute, model.Unknown}, {30*time.Minute - time.Second, model.Unknown}, {32 * time.Minute, model.True}} {
			if err := x.Run(at(c.at)); err != nil {
				t.Fatal(err)
			}
			if n := x.Store.Lookup(model.KindNode, "", "n-1").(*model.Node); n.Ready.Status != c.want {
				t.Errorf("stopped from %v: %v at %v, want %v", from, n.Ready.Status, c.at, c.want)
			}
		}
	}
}

// Nothing on a machine sends before it has booted.
func TestAMachineThatBootsSendsNothing(t *testing.T) {
	d := deployments(2)[0].(*model.Deployment)
	x, err := cluster.New(cluster.Config{
		Name: "boot", Seed: 1, Duration: time.Hour, Nodes: nodes(3),
		Objects: []model.Object{d, &model.Service{
			Meta: model.Meta{Kind: model.KindService, Namespace: d.Namespace, Name: d.Name}, Selector: d.Selector, Ports: 1,
		}},
		Traffic: []workload.Traffic{{Namespace: d.Namespace, Service: d.Name, Rate: workload.Constant(1000), From: "node/n-1"}},
		Faults: []fault.Spec{{
			ID: "down", Fault: "node-down", At: sim.Time(5 * time.Minute), For: 10 * time.Minute, Target: fault.Target{Names: []string{"n-1"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Run(sim.Time(20 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	up, offered := sim.Never, int64(0)
	for i := range x.Store.History().Len() {
		rec := x.Store.History().At(i)
		if rec.Note == nil {
			continue
		}
		if rec.Note.Reason == "Starting" {
			up = rec.At
		}
		if f := rec.Note.Traffic; f != nil {
			offered = f.OfferedMilliRPS
			if rec.At > sim.Time(5*time.Minute) && rec.At < up && offered != 0 {
				t.Errorf("%v: %d offered before %v", rec.At, offered, up)
			}
		}
	}
	if up < sim.Time(15*time.Minute) || up == sim.Never || offered != 1000 {
		t.Errorf("booted at %v, %d offered at the end", up, offered)
	}
}

// FuzzCluster looks for a seed whose scenario breaks something.
func FuzzCluster(f *testing.F) {
	for _, seed := range []uint64{1, 7, 42, 1 << 40} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandom(t, seed) })
}
