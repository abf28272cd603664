package manifest

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"orrery/model"
)

// emptyDirs is a pod's volumes that begin empty, but for those in huge pages, which are
// not modeled. A sizeLimit of 0 is none (pkg/kubelet/eviction/eviction_manager.go
// emptyDirLimitEviction).
func emptyDirs(p *place, volumes []corev1.Volume) (out []model.EmptyDir) {
	for i := range volumes {
		source := volumes[i].EmptyDir
		if source == nil || strings.HasPrefix(string(source.Medium), string(corev1.StorageMediumHugePages)) {
			continue
		}
		at := p.item(i).field("emptyDir")
		d := model.EmptyDir{Name: volumes[i].Name, Memory: source.Medium == corev1.StorageMediumMemory}
		switch source.Medium {
		case "", corev1.StorageMediumMemory:
		default:
			at.field("medium").unknownWord(string(source.Medium), string(corev1.StorageMediumMemory))
		}
		if source.SizeLimit != nil {
			d.SizeLimit = amount(at.field("sizeLimit"), *source.SizeLimit, maxBytes, (*resource.Quantity).Value)
		}
		out = append(out, d)
	}
	return out
}
