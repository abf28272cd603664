package kubelet_test

import (
	"os"
	"strconv"
	"testing"
)

func TestDbg(t *testing.T) {
	s, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	a, _ := trouble(t, s)
	b, _ := trouble(t, s, literal)
	os.WriteFile("/tmp/a.txt", []byte(a), 0o644)
	os.WriteFile("/tmp/b.txt", []byte(b), 0o644)
}
