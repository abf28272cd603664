package scenarios_test

import (
	"testing"
)

// Source: v1.35 pkg/kubelet/sysctl/allowlist.go NewAllowlist, with parameters that are not
// known to be namespaced the kubelet does not start; pkg/apis/core/validation/validation.go
// validateSysctls, ValidateHostSysctl.
func TestKernelParametersThatNobodyMaySetAreRefused(t *testing.T) {
	for _, c := range []struct{ unsafe, pod, want string }{
		{"[kernel.msg*, net.core.somaxconn, net/ipv4/conf/eth0.1/rp_filter, 'fs.mqueue.*', kernel.sem]", "", ""},
		{"[vm.swappiness]", "", `no kubelet would start: "vm.swappiness" is not known to be namespaced; known: kernel.sem, kernel.shm*`},
		{"[kernel.msgm*]", "", "no kubelet would start"},
		{"['*']", "", "no kubelet would start"},
		{"[net.ipv4.*.forwarding]", "", `"net.ipv4.*.forwarding" is no kernel parameter`},
		{"[Net.core.somaxconn]", "", "is no kernel parameter"},
		{"net.core.somaxconn", "", "allowedUnsafeSysctls: want a list"},
		{"[]", "securityContext: {sysctls: [{name: net/ipv4/tcp_syncookies, value: '1'}]}", ""},
		{"[]", "hostNetwork: true, securityContext: {sysctls: [{name: kernel.shmmax, value: '1'}]}", ""},
		{"[]", "hostNetwork: true, securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}", "sysctls[0].name: a pod with hostNetwork may not set parameters of the network"},
		{"[]", "hostIPC: true, securityContext: {sysctls: [{name: fs/mqueue/msg_max, value: '1'}]}", "sysctls[0].name: a pod with hostIPC may not set parameters of IPC"},
		{"[]", "securityContext: {sysctls: [{name: kernel.sem, value: '1'}, {name: kernel.sem, value: '2'}]}", `sysctls[1].name: "kernel.sem" is there twice`},
		{"[]", "securityContext: {sysctls: [{name: '', value: '1'}]}", `"" is no kernel parameter`},
		{"[]", "securityContext: {sysctls: [{name: kernel.msg*, value: '1'}]}", `"kernel.msg*" is no kernel parameter`},
	} {
		pod := "    - {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}], " + c.pod + "}}\n"
		cluster := "  nodes: [{name: n, cpu: 1, memory: 1Gi}]\n  kubelet: {allowedUnsafeSysctls: " + c.unsafe + "}\nworkload:\n  manifests:\n" + pod
		if _, err := loaded(t, cluster, ""); !complains(err, c.want) || c.want != "" && !complains(err, "s.yaml:") {
			t.Errorf("%s %s: want %q, got\n%v", c.unsafe, c.pod, c.want, err)
		}
	}
}

// What a manifest says a pod sets is what its kubelets look at.
func TestAPodThatSetsAnUnsafeKernelParameterIsRejectedUnlessItsKubeletAllowsIt(t *testing.T) {
	for unsafe, want := range map[string]string{"[]": "notes(SysctlForbidden) >= 1", "[net.core.*]": "notes(SysctlForbidden) == 0"} {
		s, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 16Gi}]\n  kubelet: {allowedUnsafeSysctls: "+unsafe+"}\nworkload:\n  manifests:\n"+
			"    - {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}], securityContext: {sysctls: [{name: net/core/somaxconn, value: '4096'}]}}}\n", "]\nexpect: ['"+want+"'")
		if err != nil {
			t.Fatal(err)
		}
		if ok, text := verdict(t, s); !ok {
			t.Errorf("%s: %s", unsafe, text)
		}
	}
}
