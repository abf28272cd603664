package model

// EmptyDir is a volume of a pod that begins empty and ends with it.
type EmptyDir struct {
	Name      string
	SizeLimit int64 // bytes; 0 is none
	Memory    bool  // medium Memory: a tmpfs
}

// EmptyDir is the pod's volume of that name, nil if it has none that is an emptyDir.
func (s *PodSpec) EmptyDir(name string) *EmptyDir {
	for i := range s.EmptyDirs {
		if s.EmptyDirs[i].Name == name {
			return &s.EmptyDirs[i]
		}
	}
	return nil
}

// Fits is what there can be in the volume of what is written: a tmpfs has an end.
func (v *EmptyDir) Fits(bytes int64) int64 {
	if v.Memory && v.SizeLimit > 0 {
		return min(bytes, v.SizeLimit)
	}
	return bytes
}
