package kubelet

import (
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// stage is where a pod's worker is; it only moves forward
// (pkg/kubelet/pod_workers.go).
type stage uint8

const (
	syncing     stage = iota // may start containers
	terminating              // stops them
	terminated               // they have stopped; cleans up
	finished                 // nothing is left but the object
)

// ouster is why a kubelet itself ends a pod for good.
type ouster uint8

const (
	nobody     ouster = iota
	byPressure        // the node is too short of something for it
	byLimit           // it has more on the disk than it may
	byCritical        // a critical pod needs the place
	byShutdown        // the machine is shut down
)

// oustedFor is the reason in the status of a pod that was ousted and has failed
// (pkg/kubelet/eviction/helpers.go Reason, events.PreemptContainer,
// nodeshutdown/nodeshutdown_manager.go nodeShutdownReason).
var oustedFor = [...]string{byPressure: "Evicted", byLimit: "Evicted", byCritical: "Preempting", byShutdown: "Terminated"}

// doing is what a pod's worker waits for in the middle of a step.
type doing uint8

const (
	nothing doing = iota
	resizing
	attaching // attached volumes, or the token
	mounting  // while there is no runtime
	settingUp
	pulling
	starting
	hooking // a postStart hook
	killing
	ending // stopping what is left of a pod of which no app container is to run
	stopping
	unmounting
)

// waiting is why a container is not running, as the kubelet's reason cache
// has it (pkg/kubelet/reason_cache.go).
type waiting uint8

const (
	noReason waiting = iota
	crashLoop
	pullError
	pullBackoff
	neverPull
	hookFailed
	inspectFailed
	configError
	createError
	runFailed
	invalidImage
)

var waitingNames = [...]string{
	crashLoop:     "CrashLoopBackOff",
	pullError:     "ErrImagePull",
	pullBackoff:   "ImagePullBackOff",
	neverPull:     "ErrImageNeverPull",
	hookFailed:    "PostStartHookError",
	inspectFailed: "ImageInspectError",
	configError:   "CreateContainerConfigError",
	createError:   "CreateContainerError",
	runFailed:     "RunContainerError",
	invalidImage:  "InvalidImageName",
}

// sentence is why a pass is going to kill a container
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go containerKillReason). It is spared again when
// the kill begins.
type sentence uint8

const (
	spared    sentence = iota // it is not going to be killed
	unhealthy                 // a probe failed
	toResize                  // it has to start anew with other resources
)

// slot is when something is due for a pod. Slots lie side by side, because
// every tick goes through all of them.
type slot struct {
	pod    uint32   // 0 if free
	news   sim.Time // its worker waits for a relist later than this, Never if for none
	lookAt sim.Time // when the work queue has the pod, Never if it has not
	probe  sim.Time // when a probe changes something, Never if none does
}

// container is what a kubelet remembers about one container.
type container struct {
	restarts   backoff                   // of restarts after the container ended
	pulls      backoff                   // of pulls of its image after one failed, if it is the first with that image
	killedFrom sim.Time                  // if killed: when the instance before had finished, 0 if there was none
	probes     *[model.ProbeKinds]prober // nil if it has none, or none asks yet
	termAt     sim.Time                  // when its preStop hook is over and it may get SIGTERM, 0 if nobody stops it
	asleep     sim.Time                  // until when that hook is a sleep of the kubelet's, 0 if it is none or nobody stops it
	stopBy     sim.Time                  // when the grace it has for both is over, 0 if nobody stops it
	killGrace  time.Duration             // that it gets when it is killed
	shownAt    sim.Time                  // since when it is shown running, started or ended
	wrong      uint32                    // a hash of why its configuration cannot be made, as far as that was told last
	reason     waiting
	sentence   sentence
	wanted     bool // the pass is to start it
	doomed     bool // a probe wants it killed, or it is being killed
	hookFails  bool // its preStop hook will have
	asked      bool // the runtime has been asked to stop it since this process began to
	killed     bool // this pass kills it, or has killed it
	ready      bool // the readiness probe succeeded
	started    bool // the startup probe succeeded
}

