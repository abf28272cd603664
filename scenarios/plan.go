package scenarios

import (
	"fmt"
	"os"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
)

// State is a cluster as it is at one moment: what a scheduler looks at.
type State struct {
	Nodes       []*model.Node
	Services    []*model.Service
	ReplicaSets []*model.ReplicaSet
	Pods        []*model.Pod // in the order of the file; those with a NodeName are there
	Owners      []string     // of Pods, by the same index: the controller's kind and name, or ""
	Selecting   []manifest.Owner
	Namespaces  map[string]model.Labels
	Storage     *model.Storage
	Budgets     []*model.PodDisruptionBudget
	Workloads   []*model.Workload
	Notes       []string // what is not modeled of it
}

// OpenState reads a v1 List, or any other file of Kubernetes objects, as a
// cluster prints them.
func OpenState(name string) (*State, error) {
	set, decoder, err := readState(name)
	if err != nil {
		return nil, err
	}
	s := &State{Namespaces: set.Namespaces(), Storage: set.Storage(), Budgets: set.Budgets(), Selecting: set.Owners()}
	for _, n := range decoder.Notes() {
		s.Notes = append(s.Notes, n.String())
	}
	for _, o := range set.Objects {
		switch o := o.(type) {
		case *model.Node:
			s.Nodes = append(s.Nodes, o)
		case *model.Service:
			s.Services = append(s.Services, o)
		case *model.ReplicaSet:
			s.ReplicaSets = append(s.ReplicaSets, o)
		case *model.Workload:
			s.Workloads = append(s.Workloads, o)
		case *model.Pod:
			s.Pods = append(s.Pods, o)
			s.Owners = append(s.Owners, set.Owner(o))
		}
	}
	s.dropLost()
	return s, nil
}

// dropLost leaves out the pods on nodes that are not there: nobody sees them
// (pkg/scheduler/backend/cache/cache.go keeps such nodes out of its snapshot).
func (s *State) dropLost() {
	there := map[string]bool{"": true}
	for _, n := range s.Nodes {
		there[n.Name] = true
	}
	pods, owners := s.Pods, s.Owners
	s.Pods, s.Owners = nil, nil
	for i, p := range pods {
		if !there[p.NodeName] {
			s.Notes = append(s.Notes, fmt.Sprintf("%s is on node %s, which is not there: it does not count", p.Path(), strict.Quote(p.NodeName)))
			continue
		}
		s.Pods, s.Owners = append(s.Pods, p), append(s.Owners, owners[i])
	}
}

func readState(name string) (*manifest.Set, *manifest.Decoder, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	decoder := manifest.NewDecoder()
	set := decoder.State()
	set.AddFile(manifest.File{Name: name, Data: data})
	return set, decoder, decoder.Err()
}

// OpenPod reads a file that describes one pod and nothing else.
func OpenPod(name string) (*model.Pod, error) {
	set, _, err := readState(name)
	if err != nil {
		return nil, err
	}
	if len(set.Objects) == 1 {
		if pod, ok := set.Objects[0].(*model.Pod); ok && pod.NodeName == "" {
			return pod, nil
		}
	}
	return nil, fmt.Errorf("%s: want one pod without a node, and nothing else", name)
}

// Fill tells a planner everything but the pending pods.
func (s *State) Fill(p *scheduler.Planner) error {
	for name, l := range s.Namespaces { //tidy:commutative each is told once
		p.SetNamespace(name, l)
	}
	for _, n := range s.Nodes {
		p.AddNode(n)
	}
	p.AddStorage(s.Storage)
	for _, x := range s.Services {
		p.AddService(x)
	}
	for _, b := range s.Budgets {
		p.AddBudget(b)
	}
	for _, w := range s.Workloads {
		p.AddWorkload(w)
	}
	owners := map[string]model.Ref{}
	for _, r := range s.ReplicaSets {
		owners[r.Namespace+"/ReplicaSet/"+r.Name] = p.AddOwner(r.Selector)
	}
	for _, o := range s.Selecting {
		owners[o.Namespace+"/"+o.Name] = p.AddOwner(o.Selector)
	}
	for i, pod := range s.Pods {
		pod.Owner = owners[pod.Namespace+"/"+s.Owners[i]]
		if pod.NodeName != "" && !p.Assign(pod) {
			return fmt.Errorf("%s says it is on node %s, and there is none", pod.Path(), strict.Quote(pod.NodeName))
		}
	}
	return nil
}

// Pending is the pods that have no node, in the order of the file. Those that
// are being deleted, or are for another scheduler, are not scheduled.
func (s *State) Pending(p *scheduler.Planner) (out []*model.Pod) {
	for _, pod := range s.Pods {
		if pod.NodeName == "" && !pod.Deleting() && p.Responsible(pod) {
			out = append(out, pod)
		}
	}
	return out
}
