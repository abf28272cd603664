package model

import "strings"

// SysctlName is a name of a kernel parameter with dots between its parts: with slashes
// there, dots within a part are slashes (component-helpers node/util/sysctl NormalizeName).
func SysctlName(name string) string {
	if at := strings.IndexAny(name, "./"); at < 0 || name[at] == '.' {
		return name
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(name)
}

// SysctlSpace is which namespace of the kernel a parameter belongs to, "IPC", "Net" or, if
// none is known, "" (v1.35 component-helpers node/util/sysctl/namespace.go GetNamespace).
// A name that ends in * stands for all that begin so.
func SysctlSpace(name string) string {
	name, _, _ = strings.Cut(SysctlName(name), "*")
	switch name {
	case "kernel.sem", "kernel.shm", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
		"kernel.msg", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni":
		return "IPC"
	}
	switch {
	case strings.HasPrefix(name, "net."):
		return "Net"
	case strings.HasPrefix(name, "fs.mqueue."):
		return "IPC"
	}
	return ""
}