// row is what a kubelet knows about one pod: 512 bytes, of which one more would take 64.
type row struct {
	pod        *model.Pod       // newest version seen
	shown      *model.Pod       // with the newest status made here; nil if none was
	box        *runtime.Sandbox // nil if the machine never had it, or no longer has
	containers []container
	one        [1]container
	static     *static        // nil if it came from the API
	inTheWay   []uint32       // pods that have to go before this one may begin
	granted    *model.PodSpec // with what is set aside for it, nil until it is admitted
	hash       uint64
	number     int32 // of its slot

	mounted      bool     // its volumes are
	mountsFailed failures // of all of them
	volumes      []string // that it needs attached; nil if it has not asked for any yet
	mountAt      sim.Time // when they are mounted, or can be all volumes, or are tried again; Never while they are not all attached
	giveUpAt     sim.Time // when its worker has waited for volumes as long as it does

	inspections [2]inspection // by relists: under way or to come, the zero value if none
	inspected   sim.Time      // when the newest began of those that were over before, 0 if there was none

	stepEnd  sim.Time       // when the worker's last step ended, -1 before the first
	stepAt   sim.Time       // when what it waits for is over; or when the image was asked for that it waits for
	deadline sim.Time       // of spec.activeDeadlineSeconds, Never if none
	oustBy   time.Duration  // the grace of one that is ousted, 0 if it has its own
	backAt   sim.Time       // when the first crash back-off is over that a pass found, 0 if there was none
	looks    uint64         // counts requeues: names their luck
	resized  sim.Time       // when it was last, 0 if it was not
	had      *model.PodSpec // before that, as far as a relist has seen

	nthResize   uint64         // counts those: names their luck
	counted     *model.PodSpec // with what it counts for in used; nil until it is admitted
	unresized   string         // why the last try to give it what is set aside failed; "" if it did not
	enlarging   *model.PodSpec // what is to be set aside for it when nobody is in the way any more; nil if nothing is
	postponed   string         // why its resize waits: model.ResizeDeferred or model.ResizeInfeasible; "" if it does not
	postponedAt sim.Time       // since when, for that reason
	postponedOf int64          // the generation of the spec that was said of

	why string // it was ousted, in words
	// stoppedFor and stoppedWhy are ousted and why as they were when its newest stop began,
	// which is what its status tells.
	stoppedWhy string
	stoppedFor ouster
	ousted     ouster
	stage      stage
	doing      doing
	cursor     int16 // the container that is being pulled, started or killed

	token         token
	tokensRefused failures
	configs       configs // how far its volumes of ConfigMaps and Secrets are
	configsFailed failures

	failed      bool // the pass had an error
	fetched     bool // the image of the container that is being started was pulled for it
	late        bool // the call to the runtime that the worker waits for takes too long
	pending     bool // there is news for when the step is over
	initialized bool // all init containers are done
	probing     bool // probe workers exist
	awaitsNet   bool // it was told that there is no network yet
	overdue     bool // the deadline was exceeded
	over        bool // the phase is terminal
	refused     bool // it was rejected, and has no worker
	gone        bool // the object is
	orphan      bool // the machine had it, nobody else
	stuck       bool // its volumes cannot be unmounted, and its worker waits for that
	missed      bool // it changed while there was no runtime, or that went before a relist saw it
	charged     bool // its request counts as allocated
	follows     bool // what it needs of ConfigMaps and Secrets is watched

	queued  bool // for the status writer
	dirty   bool // shown is to be written
	sent    bool // shown was handed to the API server
	doubted bool // the API may show something else: the next status pass compares
	remove  bool // the object is to be deleted
}

// containerOf is the ith container of a pod, init containers first.
func containerOf(spec *model.PodSpec, i int) *model.Container {
	if n := len(spec.InitContainers); i >= n {
		return &spec.Containers[i-n]
	}
	return &spec.InitContainers[i]
}

