package manifest

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orrery/model"
)

// Storage is the claims, volumes, storage classes and CSI objects of a set.
func (s *Set) Storage() *model.Storage { return &s.storage }

// readClaim reads a PersistentVolumeClaim. One that names its volume and has no
// status is taken to be bound to it: only clusters write one.
func readClaim(o *object) {
	before := o.set.decoder.wrong
	var in corev1.PersistentVolumeClaim
	if !decode(o, &in) {
		return
	}
	c := o.claim(o.root(), &in)
	c.Meta = o.meta
	c.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	leaves(&c.Meta, in.DeletionTimestamp)
	if owner := metav1.GetControllerOf(&in); owner != nil && owner.Kind == "Pod" {
		c.Pod = owner.Name
	}
	if !o.set.state {
		o.keep(before, c)
	} else if o.set.decoder.wrong == before {
		o.set.storage.Claims = append(o.set.storage.Claims, c)
	}
}

// claim reads what a claim, or a template of claims, asks for and has.
func (o *object) claim(p *place, in *corev1.PersistentVolumeClaim) *model.Claim {
	spec := p.field("spec")
	_, completed := in.Annotations["pv.kubernetes.io/bind-completed"]
	c := &model.Claim{
		Volume: in.Spec.VolumeName,
		Bound:  in.Spec.VolumeName != "" && (completed || o.set.state && in.Status.Phase == ""),
		Class:  classOf(in.Annotations, in.Spec.StorageClassName),
		Modes:  accessModes(spec, in.Spec.AccessModes), Block: isBlock(in.Spec.VolumeMode),
		Attributes:   textOf(in.Spec.VolumeAttributesClassName),
		Selector:     labelSelector(spec.field("selector"), in.Spec.Selector),
		SelectedNode: in.Annotations["volume.kubernetes.io/selected-node"],
	}
	switch {
	case in.Status.Phase == corev1.ClaimLost:
		c.Phase = model.ClaimLost
	case c.Bound:
		c.Phase = model.ClaimBound
	}
	c.Bytes, c.Sized = storage(spec.fields("resources", "requests"), in.Spec.Resources.Requests)
	return c
}

// claimTemplates reads volumeClaimTemplates.
func (o *object) claimTemplates(p *place, in []corev1.PersistentVolumeClaim) (out []*model.Claim) {
	for i := range in {
		at := p.item(i)
		if in[i].Name == "" {
			at.fields("metadata", "name").errorf("is missing in this template")
		}
		c := o.claim(at, &in[i])
		c.Name = in[i].Name
		c.Labels = o.labels(at.fields("metadata", "labels"), in[i].Labels)
		out = append(out, c)
	}
	return out
}

// leaves makes an object of a State one that is being deleted.
func leaves(m *model.Meta, at *metav1.Time) {
	if at != nil {
		m.DeletionAt = 1
	}
}

// readVolume reads a PersistentVolume. Of a State one without a status is taken to
// be available.
func readVolume(o *object) {
	before := o.set.decoder.wrong
	var in corev1.PersistentVolume
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	v := &model.Volume{
		Meta:  o.meta,
		Class: classOf(in.Annotations, &in.Spec.StorageClassName),
		Modes: accessModes(spec, in.Spec.AccessModes), Block: isBlock(in.Spec.VolumeMode),
		Attributes: textOf(in.Spec.VolumeAttributesClassName),
		Retain:     in.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete, // pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolume
	}
	switch {
	case in.Status.Phase == corev1.VolumeAvailable, in.Status.Phase == "" && o.set.state:
		v.Phase = model.VolumeAvailable
	case in.Status.Phase == corev1.VolumeBound:
		v.Phase = model.VolumeBound
	case in.Status.Phase == corev1.VolumeReleased:
		v.Phase = model.VolumeReleased
	}
	v.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	leaves(&v.Meta, in.DeletionTimestamp)
	v.Bytes, _ = storage(spec.field("capacity"), in.Spec.Capacity)
	if r := in.Spec.ClaimRef; r != nil {
		v.Claim = r.Namespace + "/" + r.Name
	}
	if csi := in.Spec.CSI; csi != nil {
		v.Driver, v.Handle = csi.Driver, csi.VolumeHandle
	}
	if a := in.Spec.NodeAffinity; a != nil && a.Required != nil {
		at := spec.fields("nodeAffinity", "required", "nodeSelectorTerms")
		for i := range a.Required.NodeSelectorTerms {
			v.Affinity = append(v.Affinity, nodeTerm(at.item(i), &a.Required.NodeSelectorTerms[i]))
		}
	}
	if !o.set.state {
		o.keep(before, v)
	} else if o.set.decoder.wrong == before {
		o.set.storage.Volumes = append(o.set.storage.Volumes, v)
	}
}

