package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

func crash(lasts time.Duration, servers ...int) fault.Spec {
	f := fault.Spec{ID: "crash", Fault: "apiserver-crash", At: lossAt, For: lasts}
	for _, i := range servers {
		f.Members = append(f.Members, fmt.Sprint("cp-", i))
	}
	return f
}

// Source: k8s.io/client-go/tools/cache/reflector.go: with one API server of several gone, clients
// reconnect through the balancer, and nobody misses their heartbeats. The scheduler
// and the controllers of its machine, which is the first, stand still.
func TestTheLossOfOneAPIServerOfThreeIsNoticedByNoNode(t *testing.T) {
	for server := range 3 {
		c := replicated(1, crash(10*time.Minute, server))
		at, ready := notedAt(t, c, "NodeNotReady")
		if len(at) != 0 {
			t.Errorf("without server %d nodes were not ready at %v", server, at)
		}
		if n := ready(lossAt.Add(9 * time.Minute)); n != 40 && server != 0 {
			t.Errorf("without server %d: %d of 40 pods", server, n)
		}
		if n := ready(lossAt.Add(13 * time.Minute)); n != 40 {
			t.Errorf("without server %d: %d of 40 pods after it returned", server, n)
		}
	}
}

// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go: with the whole control plane
// down pods run on; afterwards nodes get a new grace period.
func TestWithoutAnyAPIServerNothingChangesAndNothingIsEvictedAfterwards(t *testing.T) {
	c := replicated(1, crash(10*time.Minute))
	failed, ready := notedAt(t, c, "ActionFailed")
	if len(failed) != 1 {
		t.Errorf("kubectl failed at %v", failed)
	}
	if n := ready(lossAt.Add(9 * time.Minute)); n != 12 {
		t.Errorf("%d pods without a server, want the 12 there were", n)
	}
	for seed := range uint64(5) {
		c := replicated(seed+1, crash(10*time.Minute))
		if s := tell(t, c); len(s.deleting) != 0 {
			t.Errorf("seed %d: %d pods evicted", seed, len(s.deleting))
		}
	}
}

// Source: pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff, and
// containerd/internal/cri/server/container_status.go: a kube-apiserver that the kernel
// kills is a container of a static pod that ended as OOMKilled with code 137; its
// kubelet starts it again at once, and then ever later.
func TestAnAPIServerThatIsOOMKilledIsAContainerThatItsKubeletRestarts(t *testing.T) {
	c := shop(1, 6, 12)
	c.ControlPlane = cluster.ControlPlane{Replicas: 3, Nodes: true, APIServer: apiserver.Config{MemoryBytes: 1 << 30, ListsFromEtcd: true, EncodesWhole: true, Unfair: true}}
	c.Agents = []workload.Agents{{Name: "agent", Lists: 60, Jitter: 30 * time.Second, List: store.List{Kind: model.KindPod, Objects: 7130, ObjectBytes: 1867, Latest: true}}}
	c.Faults = []fault.Spec{crash(0, 0)}
	x := built(t, c)
	runTo(t, x, lossAt.Add(20*time.Minute))
	deaths, restarts := map[string][]sim.Time{}, int32(0)
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if p, ok := r.Object().(*model.Pod); ok && p.Labels.Value("component") == "kube-apiserver" && p.Containers[0].Restarts > 0 {
			if restarts = max(restarts, p.Containers[0].Restarts); p.Containers[0].ExitCode != 137 {
				t.Errorf("%v: %s: %+v", r.At, p.Name, p.Containers[0])
			}
		}
		if r.Note == nil {
			continue
		}
		all := deaths[r.Note.Path()]
		switch {
		case r.Note.Reason == "APIServerOOMKilled":
			deaths[r.Note.Path()] = append(all, r.At)
		case r.Note.Reason == "APIServerReady" && len(all) > 0 && len(all) <= 3:
			wait := []time.Duration{0, 10 * time.Second, 20 * time.Second}[len(all)-1]
			if took := r.At.Sub(all[len(all)-1]); took < wait || took > wait+20*time.Second {
				t.Errorf("%s, death %d: it was back after %v, want %v and its start", r.Note.Path(), len(all), took, wait)
			}
		}
	}
	for i := range 3 {
		if at := deaths[fmt.Sprint("apiserver/cp-", i)]; len(at) < 3 {
			t.Errorf("server %d died at %v", i, at)
		}
	}
	if restarts < 2 {
		t.Errorf("the API shows %d restarts", restarts)
	}
}
