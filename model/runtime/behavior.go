// Package runtime says what containers do to a machine: what a start costs,
// how long an image pull takes, when a process exits and when it serves. Its
// one idea: a machine is the truth the kubelet only manages; it goes on
// without one. It refuses to know the API.
package runtime

import (
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Behavior is what a manifest cannot say about the containers it matches. One that
// says nothing of whom it is about is not about static pods: who says how all pods
// behave does not mean the control plane.
// The zero value of a field means its default.
type Behavior struct {
	Namespace string          // "" matches every namespace
	Match     *model.Selector // on the pod's labels; nil matches every pod
	Container string          // "" matches every container of the pod

	Startup  sim.Dist // from process start until it serves; default 1 s..3 s
	Run      sim.Dist // from process start until it exits; zero runs forever, but for init containers: DefaultInitRun
	ExitCode int32    // of that exit
	Exits    int32    // how many instances exit after Run before one stays; 0 is all

	// Runs is how long the containers of single pods run, by the pod's path: what a
	// trace says of each. It counts where Run says nothing.
	Runs map[string]time.Duration

	Stop     sim.Dist // from SIGTERM to exit; default 50..300 ms, of DNS servers 5 s more; longer than the grace means SIGKILL
	StopCode *int32   // of that exit, 0 to 255; nil is 143, 128 + SIGTERM: it has no handler of its own

	// PostStart and PreStop are how long the container's hooks take: those of the
	// manifest, whose seconds of sleep they replace, or hooks it has besides.
	PostStart, PreStop sim.Dist
	// PostStartFails and PreStopFails are how many of a million times they fail then.
	PostStartFails, PreStopFails int64

	// NeedsAPI is a process that lists what it works with from an API server before it
	// serves, as CoreDNS does, and asks until it is answered.
	NeedsAPI bool

	StartupCPUMilli int64         // needed while it starts up; with less, that takes longer in proportion
	CPUMilli        int64         // used at rest, evenly; what of it a limit or others do not leave is lost, not made up later
	CPUMicroPerRPS  int64         // millionths of a core used per request per second; 0: requests cost nothing
	Threads         int64         // that work on a request at a time; default 1
	Latency         time.Duration // of a request, besides its CPU and calls
	Workers         int64         // requests handled at a time; 0 is no limit
	Queue           int64         // requests that wait for a worker at most; others are turned away
	Calls           []Call        // made for each request, one after the other

	RequestBytes, AnswerBytes int64 // of a request and its answer on the network; 0 is nothing that counts

	Probes [model.ProbeKinds]ProbeBehavior

	MemoryBytes  int64 // used from the start
	MemoryPerRPS int64 // bytes used for each request per second that has arrived for a second: see loaded
	MemoryGrowth int64 // bytes per second; reaching the limit, or with all others the machine's capacity, is an OOM kill

	DiskBytes  int64 // written at the start: into the container's own layer
	DiskGrowth int64 // bytes written per second after that
	LogGrowth  int64 // bytes per second into its log, which the kubelet rotates

	// PIDs is how many processes, threads included, it has from the start;
	// PIDsMilliPerRPS how many thousandths of one more for each request per second, and
	// PIDsGrowth how many thousandths more every second. Inodes are files it makes.
	PIDs, PIDsMilliPerRPS, PIDsGrowth int64
	Inodes, InodesGrowth              int64

	Volumes []VolumeUse // what it writes into emptyDirs

	Bursts []Burst // of CPU and memory, each besides all that

	ImageBytes int64 // compressed; default what a node says that has it, else 100 MiB
}

// asked tells whether requests cost the container anything.
func (b *Behavior) asked() bool {
	return b.CPUMicroPerRPS > 0 || b.MemoryPerRPS > 0 || b.PIDsMilliPerRPS > 0 || b.Latency > 0 || b.Workers > 0 ||
		len(b.Calls) > 0 || b.RequestBytes > 0 || b.AnswerBytes > 0
}

// Call is what a request asks of another Service.
type Call struct {
	Namespace       string // the Service's; "" is that of the behavior
	Service         string
	PerRequestMilli int64         // calls for each request, in thousandths
	Timeout         time.Duration // of each attempt
	Retries         int           // attempts after one that failed
}

// Name is the pods that the behavior is about, for people.
func (b *Behavior) Name() string {
	var parts []string
	if b.Match != nil {
		for _, r := range b.Match.Requirements {
			parts = append(parts, r.Key+"="+strings.Join(r.Values, "|"))
		}
	}
	if len(parts) == 0 {
		return "all pods"
	}
	return strings.Join(parts, ",")
}

// Home is the namespace of the Services that calls and probes name. A behavior for all
// namespaces is about the default one.
func (b *Behavior) Home() string {
	if b.Namespace == "" {
		return "default"
	}
	return b.Namespace
}

// Behaviors are tried in order; the first that matches decides.
type Behaviors []Behavior

// DefaultImageBytes is the size of an image nobody says anything about.
const DefaultImageBytes = 100 << 20

// The defaults that are distributions.
var (
	DefaultStartup = sim.Uniform(time.Second, 3*time.Second)
	DefaultStop    = sim.Uniform(50*time.Millisecond, 300*time.Millisecond)
	lameduckStop   = sim.Uniform(lameduck+50*time.Millisecond, lameduck+300*time.Millisecond)
	DefaultHook    = sim.Uniform(50*time.Millisecond, 300*time.Millisecond) // a command or a request
	DefaultInitRun = sim.Uniform(time.Second, 3*time.Second)                // an init container, which cannot run forever
)

// lameduck is for how long CoreDNS goes on answering after SIGTERM: the option of its plugin
// health in the Corefile that kubeadm writes (cmd/kubeadm/app/phases/addons/dns/manifests.go).
const lameduck = 5 * time.Second

// isDNS tells whether a pod is a DNS server by the label that kubeadm, and whatever else sets
// up a cluster, gives its DNS servers.
func isDNS(p *model.Pod) bool {
	return p.Namespace == model.NamespaceSystem && p.Labels.Value("k8s-app") == "kube-dns"
}

// defaultStop is how long a pod's processes take from SIGTERM to exit if nobody says it.
func defaultStop(p *model.Pod) sim.Dist {
	if isDNS(p) {
		return lameduckStop
	}
	return DefaultStop
}

var unspecified = Behavior{Startup: DefaultStartup}

// For is the behavior of one container of a pod, defaults filled in.
func (b Behaviors) For(p *model.Pod, container string) Behavior {
	return b.filled(b.Deciding(p, container), p)
}

// filled is the behavior of a number for a pod, -1 for none, defaults filled in.
func (b Behaviors) filled(i int, p *model.Pod) Behavior {
	if i < 0 {
		x := unspecified
		x.Stop = defaultStop(p)
		return x
	}
	x := b[i]
	if d, ok := x.Runs[pathIn(x.Runs, p)]; ok && x.Run.IsZero() {
		x.Run = sim.Constant(d)
	}
	if x.Startup.IsZero() {
		x.Startup = DefaultStartup
	}
	if x.Stop.IsZero() {
		x.Stop = defaultStop(p)
	}
	return x
}

// TellsHook tells whether they say how long a hook of a pod's container takes.
func (b Behaviors) TellsHook(p *model.Pod, container string, preStop bool) bool {
	x := b.For(p, container)
	if preStop {
		return !x.PreStop.IsZero()
	}
	return !x.PostStart.IsZero()
}

// Deciding is the number of the behavior that decides about a container of a pod, -1
// if none does.
func (b Behaviors) Deciding(p *model.Pod, container string) int {
	for i := range b {
		if b[i].isOf(p, container) {
			return i
		}
	}
	return -1
}

// isOf tells whether a behavior is about a container of a pod.
func (b *Behavior) isOf(p *model.Pod, container string) bool {
	switch {
	case p.Mirror() && b.Namespace == "" && b.Match == nil && b.Container == "":
		return false
	case b.Namespace != "" && b.Namespace != p.Namespace || b.Container != "" && b.Container != container:
		return false
	}
	return b.Match == nil || b.Match.Matches(p.Labels)
}

// pathIn is the path of p, if it can be in runs at all.
func pathIn(runs map[string]time.Duration, p *model.Pod) string {
	if len(runs) == 0 {
		return ""
	}
	return p.Path()
}
