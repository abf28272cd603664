package kubelet

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// A pod that does not say otherwise has the volume kube-api-access, with a token of its
// service account (plugin/pkg/admission/serviceaccount/admission.go). Its kubelet asks the
// API server for one when it mounts that volume for the first time, one request of those
// that it may make, and keeps it as long as its process lives
// (pkg/kubelet/token/token_manager.go); a pod whose volumes are not mounted gets no sandbox.
//
// While an API server has time for it, the answer is known: it comes while the volumes are
// being mounted, as part of the time which that takes anyhow. So the request is taken for
// granted: it takes its token of the bucket, is no event and costs the API server nothing. If
// something goes wrong before the volumes are mounted it is made then, as well as when
// something is wrong already, as a GET of the pod, which is what the API server reads to make
// a token.
//
// kube-root-ca.crt, which is watched and costs nothing of the bucket, comes with the token.
// That tokens are renewed after 48 minutes is left out: one that cannot be is good for a year
// (pkg/serviceaccount/claims.go ExpirationExtensionSeconds).

// token is how far a pod's is.
type token uint8

const (
	tokenWanted  token = iota
	tokenInLine        // the kubelet has asked for more than it may
	tokenAsked         // the API server has been
	tokenRefused       // it is asked for again later
	tokenGranted       // it will be there when the other volumes are mounted
	tokenHere          // the kubelet has it, or the pod needs none
)

// hasToken tells whether the token does not keep the pod's volumes from being mounted.
func (r *row) hasToken() bool { return r.token >= tokenGranted }

// loopTurn is how often a kubelet looks for volumes to mount
// (pkg/kubelet/volumemanager/volume_manager.go reconcilerLoopSleepPeriod).
const loopTurn = 100 * time.Millisecond

// fetchToken has the kubelet get a pod's token, if it does not do so already. Static pods
// can have none.
func (k *Kubelet) fetchToken(r *row) {
	if r.token != tokenWanted {
		return
	}
	if r.static != nil || r.pod.Spec.NoToken {
		r.token = tokenHere
		return
	}
	if at := k.client.Spend(); at > k.kernel.Now() {
		r.token = tokenInLine
		k.kernel.Post(at, k.self, whyToken, k.aboutPod(r))
		return
	}
	k.askToken(r)
}

// askToken makes the request, whose turn it is.
func (k *Kubelet) askToken(r *row) {
	if k.client.Prompt(loopTurn) {
		k.gotToken(r, tokenGranted)
		return
	}
	r.token = tokenAsked
	k.client.GetSpent(r.pod.Ref(), taggedToken|uint64(r.pod.ID))
}

func (k *Kubelet) gotToken(r *row, how token) {
	if r.token = how; r.doing == attaching {
		k.verify(r, k.kernel.Now())
	}
}

// expectToken says that a pod's volumes will be mounted at a time.
func (k *Kubelet) expectToken(r *row, mounted sim.Time) {
	if r.token == tokenGranted {
		k.tokensBy = max(k.tokensBy, mounted)
		k.beAlert()
	}
}

func (k *Kubelet) beAlert() {
	if !k.alert {
		k.alert = true
		k.client.OnNextDisturbance(k)
	}
}

// Disturbed implements store.Disturbed: what was taken for granted, and is not there yet, is
// asked for.
func (k *Kubelet) Disturbed(now sim.Time) {
	if k.alert = false; !k.running || now >= k.tokensBy {
		return
	}
	if k.client.Prompt(loopTurn) {
		k.beAlert()
		return
	}
	for _, r := range k.rows {
		if r == nil || r.token != tokenGranted {
			continue
		}
		if r.token = tokenHere; r.ends() || !k.mountsStill(r, now) {
			continue
		}
		r.probing = false
		for i := range r.containers {
			r.containers[i].probes = nil
		}
		k.scheduleProbes(r, now)
		k.waitForVolumes(r, now)
		k.askToken(r)
	}
}

// mountsStill tells whether a pod's volumes are not mounted yet. Then the pod gives up what
// was to come after that.
func (k *Kubelet) mountsStill(r *row, now sim.Time) bool {
	switch r.doing {
	case mounting:
		return r.stepAt > now
	case settingUp, starting:
		return k.machine.Withdraw(r.box)
	}
	return false
}

// tokenDue is the turn of a request, or the time to try again. For a pod that ends nobody
// mounts anything.
func (k *Kubelet) tokenDue(about uint64) {
	r := k.awaited(about)
	switch {
	case r == nil || r.ends():
	case r.token == tokenInLine:
		k.askToken(r)
	case r.token == tokenRefused:
		r.token = tokenWanted
		k.fetchToken(r)
	}
}

// tokenAnswered takes the answer. After a failure the volume is mounted again later.
func (k *Kubelet) tokenAnswered(reply *store.Reply) {
	r := k.find(uint32(reply.Tag))
	switch {
	case r == nil || r.token != tokenAsked:
		return
	case reply.Refusal == store.Accepted:
		k.gotToken(r, tokenHere)
		return
	}
	r.token = tokenRefused
	if r.ends() {
		return
	}
	k.client.Note(r.face(), true, "FailedMount", "MountVolume.SetUp failed for volume \""+k.tokenVolume(r)+"\" : failed to fetch token: "+unanswered(reply))
	k.kernel.Post(k.kernel.Now().Add(r.tokensRefused.another()), k.self, whyToken, k.aboutPod(r))
}

// How long after a failure to mount a volume the kubelet tries again, at first and at most
// (pkg/util/goroutinemap/exponentialbackoff), and how often the one is doubled until it is more
// than the other.
const (
	remountFirst  = 500 * time.Millisecond
	remountMost   = 2*time.Minute + 2*time.Second
	mostDoublings = 8
)

// failures is how often a mount has failed in a row.
type failures uint8

// another counts one more, and tells how long after it the kubelet tries again.
func (n *failures) another() time.Duration {
	wait := min(remountFirst<<*n, remountMost)
	*n = min(*n+1, mostDoublings)
	return wait
}

// unanswered is what a kubelet says of a request that nobody answered, without its URL, or
// what the answer says.
func unanswered(reply *store.Reply) string {
	switch {
	case reply.Refusal == store.Disconnected:
		return "dial tcp: connect: connection refused"
	case reply.Refusal == store.TimedOut && reply.Message == "":
		return "dial tcp: i/o timeout"
	}
	return reply.Why()
}

// tokenVolume is the name of a pod's volume, which the API server makes up.
func (k *Kubelet) tokenVolume(r *row) string {
	return model.GenerateName("kube-api-access", k.luck.tokens.Draw(r.hash, 0))
}
