package kubelet

import (
	"math"

	"orrery/model"
	"orrery/model/store"
)

// The status writer is one thread: each write is a GET and a PATCH of the
// requests that the kubelet may make (pkg/kubelet/status/status_manager.go syncPod).
// Only the newest status of a pod is written.
const requestsEach = 2

// What a kubelet may ask the API server, if nothing else is said
// (pkg/kubelet/apis/config/v1beta1/defaults.go kubeAPIQPS, kubeAPIBurst). Before
// v1.27 it was 5 and 10.
const (
	DefaultQPS   = 50 // requests a second
	DefaultBurst = 100
)

// What a request was, beside the pod's number in its tag.
const (
	taggedStatus uint64 = iota << 32
	taggedDelete
	taggedNode
	taggedRegister
	taggedExisting
	taggedMirror
	taggedToken
)

// enqueue gives the pod to the status writer, and with it those whose status could not be
// written: whenever there is news of one pod, all are written that the API has not got
// (status_manager.go syncBatch, apiStatusVersions).
func (k *Kubelet) enqueue(r *row) {
	k.lineUp(r)
	for _, id := range k.unwritten {
		if r := k.find(id); r != nil {
			k.lineUp(r)
		}
	}
	k.unwritten = k.unwritten[:0]
	k.write()
}

func (k *Kubelet) lineUp(r *row) {
	if !r.queued {
		r.queued = true
		k.queue = append(k.queue, r.pod.ID)
	}
}

// write sends the next request unless one is under way.
func (k *Kubelet) write() {
	for !k.writing && len(k.queue) > 0 {
		id := k.queue[0]
		k.queue = append(k.queue[:0], k.queue[1:]...)
		r := k.find(id)
		if r == nil {
			continue
		}
		r.queued = false
		switch {
		case r.gone || r.static != nil && r.static.mirror == nil: // nothing to write to
		case r.dirty:
			k.writeStatus(r)
		case r.remove:
			r.remove = false
			k.writing = true
			k.client.Delete(r.pod.Ref(), 0, taggedDelete|uint64(id))
		}
	}
}

// writeStatus sends the newest status of a pod. If that is what the API already shows, as
// of most pods after a restart of the kubelet, the GET shows that there is nothing to
// patch (syncPod, pkg/util/pod/pod.go PatchPodStatus); here it counts for two requests.
func (k *Kubelet) writeStatus(r *row) {
	if unchanged(r.face(), r.shown) {
		r.dirty, k.writing = false, true
		k.client.Get(r.face().Ref(), taggedStatus|uint64(r.pod.ID))
		return
	}
	k.patchStatus(r)
}

// unchanged tells whether b says nothing that a does not say, times and all, in what a
// kubelet writes.
func unchanged(a, b *model.Pod) bool {
	return sameStatus(a, b) && a.StartedAt == b.StartedAt &&
		a.Sandbox == b.Sandbox && a.Initialized == b.Initialized && a.ContainersUp == b.ContainersUp && a.Ready == b.Ready &&
		(a.Disrupted == b.Disrupted || b.Disrupted.Reason != model.ReasonKubeletTerminates)
}

// patchStatus hands the newest status over: the object is the API server's from then on, so a
// second attempt needs a copy.
func (k *Kubelet) patchStatus(r *row) {
	if r.sent {
		c := *r.shown
		r.shown = &c
	}
	if r.static != nil {
		r.shown.Meta = r.static.mirror.Meta
	}
	r.shown.ResourceVersion = 0
	r.dirty, r.sent = false, true
	k.writing = true
	k.client.UpdateStatus(k.toWrite(r), taggedStatus|uint64(r.pod.ID))
}

// toWrite is the newest status of a pod as far as it may be told. Before its first housekeeping a
// process does not know whether a pod without a worker runs, and so not that it has failed; it
// says so with the next pass over all pods (status_manager.go mergePodStatus, pod_workers.go
// CouldHaveRunningContainers).
func (k *Kubelet) toWrite(r *row) *model.Pod {
	told := r.face()
	if k.synced || !r.refused || told.Phase.Terminal() {
		return r.shown
	}
	c := *r.shown
	c.Phase, c.Reason, c.Message = told.Phase, told.Reason, told.Message
	return &c
}

// answered takes an answer of the API server.
func (k *Kubelet) answered(about uint64) {
	reply, ok := k.client.Reply(about)
	if !ok || !k.running {
		return
	}
	switch reply.Tag {
	case taggedNode:
		k.nodeAnswered(&reply)
		return
	case taggedRegister:
		k.created(&reply)
		return
	case taggedExisting:
		k.found(&reply)
		return
	}
	switch reply.Tag &^ math.MaxUint32 {
	case taggedMirror:
		k.mirrorAnswered(&reply)
		return
	case taggedToken:
		k.tokenAnswered(&reply)
		return
	}
	k.writing = false
	if r := k.find(uint32(reply.Tag)); r != nil {
		k.podAnswered(r, &reply)
	}
	k.write()
}

func (k *Kubelet) podAnswered(r *row, reply *store.Reply) {
	switch reply.Refusal {
	case store.Accepted:
		// The answer shows what the status is now; that the pod is to end, or has as
		// somebody else says, the kubelet acts on only when its watch says so. Of what it
		// wrote itself the watch says nothing here.
		pod, ok := reply.Object.(*model.Pod)
		switch {
		case !ok:
		case r.static != nil:
			k.mirrorSeen(pod)
		case pod.ResourceVersion > r.pod.ResourceVersion && pod.DeletionAt == r.pod.DeletionAt && (r.stage != syncing || !pod.Phase.Terminal()):
			was := r.pod
			r.pod = pod
			k.resizeNews(r, was)
			k.heedGates(r)
		}
		if r.refused {
			k.doubt(r)
		}
		if reply.Op == store.OpGet && ok && r.shown != nil && !unchanged(pod, r.shown) { // the watch was late
			k.patchStatus(r)
			return
		}
	case store.NotFound:
		k.podGone(r.face().ID)
		return
	default: // a deletion is tried again with the next pass over all pods
		if r.remove = r.remove || reply.Op == store.OpDelete; reply.Op != store.OpDelete {
			r.dirty = true
			k.unwritten = append(k.unwritten, r.pod.ID)
		}
		r.doubted = true
		k.want(&k.statusPass, whyStatusPass, k.kernel.Now())
		return
	}
	if r.dirty || r.remove {
		k.enqueue(r)
	}
}

// doubt has the next status pass compare what the API shows with what it
// should: somebody else wrote the pod.
func (k *Kubelet) doubt(r *row) {
	if r.shown != nil && !r.doubted && !sameStatus(r.face(), r.shown) {
		r.doubted = true
		k.want(&k.statusPass, whyStatusPass, k.kernel.Now())
	}
}

// passStatus is the status writer's pass over all pods, every 10 s
// (status_manager.go syncBatch): what is not as it should be is written again.
func (k *Kubelet) passStatus() {
	for _, r := range k.rows {
		if r == nil || !r.doubted {
			continue
		}
		r.doubted = false
		if r.shown != nil && !sameStatus(r.face(), r.shown) {
			r.dirty = true
		}
		if r.dirty || r.remove {
			k.enqueue(r)
		}
	}
}
