package kubelet

import "time"

// errnoText is what the kernel says.
var errnoText = map[string]string{"EIO": "input/output error", "ENOSPC": "no space left on device", "EROFS": "read-only file system"}

// cannotWrite fails the step that a pod's worker is in, if it makes a sandbox or a
// container and the disk does not take that. It shows at the end of the step.
func (k *Kubelet) cannotWrite(r *row) bool {
	errno := k.machine.DiskError()
	if errno == "" || r.doing != settingUp && r.doing != starting {
		return false
	}
	why := "rpc error: code = Unknown desc = failed to create containerd container: mkdir: " + errnoText[errno]
	if !r.box.Ready {
		k.sandboxFailed(r, why)
		return true
	}
	k.createFailed(r, why)
	return true
}

// rotateLogs has a process that begins look at the logs of containers, first at once
// (wait.Forever); one that has long been running looked some time ago.
func (k *Kubelet) rotateLogs() {
	first := k.kernel.Now()
	if k.synced {
		luck := k.luck.logs.Draw(k.hash, 0)
		first = first.Add(luck.Duration(0, 10*time.Second))
	}
	k.machine.RotateLogs(first)
}
