package kubelet

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// Static is a pod that a kubelet reads from a file on its machine, not from the
// API (pkg/kubelet/config/file.go): it needs no scheduler and no API server, and
// only the file's end is its own. The API shows it as a mirror pod, which the
// kubelet makes, and makes again when somebody deletes it.
type Static struct {
	Pod     *model.Pod // as in the file: name, namespace, labels, spec
	Program Program    // what its containers are in this model, nil if nothing but containers
}

// Program is a process of the model that runs in a container: from its start to its
// end. One that was started knows nothing of those before it.
type Program interface {
	Start() // after Stop only
	Stop()
}

// static is a Static and its mirror.
type static struct {
	Static
	ref    model.Ref  // the newest mirror pod ever known
	mirror *model.Pod // the newest version seen, nil if this process has seen none or it is gone
	goneID uint32     // mirror pods up to this number are gone
	asked  bool       // to create or delete it
	there  bool       // its containers were, once
	runs   bool       // the program does
}

// mirrored is what a mirror pod stands for. It outlives the kubelet's process,
// because whoever acts on the machine by a pod's name means what runs there.
type mirrored struct{ api, own uint32 }

// longAgo stands for any time before the run, since 0 stands for never.
const longAgo sim.Time = 1

// readStatics gives the static pods what a file's pods get
// (pkg/kubelet/config/common.go applyDefaults, generatePodName): the node behind
// the name, the node itself, and a toleration of everything that evicts.
func (k *Kubelet) readStatics(all []Static) {
	k.statics = make([]static, len(all))
	for i, s := range all {
		spec := *s.Pod.Spec
		spec.Tolerations = append(slices.DeleteFunc(slices.Clone(spec.Tolerations), fromAdmission), model.Toleration{Exists: true, Effect: model.NoExecute, For: model.Forever})
		pod := &model.Pod{Meta: s.Pod.Meta, Spec: &spec, NodeName: k.node.Name, NodeID: k.node.ID}
		pod.Kind, pod.ID, pod.Name, pod.Owner = model.KindPod, model.FirstStaticID+uint32(i), s.Pod.Name+"-"+k.node.Name, k.node.Ref()
		pod.Scheduled = model.Condition{Status: model.True, SinceAt: longAgo}
		k.statics[i] = static{Static: Static{Pod: pod, Program: s.Program}}
	}
}

// fromAdmission tells whether a toleration is one of those that admission gives to
// pods which do not tolerate everything that evicts.
func fromAdmission(t model.Toleration) bool {
	return t.Effect == model.NoExecute && t.For > 0 && (t.Key == model.TaintNotReady || t.Key == model.TaintUnreachable)
}

// Mirrors is the mirror pods of static pods that have long been running when
// the run begins, to be stored before Start. One that the kubelet does not admit never ran.
func (k *Kubelet) Mirrors() []*model.Pod {
	out := make([]*model.Pod, len(k.statics))
	for i := range k.statics {
		s := &k.statics[i]
		r := k.add(s.Pod)
		r.static = s
		m := k.newMirror(s)
		if reason, message, _ := k.admit(s.Pod, false); reason != "" {
			r.stage = finished
			k.share(s.Pod.ID)
			refuse(m, reason, message, longAgo)
		} else {
			k.install(r, m)
		}
		r.shown, r.sent = m, true
		k.know(s, m)
		out[i] = m
	}
	return out
}

// install has a static pod long been running, and its mirror pod show that.
func (k *Kubelet) install(r *row, m *model.Pod) {
	yes := model.Condition{Status: model.True, SinceAt: longAgo}
	s := r.static
	box := k.machine.Install(s.Pod, s.Pod.NameHash(), longAgo)
	s.there, s.runs, r.initialized = true, true, true
	m.Phase, m.IP, m.StartedAt = model.PodRunning, box.IP, longAgo
	m.Sandbox, m.Initialized, m.ContainersUp, m.Ready = yes, yes, yes, yes
	r.box = box
	for i := range r.containers {
		r.containers[i].ready, r.containers[i].started = true, !plainInit(s.Pod.Spec, i)
	}
	m.Containers = r.statuses(nil, sim.Never)
	k.charge(r)
}

