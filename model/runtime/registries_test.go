package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

// from is a container of an image that comes from a registry.
func from(image string) *model.Container { return &model.Container{Name: "main", Image: image} }

func TestTheRegistryOfAnImageIsTheHostInItsName(t *testing.T) {
	for image, want := range map[string]string{
		"web": "docker.io", "shop/web:1": "docker.io", "ghcr.io/shop/web": "ghcr.io", "localhost/web": "localhost",
		"registry:5000/web@sha256:0123456789abcdef0123456789abcdef": "registry:5000",
	} {
		if got := RegistryOf(image); got != want {
			t.Errorf("%s comes from %s, not from %s", image, want, got)
		}
	}
}

// TestARegistryFailsByItself: who pulls from another one does not notice, but where images are
// pulled one at a time behind one that is silent
// (pkg/kubelet/images/puller.go serialImagePuller).
func TestARegistryFailsByItself(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	r.machine.parallel = 2
	r.machine.Pull(pod(1, *from("web")), from("web"))
	r.machine.Pull(pod(2, *from("ghcr.io/web")), from("ghcr.io/web"))
	r.run(t, 10*time.Second)
	r.stream(streamRate)
	r.registry.SetPace("ghcr.io", full/10)
	if a, b := r.rate(&r.machine.pulls[0]), r.rate(&r.machine.pulls[1]); a < linkRate-3*streamRate/10-3 || b != 3*streamRate/10 {
		t.Errorf("one is slow: %d and %d bytes a second", a, b)
	}
	r.registry.SetDown("ghcr.io", true)
	r.run(t, time.Second)
	r.expect(t, "pulled 2 failed")
	if p := r.rate(&r.machine.pulls[0]); p < linkRate-3 {
		t.Errorf("the other goes on at %d millionths", p)
	}
	r.registry.Limit("docker.io", full)
	r.machine.Pull(pod(3, *from("other")), from("other"))
	r.run(t, 10*time.Second)
	r.expect(t, "pulled 3 limited")

	r = newRig(Behavior{ImageBytes: 1000})
	r.registry.SetSilent("docker.io", true)
	r.registry.SetDown("docker.io", true)
	r.machine.Pull(pod(1, *from("web")), from("web"))
	r.machine.Pull(pod(2, *from("ghcr.io/web")), from("ghcr.io/web"))
	r.run(t, dialTimeout-time.Millisecond)
	r.expect(t)
	r.run(t, 10*time.Second)
	r.expect(t, "pulled 1 timed out", "pulled 2 now")
}

// TestWhoAsksForAnImageThatIsNotThereIsToldSo: also who has it and asks whether it is still the
// same (imagePullPolicy Always), and whoever asks for another one gets that
// (containerd core/remotes/docker/resolver.go Resolve: 404 is "not found").
func TestWhoAsksForAnImageThatIsNotThereIsToldSo(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 1000})
	r.registry.Unpublish("web:2")
	r.registry.Unpublish("docker.io/library/web:2") // the same, for another reason
	for i, image := range []string{"web:1", "web:2", "web:1"} {
		r.machine.Pull(pod(uint32(i+1), *from(image)), from(image))
	}
	r.run(t, 20*time.Second)
	r.expect(t, "pulled 1 now", "pulled 2 not found", "pulled 3 needless")
	r.registry.Publish("web:2")
	r.machine.Pull(pod(4, *from("web:2")), from("web:2"))
	r.run(t, 10*time.Second)
	r.registry.Publish("web:2")
	r.machine.Pull(pod(5, *from("web:2")), from("web:2"))
	r.run(t, 10*time.Second)
	r.registry.Unpublish("web:2")
	r.machine.Pull(pod(6, *from("web:2")), from("web:2"))
	r.run(t, 10*time.Second)
	r.expect(t, "pulled 4 not found", "pulled 5 now", "pulled 6 not found")
}

// What is said of all registries holds for each of which nothing else is said, and only for
// those.
func TestARegistryOfWhichNothingIsSaidIsLikeAll(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 1000})
	r.registry.SetDown(AllRegistries, true)
	r.registry.SetDown("ghcr.io", false)
	for i, image := range []string{"web", "quay.io/web", "ghcr.io/web"} {
		r.machine.Pull(pod(uint32(i+1), *from(image)), from(image))
	}
	r.run(t, 10*time.Second)
	r.expect(t, "pulled 1 failed", "pulled 2 failed", "pulled 3 now")
}
