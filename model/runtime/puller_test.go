package runtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// pulling is a machine that pulls a large image, when that would be done, and when it
// is downloaded.
func pulling(t *testing.T) *rig {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	c := model.Container{Name: "main", Image: "big"}
	r.machine.Pull(pod(1, c), &c)
	r.run(t, 10*time.Second)
	if p := &r.machine.pulls[0]; r.Now() <= p.from || r.Now() >= p.loadedAt {
		t.Fatalf("it does not download: %+v", p)
	}
	return r
}

// TestASlowRegistryStretchesWhatIsLeftOfADownload, and not what is over, nor the
// unpacking: bandwidth as a fluid, changed and changed back.
func TestASlowRegistryStretchesWhatIsLeftOfADownload(t *testing.T) {
	r := pulling(t)
	p := &r.machine.pulls[0]
	r.stream(streamRate / 2)
	loaded, unpack := p.loadedAt, p.unpack
	r.registry.SetPace(AllRegistries, 250_000)
	if left := loaded.Sub(r.Now()); !near(p.loadedAt.Sub(r.Now()), 4*left) || p.doneAt != p.loadedAt.Add(unpack) {
		t.Errorf("%v are left of %v", p.loadedAt.Sub(r.Now()), left)
	}
	r.run(t, 20*time.Second) // in which 5 s are done
	r.registry.SetPace(AllRegistries, full)
	if late := p.loadedAt.Sub(loaded); !near(late, 15*time.Second) {
		t.Errorf("%v late", late)
	}
}

// near tells whether times are the same but for what a few bytes take.
func near(a, b time.Duration) bool { return (a - b).Abs() < 10*time.Microsecond }

// stream gives the streams of all pulls a speed of their own.
func (r *rig) stream(bytes int64) {
	for _, m := range r.registry.machines {
		for i := range m.pulls {
			m.pulls[i].own = bytes
		}
	}
	r.registry.share()
}

// rate is how many bytes a second of a pull come.
func (r *rig) rate(p *pull) int64 {
	n := p.streams(r.Now())
	return n * min(p.each, p.all/max(n, 1))
}

// TestARegistryThatIsSilentHoldsThePullsUp: 30 s for a connection, 5 minutes for a
// download that stalls, and whoever waits behind them waits
// (pkg/kubelet/images/puller.go serialImagePuller; containerd internal/cri/config
// image_pull_progress_timeout).
func TestARegistryThatIsSilentHoldsThePullsUp(t *testing.T) {
	r := pulling(t)
	c := model.Container{Name: "main", Image: "other"}
	r.machine.Pull(pod(2, c), &c)
	r.registry.SetSilent(AllRegistries, true)
	r.registry.SetDown(AllRegistries, true)
	r.run(t, stallTimeout-time.Second)
	r.expect(t)
	r.run(t, 2*time.Second)
	r.expect(t, "pulled 1 timed out")
	r.run(t, dialTimeout-2*time.Second)
	r.expect(t)
	r.run(t, 2*time.Second)
	r.expect(t, "pulled 2 timed out")
}