// installed takes the static pods into account that were there when the run began:
// their containers run.
func (k *Kubelet) installed(now sim.Time) {
	for i := range k.statics {
		s := &k.statics[i]
		k.know(s, s.mirror)
		r := k.find(s.Pod.ID)
		if r.box == nil {
			continue
		}
		luck := k.luck.probe.Draw(^r.hash, 0) // its workers have long been running
		k.startProbes(r, now.Add(luck.Duration(0, 10*time.Second)))
	}
}

// findStatics has a kubelet that starts read its files, before it knows anything
// from the API.
func (k *Kubelet) findStatics(now sim.Time) {
	for i := range k.statics {
		s := &k.statics[i]
		r := k.add(s.Pod)
		r.static = s
		reason, message, victims := k.admitFound(r)
		if reason != "" {
			k.reject(r, reason, message)
			continue
		}
		r.inTheWay = numbers(victims)
		r.initialized = r.box != nil && r.box.Ready && r.begun()
		k.charge(r)
		if d := s.Pod.Spec.ActiveDeadline; d > 0 {
			r.deadline = model.WholeSecond(now).Add(d)
		}
		k.makeRoom(r)
	}
}

// begun tells whether an app container was started in the sandbox that is there.
func (r *row) begun() bool {
	for _, p := range r.box.Processes[len(r.pod.Spec.InitContainers):] {
		if p.Instances > 0 && p.StartedAt >= r.box.MadeAt {
			return true
		}
	}
	return false
}

// forgetMirrors is the end of the process.
func (k *Kubelet) forgetMirrors() {
	k.nodeKnown = false
	for i := range k.statics {
		k.statics[i].mirror, k.statics[i].asked = nil, false
	}
}

// staticOf is the static pod of that number, nil if it is none's.
func (k *Kubelet) staticOf(own uint32) *static {
	if own < model.FirstStaticID {
		return nil
	}
	return &k.statics[own-model.FirstStaticID]
}

// own is the number under which the machine has a pod of the API.
func (k *Kubelet) own(api uint32) uint32 {
	for _, m := range k.shownAs {
		if m.api == api {
			return m.own
		}
	}
	return api
}

// newMirror is the mirror pod of a static pod (pkg/kubelet/pod/mirror_client.go
// CreateMirrorPod).
func (k *Kubelet) newMirror(s *static) *model.Pod {
	m := *s.Pod
	m.ID, m.Owner = 0, k.node.Ref() // which may be another one of that name by now
	return &m
}

// know takes a version of a mirror pod as the newest.
func (k *Kubelet) know(s *static, m *model.Pod) {
	s.mirror = m
	if m.ID == 0 || m.Ref() == s.ref {
		return
	}
	s.ref = m.Ref()
	k.shownAs = append(k.shownAs, mirrored{api: m.ID, own: s.Pod.ID})
	if box := k.machine.Sandbox(s.Pod.ID); k.serving != nil && box != nil && box.Serving() {
		k.serving.ServingChanged(s.ref, true)
	}
}

// nodeIsKnown has mirror pods made as soon as the API has the node
// (pkg/kubelet/kubelet.go fastStaticPodsRegistration, which looks every 100 ms).
func (k *Kubelet) nodeIsKnown() {
	if k.nodeKnown {
		return
	}
	k.nodeKnown = true
	k.seeNode()
	for i := range k.statics {
		k.reflect(&k.statics[i])
	}
}

// mirrorSeen takes a version of a mirror pod from the watch. One whose static
// pod is not here is none of this kubelet's.
func (k *Kubelet) mirrorSeen(m *model.Pod) {
	i := slices.IndexFunc(k.statics, func(s static) bool { return s.Pod.Name == m.Name && s.Pod.Namespace == m.Namespace })
	if i < 0 {
		return
	}
	s := &k.statics[i]
	if m.ID <= s.goneID || s.mirror != nil && m.ResourceVersion <= s.mirror.ResourceVersion {
		return
	}
	first := s.mirror == nil
	k.know(s, m)
	r := k.find(s.Pod.ID)
	if first {
		k.catchUp(r)
	}
	k.reflect(s)
	k.heedGates(r)
	k.doubt(r)
}

