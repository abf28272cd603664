package model

import (
	"fmt"
	"slices"
	"strings"

	"orrery/sim"
)

// PodLine is what "kubectl get pods" says of a pod.
type PodLine struct {
	Ready, Containers int      // READY: sidecars count, other init containers do not
	Status            string   // STATUS
	Restarts          int32    // RESTARTS
	RestartedAt       sim.Time // when the instance before the last restart ended, 0 if none did
}

// Line is the pod as kubectl prints it
// (k8s.io/kubernetes v1.35 pkg/printers/internalversion/printers.go printPod).
func (p *Pod) Line() PodLine {
	l := PodLine{Containers: len(p.Spec.Containers), Status: p.Phase.String()}
	if p.Reason != "" {
		l.Status = p.Reason
	}
	if len(p.Gates) > 0 {
		l.Status = "SchedulingGated"
	}
	inits := p.Spec.InitContainers
	for i := range inits {
		if inits[i].Sidecar {
			l.Containers++
		}
	}
	first := min(len(inits), len(p.Containers))
	if l.initialize(p.Containers[:first], inits) || p.Initialized.Status == True {
		l.run(p, p.Containers[first:])
	}
	if p.Deleting() && !p.Phase.Terminal() {
		l.Status = "Terminating"
	}
	return l
}

// initialize takes in the init containers, up to the first that is not done. It tells
// whether all are.
func (l *PodLine) initialize(statuses []ContainerStatus, specs []Container) bool {
	for i := range statuses {
		s := &statuses[i]
		l.restarted(s)
		ended := s.State == ContainerTerminated
		switch {
		case ended && s.ExitCode == 0:
			continue
		case specs[i].Sidecar && s.Started:
			if s.Ready {
				l.Ready++
			}
			continue
		case ended, s.State == ContainerWaiting && s.Reason != "" && s.Reason != "PodInitializing":
			l.Status = "Init:" + s.Reason
		default:
			l.Status = fmt.Sprintf("Init:%d/%d", i, len(specs))
		}
		return false
	}
	return true
}

// run takes in the app containers, the last first. Kubelets order their statuses by name
// (pkg/kubelet/types/types.go SortedContainerStatuses).
func (l *PodLine) run(p *Pod, statuses []ContainerStatus) {
	l.Restarts, l.RestartedAt = 0, 0
	for i := range p.Spec.InitContainers {
		if p.Spec.InitContainers[i].Sidecar && i < len(p.Containers) {
			l.restarted(&p.Containers[i])
		}
	}
	order := make([]int, len(statuses))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(p.Spec.Containers[a].Name, p.Spec.Containers[b].Name) })
	running, wrong := false, ""
	for _, i := range slices.Backward(order) {
		s := &statuses[i]
		l.restarted(s)
		switch {
		case s.State == ContainerWaiting && s.Reason != "":
			l.Status = s.Reason
		case s.State == ContainerTerminated:
			l.Status = s.Reason
			if s.ExitCode != 0 {
				wrong = s.Reason
			}
		case s.Ready && s.State == ContainerRunning:
			running = true
			l.Ready++
		}
	}
	if l.Status != "Completed" {
		return
	}
	switch {
	case running && p.IsReady():
		l.Status = PodRunning.String()
	case wrong != "":
		l.Status = wrong
	case running:
		l.Status = "NotReady"
	}
}

// restarted counts restarts; the last is as long ago as the end of the instance before,
// that is, of lastState.
func (l *PodLine) restarted(s *ContainerStatus) {
	l.Restarts += s.Restarts
	last := s.FinishedAt
	if s.State == ContainerTerminated {
		last = s.EndedBefore
	}
	l.RestartedAt = max(l.RestartedAt, last)
}
