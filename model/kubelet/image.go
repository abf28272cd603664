package kubelet

import (
	"fmt"
	"strings"
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
	spec, c, down := containerOf(r.pod.Spec, i), &r.containers[i], k.machine.RuntimeDown()
	if !down && k.hasImage(spec) {
		return imageHere
	}
	now := k.kernel.Now()
	if reason, why := k.unpullable(spec); reason != noReason {
		if c.reason != reason || reason == inspectFailed {
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
	k.note(r, i, model.Note{Reason: model.PullingImage})
	if down {
		k.pullFailed(r, i, runtime.PullBroken)
		return imageMissing
	}
	r.doing, r.cursor, r.stepAt = pulling, int16(i), now
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

// unpullable is why a container's image that is not here is not asked for at all. The runtime is
// not asked whether it has one that is always pulled; if another cannot be looked for, the message
// does not name it (imagePullPrecheck).
func (k *Kubelet) unpullable(c *model.Container) (reason waiting, why string) {
	switch {
	case !runtime.ValidImage(c.Image):
		return invalidImage, fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format", c.Image, c.Image)
	case c.PullPolicy == model.PullAlways:
	case k.machine.RuntimeDown():
		return inspectFailed, `Failed to inspect image "": ` + unavailable
	case c.PullPolicy == model.PullNever:
		return neverPull, fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
	}
	return noReason, ""
}

// pullErrors is what the runtime or the kubelet itself says of a pull that failed, by itself.
var pullErrors = [...]string{
	runtime.PullTooFast: "pull QPS exceeded",
	runtime.PullBroken:  unavailable,
	runtime.PullNoSpace: noSpace,
}

// pullError is what is said of a pull of an image that failed, in containerd's words but without
// addresses (core/remotes/docker/resolver.go Resolve, core/transfer/local/pull.go; of a gRPC
// error the code is left out if it is Unknown: k8s.io/cri-client/pkg/remote_image.go). A download
// that breaks off says what one says that does not begin.
func (k *Kubelet) pullError(o runtime.Outcome, image string) string {
	full := reference(image)
	why := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve image: ", full)
	switch o {
	case runtime.PullFailed:
		return why + fmt.Sprintf("failed to do request: Head %q: dial tcp: connect: connection refused", manifestOf(full))
	case runtime.PullTimedOut:
		return "rpc error: code = DeadlineExceeded desc = " + why + fmt.Sprintf("failed to do request: Head %q: dial tcp: i/o timeout", manifestOf(full))
	case runtime.PullLimited:
		return why + "unexpected status from HEAD request to " + manifestOf(full) + ": 429 Too Many Requests"
	case runtime.PullNotFound:
		return "rpc error: code = NotFound desc = " + why + full + ": not found"
	case runtime.PullUnwritten:
		return "failed to copy: failed to open writer: " + errnoText[k.machine.Unwritten()]
	}
	return pullErrors[o]
}

// reference is an image as containerd asks for it: by its digest alone if it has one
// (github.com/distribution/reference ParseDockerRef).
func reference(image string) string {
	full := runtime.ImageName(image)
	name, digest, digested := strings.Cut(full, "@")
	if !digested {
		return full
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name + "@" + digest
}

// manifestOf is where a registry has the manifest of an image.
func manifestOf(reference string) string {
	host, path, _ := strings.Cut(reference, "/")
	if host == "docker.io" {
		host = "registry-1.docker.io"
	}
	name, version, digested := strings.Cut(path, "@")
	if !digested {
		name, version, _ = strings.Cut(path, ":")
	}
	return "https://" + host + "/v2/" + name + "/manifests/" + version
}

// Pulled implements runtime.Observer. A failure makes the next attempts wait
// longer and longer, counted from the failure.
func (k *Kubelet) Pulled(pod uint32, pull runtime.Pull) {
	r := k.find(pod)
	if !k.running || r == nil || r.doing != pulling {
		return
	}
	now, i := k.kernel.Now(), int(r.cursor)
	switch pull.Outcome {
	case runtime.PulledNow, runtime.PullNeedless:
		k.note(r, i, model.Note{Reason: model.PulledImage, Message: fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			containerOf(r.pod.Spec, i).Image, now.Sub(pull.BegunAt).Truncate(time.Millisecond), now.Sub(r.stepAt).Truncate(time.Millisecond), pull.Bytes)})
		if r.fetched = true; !k.misconfigured(r, i) {
			k.askStart(r, i, now)
			return
		}
	default:
		k.pullFailed(r, i, pull.Outcome)
	}
	k.giveUp(r, i)
	k.next(r, now)
}

// pullFailed is a pull that failed: the back-off counts from now.
func (k *Kubelet) pullFailed(r *row, i int, o runtime.Outcome) {
	image, now := containerOf(r.pod.Spec, i).Image, k.kernel.Now()
	r.pulls(i).next(now, now, DefaultMostBackoff)
	r.containers[i].reason = pullError
	k.client.Note(r.face(), true, "Failed", fmt.Sprintf("Failed to pull image %q: %s", image, k.pullError(o, image)))
	k.noImage(r, pullError)
}
