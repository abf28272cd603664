package manifest

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"orrery/model"
)

// Volumes is the storage of a State.
type Volumes struct {
	Claims  []*model.Claim
	Volumes []*model.Volume
	Classes []*model.StorageClass
}

// Volumes is the claims, volumes and storage classes of a State.
func (s *Set) Volumes() *Volumes { return &s.volumes }

// inState tells whether the object counts; only a State has storage.
func (o *object) inState() bool {
	if !o.set.state {
		o.set.unmodeled(o.v, o.kind.typed)
	}
	return o.set.state
}

func readClaim(o *object) {
	var in corev1.PersistentVolumeClaim
	if !o.inState() || !decode(o, &in) {
		return
	}
	c := &model.Claim{
		Namespace: o.meta.Namespace, Name: o.meta.Name, Volume: in.Spec.VolumeName,
		Lost: in.Status.Phase == corev1.ClaimLost, Deleting: in.DeletionTimestamp != nil,
	}
	if in.Spec.StorageClassName != nil {
		c.Class = *in.Spec.StorageClassName
	}
	o.set.volumes.Claims = append(o.set.volumes.Claims, c)
}

func readVolume(o *object) {
	before := o.set.decoder.wrong
	var in corev1.PersistentVolume
	if !o.inState() || !decode(o, &in) {
		return
	}
	v := &model.Volume{Name: o.meta.Name, Labels: o.labels(o.root().fields("metadata", "labels"), in.Labels)}
	if a := in.Spec.NodeAffinity; a != nil && a.Required != nil {
		at := o.root().fields("spec", "nodeAffinity", "required", "nodeSelectorTerms")
		for i := range a.Required.NodeSelectorTerms {
			v.Affinity = append(v.Affinity, nodeTerm(at.item(i), &a.Required.NodeSelectorTerms[i]))
		}
	}
	if o.set.decoder.wrong == before {
		o.set.volumes.Volumes = append(o.set.volumes.Volumes, v)
	}
}

// noProvisioner is the provisioner of classes whose volumes people make.
const noProvisioner = "kubernetes.io/no-provisioner"

func readStorageClass(o *object) {
	var in storagev1.StorageClass
	if !o.inState() || !decode(o, &in) {
		return
	}
	c := &model.StorageClass{
		Name: o.meta.Name, Provisions: in.Provisioner != noProvisioner,
		Wait: in.VolumeBindingMode != nil && *in.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer,
	}
	for _, t := range in.AllowedTopologies {
		var term model.NodeTerm
		for _, r := range t.MatchLabelExpressions {
			term.Labels = append(term.Labels, model.Requirement{Key: r.Key, Op: model.In, Values: r.Values})
		}
		c.Topologies = append(c.Topologies, term)
	}
	o.set.volumes.Classes = append(o.set.volumes.Classes, c)
}

// claims is the names of a pod's claims, which only a State has.
func (o *object) claims(s *corev1.PodSpec) (out []string) {
	if !o.set.state {
		return nil
	}
	for i := range s.Volumes {
		v := &s.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			out = append(out, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil: // k8s.io/component-helpers/storage/ephemeral
			out = append(out, o.meta.Name+"-"+v.Name)
		}
	}
	return out
}
