package kubelet_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// told is the Events about a pod, in their order.
func (r *rig) told(p *model.Pod) (out []string) {
	r.events(p, func(_ sim.Time, n *model.Note) {
		kind := "Normal"
		if n.Warning {
			kind = "Warning"
		}
		out = append(out, strings.TrimSpace(kind+" "+n.Reason+" "+n.FieldPath())+": "+n.Text())
	})
	return out
}

// Source: v1.35 pkg/kubelet/images/image_manager.go EnsureImageExists and
// pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer, word for word.
func TestAStartIsToldAsKubectlDescribeShowsIt(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Container: "fresh", ImageBytes: 50 << 20}))
	p := r.pod("web", func(s *model.PodSpec) {
		s.InitContainers = []model.Container{{Name: "setup", Image: "web"}}
		s.Containers = append(s.Containers, model.Container{Name: "fresh", Image: "registry.example/fresh:2"})
	})
	r.until("init over", time.Minute, func() bool { return len(r.notes(p, "Started")) == 1 })
	r.kubelet.CrashContainer(p.Ref(), "setup", 0)
	r.ready(p)
	got := r.told(p)
	for i := range got {
		got[i] = regexp.MustCompile(`in [0-9.ms]+ \([0-9.ms]+ including waiting\)`).ReplaceAllString(got[i], "in TIME (TIME including waiting)")
	}
	want := []string{
		`Normal Pulled spec.initContainers{setup}: Container image "web" already present on machine and can be accessed by the pod`,
		`Normal Created spec.initContainers{setup}: Container created`,
		`Normal Started spec.initContainers{setup}: Container started`,
		`Normal Pulled spec.containers{main}: Container image "web" already present on machine and can be accessed by the pod`,
		`Normal Created spec.containers{main}: Container created`,
		`Normal Started spec.containers{main}: Container started`,
		`Normal Pulling spec.containers{fresh}: Pulling image "registry.example/fresh:2"`,
		`Normal Pulled spec.containers{fresh}: Successfully pulled image "registry.example/fresh:2" in TIME (TIME including waiting). Image size: 52428800 bytes.`,
		`Normal Created spec.containers{fresh}: Container created`,
		`Normal Started spec.containers{fresh}: Container started`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Source: v1.35 pkg/kubelet/images/image_manager.go pullImage: the first time is that of
// the pull itself, the second with the wait for pulls of others (puller.go
// serialImagePuller).
func TestAPullThatWaitsForAnotherSaysHowLong(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{ImageBytes: 400 << 20}))
	image := func(name string) func(*model.PodSpec) {
		return func(s *model.PodSpec) { s.Containers[0].Image = name }
	}
	a, b := r.pod("a", image("a:1")), r.pod("b", image("b:1"))
	r.ready(a)
	r.ready(b)
	times := regexp.MustCompile(`in ([0-9.ms]+) \(([0-9.ms]+) including waiting\)`)
	waited := 0
	for _, p := range []*model.Pod{a, b} {
		asked := r.notes(p, "Pulling")[0]
		r.events(p, func(at sim.Time, n *model.Note) {
			x := times.FindStringSubmatch(n.Text())
			if x == nil {
				return
			}
			alone, _ := time.ParseDuration(x[1])
			all, _ := time.ParseDuration(x[2])
			if all != at.Sub(asked).Truncate(time.Millisecond) || alone > all {
				t.Errorf("%s: %s, and it was asked for %v before", p.Name, n.Text(), at.Sub(asked))
			}
			if all > alone+time.Second {
				waited++
			}
		})
	}
	if waited != 1 {
		t.Errorf("%d pulls waited for the other", waited)
	}
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer: after
// what the image manager says comes the container's error.
func TestAnImageThatCannotBeHadIsToldTwice(t *testing.T) {
	r := newRig(t, 1)
	r.registry.SetDown(runtime.AllRegistries, true)
	p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = "x:1" })
	never := r.pod("never", func(s *model.PodSpec) { s.Containers[0].Image, s.Containers[0].PullPolicy = "y:1", model.PullNever })
	r.run(30 * time.Second)
	want := []string{
		`Normal Pulling spec.containers{main}: Pulling image "x:1"`,
		`Warning Failed: Failed to pull image "x:1": failed to pull and unpack image "docker.io/library/x:1": failed to resolve image: failed to do request: ` +
			`Head "https://registry-1.docker.io/v2/library/x/manifests/1": dial tcp: connect: connection refused`,
		`Warning Failed: Error: ErrImagePull`,
		`Normal BackOff: Back-off pulling image "x:1"`,
		`Warning Failed: Error: ImagePullBackOff`,
	}
	if got := r.told(p); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	want = []string{`Warning ErrImageNeverPull: Container image "y:1" is not present with pull policy of Never`, `Warning Failed: Error: ErrImageNeverPull`}
	if got := r.told(never); !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Source: containerd core/remotes/docker/resolver.go Resolve, core/transfer/local/pull.go,
// errgrpc; v1.35 k8s.io/cri-client/pkg/remote_image.go pullImageV1: what a registry does to a
// pull is told in containerd's words, without addresses.
func TestWhatARegistryDoesToAPullIsToldInContainerdsWords(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const head = `failed to resolve image: failed to do request: Head "https://`
	for _, c := range []struct {
		does  func(*runtime.Registry)
		image string
		want  string
	}{
		{func(r *runtime.Registry) { r.SetDown(runtime.AllRegistries, true) }, "quay.io/shop/web:1@" + digest,
			`failed to pull and unpack image "quay.io/shop/web@` + digest + `": ` + head + `quay.io/v2/shop/web/manifests/` + digest + `": dial tcp: connect: connection refused`},
		{func(r *runtime.Registry) { r.SetDown("ghcr.io", true); r.SetSilent("ghcr.io", true) }, "ghcr.io/web",
			`rpc error: code = DeadlineExceeded desc = failed to pull and unpack image "ghcr.io/web:latest": ` + head + `ghcr.io/v2/web/manifests/latest": dial tcp: i/o timeout`},
		{func(r *runtime.Registry) { r.Limit(runtime.AllRegistries, 1_000_000) }, "web:2",
			`failed to pull and unpack image "docker.io/library/web:2": failed to resolve image: unexpected status from HEAD request to https://registry-1.docker.io/v2/library/web/manifests/2: 429 Too Many Requests`},
		{func(r *runtime.Registry) { r.Unpublish("shop/web:2") }, "shop/web:2",
			`rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/shop/web:2": failed to resolve image: docker.io/shop/web:2: not found`},
	} {
		r := newRig(t, 1)
		c.does(r.registry)
		p := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = c.image })
		r.run(40 * time.Second)
		want := fmt.Sprintf("Warning Failed: Failed to pull image %q: %s", c.image, c.want)
		if got := r.told(p); len(got) < 2 || got[1] != want {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), want)
		}
	}
}
