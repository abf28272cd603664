package kubelet

import (
	"fmt"
	"time"

	"orrery/sim"
)

// The image collector (v1.35 pkg/kubelet/images/image_gc_manager.go GarbageCollect): every
// 5 minutes it removes images that nobody has used for too long, if a kubelet is told what
// that is, and then, if 85 % of the disk are used, others that nobody uses until 80 % are.
// It counts whole percents, cut off of what is free: more than 84 % are 85. The eviction
// manager begins when less than 15 % are free, looks every 10 s, and removes all of them,
// so it is often first. A process that has just started does not know yet how large the disk
// is, and says so.
const imageGCEvery = 5 * time.Minute

// ImageGC is when the image collector begins and until when it goes on, in percent of
// the disk that are used, imageGCHighThresholdPercent and imageGCLowThresholdPercent, and
// how long an image may be that nobody uses, imageMaximumGCAge; 0 is for ever. Of the zero
// value the percents are the default.
type ImageGC struct {
	High, Low int64
	MaxAge    time.Duration
}

// DefaultImageGC is what a kubelet does unless told (apis/config/v1beta1/defaults.go).
var DefaultImageGC = ImageGC{High: 85, Low: 80}

func (g ImageGC) orDefault() ImageGC {
	if g.High == 0 && g.Low == 0 {
		g.High, g.Low = DefaultImageGC.High, DefaultImageGC.Low
	}
	return g
}

// off tells whether nothing is ever collected (kubelet.go StartGarbageCollection).
func (g ImageGC) off() bool { return g.High == 100 && g.MaxAge == 0 }

// beginImageGC is the collector of a process that starts, whose second look is the first
// that counts, or of one that has long been running.
func (k *Kubelet) beginImageGC(looks *sim.Stream) {
	first := imageGCEvery
	if k.synced {
		first = looks.Duration(0, imageGCEvery)
	}
	k.imageGC.Ticker = sim.Ticker{Phase: k.kernel.Now().Add(first), Period: imageGCEvery}
	k.imageGCFailedAt = -1
	if !k.synced {
		k.machine.FindImages()
	}
	if !k.synced && !k.imageLevels.off() && k.machine.Disk() > 0 {
		k.imageGCFailedAt = k.kernel.Now()
		k.client.Note(k.node, true, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem")
	}
}

// imageGCLeast is how much of the disk must be free, or the collector has something to do.
func (k *Kubelet) imageGCLeast() int64 {
	return (k.machine.Disk()*(101-k.imageLevels.High) + 99) / 100
}

// aimImageGC has the collector look when there will be something to do, not before from.
func (k *Kubelet) aimImageGC(from sim.Time) {
	if !k.running || k.imageLevels.off() {
		return
	}
	at := from // to fail
	if !k.machine.RuntimeDown() {
		at = min(k.machine.DiskScarceAt(from, k.imageGCLeast()), k.imageOldAt())
	}
	if at != sim.Never {
		k.want(&k.imageGC, whyImageGC, max(at, from))
	}
}

// imageOldAt is when an image will have been there for too long without being used, or was,
// as things are. It counts no earlier than the process has run for that long
// (freeOldImages).
func (k *Kubelet) imageOldAt() sim.Time {
	age := k.imageLevels.MaxAge
	if age == 0 {
		return sim.Never
	}
	at := k.machine.ImageOldAt(age)
	if k.startedAt >= 0 && at != sim.Never {
		at = max(at, k.startedAt.Add(age).Add(1))
	}
	return at
}

// collectImages is one look.
func (k *Kubelet) collectImages(now sim.Time) {
	defer k.aimImageGC(now + 1)
	if k.imageLevels.off() {
		return
	}
	if k.machine.RuntimeDown() {
		k.imageGCFailed(now, unavailable)
		return
	}
	if k.imageOldAt() <= now && k.machine.CollectOldImages(now, k.imageLevels.MaxAge) > 0 {
		k.aimEvictions(now + 1)
	}
	disk, free := k.machine.Disk(), max(k.machine.DiskFree(now), 0)
	if disk == 0 || free >= k.imageGCLeast() {
		return
	}
	want := disk*(100-k.imageLevels.Low)/100 - free
	freed := k.machine.CollectImages(now, want)
	if freed < want {
		why := fmt.Sprintf("Insufficient free disk space on the node's image filesystem (%d%% of %s used). "+
			"Failed to free sufficient space by deleting unused images (freed %d bytes). "+
			"Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
			100-free*100/disk, sizeText(disk), freed)
		k.client.Note(k.node, true, "FreeDiskSpaceFailed", why)
		k.imageGCFailed(now, why)
	}
	if freed > 0 {
		k.aimEvictions(now + 1)
	}
}

// imageGCFailed is a look that failed, which is told if the one before did, too.
func (k *Kubelet) imageGCFailed(now sim.Time, why string) {
	if k.imageGCFailedAt >= 0 && k.imageGCFailedAt == now.Add(-imageGCEvery) {
		k.client.Note(k.node, true, "ImageGCFailed", why)
	}
	k.imageGCFailedAt = now
}

// sizeText is a number of bytes as people read it (formatSize).
func sizeText(bytes int64) string {
	unit := 0
	for n := bytes; n >= 1<<10 && unit < 4; n >>= 10 {
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %ciB", float64(bytes)/float64(int64(1)<<(10*unit)), "KMGT"[unit-1]) //tidy:float it is only shown
}
