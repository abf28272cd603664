package model

import (
	"errors"
	"iter"
	"slices"
	"time"

	"orrery/sim"
)

// Phase is where a pod is in its life; it only moves forward.
type Phase uint8

// The phases (k8s.io/api/core/v1/types.go PodPhase).
const (
	PodPending Phase = iota
	PodRunning
	PodSucceeded
	PodFailed
)

// String is the phase as Kubernetes writes it.
func (p Phase) String() string { return [...]string{"Pending", "Running", "Succeeded", "Failed"}[p] }

// Terminal tells whether the pod has finished for good.
func (p Phase) Terminal() bool { return p >= PodSucceeded }

// RestartPolicy says which exits of a container are followed by a restart.
type RestartPolicy uint8

// The restart policies.
const (
	RestartAlways RestartPolicy = iota
	RestartOnFailure
	RestartNever
)

// PullPolicy says when the kubelet asks the registry.
type PullPolicy uint8

// The pull policies. The loader resolves the API default: Always for the tag
// latest or none, else IfNotPresent.
const (
	PullIfNotPresent PullPolicy = iota
	PullAlways
	PullNever
)

// Probe is one kind of health check; a nil *Probe is none. Periods are whole
// seconds, as in the API.
type Probe struct {
	InitialDelay     time.Duration
	Period           time.Duration // default 10 s
	SuccessThreshold int           // default 1
	FailureThreshold int           // default 3
	Timeout          time.Duration // 0 is the default, 1 s
	Grace            time.Duration // of a container that it has killed; 0 is the pod's
	Handler          ProbeHandler
	// NoPort is the name of the port that it asks, if its container has none that is called so.
	NoPort string
}

// Waits is how long the probe is waited for (pkg/apis/core/v1/defaults.go
// SetDefaults_Probe).
func (p *Probe) Waits() time.Duration {
	if p.Timeout <= 0 {
		return time.Second
	}
	return p.Timeout
}

// ProbeKind is what a probe decides.
type ProbeKind uint8

// The kinds of probes.
const (
	Readiness  ProbeKind = iota // whether requests are sent to the pod
	Liveness                    // whether the container is to be killed
	Startup                     // since when the others are asked; if never, it is killed
	ProbeKinds                  // how many there are
)

// ProbeHandler is how a probe asks.
type ProbeHandler uint8

// The handlers.
const (
	HTTPGet ProbeHandler = iota
	GRPC
	TCPSocket // a connection, which the kernel accepts
	Exec      // a command beside the process
)

// Probe is the container's probe of a kind, nil if it has none.
func (c *Container) Probe(kind ProbeKind) *Probe {
	return [...]*Probe{c.Readiness, c.Liveness, c.Startup}[kind]
}

// Hook is what a container's lifecycle does after its start or before its stop; a
// nil *Hook is nothing.
type Hook struct {
	Sleep time.Duration
	Runs  bool // a command, or a request: what that takes besides no manifest says
}

// Container is one container of a PodSpec.
type Container struct {
	Name             string
	Image            string
	PullPolicy       PullPolicy
	Requests, Limits Resources
	// AsksForNoCPU and AsksForNoMemory: it says 0, which counts as 0 in scores;
	// saying nothing counts as the defaults.
	AsksForNoCPU, AsksForNoMemory bool
	Sidecar                       bool              // an init container with restartPolicy Always
	Restart                       *ContainerRestart // nil is what the pod says
	// RestartForCPU and RestartForMemory: it is started anew to get other resources
	// (resizePolicy RestartContainer).
	RestartForCPU, RestartForMemory bool
	Readiness                       *Probe
	Liveness                        *Probe
	Startup                         *Probe
	PostStart, PreStop              *Hook
	Env                             []ConfigUse // what its environment needs, in the order in which it is read
	// RootDenied: it is to run as root, which its pod or itself forbids.
	RootDenied bool
}

// NodeTerm is one alternative of a node affinity: all of it must hold. A term
// without any requirement matches nothing.
type NodeTerm struct {
	Labels []Requirement
	Names  []Requirement // on the field metadata.name
}

// Matches tells whether a node of that name and labels meets the term.
func (t *NodeTerm) Matches(name string, l Labels) bool {
	if len(t.Labels) == 0 && len(t.Names) == 0 {
		return false
	}
	for i := range t.Labels {
		if !t.Labels[i].Matches(l) {
			return false
		}
	}
	for i := range t.Names {
		if !t.Names[i].Matches(Labels{{t.Names[i].Key, name}}) {
			return false
		}
	}
	return true
}