// catchUp writes what is known about a static pod to the mirror pod that was
// just found.
func (k *Kubelet) catchUp(r *row) {
	if r.shown != nil && !sameStatus(r.static.mirror, r.shown) {
		r.dirty = true
		k.enqueue(r)
	}
}

// mirrorGone is told that a mirror pod's object is no more. That does not stop
// the static pod.
func (k *Kubelet) mirrorGone(api uint32) {
	s := k.staticOf(k.own(api))
	s.goneID = max(s.goneID, api)
	if s.mirror != nil && s.mirror.ID == api {
		s.mirror = nil
	}
	k.reflect(s)
}

// reflect makes the mirror pod if there is none, and deletes one that somebody
// asked to go (pkg/kubelet/kubelet.go tryReconcileMirrorPods).
func (k *Kubelet) reflect(s *static) {
	if s.asked || !k.nodeKnown {
		return
	}
	tag := taggedMirror | uint64(s.Pod.ID)
	switch {
	case s.mirror == nil:
		s.asked = true
		k.client.Create(k.newMirror(s), tag)
	case s.mirror.Deleting():
		s.asked = true
		k.client.Delete(s.mirror.Ref(), 0, tag)
	}
}

// resync is how long after a look that failed a pod is looked at again: 60 to
// 90 s (pkg/kubelet/pod_workers.go completeWork).
const resync = 60 * time.Second

// mirrorAnswered takes the answer to a creation or a deletion.
func (k *Kubelet) mirrorAnswered(reply *store.Reply) {
	s := k.staticOf(uint32(reply.Tag))
	r := k.find(s.Pod.ID)
	s.asked = false
	switch {
	case reply.Op == store.OpCreate && reply.Refusal == store.Accepted:
		if m := reply.Object.(*model.Pod); s.mirror == nil && m.ID > s.goneID {
			k.know(s, m)
			k.catchUp(r)
		}
	case reply.Op == store.OpCreate && reply.Refusal == store.AlreadyExists: // the watch will show it
	case reply.Op == store.OpDelete && (reply.Refusal == store.Accepted || reply.Refusal == store.NotFound):
		if s.mirror != nil {
			k.mirrorGone(s.mirror.ID)
		}
	default:
		luck := k.luck.requeue.Draw(r.hash, uint64(k.epoch)<<32|r.looks)
		r.looks++
		k.queueAt(r, min(k.slot(r).lookAt, k.kernel.Now().Add(luck.Duration(resync, resync+resync/2))))
	}
}

// basis is what a new status begins as: the last one or, of a process that has made
// none yet, what the API shows. But the phase of a static pod, and why, is not what its
// mirror pod says: that a process before this one has ended it is written in no file
// (pkg/kubelet/pod_workers.go UpdatePod, kubelet_pods.go generateAPIPodStatus).
func (r *row) basis() *model.Pod {
	switch {
	case r.shown != nil:
		return r.shown
	case r.static == nil || r.static.mirror == nil:
		return r.pod
	}
	c := *r.static.mirror
	c.Phase, c.Reason, c.Message = r.pod.Phase, "", ""
	return &c
}

// face is the pod as the API knows it: the mirror of a static pod, whose own
// number means nothing there.
func (r *row) face() *model.Pod {
	if r.static == nil {
		return r.pod
	}
	if m := r.static.mirror; m != nil {
		return m
	}
	c := *r.pod
	c.ID = r.static.ref.ID
	return &c
}

// Load implements workload.Machine, which knows static pods by their mirrors.
func (k *Kubelet) Load(pod uint32, in *model.Inflow) bool { return k.machine.Load(k.own(pod), in) }

