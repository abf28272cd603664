package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// kubelet and kubeProxy are the components of which every node has one;
// controllerManager the one whose parts have tokens of their own.
const (
	kubelet           = "kubelet"
	kubeProxy         = "kube-proxy"
	controllerManager = "kube-controller-manager"
)

// certificateExpiry lets the client certificate of a component expire: the API
// server answers 401 until it has a new one, which here takes effect at once.
// A scheduler or controller manager that leads ends after 10 s without its Lease,
// starts again and is refused again. The controllers' own tokens count as expired with the
// certificate of their process. A real kubelet ends after five minutes without a good
// certificate and is started again (pkg/kubelet/certificate/transport.go UpdateTransport); this
// one goes on, as its containers do in both cases.
type certificateExpiry struct{ whose func(*store.Identity) bool }

func (f *certificateExpiry) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	component := s.Component
	f.whose = func(as *store.Identity) bool {
		return as.Component == component && (as.Credential == store.Certificate || as.Credential == store.AccountToken && component == controllerManager)
	}
	if component == kubelet {
		f.whose = isKubeletOf(nodes)
	}
	return expire(d, component, f.whose)
}

// isKubeletOf tells whether somebody is the kubelet of one of some nodes, and kubeletOf
// whether a client is its.
func isKubeletOf(nodes []model.Object) func(*store.Identity) bool {
	var users []string
	for _, n := range nodes {
		users = append(users, model.UserNodePrefix+n.Head().Name)
	}
	return func(as *store.Identity) bool { return as.Component == kubelet && slices.Contains(users, as.User) }
}

func kubeletOf(nodes []model.Object) func(*store.Client) bool {
	is := isKubeletOf(nodes)
	return func(c *store.Client) bool { return is(&c.As) }
}

// expire ends credentials and says so.
func expire(d *Director, component string, whose func(*store.Identity) bool) (string, bool) {
	if d.world.Truth().Expire(whose) == 0 {
		return "there is no " + component, false
	}
	return "the API server answers " + component + " with 401 Unauthorized", true
}

func (f *certificateExpiry) end(d *Director) { d.world.Truth().Renew(f.whose) }
