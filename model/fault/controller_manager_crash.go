package fault

// newControllerManagerCrash has kube-controller-manager exit on some machines of
// the control plane, or where it leads. Nothing is replaced, noticed or put into
// Services until another leads, which then begins everything anew.
func newControllerManagerCrash() effect { return &replicaCrash{component: controllerManager} }
