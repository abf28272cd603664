package manifest

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
	"orrery/scenarios/strict"
)

// maxSysctl is how long the name of a kernel parameter may be (SysctlMaxLength).
const maxSysctl = 253

// sysctlNames is what names of kernel parameters look like (SysctlContainSlashFmt).
var sysctlNames = regexp.MustCompile(`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`)

// sysctls is the kernel parameters that a pod sets.
func sysctls(s *corev1.PodSecurityContext) (names []string) {
	if s == nil {
		return nil
	}
	for _, x := range s.Sysctls {
		names = append(names, model.SysctlName(x.Name))
	}
	return names
}

// refuseSysctls finds names that are none, that are there twice, and those of a namespace
// that the pod shares with its host (validateSysctls, ValidateHostSysctl).
func refuseSysctls(p *place, s *corev1.PodSpec) {
	if s.SecurityContext == nil {
		return
	}
	there := map[string]bool{}
	for i, x := range s.SecurityContext.Sysctls {
		at, space := p.field("sysctls").item(i).field("name"), model.SysctlSpace(x.Name)
		switch {
		case len(x.Name) > maxSysctl || !sysctlNames.MatchString(x.Name):
			at.errorf("%s is no kernel parameter such as net.core.somaxconn", strict.Quote(x.Name))
		case there[x.Name]:
			at.errorf("%s is there twice", strict.Quote(x.Name))
		case s.HostNetwork && space == "Net":
			at.errorf("a pod with hostNetwork may not set parameters of the network")
		case s.HostIPC && space == "IPC":
			at.errorf("a pod with hostIPC may not set parameters of IPC")
		}
		there[x.Name] = true
	}
}
