package kubelet

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