// TestAPullOpensAConnectionThatAFullConntrackTableDrops: its first packet is sent again after
// 1, 2, 3, 4, 5, 7, 11 and 19 s (model.SYNs), and it is given up after 30 s; one that
// has its connection does not notice (net/netfilter/nf_conntrack_core.c: only what is new needs
// an entry).
func TestAPullOpensAConnectionThatAFullConntrackTableDrops(t *testing.T) {
	r := pulling(t)
	p := &r.machine.pulls[0]
	done := p.doneAt
	r.machine.Untracked(Million)
	if p.doneAt != done || p.opening {
		t.Errorf("a download under way ends at %v, not at %v", p.doneAt, done)
	}
	for _, c := range []struct {
		free   time.Duration // when the table has room again
		begins time.Duration // when the registry is asked
	}{{500 * time.Millisecond, time.Second}, {1500 * time.Millisecond, 2 * time.Second}, {6 * time.Second, 7 * time.Second}, {12 * time.Second, 19 * time.Second}, {20 * time.Second, 0}} {
		r := newRig(Behavior{ImageBytes: 1000})
		at := model.Container{Name: "main", Image: "small"}
		r.machine.Untracked(Million)
		r.machine.Pull(pod(1, at), &at)
		r.run(t, c.free)
		r.machine.Untracked(0)
		if c.begins == 0 {
			r.run(t, dialTimeout-c.free-time.Millisecond)
			r.expect(t)
			r.run(t, 2*time.Millisecond)
			r.expect(t, "pulled 1 timed out")
			continue
		}
		r.run(t, c.begins-c.free-time.Millisecond)
		if !r.machine.pulls[0].opening {
			t.Errorf("%v: it has its connection too early", c.free)
		}
		r.run(t, 2*time.Millisecond)
		if p := &r.machine.pulls[0]; p.opening || p.outcome != PulledNow || p.from < p.begunAt.Add(c.begins) {
			t.Errorf("%v: it does not go on: %+v", c.free, p)
		}
		r.run(t, time.Minute)
		r.expect(t, "pulled 1 now")
	}
}

// TestAPullThatNobodyAnswersGoesOnWhenTheRegistryIsBack, or the machine's connection, with the
// next packet that is to open its connection; one that refuses then is heard at once.
func TestAPullThatNobodyAnswersGoesOnWhenTheRegistryIsBack(t *testing.T) {
	for _, c := range []struct {
		offline  bool
		back     time.Duration
		begins   time.Duration // when the registry is asked, 0 if it is not
		refusing bool
		told     string
	}{
		{false, 2500 * time.Millisecond, 3 * time.Second, false, "pulled 1 now"},
		{true, 12 * time.Second, 19 * time.Second, false, "pulled 1 now"},
		{false, 6 * time.Second, 7 * time.Second, true, "pulled 1 failed"},
		{true, 20 * time.Second, 0, false, "pulled 1 timed out"},
	} {
		r := newRig(Behavior{ImageBytes: 1000})
		at := model.Container{Name: "main", Image: "small"}
		if r.machine.SetOffline(c.offline); !c.offline {
			r.registry.SetSilent(AllRegistries, true)
			r.registry.SetDown(AllRegistries, true)
		}
		r.machine.Pull(pod(1, at), &at)
		r.run(t, c.back)
		r.machine.SetOffline(false)
		r.registry.SetSilent(AllRegistries, false)
		if !c.refusing {
			r.registry.SetDown(AllRegistries, false)
		}
		ask := c.begins
		if ask == 0 {
			ask = dialTimeout
		}
		r.run(t, ask-c.back-time.Millisecond)
		r.expect(t)
		if !r.machine.pulls[0].opening && c.begins > 0 {
			t.Errorf("%+v: it has its connection too early", c)
		}
		r.run(t, 10*time.Second)
		r.expect(t, c.told)
	}
}

// TestAPullIsDroppedByItsOwnLuck: of tables that drop 68 %, each of the nine packets that are to
// open a connection is dropped or not, so one pull in 32 fails.
func TestAPullIsDroppedByItsOwnLuck(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 1000})
	r.machine.Untracked(680_395)
	at, failed := model.Container{Name: "main", Image: "small"}, 0
	const all = 3200
	for i := range uint32(all) {
		r.machine.Pull(pod(i+1, at), &at)
		r.run(t, 40*time.Second)
		if slices.Contains(r.told, fmt.Sprint("pulled ", i+1, " timed out")) {
			failed++
		}
	}
	if failed < 70 || failed > 130 {
		t.Errorf("%d of %d fail, want about 100", failed, all)
	}
}

// TestARegistryThatCountsRefusesItsShare with 429, of those that ask from then on.
func TestARegistryThatCountsRefusesItsShare(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 1})
	r.registry.Limit(AllRegistries, 500_000)
	c := model.Container{Name: "main", Image: "here"}
	for range 200 {
		r.machine.Pull(pod(1, c), &c)
	}
	r.run(t, time.Hour)
	refused := 0
	for _, s := range r.told {
		if s == "pulled 1 limited" {
			refused++
		}
	}
	if refused < 70 || refused > 130 {
		t.Errorf("%d of 200 were refused", refused)
	}
}

