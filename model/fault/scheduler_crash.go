package fault

// newSchedulerCrash has kube-scheduler exit on some machines of the control plane,
// or where it leads. Nobody is scheduled until another leads.
func newSchedulerCrash() effect { return &replicaCrash{component: kubeScheduler} }
