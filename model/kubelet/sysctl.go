package kubelet

import (
	"fmt"
	"slices"
	"strings"

	"orrery/model"
)

// safeSysctls is the kernel parameters that any pod may set (v1.35
// pkg/kubelet/sysctl/safe_sysctls.go). The last of them need Linux 4.15, which is what
// nodes have here.
var safeSysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}

// forbiddenSysctl tells of the first kernel parameter of a pod that pods may not set here
// (v1.35 pkg/kubelet/sysctl/allowlist.go Admit). That a pod in the host's network sets one of
// the network's, the API server has refused.
func (k *Kubelet) forbiddenSysctl(pod *model.Pod) (reason, message string) {
	for _, name := range pod.Spec.Sysctls {
		if !slices.Contains(safeSysctls, name) && !slices.ContainsFunc(k.sysctls, func(p string) bool { return allows(p, name) }) {
			return "SysctlForbidden", fmt.Sprintf("forbidden sysctl: %q not allowlisted", name)
		}
	}
	return "", ""
}

// allows tells whether a name of allowedUnsafeSysctls, or its beginning before *, is that
// of a parameter.
func allows(pattern, name string) bool {
	if begin, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(name, begin)
	}
	return pattern == name
}
