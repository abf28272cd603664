package kubelet

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/runtime"
)

// A container starts when its image is here. A pass waits for a pull, or leaves the container to
// a later one.

// imageState is what came of looking for an image.
type imageState uint8

const (
	imageHere imageState = iota
	imageAsked
	imageMissing
)

// image sees to a container's image (pkg/kubelet/images/image_manager.go
// EnsureImageExists): it is here, or the pass waits for a pull, or gives up.
func (k *Kubelet) image(r *row, i int) imageState {
	spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
	if k.machine.RuntimeDown() {
		c.reason = inspectFailed
		k.client.Note(r.face(), true, "InspectFailed", fmt.Sprintf("Failed to inspect image %q: %s", spec.Image, unavailable))
		k.noImage(r, c.reason)
		return imageMissing
	}
	if k.hasImage(spec) {
		return imageHere
	}
	now := k.kernel.Now()
	if reason, why := unpullable(spec); reason != noReason {
		if c.reason != reason {
			if reason == neverPull {
				k.client.Note(r.face(), true, "ErrImageNeverPull", why)
			} else {
				k.client.Note(r.face(), true, "InspectFailed", why)
			}
			k.noImage(r, reason)
		}
		c.reason = reason
		return imageMissing
	}
	if b := r.pulls(i); b.left(b.at, now) > 0 {
		if c.reason != pullBackoff {
			k.client.Note(r.face(), false, "BackOff", fmt.Sprintf("Back-off pulling image %q", spec.Image))
			k.noImage(r, pullBackoff)
		}
		c.reason = pullBackoff
		return imageMissing
	}
	r.doing, r.cursor, r.stepAt = pulling, int16(i), now
	k.note(r, i, model.Note{Reason: model.PullingImage})
	k.machine.Pull(r.pod, spec)
	return imageAsked
}

// noImage tells that a container cannot be started because of its image, which it does
// after it has told why, and of both only once in a row
// (kuberuntime_container.go startContainer).
func (k *Kubelet) noImage(r *row, why waiting) {
	k.client.Note(r.face(), true, "Failed", "Error: "+waitingNames[why])
}

// hasImage tells whether a container's image is here and nobody has to be asked.
func (k *Kubelet) hasImage(c *model.Container) bool {
	return c.PullPolicy != model.PullAlways && k.machine.Cached(c.Image)
}

// unpullable is why a container's image that is not here is not asked for at all.
func unpullable(c *model.Container) (reason waiting, why string) {
	switch {
	case !runtime.ValidImage(c.Image):
		return invalidImage, fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format", c.Image, c.Image)
	case c.PullPolicy == model.PullNever:
		return neverPull, fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
	}
	return noReason, ""
}

// pullErrors is what the runtime or the kubelet itself says of a pull that failed.
var pullErrors = [...]string{
	runtime.PullFailed:   "registry is unavailable",
	runtime.PullTimedOut: "dial tcp: i/o timeout",
	runtime.PullLimited:  "429 Too Many Requests",
	runtime.PullTooFast:  "pull QPS exceeded",
	runtime.PullBroken:   unavailable,
	runtime.PullNoSpace:  noSpace,
}

// pullError is what is said of a pull of an image that failed.
func (k *Kubelet) pullError(o runtime.Outcome, image string) string {
	switch o {
	case runtime.PullUnwritten:
		return "failed to copy: failed to open writer: " + errnoText[k.machine.Unwritten()]
	case runtime.PullNotFound: // containerd core/remotes/docker/resolver.go Resolve, core/transfer/local/pull.go
		full := runtime.ImageName(image)
		return fmt.Sprintf("rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve image: %s: not found", full, full)
	}
	return pullErrors[o]
}

// Pulled implements runtime.Observer. A failure makes the next attempts wait
// longer and longer, counted from the failure.
func (k *Kubelet) Pulled(pod uint32, pull runtime.Pull) {
	r := k.find(pod)
	if !k.running || r == nil || r.doing != pulling {
		return
	}
	now, i := k.kernel.Now(), int(r.cursor)
	spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
	switch pull.Outcome {
	case runtime.PulledNow, runtime.PullNeedless:
		k.note(r, i, model.Note{Reason: model.PulledImage, Message: fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			spec.Image, now.Sub(pull.BegunAt).Truncate(time.Millisecond), now.Sub(r.stepAt).Truncate(time.Millisecond), pull.Bytes)})
	default:
		r.pulls(i).next(now, now, DefaultMostBackoff)
		c.reason = pullError
		k.client.Note(r.face(), true, "Failed", fmt.Sprintf("Failed to pull image %q: %s", spec.Image, k.pullError(pull.Outcome, spec.Image)))
		k.noImage(r, pullError)
		k.giveUp(r, i)
		k.next(r, now)
		return
	}
	r.fetched = true
	k.askStart(r, i, now)
}