// PreferredTerm is a NodeTerm that adds Weight (1 to 100) to a node's score.
type PreferredTerm struct {
	Weight int64
	Term   NodeTerm
}

// PodSpec is what a pod asks for. It is immutable and shared by all pods made
// from one template.
type PodSpec struct {
	InitContainers []Container
	Containers     []Container
	RestartPolicy  RestartPolicy
	GraceSeconds   int32         // terminationGracePeriodSeconds, default 30
	Subdomain      string        // of a StatefulSet's pods: its serviceName, behind which each has a name
	NodeName       string        // of a template: the node that all of its pods are on; "" is for the scheduler to say
	ActiveDeadline time.Duration // 0 is none
	NodeSelector   Labels
	Required       []NodeTerm // required node affinity: any one must match; nil asks nothing
	Preferred      []PreferredTerm
	Tolerations    []Toleration // with the defaults of admission
	Priority       int32
	NeverPreempts  bool // preemptionPolicy Never
	Classed        bool // names a priority or a class; if not, admission decides
	SchedulerName  string
	Overhead       Resources
	HostNetwork    bool
	Account        string // serviceAccountName, "" is default
	AccountKnown   bool   // the scenario says whether that account is there; else it is taken to be
	NoToken        bool   // it needs no token of its service account: automountServiceAccountToken false
	TokenSaid      bool   // it says itself whether it does; if not, admission asks the account
	Placement      *Placement
	PodLevel       *PodLevel
	GPU            *GPURequest  // nil asks for none
	Workload       *WorkloadRef // the group it is scheduled with, nil for none
	Security       *PodSecurity // nil if it keeps to every Pod Security Standard
	EmptyDirs      []EmptyDir
	Configs        []ConfigUse // that its volumes need
	ReadinessGates []string    // conditions that have to be True besides for the pod to be ready
	Ports          []PortName  // of containers and sidecars, those that have a name
	Sysctls        []string    // kernel parameters that it sets, as SysctlName has them
	Ndots          *int8       // of its dnsConfig, as its resolver takes it; nil is as the cluster has it

	// Request is the pod's whole request, and ScoredRequest the same with 100
	// milli-CPU and 200 MiB for containers that name none. The loader fills
	// both with SumRequests; they are never written again.
	Request       Resources
	ScoredRequest Resources
	// EphemeralLimit is what all containers together may have on the disk; 0 is no limit.
	// It comes with the others.
	EphemeralLimit int64
}

// PodSecurity is what a spec has against the Pod Security Standards, in the words
// of Kubernetes' own checks; "" is nothing. Of the spec itself (privileges, host
// namespaces, users, capabilities and so on) nothing else is kept.
type PodSecurity struct{ Baseline, Restricted string }

// Template is a pod template: labels and spec, with the hash that names its
// ReplicaSet. Pods made from it share it.
type Template struct {
	Labels     Labels
	Spec       *PodSpec
	Finalizers *Finalizers // that its pods begin with
	Rest       uint64      // a hash of what the template says besides: commands, environment, annotations
	Hash       string      // pod-template-hash: a hash of all of it
}

// Defaults for scoring of containers without a request
// (pkg/scheduler/util/pod_resources.go).
const (
	DefaultScoredCPUMilli    = 100
	DefaultScoredMemoryBytes = 200 << 20
)

// SumRequests fills Request and ScoredRequest from the containers: the sum of
// the containers and sidecars, or the largest step of the init sequence if
// that is more, plus overhead (k8s.io/component-helpers/resource/helpers.go
// PodRequests; pkg/scheduler/framework/types.go).
func (s *PodSpec) SumRequests() {
	s.EphemeralLimit = s.sum(func(c *Container) Resources { return Resources{EphemeralBytes: c.Limits.EphemeralBytes} }).EphemeralBytes
	s.Request = s.ContainersRequest().atLevel(s.PodLevel).Add(s.Overhead)
	s.ScoredRequest = s.sum(func(c *Container) Resources {
		r := c.Requests
		if r.CPUMilli == 0 && !c.AsksForNoCPU {
			r.CPUMilli = DefaultScoredCPUMilli
		}
		if r.MemoryBytes == 0 && !c.AsksForNoMemory {
			r.MemoryBytes = DefaultScoredMemoryBytes
		}
		return r
	}).Add(s.Overhead)
}

