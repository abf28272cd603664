package kubelet

// The plugin that gives pods their network is asked when a sandbox is made and when it
// is taken away; if it fails, so does the step, which is tried again as any that fails.
// A refusal takes no time here.

// What containerd says then (containerd/internal/cri/server/sandbox_run.go,
// sandbox_stop.go), shortened.
const (
	noSetup    = "rpc error: code = Unknown desc = failed to setup network for sandbox: plugin failed (add)"
	noTeardown = "failed to \"KillPodSandbox\" with KillPodSandboxError: \"rpc error: code = Unknown desc = failed to destroy network for sandbox: plugin failed (delete)\""
)

// StopCNI has the plugin fail. What it was doing fails, too.
func (k *Kubelet) StopCNI() {
	k.machine.SetCNI(false)
	if !k.running {
		return
	}
	for _, r := range k.rows {
		switch {
		case r == nil || !k.networkless(r):
		case r.doing == settingUp && !r.box.Ready || r.doing == starting && !r.box.Ready:
			k.sandboxFailed(r, noSetup)
		case r.doing == stopping:
			k.stopFailed(r, noTeardown)
		}
	}
}

// StartCNI has it work again.
func (k *Kubelet) StartCNI() { k.machine.SetCNI(true) }

// networkless tells whether a pod needs the plugin, and it fails.
func (k *Kubelet) networkless(r *row) bool { return k.machine.NoCNI() && !r.pod.Spec.HostNetwork }