// TestPullsFasterThanRegistryPullQPSFailAndDoNotWait, after registryBurst of them; 5 and
// 10 by default, and a QPS of 0 is no limit (v1.35 pkg/kubelet/images/helpers.go
// throttleImagePulling). A bucket fills as time goes by, and that of a new kubelet is full.
func TestPullsFasterThanRegistryPullQPSFailAndDoNotWait(t *testing.T) {
	for _, c := range []struct {
		rate          PullRate
		first, second int // that go through of 20 at once, and of 20 more a second later
	}{
		{PullRate{}, 10, 5}, {PullRate{QPS: 2, Burst: 3}, 3, 2}, {PullRate{QPS: 5, Burst: 1}, 1, 1}, {PullRate{QPS: 0, Burst: 1}, 20, 20},
	} {
		r := newRig()
		r.machine.parallel, r.machine.bucket.PullRate = 100, c.rate.orDefault()
		container, id := model.Container{Name: "main", Image: "here"}, uint32(0)
		pass := func() int {
			r.told = nil
			for range 20 {
				id++
				r.machine.Pull(pod(id, container), &container)
			}
			r.run(t, time.Nanosecond)
			refused := 0
			for _, s := range r.told {
				if strings.HasSuffix(s, "too fast") {
					refused++
				}
			}
			return 20 - refused
		}
		first := pass()
		r.run(t, time.Second)
		second := pass()
		r.machine.FillPullBucket()
		if third := pass(); first != c.first || second != c.second || third != c.first {
			t.Errorf("%+v: %d, %d and %d went through, want %d, %d and %d", c.rate, first, second, third, c.first, c.second, c.first)
		}
	}
}

// A machine whose connection is narrower for a while downloads more slowly for as long,
// and no other does.
func TestANarrowConnectionMakesDownloadsSlow(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	other := NewMachine(r.Kernel, &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 2, Name: "n"}}, Config{Behaviors: r.machine.behaviors, Registry: r.registry, Kubelet: r})
	c := model.Container{Name: "main", Image: "big"}
	r.machine.Pull(pod(1, c), &c)
	other.Pull(pod(2, c), &c)
	r.run(t, 10*time.Second)
	r.stream(streamRate)
	before := r.machine.pulls[0].loadedAt
	r.machine.SetLink(full / 10)
	r.run(t, 20*time.Second)
	if a, b := r.rate(&r.machine.pulls[0]), r.rate(&other.pulls[0]); a < linkRate/10-3 || a > linkRate/10 || b < linkRate-3 {
		t.Errorf("it goes at %d bytes a second, the other machine's at %d", a, b)
	}
	r.machine.SetLink(full)
	if late := r.machine.pulls[0].loadedAt.Sub(before); late < 17999*time.Millisecond || late > 18001*time.Millisecond {
		t.Errorf("20 s at a tenth of the speed cost %v, want 18 s", late)
	}
}

// Source: containerd pull request 6702: since containerd 1.6.3 who pulls an image that is being
// pulled waits for the first.
func TestPullsOfOneImageSideBySideWaitForTheFirst(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 8_000_000_000})
	r.machine.parallel = 5
	c, other := model.Container{Name: "main", Image: "big"}, model.Container{Name: "main", Image: "other"}
	for id := range uint32(3) {
		r.machine.Pull(pod(id+1, c), &c)
	}
	r.machine.Pull(pod(4, other), &other)
	r.run(t, 20*time.Second)
	r.stream(streamRate)
	if n := r.downloads(); n != 2 {
		t.Errorf("%d downloads of 2 images", n)
	}
	if rate := r.rate(&r.machine.pulls[0]); rate < linkRate/2-3 || rate > linkRate/2 {
		t.Errorf("the first goes at %d bytes a second", rate)
	}
	r.run(t, 2*time.Hour)
	if len(r.told) != 4 || len(r.machine.pulls) != 0 {
		t.Errorf("told %q", r.told)
	}
	// One that comes later waits, too, and when the registry goes down all fail.
	fresh := model.Container{Name: "main", Image: "fresh"}
	r.told = nil
	r.machine.Pull(pod(5, fresh), &fresh)
	r.run(t, 20*time.Second)
	r.machine.Pull(pod(6, fresh), &fresh)
	r.run(t, 10*time.Second)
	r.registry.SetDown(AllRegistries, true)
	r.run(t, time.Minute)
	if len(r.told) != 2 || !strings.HasSuffix(r.told[0], "failed") || !strings.HasSuffix(r.told[1], "failed") {
		t.Errorf("told %q", r.told)
	}
}