// atLevel is r with what the pod as a whole asks for in its place. The scorer
// of kube-scheduler v1.35 is made without that feature and so counts
// containers (pkg/scheduler/framework/plugins/noderesources/fit.go).
func (r Resources) atLevel(l *PodLevel) Resources {
	if l != nil && l.HasCPU {
		r.CPUMilli = l.CPUMilli
	}
	if l != nil && l.HasMemory {
		r.MemoryBytes = l.MemoryBytes
	}
	if l != nil && len(l.HugePages) > 0 {
		named := func(x Extended) bool {
			return slices.ContainsFunc(l.HugePages, func(h Extended) bool { return h.Name == x.Name })
		}
		rest := Resources{Extended: slices.DeleteFunc(slices.Clone(r.Extended), named)}
		r.Extended = rest.Add(Resources{Extended: l.HugePages}).Extended
	}
	return r
}

// ContainersRequest is what the containers ask for together, step by step
// (k8s.io/component-helpers/resource/helpers.go AggregateContainerRequests).
func (s *PodSpec) ContainersRequest() Resources {
	return s.sum(func(c *Container) Resources { return c.Requests })
}

func (s *PodSpec) sum(of func(*Container) Resources) Resources {
	var regular, sidecars, largest Resources
	for i := range s.Containers {
		regular = regular.Add(of(&s.Containers[i]))
	}
	for i := range s.InitContainers {
		c := &s.InitContainers[i]
		step := sidecars.Add(of(c))
		if c.Sidecar {
			regular = regular.Add(of(c))
			sidecars = step
		}
		largest = largest.Max(step)
	}
	return regular.Max(largest)
}

// Lasting is the containers that are there as long as the pod is, which requests may pass
// through: its sidecars and those of the app, each with its index, init containers first.
func (s *PodSpec) Lasting() iter.Seq2[int, *Container] {
	return func(yield func(int, *Container) bool) {
		n := len(s.InitContainers)
		for i := range s.InitContainers {
			if c := &s.InitContainers[i]; c.Sidecar && !yield(i, c) {
				return
			}
		}
		for i := range s.Containers {
			if !yield(n+i, &s.Containers[i]) {
				return
			}
		}
	}
}

// Condition is a status with the moment it last changed.
type Condition struct {
	Status  ConditionStatus
	SinceAt sim.Time // lastTransitionTime
	Reason  string
}

// WholeSecond is a time as the API tells it, without the fraction of its second
// (k8s.io/apimachinery/pkg/apis/meta/v1/time.go MarshalJSON), and as a kubelet keeps those of its own
// statuses (pkg/kubelet/status/status_manager.go normalizeStatus).
func WholeSecond(t sim.Time) sim.Time { return t - t%sim.Time(time.Second) }

// ConditionStatus is False, True or Unknown. The zero value is False.
type ConditionStatus uint8

// The statuses of a condition.
const (
	False ConditionStatus = iota
	True
	Unknown
)

// String is the status as Kubernetes writes it.
func (s ConditionStatus) String() string { return [...]string{"False", "True", "Unknown"}[s] }

// ReasonKubeletTerminates is the reason of DisruptionTarget when a kubelet fails
// a pod to save its node (k8s.io/api/core/v1/types.go
// PodReasonTerminationByKubelet). The others who may disrupt a pod are not its
// kubelet, whose status leaves their condition as it is.
const ReasonKubeletTerminates = "TerminationByKubelet"

// BoolStatus is True or False.
func BoolStatus(b bool) ConditionStatus {
	if b {
		return True
	}
	return False
}

// ContainerState is what the API shows of a container.
type ContainerState uint8

// The states.
const (
	ContainerWaiting ContainerState = iota
	ContainerRunning
	ContainerTerminated
)

// ContainerStatus is one container's line in a pod's status. Init containers
// come first, in spec order, then the others, in spec order.
type ContainerStatus struct {
	State      ContainerState
	Ready      bool
	Started    bool
	OOMKilled  bool     // how the current or last termination came about: the kernel wanted its memory
	Reason     string   // of waiting or termination: "CrashLoopBackOff", "OOMKilled"
	ExitCode   int32    // of the current or last termination
	Restarts   int32    // restartCount
	StartedAt  sim.Time // of the running or last instance
	FinishedAt sim.Time // of the last termination, 0 if none yet
	// EndedBefore is when the instance before the one that is Terminated ended, 0 if there
	// was none: its lastState. Of one that is not, that is FinishedAt.
	EndedBefore sim.Time
}