// classOf is the storage class, in its old place or in its new one
// (k8s.io/component-helpers/storage/volume GetPersistentVolumeClaimClass).
func classOf(annotations map[string]string, class *string) string {
	if old, ok := annotations[corev1.BetaStorageClassAnnotation]; ok {
		return old
	}
	return textOf(class)
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isBlock(m *corev1.PersistentVolumeMode) bool {
	return m != nil && *m == corev1.PersistentVolumeBlock
}

func accessModes(p *place, list []corev1.PersistentVolumeAccessMode) (all model.AccessModes) {
	for i, m := range list {
		switch m {
		case corev1.ReadWriteOnce:
			all |= model.ReadWriteOnce
		case corev1.ReadOnlyMany:
			all |= model.ReadOnlyMany
		case corev1.ReadWriteMany:
			all |= model.ReadWriteMany
		case corev1.ReadWriteOncePod:
			all |= model.ReadWriteOncePod
		default:
			p.field("accessModes").item(i).unknownWord(string(m), "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
		}
	}
	return all
}

// storage is the amount of storage in a list, and whether it names any.
func storage(p *place, list corev1.ResourceList) (bytes int64, given bool) {
	q, given := list[corev1.ResourceStorage]
	if !given {
		return 0, false
	}
	return amount(p.field("storage"), q, maxBytes, (*resource.Quantity).Value), true
}

func readStorageClass(o *object) {
	var in storagev1.StorageClass
	if !decode(o, &in) {
		return
	}
	c := &model.StorageClass{
		Name: o.meta.Name, Provisioner: in.Provisioner,
		Retain: in.ReclaimPolicy != nil && *in.ReclaimPolicy == corev1.PersistentVolumeReclaimRetain,
		Wait:   in.VolumeBindingMode != nil && *in.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer,
	}
	for _, t := range in.AllowedTopologies {
		var term model.NodeTerm
		for _, r := range t.MatchLabelExpressions {
			term.Labels = append(term.Labels, model.Requirement{Key: r.Key, Op: model.In, Values: r.Values})
		}
		c.Topologies = append(c.Topologies, term)
	}
	o.set.storage.Classes = append(o.set.storage.Classes, c)
}

func readCSINode(o *object) {
	var in storagev1.CSINode
	if !decode(o, &in) {
		return
	}
	for _, d := range in.Spec.Drivers {
		if d.Allocatable != nil && d.Allocatable.Count != nil {
			o.set.storage.Limits = append(o.set.storage.Limits, model.VolumeLimit{Node: o.meta.Name, Driver: d.Name, Count: *d.Allocatable.Count})
		}
	}
}

func readCSIDriver(o *object) {
	var in storagev1.CSIDriver
	if !decode(o, &in) {
		return
	}
	if in.Spec.StorageCapacity != nil && *in.Spec.StorageCapacity {
		o.set.storage.Drivers = append(o.set.storage.Drivers, o.meta.Name)
	}
	if in.Spec.AttachRequired != nil && !*in.Spec.AttachRequired {
		o.set.storage.Mounted = append(o.set.storage.Mounted, o.meta.Name)
	}
}

// readStorageCapacity reads a CSIStorageCapacity, of which the largest size of a
// volume counts more than what is left in all; without either there is nothing
// (pkg/scheduler/framework/plugins/volumebinding/binder.go capacitySufficient).
func readStorageCapacity(o *object) {
	before := o.set.decoder.wrong
	var in storagev1.CSIStorageCapacity
	if !decode(o, &in) {
		return
	}
	c := model.StorageCapacity{Class: in.StorageClassName, Bytes: -1, Nodes: labelSelector(o.root().field("nodeTopology"), in.NodeTopology)}
	if q := in.Capacity; q != nil {
		c.Bytes = amount(o.root().field("capacity"), *q, 1<<62, (*resource.Quantity).Value)
	}
	if q := in.MaximumVolumeSize; q != nil {
		c.Bytes = amount(o.root().field("maximumVolumeSize"), *q, 1<<62, (*resource.Quantity).Value)
	}
	if o.set.decoder.wrong == before {
		o.set.storage.Capacities = append(o.set.storage.Capacities, c)
	}
}

func readAttachment(o *object) {
	var in storagev1.VolumeAttachment
	if decode(o, &in) && in.Spec.Source.PersistentVolumeName != nil {
		a := &model.VolumeAttachment{Node: in.Spec.NodeName, Volume: *in.Spec.Source.PersistentVolumeName}
		o.set.storage.Attachments = append(o.set.storage.Attachments, a)
	}
}

// claims is the claims that a pod uses. Those of generic ephemeral volumes a
// controller makes for each pod; in a State they are there.
func (o *object) claims(p *place, s *corev1.PodSpec) (out []model.ClaimUse) {
	for i := range s.Volumes {
		v := &s.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			out = append(out, model.ClaimUse{Name: v.PersistentVolumeClaim.ClaimName})
		case v.Ephemeral != nil && v.Ephemeral.VolumeClaimTemplate != nil:
			out = append(out, o.ephemeral(p.field("volumes").item(i).fields("ephemeral", "volumeClaimTemplate"), v))
		}
	}
	return out
}

// ephemeral is the claim of a generic ephemeral volume.
func (o *object) ephemeral(p *place, v *corev1.Volume) model.ClaimUse {
	u := model.ClaimUse{Name: v.Name, Ephemeral: true}
	if !o.set.state {
		t := v.Ephemeral.VolumeClaimTemplate
		u.Made = o.claim(p, &corev1.PersistentVolumeClaim{ObjectMeta: t.ObjectMeta, Spec: t.Spec})
		u.Made.Labels = o.labels(p.fields("metadata", "labels"), t.Labels)
		o.set.ephemeral = true
	}
	return u
}

// Ephemeral tells whether any pod of a set has a generic ephemeral volume.
func (s *Set) Ephemeral() bool { return s.ephemeral }

// disks is the disks that a pod names itself, of the kinds that cannot be shared.
func (o *object) disks(s *corev1.PodSpec) (out []model.Disk) {
	for i := range s.Volumes {
		switch v := &s.Volumes[i]; {
		case v.GCEPersistentDisk != nil:
			out = append(out, model.Disk{Kind: "gcePersistentDisk", Name: v.GCEPersistentDisk.PDName, ReadOnly: v.GCEPersistentDisk.ReadOnly})
		case v.AWSElasticBlockStore != nil: // never shared, not even for reading
			out = append(out, model.Disk{Kind: "awsElasticBlockStore", Name: v.AWSElasticBlockStore.VolumeID})
		case v.ISCSI != nil:
			out = append(out, model.Disk{Kind: "iscsi", Name: v.ISCSI.IQN, ReadOnly: v.ISCSI.ReadOnly})
		case v.RBD != nil:
			pool := v.RBD.RBDPool
			if pool == "" {
				pool = "rbd" // pkg/apis/core/v1/defaults.go SetDefaults_RBDVolumeSource
			}
			out = append(out, model.Disk{Kind: "rbd", Name: pool + "/" + v.RBD.RBDImage, Monitors: v.RBD.CephMonitors, ReadOnly: v.RBD.ReadOnly})
		}
	}
	return out
}
