package model

// Config is a ConfigMap or a Secret, as its kind says. Of what it holds only the keys
// count: a pod that needs one that is missing does not start.
type Config struct {
	Meta
	Keys      []string // sorted; immutable: replace the slice to change it
	Immutable bool     // who has read it once looks no more
}

// Copy implements Object.
func (c *Config) Copy() Object { n := *c; return &n }

// ConfigUse is what a volume of a pod, or the environment of a container, needs of a
// ConfigMap or a Secret of its namespace.
type ConfigUse struct {
	Kind     Kind // KindConfigMap or KindSecret
	Name     string
	Keys     []string // that it has to have, in the order in which they are looked for; none if any will do
	Volume   string   // of the pod, "" for an environment
	Optional bool     // what is not there is left out
	Known    bool     // the scenario says whether it is there; else it is taken to be, with all keys
}

// EachConfig goes through all that a pod needs of ConfigMaps and Secrets, its volumes first.
func (s *PodSpec) EachConfig(do func(*ConfigUse)) {
	each := func(list []ConfigUse) {
		for i := range list {
			do(&list[i])
		}
	}
	each(s.Configs)
	for i := range s.InitContainers {
		each(s.InitContainers[i].Env)
	}
	for i := range s.Containers {
		each(s.Containers[i].Env)
	}
}