// Pod is a pod as the API shows it, late like everything there.
type Pod struct {
	Meta
	Spec *PodSpec

	NodeName string // "" until bound
	NodeID   uint32 // the node's dense number; 0 until bound
	// DeletionCost is the annotation of that name: of a ReplicaSet's pods those with
	// less go first. (What has 4 bytes stands beside its like: a pod has 480.)
	DeletionCost int32
	Gates        []string // schedulingGates left; immutable
	// Devices is which GPUs of the node it has, as the binding said: a bit each,
	// from the lowest; 0 if it has none or nobody said.
	Devices    uint64
	Finalizers *Finalizers

	// Status, written by the kubelet (and by controllers for lost nodes).
	Phase         Phase
	IP            uint32 // 0 until the sandbox exists
	Reason        string // of a failure: "Evicted", "OutOfcpu"
	Message       string // of a failure, in words; "" of pods that are well
	StartedAt     sim.Time
	Scheduled     Condition // PodScheduled
	Sandbox       Condition // PodReadyToStartContainers
	Initialized   Condition
	ContainersUp  Condition // ContainersReady
	Ready         Condition
	Disrupted     Condition         // DisruptionTarget
	Containers    []ContainerStatus // immutable: replace the slice to change it
	NominatedNode string
	Resize        *Resize     // nil unless it is being resized
	Custom        *Conditions // that others have set
}

// Copy implements Object.
func (p *Pod) Copy() Object { c := *p; return &c }

// Active tells whether the pod counts towards its controller's replicas:
// neither finished nor being deleted (pkg/controller/controller_utils.go
// IsPodActive).
func (p *Pod) Active() bool { return !p.Phase.Terminal() && !p.Deleting() }

// FirstStaticID is the ID of the first static pod of a machine, as its kubelet
// numbers those in its files: other machines have the same. Pods of the API stay
// below.
const FirstStaticID uint32 = 1 << 31

// Mirror tells whether the pod only shows a static pod of its node.
func (p *Pod) Mirror() bool { return p.Owner.Kind == KindNode }

// IsReady tells whether the pod's Ready condition is True.
func (p *Pod) IsReady() bool { return p.Ready.Status == True }

// AvailableAt is when a pod that is ready has been so for minReadySeconds
// (pkg/api/v1/pod/util.go IsPodAvailable). Conditions tell whole seconds, so it may be less
// by a part of one.
func (p *Pod) AvailableAt(minReady time.Duration) sim.Time {
	return WholeSecond(p.Ready.SinceAt).Add(minReady)
}

// Restarts is the sum of its containers' restart counts.
func (p *Pod) Restarts() int32 {
	var n int32
	for i := range p.Containers {
		n += p.Containers[i].Restarts
	}
	return n
}

// AnnotationDeletionCost is what it costs to delete a pod, compared to others of its
// ReplicaSet (k8s.io/api/core/v1/annotation_key_constants.go PodDeletionCost).
const AnnotationDeletionCost = "controller.kubernetes.io/pod-deletion-cost"

// PodPatch is a merge patch of a pod: of its labels, its finalizers and its deletion
// cost; or of its containers' resources, which Kubernetes has in the subresource resize.
type PodPatch struct {
	Labels       []LabelPatch
	DeletionCost *int32
	Finalizers   []string         // that it has then, too
	Finalized    []string         // that it has no more
	AllFinalized bool             // it has none
	Containers   []ContainerPatch // no image
}

// Wrong is why the API server refuses the patch of an object; nil if it does not.
func (p *PodPatch) Wrong(cur Object) error {
	pod := cur.(*Pod)
	if fresh := slices.ContainsFunc(p.Finalizers, func(f string) bool { return !slices.Contains(pod.Finalizers.List(), f) }); fresh && pod.Deleting() {
		return errors.New("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted")
	}
	if len(p.Containers) == 0 {
		return nil
	}
	_, err := pod.resized(p.Containers)
	return err
}

// Apply is a changed copy of cur, or cur itself if the patch says nothing new.
func (p *PodPatch) Apply(cur Object) Object {
	next := *cur.(*Pod)
	next.Labels = patched(next.Labels, p.Labels)
	if len(p.Containers) > 0 {
		spec, err := next.resized(p.Containers)
		if err != nil || spec.SameResources(next.Spec) {
			return cur
		}
		if next.Resize == nil && len(next.Containers) > 0 { // if not, no kubelet has set anything aside
			next.Resize = &Resize{Allocated: next.Spec}
		}
		next.Spec = spec
		next.Generation++
		return &next
	}
	next.Finalizers = p.finalizers(cur.(*Pod))
	if !put(&next.DeletionCost, p.DeletionCost) && slices.Equal(next.Labels, cur.Head().Labels) && slices.Equal(next.Finalizers.List(), cur.(*Pod).Finalizers.List()) {
		return cur
	}
	return &next
}