// pulls is the back-off of the pulls of a container's image: it is the pod's and the
// image's (pkg/kubelet/images/image_manager.go pullImage).
func (r *row) pulls(i int) *backoff {
	image := containerOf(r.pod.Spec, i).Image
	for j := range r.containers {
		if containerOf(r.pod.Spec, j).Image == image {
			return &r.containers[j].pulls
		}
	}
	return &r.containers[i].pulls
}

// plainInit tells whether the ith container runs to its end before the pod
// starts.
func plainInit(spec *model.PodSpec, i int) bool {
	return i < len(spec.InitContainers) && !spec.InitContainers[i].Sidecar
}

func (k *Kubelet) find(pod uint32) *row {
	for i := range k.slots {
		if k.slots[i].pod == pod {
			return k.rows[i]
		}
	}
	return nil
}

// aboutPod is what a wake-up is about that this process makes for a pod, and no later one heeds.
func (k *Kubelet) aboutPod(r *row) uint64 { return uint64(k.epoch)<<32 | uint64(r.pod.ID) }

// awaited is the pod that such a wake-up is about, nil if it is gone, or the process that made it.
func (k *Kubelet) awaited(about uint64) *row {
	if !k.running || uint32(about>>32) != k.epoch {
		return nil
	}
	return k.find(uint32(about))
}

// add makes a row for a pod the kubelet did not know.
func (k *Kubelet) add(pod *model.Pod) *row {
	r := &row{pod: pod, hash: pod.NameHash(), stepEnd: -1, deadline: sim.Never}
	r.containers = r.one[:]
	if n := len(pod.Spec.InitContainers) + len(pod.Spec.Containers); n != 1 {
		r.containers = make([]container, n)
	}
	r.box = k.machine.Sandbox(pod.ID)
	empty := slot{pod: pod.ID, news: sim.Never, lookAt: sim.Never, probe: sim.Never}
	for i := range k.slots {
		if k.slots[i].pod == 0 {
			k.slots[i], k.rows[i], r.number = empty, r, int32(i)
			return r
		}
	}
	r.number = int32(len(k.slots))
	k.slots, k.rows = append(k.slots, empty), append(k.rows, r)
	return r
}

// drop forgets a pod whose object is gone and of which nothing runs.
func (k *Kubelet) drop(r *row) {
	k.machine.Remove(r.pod.ID)
	if k.imageLevels.MaxAge > 0 { // its images are older from now on
		k.aimImageGC(k.kernel.Now())
	}
	k.slots[r.number], k.rows[r.number] = slot{news: sim.Never, lookAt: sim.Never, probe: sim.Never}, nil
}

func (k *Kubelet) slot(r *row) *slot { return &k.slots[r.number] }

// sight is what a relist saw of a container.
type sight uint8

const (
	unseen  sight = iota // it never ran
	running              // its newest instance runs
	ended                // its newest instance has ended
)

// see is what the relist at cache saw of p.
func see(p *runtime.Process, cache sim.Time) sight {
	switch {
	case p.Instances == 0 || p.Instances == 1 && p.StartedAt >= cache:
		return unseen
	case p.StartedAt >= cache:
		return ended // the instance before
	case p.Running || p.FinishedAt >= cache:
		return running
	}
	return ended
}

// sight is what the kubelet believes about the ith container.
func (r *row) sight(i int, cache sim.Time) sight {
	if r.box == nil {
		return unseen
	}
	return see(&r.box.Processes[i], cache)
}

// restarts tells whether a container that ended is started again
// (pkg/kubelet/container/helpers.go ShouldContainerBeRestarted).
func restarts(spec *model.PodSpec, i int, code int32) bool {
	c := containerOf(spec, i)
	return c.Sidecar || (code != 0 || !plainInit(spec, i)) && spec.Restarts(c, code)
}
