package kubelet

import (
	"testing"
	"unsafe"
)

// The allocator's next size is 576 bytes (runtime/sizeclasses.go), which every pod there ever was would cost.
func TestARowTakesNoMoreThan512Bytes(t *testing.T) {
	if size := unsafe.Sizeof(row{}); size > 512 {
		t.Errorf("a row has %d bytes", size)
	}
}
