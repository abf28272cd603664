package kubelet

import (
	"fmt"
	"time"

	"orrery/sim"
)

// The image collector (pkg/kubelet/images/image_gc_manager.go): every 5 minutes, if the
// disk is used to 85 %, it removes images that nobody uses until 80 % are. The eviction
// manager begins at the same line, looks every 10 s, and removes all of them, so it is
// mostly first.
const imageGCEvery = 5 * time.Minute

// ImageGC is when the image collector begins and until when it goes on, in percent of
// the disk that are used: imageGCHighThresholdPercent and imageGCLowThresholdPercent. The
// zero value is the default.
type ImageGC struct{ High, Low int64 }

// DefaultImageGC is what a kubelet does unless told (apis/config/v1beta1/defaults.go).
var DefaultImageGC = ImageGC{High: 85, Low: 80}

func (g ImageGC) orDefault() ImageGC {
	if g == (ImageGC{}) {
		return DefaultImageGC
	}
	return g
}

// off tells whether nothing is ever collected (kubelet.go StartGarbageCollection).
func (g ImageGC) off() bool { return g.High == 100 }

// imageGCLeast is how much of the disk must be free, or the collector has something to
// do: one byte more than it lets be.
func (k *Kubelet) imageGCLeast() int64 { return k.machine.Disk()/100*(100-k.imageLevels.High) + 1 }

// aimImageGC has the collector look when there will be something to do, not before from.
func (k *Kubelet) aimImageGC(from sim.Time) {
	if k.imageLevels.off() {
		return
	}
	if at := k.machine.DiskScarceAt(from, k.imageGCLeast()); at != sim.Never {
		k.want(&k.imageGC, whyImageGC, at)
	}
}

// collectImages is one look.
func (k *Kubelet) collectImages(now sim.Time) {
	disk, free := k.machine.Disk(), k.machine.DiskFree(now)
	if k.machine.RuntimeDown() || disk == 0 || free >= k.imageGCLeast() {
		return
	}
	want := disk/100*(100-k.imageLevels.Low) - free
	if freed := k.machine.CollectImages(now, want); freed < want {
		k.client.Note(k.node, true, "FreeDiskSpaceFailed", fmt.Sprintf(
			"Failed to garbage collect required amount of images. Attempted to free %d bytes, but only found %d bytes eligible to free.", want, freed))
	}
	k.aimEvictions(now + 1)
}