// Probed implements workload.Machine.
func (k *Kubelet) Probed(pod uint32, container int, kind model.ProbeKind, late, refused uint32) {
	k.machine.Probed(k.own(pod), container, kind, late, refused)
}

// Untracked implements workload.Machine.
func (k *Kubelet) Untracked(ppm uint32) { k.machine.Untracked(ppm) }

// Capacity implements workload.Machine.
func (k *Kubelet) Capacity(pod uint32) model.Capacity { return k.machine.Capacity(k.own(pod)) }

// Room implements workload.Machine.
func (k *Kubelet) Room(pod uint32) (room model.Capacity, cores int64) {
	return k.machine.Room(k.own(pod))
}

// ServingChanged implements runtime.Watcher for a machine with static pods.
func (k *Kubelet) ServingChanged(pod model.Ref, serving bool) {
	if pod = k.known(pod); k.serving != nil && !pod.IsZero() {
		k.serving.ServingChanged(pod, serving)
	}
}

// Broke implements runtime.Watcher.
func (k *Kubelet) Broke(pod model.Ref, ending time.Duration, silent bool) {
	if pod = k.known(pod); k.serving != nil && !pod.IsZero() {
		k.serving.Broke(pod, ending, silent)
	}
}

// CapacityChanged implements runtime.Watcher.
func (k *Kubelet) CapacityChanged(pod model.Ref) {
	if pod = k.known(pod); k.serving != nil && !pod.IsZero() {
		k.serving.CapacityChanged(pod)
	}
}

// known is a pod of the machine as the API knows it, zero if it never has.
func (k *Kubelet) known(pod model.Ref) model.Ref {
	if s := k.staticOf(pod.ID); s != nil {
		return s.ref
	}
	return pod
}

// followContainers has the programs of static pods run while a container of theirs
// does, whether the kubelet does or not.
func (k *Kubelet) followContainers() {
	for i := range k.statics {
		s := &k.statics[i]
		box := k.machine.Sandbox(s.Pod.ID)
		runs := box != nil && box.Alive()
		if s.Program == nil || !s.there || runs == s.runs {
			continue
		}
		if s.runs = runs; runs {
			s.Program.Start()
		} else {
			s.Program.Stop()
		}
	}
}

// OutOfMemory has the kernel kill the containers of a program that needed more memory
// than it may have. Starting them again is the kubelet's, as with all containers.
func (k *Kubelet) OutOfMemory(p Program) {
	if box := k.boxOf(p); box != nil {
		k.machine.OutOfMemory(box)
	}
}

// UseMemory says how much memory a program's container uses, in bytes.
func (k *Kubelet) UseMemory(p Program, bytes int64) {
	if box := k.boxOf(p); box != nil {
		k.machine.Use(box, bytes)
	}
}

// OOMKilled tells whether the kernel has killed a program's container right now.
func (k *Kubelet) OOMKilled(p Program) bool {
	box := k.boxOf(p)
	return box != nil && box.OOMKilledAt(k.kernel.Now())
}

// boxOf is the sandbox of a program, nil if there is none.
func (k *Kubelet) boxOf(p Program) *runtime.Sandbox {
	i := slices.IndexFunc(k.statics, func(s static) bool { return s.Program == p })
	return k.machine.Sandbox(k.statics[i].Pod.ID)
}

// Exit has the containers of a program end that ended by itself, with an exit code.
func (k *Kubelet) Exit(p Program, code int32) {
	if box := k.boxOf(p); box != nil {
		for c := range box.Processes {
			k.machine.Crash(box, c, code)
		}
	}
}

// watcher is who hears of what serves: the kubelet itself only if it has to
// translate.
func (k *Kubelet) watcher() runtime.Watcher {
	if len(k.statics) > 0 {
		return k
	}
	return k.serving
}

// ofAPI has somebody told of pods of the API only: nobody scales static ones.
func (k *Kubelet) ofAPI(tell func(pod uint32)) func(pod uint32) {
	if tell == nil || len(k.statics) == 0 {
		return tell
	}
	return func(pod uint32) {
		if pod < model.FirstStaticID {
			tell(pod)
		}
	}
}