// Source: github.com/distribution/reference regexp.go: what kubelets parse image names with.
func TestNamesOfImages(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "web:1": true, "docker.io/library/web:1.2-x": true, "localhost:5000/a/b_c:v1": true, "Registry/web:1": true,
		"a@sha256:" + strings.Repeat("0f", 32): true,
		"Registry/UPPER:1:2":                   false, "Web": false, "web:": false, "web:1:2": false, "a//b": false, "": false, "-a": false, "a@sha256:0f": false,
	} {
		if ValidImage(name) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
}

// Source: containerd internal/cri/config image_pull_progress_timeout: a
// download of which nothing arrives is given up after 5 minutes; one that goes on before
// that has lost the time and no more; what is unpacked needs nobody.
func TestAMachineOfflineHoldsItsDownloadsUpForFiveMinutes(t *testing.T) {
	r := pulling(t)
	loaded := r.machine.pulls[0].loadedAt
	r.machine.SetOffline(true)
	r.run(t, stallTimeout-time.Second)
	r.machine.SetOffline(false)
	if late := r.machine.pulls[0].loadedAt.Sub(loaded); !near(late, stallTimeout-time.Second) {
		t.Errorf("%v late", late)
	}
	r.run(t, time.Second)
	r.machine.SetOffline(true)
	r.run(t, stallTimeout-time.Second)
	r.expect(t)
	r.run(t, 2*time.Second)
	r.expect(t, "pulled 1 timed out")
	here := model.Container{Name: "main", Image: "here"}
	r.machine.Pull(pod(2, here), &here)
	r.run(t, dialTimeout+time.Second)
	r.expect(t, "pulled 2 timed out")
}

// Source: the same: the registry is not asked for what is only to be unpacked.
func TestAPullThatUnpacksNeedsNoRegistry(t *testing.T) {
	for _, silent := range []bool{false, true} {
		r := pulling(t)
		p := &r.machine.pulls[0]
		r.run(t, p.loadedAt.Sub(r.Now()))
		r.registry.SetSilent(AllRegistries, silent)
		r.registry.SetDown(AllRegistries, true)
		r.run(t, p.doneAt.Sub(r.Now()))
		r.expect(t, "pulled 1 now")
	}
}

// Source: containerd core/content, plugins/content/local Store.Writer: an image is written
// to the disk from the first byte on, so nothing is pulled to one that takes nothing.
func TestNoImageIsPulledToADiskThatTakesNothing(t *testing.T) {
	r := pulling(t)
	c, here := model.Container{Name: "main", Image: "other"}, model.Container{Name: "main", Image: "here"}
	r.machine.BreakDisk("EROFS")
	r.run(t, time.Millisecond)
	r.expect(t, "pulled 1 unwritten")
	r.machine.Pull(pod(2, c), &c)
	r.machine.Pull(pod(3, here), &here)
	r.run(t, 10*time.Second)
	r.expect(t, "pulled 2 unwritten", "pulled 3 needless")
	if r.machine.Unwritten() != "EROFS" {
		t.Errorf("told %q", r.machine.Unwritten())
	}
	r.machine.MendDisk("EROFS")
	r.machine.Pull(pod(4, c), &c)
	r.run(t, time.Hour)
	r.expect(t, "pulled 4 now")
}
