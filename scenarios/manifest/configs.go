package manifest

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// Of ConfigMaps and Secrets the keys count: whether there is what a pod needs to start. What
// they say is what its processes read, and not kept.

// readConfigMap reads a ConfigMap.
func readConfigMap(o *object) {
	before := o.set.decoder.wrong
	var in corev1.ConfigMap
	if !decode(o, &in) || o.set.state {
		return
	}
	keepConfig(o, before, in.Immutable, append(keysOf(in.Data), keysOf(in.BinaryData)...), in.Labels)
}

// readSecret reads a Secret.
func readSecret(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Secret
	if !decode(o, &in) || o.set.state {
		return
	}
	keepConfig(o, before, in.Immutable, append(keysOf(in.Data), keysOf(in.StringData)...), in.Labels)
}

func keepConfig(o *object, before int, immutable *bool, keys []string, labels map[string]string) {
	slices.Sort(keys)
	c := &model.Config{Meta: o.meta, Keys: slices.Compact(keys), Immutable: isSet(immutable)}
	c.Labels = o.labels(o.root().fields("metadata", "labels"), labels)
	o.keep(before, c)
}

func keysOf[V any](data map[string]V) (keys []string) {
	for key := range data {
		keys = append(keys, key)
	}
	return keys
}

func isSet(b *bool) bool { return b != nil && *b }

// rootCA is a ConfigMap that every namespace has
// (pkg/controller/certificates/rootcacertpublisher/publisher.go).
const rootCA = "kube-root-ca.crt"

// configUse is a use of a ConfigMap or a Secret, and where it is written.
type configUse struct {
	*model.ConfigUse
	namespace string
	at        *place
}

// configs reads which ConfigMaps and Secrets a pod needs: its volumes, and the environments
// of its containers.
func (o *object) configs(p *place, s *corev1.PodSpec, spec *model.PodSpec) {
	var found uses
	for i := range s.Volumes {
		found.ofVolume(p.field("volumes").item(i), &s.Volumes[i])
	}
	spec.Configs = found.keep(o)
	for _, part := range []struct {
		name string
		of   []corev1.Container
		to   []model.Container
	}{{"initContainers", s.InitContainers, spec.InitContainers}, {"containers", s.Containers, spec.Containers}} {
		for i := range part.to {
			found = uses{}
			found.ofEnvironment(p.field(part.name).item(i), &part.of[i])
			part.to[i].Env = found.keep(o)
		}
	}
}

// uses is what one list of uses is made of.
type uses struct {
	volume string // of the pod, whose sources are read
	list   []model.ConfigUse
	at     []*place
}

// keep has the list looked through when it is known what there is.
func (u *uses) keep(o *object) []model.ConfigUse {
	for i := range u.list {
		if u.list[i].Name != rootCA {
			o.set.decoder.configUses = append(o.set.decoder.configUses, configUse{&u.list[i], o.meta.Namespace, u.at[i]})
		}
	}
	return u.list
}

// add adds a use of what the name at a place says.
func (u *uses) add(at *place, kind model.Kind, name string, optional *bool, keys ...string) {
	if name == "" {
		at.errorf("is missing")
		return
	}
	u.list = append(u.list, model.ConfigUse{Kind: kind, Name: name, Keys: keys, Volume: u.volume, Optional: isSet(optional)})
	u.at = append(u.at, at)
}

func (u *uses) ofVolume(p *place, v *corev1.Volume) {
	u.volume = v.Name
	if c := v.ConfigMap; c != nil {
		u.add(p.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(c.Items)...)
	}
	if c := v.Secret; c != nil {
		u.add(p.fields("secret", "secretName"), model.KindSecret, c.SecretName, c.Optional, files(c.Items)...)
	}
	if v.Projected == nil {
		return
	}
	for i := range v.Projected.Sources {
		at, from := p.fields("projected", "sources").item(i), &v.Projected.Sources[i]
		if c := from.ConfigMap; c != nil {
			u.add(at.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(c.Items)...)
		}
		if c := from.Secret; c != nil {
			u.add(at.fields("secret", "name"), model.KindSecret, c.Name, c.Optional, files(c.Items)...)
		}
	}
}

// files is the keys that become files.
func files(items []corev1.KeyToPath) (keys []string) {
	for i := range items {
		keys = append(keys, items[i].Key)
	}
	return keys
}

// ofEnvironment has envFrom before env, as a kubelet reads them
// (pkg/kubelet/kubelet_pods.go makeEnvironmentVariables).
func (u *uses) ofEnvironment(p *place, c *corev1.Container) {
	for i := range c.EnvFrom {
		at, from := p.field("envFrom").item(i), &c.EnvFrom[i]
		if r := from.ConfigMapRef; r != nil {
			u.add(at.fields("configMapRef", "name"), model.KindConfigMap, r.Name, r.Optional)
		}
		if r := from.SecretRef; r != nil {
			u.add(at.fields("secretRef", "name"), model.KindSecret, r.Name, r.Optional)
		}
	}
	for i := range c.Env {
		at, from := p.field("env").item(i).field("valueFrom"), c.Env[i].ValueFrom
		if from == nil {
			continue
		}
		if r := from.ConfigMapKeyRef; r != nil {
			u.add(at.fields("configMapKeyRef", "name"), model.KindConfigMap, r.Name, r.Optional, r.Key)
		}
		if r := from.SecretKeyRef; r != nil {
			u.add(at.fields("secretKeyRef", "name"), model.KindSecret, r.Name, r.Optional, r.Key)
		}
	}
}

// Assume learns of which ConfigMaps and Secrets the scenario says whether they are there. All others are
// taken to be, as people seldom write them down beside what needs them; that is told of each kind.
func (d *Decoder) Assume(known func(kind model.Kind, namespace, name string) bool) {
	for _, u := range d.configUses {
		if u.Known = known(u.Kind, u.namespace, u.Name); !u.Known {
			u.at.object.note(u.at, u.Kind.String()+"s that are not given: taken to be there, with all keys")
		}
	}
	d.configUses = nil
}
